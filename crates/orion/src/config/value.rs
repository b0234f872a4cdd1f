//! Settings that are more than a number: each is read into a type that cannot be wrong.

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where prices come from: `sim`, `tape:FILE[,FILE]`, or the live sources by name, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FeedKind {
    #[default]
    Sim,
    /// Recorded files, at least one.
    Tape(Vec<PathBuf>),
    /// Live sources in the order of their rank, at least one, none twice.
    Live(Vec<SourceName>),
}

/// A live source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceName {
    MetaTrader,
    Oanda,
    /// Massive's currencies and metals.
    Massive,
    /// Massive's cash indices: another connection, another subscription there.
    MassiveIndices,
    AlphaVantage,
    /// Whoever posts prices with a key.
    Bots,
    /// A JSON source whose description ships with ORION.
    Shipped(&'static str),
    /// A JSON source described by a file of the user's.
    File(PathBuf),
}

impl SourceName {
    /// The names that can be written, and older ones.
    fn parse(text: &str) -> Result<Self, String> {
        let shipped = feeds::json::SHIPPED.iter().find(|name| **name == text);
        Ok(match (text, shipped) {
            (_, Some(name)) => Self::Shipped(name),
            ("metatrader" | "mt5" | "mt4", None) => Self::MetaTrader,
            ("oanda", None) => Self::Oanda,
            ("massive" | "polygon", None) => Self::Massive,
            ("massive-indices" | "polygon-indices", None) => Self::MassiveIndices,
            ("alphavantage", None) => Self::AlphaVantage,
            ("bots", None) => Self::Bots,
            (path, None) if path.ends_with(".toml") && !path.contains(':') => {
                Self::File(PathBuf::from(path))
            }
            (name, None) => {
                return Err(format!(
                    "`{name}` is no source; there are sim, tape:FILE, {}, and any FILE.toml that describes one",
                    Self::all().join(", ")
                ));
            }
        })
    }

    /// Every source that has a name of its own.
    #[must_use]
    pub fn all() -> Vec<&'static str> {
        let ours = [
            "metatrader",
            "oanda",
            "massive",
            "massive-indices",
            "alphavantage",
            "bots",
        ];
        ours.into_iter()
            .chain(feeds::json::SHIPPED.iter().copied())
            .collect()
    }
}

impl FromStr for SourceName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

/// The source's name in the catalog, in logs and metrics, and in the names of its variables.
impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MetaTrader => "metatrader",
            Self::Oanda => "oanda",
            Self::Massive => "massive",
            Self::MassiveIndices => "massive-indices",
            Self::AlphaVantage => "alphavantage",
            Self::Bots => "bots",
            Self::Shipped(name) => name,
            Self::File(path) => {
                let stem = path.file_stem().unwrap_or_default();
                return f.write_str(&stem.to_string_lossy());
            }
        })
    }
}

impl FromStr for FeedKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "sim" {
            return Ok(Self::Sim);
        }
        let Some(files) = text.strip_prefix("tape:") else {
            return live(text);
        };
        if files.split(',').any(str::is_empty) {
            return Err("a tape is `tape:FILE[,FILE]`, each FILE a path".to_owned());
        }
        Ok(Self::Tape(files.split(',').map(PathBuf::from).collect()))
    }
}

fn live(text: &str) -> Result<FeedKind, String> {
    let mut sources = Vec::new();
    for name in text.split(',') {
        let source = SourceName::parse(name.trim())?;
        let twin = |known: &SourceName| known.to_string() == source.to_string();
        if sources.iter().any(twin) {
            return Err(format!("`{source}` is there twice"));
        }
        sources.push(source);
    }
    Ok(FeedKind::Live(sources))
}

impl fmt::Display for FeedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sim => f.write_str("sim"),
            Self::Tape(files) => {
                let files: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
                write!(f, "tape:{}", files.join(","))
            }
            Self::Live(sources) => {
                // A file stays the path it was given as.
                let name = |source: &SourceName| match source {
                    SourceName::File(path) => path.to_string_lossy().into_owned(),
                    SourceName::MetaTrader
                    | SourceName::Oanda
                    | SourceName::Massive
                    | SourceName::MassiveIndices
                    | SourceName::AlphaVantage
                    | SourceName::Bots
                    | SourceName::Shipped(_) => source.to_string(),
                };
                let names: Vec<_> = sources.iter().map(name).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

/// See [`super::Config::market_name`]: the first file's name up to its first point, and how many follow it.
pub(super) fn tape_name(files: &[PathBuf]) -> String {
    let name = files
        .first()
        .map(PathBuf::as_path)
        .and_then(Path::file_name);
    let name = name
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let stem = match name.split_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ if name.is_empty() => "tape",
        _ => &name,
    };
    match files.len() {
        0 | 1 => stem.to_owned(),
        several => format!("{stem}+{}", several - 1),
    }
}

