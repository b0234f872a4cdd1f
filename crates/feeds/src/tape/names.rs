//! What a file's name, its entry's name in a zip and the folders above it tell: symbol, timeframe, date, side, vendor.

use super::Side;
use super::local::LocalTime;
use market::{Catalog, Instrument, InstrumentId, PriceKind, Timeframe};
use std::path::Path;

/// How many folders above a file are asked. Dukascopy's tree has the symbol four above.
const FOLDERS: usize = 5;

/// The texts that tell something, nearest first, in lower case.
#[derive(Clone, Debug)]
pub(super) struct Names {
    texts: Vec<String>,
    /// How many of them name the file itself and not a folder.
    own: usize,
}

impl Names {
    pub(super) fn new(path: &Path, entry: Option<&str>) -> Self {
        let mut parts = path.iter().rev().map(|part| part.to_string_lossy());
        let file = parts.next().map(|name| stem(&name));
        let entry = entry.map(|name| stem(name.rsplit('/').next().unwrap_or(name)));
        let mut texts: Vec<String> = file.into_iter().chain(entry).collect();
        let own = texts.len();
        texts.extend(parts.take(FOLDERS).map(|name| name.to_lowercase()));
        Self { texts, own }
    }

    /// Whether a word stands in any of the texts.
    pub(super) fn have(&self, word: &str) -> bool {
        self.texts.iter().any(|text| words(text).any(|w| w == word))
    }

    /// Whether a word stands in the file's own name.
    pub(super) fn own_have(&self, word: &str) -> bool {
        self.texts[..self.own]
            .iter()
            .any(|text| words(text).any(|w| w == word))
    }

    /// The instruments of the nearest text that names any; where one name holds another (`6EH4`, `6E`), the longer.
    pub(super) fn symbols(&self, catalog: &Catalog) -> Vec<InstrumentId> {
        self.texts
            .iter()
            .map(|text| longest_matches(text, catalog))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    /// The timeframe of the nearest text that names one. `EURUSD15` and `EURUSDM15` are MetaTrader's way.
    pub(super) fn timeframe(&self, instrument: &Instrument) -> Option<Timeframe> {
        let symbol = instrument.symbol.as_str().to_lowercase();
        self.texts.iter().find_map(|text| {
            dukascopy_timeframe(text).or_else(|| {
                words(text).find_map(|word| {
                    let tail = word.strip_prefix(symbol.as_str());
                    let tail = tail.filter(|_| instrument.kind != PriceKind::Future);
                    timeframe_of(word).or_else(|| timeframe_behind(tail?))
                })
            })
        })
    }

    pub(super) fn side(&self) -> Option<Side> {
        match (self.own_have("bid"), self.own_have("ask")) {
            (true, false) => Some(Side::Bid),
            (false, true) => Some(Side::Ask),
            _ => None,
        }
    }

    /// The nearest eight digits that are a date.
    pub(super) fn day(&self) -> Option<LocalTime> {
        self.dates(8).next()
    }

    /// What a Dukascopy file of ticks (`None`) or candles counts from.
    pub(super) fn dukascopy_base(&self, timeframe: Option<Timeframe>) -> Option<LocalTime> {
        match timeframe {
            None => {
                let hour = hour_of(&self.texts[0])?;
                let day = self.dukascopy_folders(3).or_else(|| self.day())?;
                day.at(hour * 3_600_000_000_000)
            }
            Some(Timeframe::H1 | Timeframe::H4) => {
                self.dukascopy_folders(2).or_else(|| self.dates(6).next())
            }
            Some(Timeframe::D1) => self.dukascopy_folders(1).or_else(|| self.dates(4).next()),
            Some(Timeframe::M1 | Timeframe::M5 | Timeframe::M15) => {
                self.dukascopy_folders(3).or_else(|| self.day())
            }
        }
    }

    /// `2019/01/04/` and above it: the month counts from zero there.
    fn dukascopy_folders(&self, depth: usize) -> Option<LocalTime> {
        let folders: Vec<&str> = self.texts[self.own..].iter().map(String::as_str).collect();
        let number = |text: &&str, digits: usize| {
            (text.len() == digits)
                .then(|| text.parse::<u32>().ok())
                .flatten()
        };
        let mut parts = folders.get(..depth)?.iter().rev();
        let year = number(parts.next()?, 4)?;
        let month = parts.next().map_or(Some(0), |text| number(text, 2))?;
        let day = parts.next().map_or(Some(1), |text| number(text, 2))?;
        LocalTime::date(year, month + 1, day)
    }

    /// Words of so many digits that are a date: `YYYYMMDD`, `YYYYMM` or `YYYY`.
    fn dates(&self, digits: usize) -> impl Iterator<Item = LocalTime> + '_ {
        self.texts
            .iter()
            .flat_map(|text| words(text))
            .filter_map(move |word| {
                let number: u32 = (word.len() == digits)
                    .then(|| word.parse().ok())
                    .flatten()?;
                match digits {
                    8 => LocalTime::date(number / 10_000, number / 100 % 100, number % 100),
                    6 => LocalTime::date(number / 100, number % 100, 1),
                    _ => LocalTime::date(number, 1, 1),
                }
            })
    }
}

