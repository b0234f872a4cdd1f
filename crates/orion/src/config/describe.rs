//! What would run, for `orion check` and the first log lines of `orion serve`.

use super::check::get;
use super::finding::{Origin, show};
use super::instrument::built_in;
use super::merge::{Origins, table_of};
use super::{Config, FeedKind, InstrumentSettings, Speed};

/// A few lines, each a word and what it stands for, aligned; no line feed at the end.
pub(super) fn describe(config: &Config, origins: &Origins) -> String {
    let mut lines = vec![
        ("listen", listen(config)),
        ("data", config.data.dir.display().to_string()),
        ("feed", feed(config)),
        ("signals", symbols(config, |instrument| instrument.signals)),
        (
            "prices only",
            symbols(config, |instrument| {
                instrument.prices && !instrument.signals
            }),
        ),
        ("rules", rules(config)),
    ];
    lines.extend(own_rules(config).map(|own| ("rules", own)));
    let (level, format) = (&config.log.level, log_format(config));
    lines.push(("log", format!("{level} as {format}, to standard error")));
    lines.extend(
        changes(config, origins)
            .into_iter()
            .map(|change| ("changed", change)),
    );
    let lines: Vec<_> = lines
        .iter()
        .map(|(word, text)| format!("{word:<12} {text}"))
        .collect();
    lines.join("\n")
}

fn listen(config: &Config) -> String {
    let address = config.server.listen;
    let scheme = config.server.scheme_end();
    if address.port() == 0 {
        format!("a free port of {}", address.ip())
    } else if address.ip().is_unspecified() {
        format!("port {} of every address of this machine", address.port())
    } else {
        format!("{address}, dashboards at ws{scheme}://{address}/ws/signals")
    }
}

fn feed(config: &Config) -> String {
    match (&config.feed.kind, config.feed.tape.speed) {
        (FeedKind::Sim, _) => {
            let rate = config
                .feed
                .sim
                .rate
                .map_or("natural rate".to_owned(), |rate| format!("{rate} ticks/s"));
            format!(
                "sim: SIMULATED market, seed {}, {rate}",
                config.feed.sim.seed
            )
        }
        (FeedKind::Tape(files), speed) => {
            let files: Vec<_> = files
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            let speed = match speed {
                Speed::Times(factor) => format!("at {factor}x"),
                Speed::Max => "as fast as possible".to_owned(),
            };
            format!("tape {speed}: {}", files.join(", "))
        }
        (FeedKind::Live(_), _) => format!("live, best first: {}", config.feed.kind),
    }
}

fn symbols(config: &Config, wanted: fn(&InstrumentSettings) -> bool) -> String {
    let chosen = config
        .instruments
        .iter()
        .filter(|instrument| wanted(instrument));
    let names: Vec<_> = chosen
        .map(|instrument| instrument.symbol.to_string())
        .collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(" ")
    }
}

/// The rules in force, as their differences from the defaults.
fn rules(config: &Config) -> String {
    let (rules, defaults) = (
        table_of(&config.rules_in_force()),
        table_of(&engine::Rules::default()),
    );
    let other = rules
        .iter()
        .filter(|(key, value)| defaults.get(*key) != Some(value));
    let other: Vec<_> = other
        .map(|(key, value)| format!("{key} = {}", show(value)))
        .collect();
    match other.len() {
        0 => "as by default".to_owned(),
        _ => format!("as by default, but {}", other.join(", ")),
    }
}

/// What lies over them, of each symbol and timeframe.
fn own_rules(config: &Config) -> impl Iterator<Item = String> {
    config.rules.own.iter().map(|(whose, own)| {
        let own = table_of(own);
        let rules = own
            .iter()
            .map(|(key, value)| format!("{key} = {}", show(value)));
        format!("of {whose}: {}", rules.collect::<Vec<_>>().join(", "))
    })
}

fn log_format(config: &Config) -> &'static str {
    match config.log.format {
        super::LogFormat::Auto => "text on a terminal, else JSON",
        super::LogFormat::Pretty => "text",
        super::LogFormat::Json => "JSON",
    }
}

/// Each setting that is not the default, and where it was given.
fn changes(config: &Config, origins: &Origins) -> Vec<String> {
    let (now, before) = (table_of(config), table_of(&Config::default()));
    let change = |(key, origin): (&str, &Origin)| {
        let value = get(&now, key)?;
        let changed = get(&before, key) != Some(value);
        let shown = match value.as_array() {
            Some(list) if key == "instrument" => {
                format!("the list of instruments, {} in it", list.len())
            }
            _ => format!("{key} = {}", show(value)),
        };
        changed.then(|| format!("{shown} ({origin})"))
    };
    let field = |(place, field, origin): (usize, &str, &Origin)| {
        let instrument: &InstrumentSettings = config.instruments.get(place)?;
        let built_in = built_in()
            .into_iter()
            .find(|known| known.symbol == instrument.symbol)?;
        let (now, before) = (table_of(instrument), table_of(&built_in));
        let value = now
            .get(field)
            .filter(|value| before.get(field) != Some(value))?;
        Some(format!(
            "instrument.{}.{field} = {} ({origin})",
            instrument.symbol,
            show(value)
        ))
    };
    let fields = origins.given_fields().filter_map(field);
    origins.given().filter_map(change).chain(fields).collect()
}