/// How fast a tape is played: a factor, or as fast as possible. It decides how long the loop waits, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// 1 is real time; more than zero and finite.
    Times(f64),
    Max,
}

impl Default for Speed {
    fn default() -> Self {
        Self::Times(1.0)
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let factor = text.strip_suffix('x').unwrap_or(text).parse::<f64>();
        match factor {
            Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(Self::Times(factor)),
            _ => Err("a speed is a number above zero, such as 1 or 60, or `max`".to_owned()),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(factor) => write!(f, "{factor}"),
            Self::Max => f.write_str("max"),
        }
    }
}

/// How much is logged: `info`, or a level and exceptions, `info,gateway=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLevels {
    pub default: LogLevel,
    /// A crate or module's path, and its own level.
    pub targets: Vec<(String, LogLevel)>,
}

/// From the quietest to the most talkative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    const ALL: [Self; 5] = [
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|level| level.as_str() == text);
        found.ok_or_else(|| {
            "a level is error, warn, info, debug or trace, with exceptions behind it as in `info,gateway=debug`"
                .to_owned()
        })
    }
}

impl Default for LogLevels {
    fn default() -> Self {
        Self {
            default: LogLevel::Info,
            targets: Vec::new(),
        }
    }
}

impl FromStr for LogLevels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',').map(str::trim);
        let default = LogLevel::parse(parts.next().unwrap_or_default())?;
        let targets = parts.map(parse_target).collect::<Result<_, _>>()?;
        Ok(Self { default, targets })
    }
}

impl LogLevels {
    /// These levels with a change to them: a level, with or without exceptions, is all there is then; exceptions alone, such as
    /// `gateway=debug`, are laid over what was.
    ///
    /// # Errors
    /// When it is neither; the reason says what it may be.
    pub fn changed(&self, change: &str) -> Result<Self, String> {
        let first = change.split(',').next().unwrap_or_default();
        if !first.contains('=') {
            return change.parse();
        }
        let mut levels = self.clone();
        for (target, level) in change
            .split(',')
            .map(|part| parse_target(part.trim()))
            .collect::<Result<Vec<_>, _>>()?
        {
            levels.targets.retain(|(known, _)| *known != target);
            levels.targets.push((target, level));
        }
        Ok(levels)
    }
}

fn parse_target(text: &str) -> Result<(String, LogLevel), String> {
    let (target, level) = text.split_once('=').unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    if target.is_empty() || !target.bytes().all(plain) {
        return Err("behind the first level stand exceptions such as `gateway=debug`".to_owned());
    }
    Ok((target.to_owned(), LogLevel::parse(level)?))
}

/// In the form that `tracing-subscriber` reads as a filter.
impl fmt::Display for LogLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.default.as_str())?;
        let mut targets = self.targets.iter();
        targets.try_for_each(|(target, level)| write!(f, ",{target}={}", level.as_str()))
    }
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people on a terminal, for programs elsewhere.
    #[default]
    Auto,
    /// For people. It was called `text`.
    #[serde(alias = "text")]
    Pretty,
    /// One JSON object a line, for programs.
    Json,
}

/// Some rules, to be laid over others: any keys of `[rules]`, each of the right type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct RulesOverlay(toml::Table);

impl Default for RulesOverlay {
    /// People try things in the evening and at weekends, and want to see a signal soon: no gate, no pause, no cap.
    fn default() -> Self {
        let mut rules = toml::Table::new();
        rules.insert("setup_tf".to_owned(), "1m".into());
        rules.insert("killzone_gate".to_owned(), false.into());
        rules.insert("symbol_cooldown_s".to_owned(), 0.into());
        rules.insert("max_signals_per_day".to_owned(), 0.into());
        Self(rules)
    }
}

impl RulesOverlay {
    /// These rules where they say something, `rules` where they do not.
    ///
    /// # Panics
    /// Never: an overlay is only made of keys and types that the rules have.
    #[must_use]
    pub fn over(&self, rules: &engine::Rules) -> engine::Rules {
        overlaid(rules, &self.0).expect("an overlay fits the rules: it was read so")
    }

    pub(super) fn get(&self, key: &str) -> Option<&toml::Value> {
        self.0.get(key)
    }
}

impl<'de> Deserialize<'de> for RulesOverlay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let overlay = toml::Table::deserialize(from)?;
        match overlaid(&engine::Rules::default(), &overlay) {
            Ok(_) => Ok(Self(overlay)),
            Err(error) => Err(D::Error::custom(error.message())),
        }
    }
}

