//! The day's calls, counted in a small file: a restart must not spend them twice. What was learnt that holds for the whole
//! day, the previous closes, lies in it too.

use market::{NewYork, Price, SourceTime, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    /// The date in New York, such as `2026-11-23`.
    day: String,
    used: u32,
    /// By the symbol's name here.
    #[serde(default)]
    closes: BTreeMap<String, StoredClose>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredClose {
    price: String,
    /// When that day ended, in nanoseconds since 1970.
    ended: i64,
    /// The trading day that it was asked in, by its beginning in nanoseconds since 1970.
    asked_in: i64,
}

/// Counts calls by day. Alpha Vantage does not say when its day begins; midnight in New York is assumed.
#[derive(Debug)]
pub(super) struct Budget {
    path: PathBuf,
    per_day: u32,
    stored: Stored,
}

impl Budget {
    /// Goes on with the file, if there is one.
    pub(super) fn open(path: PathBuf, per_day: u32) -> Self {
        let stored = match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).unwrap_or_else(|error| {
                tracing::warn!(path = %path.display(), %error, "the count of Alpha Vantage's calls cannot be read and begins anew");
                Stored::default()
            }),
            Err(_) => Stored::default(),
        };
        Self {
            path,
            per_day,
            stored,
        }
    }

    /// Calls that are left today.
    pub(super) fn left(&mut self, now: SourceTime) -> u32 {
        self.turn(now);
        self.per_day.saturating_sub(self.stored.used)
    }

    /// Counts a call before it is made.
    pub(super) fn spend(&mut self, now: SourceTime) -> std::io::Result<()> {
        self.turn(now);
        self.stored.used = self.stored.used.saturating_add(1);
        self.save()
    }

    /// Gives back a call that reached nobody.
    pub(super) fn refund(&mut self) -> std::io::Result<()> {
        self.stored.used = self.stored.used.saturating_sub(1);
        self.save()
    }

    /// The vendor says that nothing is left, whatever we counted.
    pub(super) fn exhaust(&mut self, now: SourceTime) -> std::io::Result<()> {
        self.turn(now);
        self.stored.used = self.stored.used.max(self.per_day);
        self.save()
    }

    /// Keeps a close that was asked for in the trading day that began at `roll`.
    pub(super) fn keep_close(
        &mut self,
        symbol: &str,
        (price, ended): (Price, SourceTime),
        roll: SourceTime,
    ) -> std::io::Result<()> {
        let close = StoredClose {
            price: price.to_string(),
            ended: ended.nanos(),
            asked_in: roll.nanos(),
        };
        self.stored.closes.insert(symbol.to_owned(), close);
        self.save()
    }

    /// The close of a symbol that was asked for in this trading day: its price, and when its day ended.
    pub(super) fn close(&self, symbol: &str, roll: SourceTime) -> Option<(Price, SourceTime)> {
        let close = self.stored.closes.get(symbol)?;
        let price = Price::parse(&close.price).ok()?;
        (close.asked_in == roll.nanos()).then_some((price, SourceTime::from_nanos(close.ended)))
    }

    fn turn(&mut self, now: SourceTime) {
        let day = date(now);
        if self.stored.day != day {
            self.stored.day = day;
            self.stored.used = 0;
        }
    }

    /// All of it or nothing: a file is written beside it and takes its place.
    fn save(&self) -> std::io::Result<()> {
        let text = serde_json::to_string(&self.stored)?;
        let beside = self.path.with_extension("new");
        if let Some(folder) = self.path.parent().filter(|p| *p != Path::new("")) {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, &self.path)
    }
}

/// The date in New York.
fn date(now: SourceTime) -> String {
    let day = NewYork::at(now).day;
    let noon = SourceTime::from_secs(i64::from(day) * 86_400).to_string();
    noon.chars().take(10).collect()
}

/// How long until the next midnight in New York.
pub(super) fn until_midnight(now: SourceTime) -> Span {
    NewYork::next(now, 0) - now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SourceTime {
        SourceTime::parse(text).unwrap()
    }

    #[test]
    fn the_count_survives_a_restart_and_ends_with_new_yorks_day() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/alphavantage.json");
        let evening = at("2026-07-14T03:59:59Z");
        let mut budget = Budget::open(path.clone(), 25);
        assert_eq!(budget.left(evening), 25);
        for _ in 0..7 {
            budget.spend(evening).unwrap();
        }
        let mut again = Budget::open(path.clone(), 25);
        assert_eq!(again.left(evening), 18);
        again.exhaust(evening).unwrap();
        let mut again = Budget::open(path, 25);
        assert_eq!(again.left(evening), 0);
        assert_eq!(again.left(at("2026-07-14T04:00:00Z")), 25);
        assert_eq!(until_midnight(evening), Span::from_secs(1));
    }

    #[test]
    fn closes_are_of_one_trading_day() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alphavantage.json");
        let (monday, tuesday) = (at("2026-07-13T21:00:00Z"), at("2026-07-14T21:00:00Z"));
        let close = (Price::parse("1.14205").unwrap(), monday);
        let mut budget = Budget::open(path.clone(), 25);
        budget.keep_close("EURUSD", close, monday).unwrap();
        let again = Budget::open(path, 25);
        assert_eq!(again.close("EURUSD", monday), Some(close));
        assert_eq!(again.close("EURUSD", tuesday), None);
        assert_eq!(again.close("GBPUSD", monday), None);
    }

    #[test]
    fn a_damaged_file_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alphavantage.json");
        std::fs::write(&path, "{\"day\":7").unwrap();
        let now = at("2026-07-13T12:00:00Z");
        let mut budget = Budget::open(path.clone(), 25);
        assert_eq!(budget.left(now), 25);
        budget.spend(now).unwrap();
        assert_eq!(Budget::open(path, 25).left(now), 24);
    }
}