/// The name without its extensions, in lower case.
fn stem(name: &str) -> String {
    let mut stem = name.to_lowercase();
    for extension in [".gz", ".zip", ".csv", ".txt", ".bi5"] {
        if let Some(kept) = stem.strip_suffix(extension) {
            stem = kept.to_owned();
        }
    }
    stem
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// `13h_ticks`.
fn hour_of(text: &str) -> Option<i64> {
    let hour = words(text).find_map(|word| word.strip_suffix('h'))?;
    (hour.len() == 2).then(|| hour.parse().ok()).flatten()
}

fn timeframe_of(word: &str) -> Option<Timeframe> {
    Some(match word {
        "1m" | "m1" | "1min" | "min1" | "minute" => Timeframe::M1,
        "5m" | "m5" | "5min" | "min5" => Timeframe::M5,
        "15m" | "m15" | "15min" | "min15" => Timeframe::M15,
        "1h" | "h1" | "60m" | "m60" | "60min" | "hour" | "hourly" => Timeframe::H1,
        "4h" | "h4" | "240m" | "m240" => Timeframe::H4,
        "1d" | "d1" | "day" | "daily" => Timeframe::D1,
        _ => return None,
    })
}

/// What MetaTrader writes behind the symbol: `M15` or `15`.
fn timeframe_behind(tail: &str) -> Option<Timeframe> {
    timeframe_of(tail).or_else(|| of_minutes(tail))
}

fn of_minutes(word: &str) -> Option<Timeframe> {
    Timeframe::ALL
        .into_iter()
        .find(|timeframe| word == (timeframe.span().millis() / 60_000).to_string())
}

/// `BID_candles_min_1`.
fn dukascopy_timeframe(text: &str) -> Option<Timeframe> {
    let (_, kind) = text.split_once("candles_")?;
    match kind {
        "min_1" => Some(Timeframe::M1),
        "hour_1" => Some(Timeframe::H1),
        "day_1" => Some(Timeframe::D1),
        _ => None,
    }
}

fn longest_matches(text: &str, catalog: &Catalog) -> Vec<InstrumentId> {
    let lengths: Vec<usize> = catalog
        .instruments
        .iter()
        .map(|instrument| match_length(text, instrument))
        .collect();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    (0_u16..)
        .zip(lengths)
        .filter(|&(_, length)| length > 0 && length == longest)
        .map(|(place, _)| InstrumentId(place))
        .collect()
}

/// How many characters of the text name the instrument; 0 when none do.
fn match_length(text: &str, instrument: &Instrument) -> usize {
    let symbol = instrument.symbol.as_str().to_lowercase();
    let mut names = vec![symbol.clone()];
    if symbol.len() == 6 && symbol.bytes().all(|b| b.is_ascii_alphabetic()) {
        let (base, quote) = symbol.split_at(3);
        names.extend([format!("{base}-{quote}"), format!("{base}_{quote}")]);
    }
    names.extend(vendors_names(&symbol).iter().map(|&name| name.to_owned()));
    names
        .iter()
        .filter(|name| stands_in(text, name, instrument.kind))
        .map(String::len)
        .max()
        .unwrap_or(0)
}

/// What Dukascopy and HistData call the indices.
fn vendors_names(symbol: &str) -> &'static [&'static str] {
    match symbol {
        "us30" => &["usa30idxusd", "usa30.idx-usd", "usa30.idxusd"],
        "nas100" => &[
            "usatechidxusd",
            "usatech.idx-usd",
            "usatech.idxusd",
            "nsxusd",
        ],
        "spx500" => &["usa500idxusd", "usa500.idx-usd", "usa500.idxusd", "spxusd"],
        _ => &[],
    }
}

/// Whether a name stands in a text as a word of its own, with a MetaTrader timeframe or a contract's month behind it at
/// most.
fn stands_in(text: &str, name: &str, kind: PriceKind) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let tail = after
            .find(|c| !is_word(c))
            .map_or(after, |end| &after[..end]);
        let fits = match kind {
            PriceKind::Future => is_contract(tail),
            PriceKind::Cash | PriceKind::Cfd => timeframe_behind(tail).is_some(),
        };
        !before.ends_with(is_word) && (tail.is_empty() || fits)
    })
}