fn overlaid(
    rules: &engine::Rules,
    overlay: &toml::Table,
) -> Result<engine::Rules, toml::de::Error> {
    let mut merged = toml::Table::try_from(rules).map_err(toml::de::Error::custom)?;
    let entries = overlay.iter();
    merged.extend(entries.map(|(key, value)| (key.clone(), value.clone())));
    merged.try_into()
}

/// A value and the text it was read from, which is how it is written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<T> {
    text: String,
    pub value: T,
}

impl<T: fmt::Display> Written<T> {
    pub(super) fn of(value: T) -> Self {
        let text = value.to_string();
        Self { text, value }
    }
}

impl<T> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = from.deserialize_any(TextOrNumber)?;
        let value = text.parse().map_err(D::Error::custom)?;
        Ok(Self { text, value })
    }
}

/// A text that may look like a number.
pub(super) mod text_option {
    use super::{Deserializer, Serialize, Serializer, TextOrNumber};

    pub(crate) fn serialize<S: Serializer>(
        text: &Option<String>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        text.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<String>, D::Error> {
        from.deserialize_any(TextOrNumber).map(Some)
    }
}

/// Serde for values that are one text in the settings.
macro_rules! as_text {
    ($name:ty) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = from.deserialize_any(TextOrNumber)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

as_text!(FeedKind);
as_text!(Speed);
as_text!(LogLevels);

/// Reads the address to listen on.
pub(super) fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = from.deserialize_any(TextOrNumber)?;
    text.parse().map_err(|_| {
        D::Error::custom("it is no address with a port, such as 127.0.0.1:8080 or [::1]:8080")
    })
}

/// The same, where there may be none.
pub(super) fn listen_also<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<SocketAddr>, D::Error> {
    listen(from).map(Some)
}

/// Reads a text, or a number as the text it is written with.
pub(super) struct TextOrNumber;

impl Visitor<'_> for TextOrNumber {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }
    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }
    fn visit_f64<E>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

/// Prices and price steps as plain decimals, `0.00001` or `"0.00001"`. A TOML float of up to nine decimals is exact:
/// its shortest decimal form is what was written.
pub(super) mod decimal {
    use super::{Deserializer, Serializer, TextOrNumber};
    use market::Price;
    use serde::de::Error as _;

    pub(crate) fn serialize<S: Serializer>(price: &Price, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(price.to_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Price, D::Error> {
        let text = from.deserialize_any(TextOrNumber)?;
        Price::parse(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_sim_or_a_tape_of_files() {
        let tape = FeedKind::Tape(vec!["a.zip".into(), "b/c.csv.gz".into()]);
        assert_eq!("sim".parse(), Ok(FeedKind::Sim));
        assert_eq!("tape:a.zip,b/c.csv.gz".parse(), Ok(tape.clone()));
        assert_eq!(tape.to_string(), "tape:a.zip,b/c.csv.gz");
        for text in ["", "Sim", "tape", "tape:", "tape:a,,b", "tape:a,"] {
            assert!(text.parse::<FeedKind>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_tape_is_named_after_its_first_file() {
        for (feed, name) in [
            ("tape:days/EURUSD_20140502.csv.gz", "EURUSD_20140502"),
            ("tape:a.zip,b.zip,c.zip", "a+2"),
            ("tape:folder/", "folder"),
            ("tape:.hidden", ".hidden"),
            ("tape:..", "tape"),
        ] {
            let FeedKind::Tape(files) = feed.parse().unwrap() else {
                panic!("{feed} is a tape");
            };
            assert_eq!(tape_name(&files), name, "{feed}");
        }
    }

    #[test]
    fn a_speed_is_a_factor_or_max() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("60x".parse(), Ok(Speed::Times(60.0)));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        for text in ["0", "-1", "NaN", "inf", "fast", "", "x"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }

    #[test]
    fn exceptions_are_laid_over_levels_and_a_level_replaces_them() {
        let levels: LogLevels = "info,hub=warn".parse().unwrap();
        for (change, changed) in [
            ("gateway=debug", "info,hub=warn,gateway=debug"),
            ("hub=trace, gateway=error", "info,hub=trace,gateway=error"),
            ("debug", "debug"),
            ("warn,hub=info", "warn,hub=info"),
        ] {
            assert_eq!(levels.changed(change).unwrap().to_string(), changed);
        }
        for wrong in ["", "loud", "hub=loud", "=debug", "hub=info,debug"] {
            assert!(levels.changed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn log_levels_say_what_a_filter_says() {
        for text in ["warn", "info,gateway=debug,hub::log=trace"] {
            assert_eq!(text.parse::<LogLevels>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "loud",
            "gateway=debug",
            "info,gateway",
            "info,=debug",
            "info,a b=debug",
            "info,gateway=loud",
        ] {
            assert!(text.parse::<LogLevels>().is_err(), "{text}");
        }
    }
}