/// A month's letter and one or two digits of the year, as in `ESH4`.
fn is_contract(tail: &str) -> bool {
    let mut bytes = tail.bytes();
    let month = bytes.next().is_some_and(|b| b"fghjkmnquvxz".contains(&b));
    month && (2..=3).contains(&tail.len()) && bytes.all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;

    fn names(path: &str) -> Names {
        let (path, entry) = path
            .split_once('!')
            .map_or((path, None), |(p, e)| (p, Some(e)));
        Names::new(Path::new(path), entry)
    }

    #[test]
    fn symbols_are_words_in_the_nearest_name() {
        let catalog = catalog();
        for (path, expected) in [
            ("EURUSD_tick_oanda_20140502.zip", "EURUSD"),
            ("a.zip!20140502_eurusd_tick_quote.csv", "EURUSD"),
            ("DAT_ASCII_EURUSD_T_201202.csv", "EURUSD"),
            ("DAT_MT_SPXUSD_M1_2012.csv", "SPX500"),
            ("EURUSD/2019/01/04/13h_ticks.bi5", "EURUSD"),
            ("USATECHIDXUSD/2019/01/04/13h_ticks.bi5", "NAS100"),
            ("future/cme/minute/es/20131006_quote.zip", "ES"),
            ("EURUSD15.csv", "EURUSD"),
            ("GBPUSDM1.csv", "GBPUSD"),
            ("ESH4_1m.csv", "ES"),
            ("6EH4_1m_cme_2024-01.csv", "6E"),
            ("EUR-USD_2020.csv", "EURUSD"),
            ("MNQ_1m.csv", "MNQ"),
            ("notes.csv", ""),
            ("EURUSDX.csv", ""),
            ("EURUSD_GBPUSD.csv", "EURUSD GBPUSD"),
        ] {
            let found: Vec<String> = names(path)
                .symbols(&catalog)
                .iter()
                .map(|&id| catalog.instrument(id).symbol.to_string())
                .collect();
            assert_eq!(found.join(" "), expected, "{path}");
        }
    }

    #[test]
    fn timeframes_and_sides_are_told() {
        let catalog = catalog();
        let of = |symbol| catalog.instrument(catalog.find(symbol).unwrap());
        let euro = of("EURUSD");
        // A contract's month is no timeframe.
        assert_eq!(names("6EH4_x.csv").timeframe(of("6E")), None);
        for (path, timeframe, side) in [
            (
                "EURUSD_1m_bid_dukascopy_20190204.bi5",
                Some(Timeframe::M1),
                Some(Side::Bid),
            ),
            (
                "EURUSD/2019/01/ASK_candles_hour_1.bi5",
                Some(Timeframe::H1),
                Some(Side::Ask),
            ),
            (
                "a.zip!20140502_eurusd_minute_quote.csv",
                Some(Timeframe::M1),
                None,
            ),
            ("DAT_ASCII_EURUSD_M1_201202.csv", Some(Timeframe::M1), None),
            ("EURUSD240.csv", Some(Timeframe::H4), None),
            ("EURUSDM15.csv", Some(Timeframe::M15), None),
            ("daily/eurusd.zip", Some(Timeframe::D1), None),
            ("EURUSD_30m.csv", None, None),
        ] {
            assert_eq!(names(path).timeframe(euro), timeframe, "{path}");
            assert_eq!(names(path).side(), side, "{path}");
        }
    }

    #[test]
    fn dukascopys_folders_count_months_from_zero() {
        for (path, timeframe, expected) in [
            ("EURUSD/2019/01/04/13h_ticks.bi5", None, "2019-02-04T13:00"),
            (
                "EURUSD_dukascopy_bi5_20190204/13h_ticks.bi5",
                None,
                "2019-02-04T13:00",
            ),
            ("EURUSD_20190204_13h_ticks.bi5", None, "2019-02-04T13:00"),
            (
                "EURUSD/2019/11/31/BID_candles_min_1.bi5",
                Some(Timeframe::M1),
                "2019-12-31",
            ),
            (
                "EURUSD/2019/00/BID_candles_hour_1.bi5",
                Some(Timeframe::H1),
                "2019-01-01",
            ),
            (
                "EURUSD/2019/BID_candles_day_1.bi5",
                Some(Timeframe::D1),
                "2019-01-01",
            ),
            (
                "EURUSD_1h_bid_dukascopy_201901.bi5",
                Some(Timeframe::H1),
                "2019-01-01",
            ),
            (
                "EURUSD_1d_bid_dukascopy_2018.bi5",
                Some(Timeframe::D1),
                "2018-01-01",
            ),
        ] {
            let base = names(path).dukascopy_base(timeframe);
            assert_eq!(base, Some(expected.parse().unwrap()), "{path}");
        }
        assert_eq!(
            names("EURUSD/2019/12/04/13h_ticks.bi5").dukascopy_base(None),
            None
        );
        assert_eq!(names("EURUSD/13h_ticks.bi5").dukascopy_base(None), None);
    }
}
