//! What is to be asked next: closes first, then quotes spread over what is left of the day's open hours.

use super::asset::Asset;
use super::budget::until_midnight;
use super::{AlphaVantage, ROLL_HOUR};
use crate::hours;
use market::{NewYork, SourceTime, Span, Weekday};
use std::time::Duration;
use tokio::time::Instant;

/// The longest rest before the plan is looked at again.
const LOOK_EVERY: Span = Span::from_minutes(5);
/// Alpha Vantage's days of currencies end at midnight UTC, up to three hours after the roll; then they are asked for.
const SETTLED_AFTER: Span = Span::from_minutes(190);

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Close(usize),
    Quote(usize),
    Rest(Duration),
}

impl AlphaVantage {
    /// Closes first, then quotes as far apart as the rest of the day demands.
    pub(super) fn step(&mut self, now: SourceTime) -> Step {
        let roll = trading_day(now);
        let settled = now >= roll + SETTLED_AFTER;
        let due = |asset: &Asset| {
            asset.close.is_open()
                && self.budget.close(&asset.ours, roll).is_none()
                && (settled || !self.told.contains(&asset.id))
        };
        if let Some(place) = self.assets.iter().position(due) {
            return Step::Close(place);
        }
        match self.next_quote(now) {
            Some(place) => Step::Quote(place),
            None => Step::Rest(rest(now, self.quote_at)),
        }
    }

    fn next_quote(&mut self, now: SourceTime) -> Option<usize> {
        let early = self.quote_at.is_some_and(|at| Instant::now() < at);
        if early || !self.settings.quotes || !hours::currencies_are_open(now) {
            return None;
        }
        let spare = self.spare(now);
        let count = self.assets.len();
        let places = (self.turn..self.turn + count).map(|place| place % count);
        let place = places
            .into_iter()
            .find(|place| self.assets[*place].quote.is_open())
            .filter(|_| spare > 0)?;
        self.turn = place + 1;
        let span = until_pause(now).nanos() / i64::from(spare);
        let apart = Duration::from_nanos(u64::try_from(span).unwrap_or(0));
        self.quote_at = Some(Instant::now() + apart);
        Some(place)
    }

    /// Calls that today's closes will not need.
    fn spare(&mut self, now: SourceTime) -> u32 {
        let left = self.budget.left(now);
        let tonight = trading_day(now + until_midnight(now) - Span::from_nanos(1));
        let wanted = |asset: &&Asset| {
            asset.close.is_open() && self.budget.close(&asset.ours, tonight).is_none()
        };
        let reserve = self.assets.iter().filter(wanted).count();
        left.saturating_sub(u32::try_from(reserve).unwrap_or(u32::MAX))
    }
}

/// When the trading day began: 17:00 in New York, from Sunday to Thursday.
pub(super) fn trading_day(now: SourceTime) -> SourceTime {
    let mut roll = NewYork::latest(now, ROLL_HOUR);
    while matches!(
        NewYork::at(roll).weekday,
        Weekday::Friday | Weekday::Saturday
    ) {
        roll = NewYork::latest(roll - Span::from_nanos(1), ROLL_HOUR);
    }
    roll
}

/// How long quotes may still be asked for in one go: until the count begins anew or the week ends.
fn until_pause(now: SourceTime) -> Span {
    let roll = NewYork::next(now, ROLL_HOUR);
    let midnight = until_midnight(now);
    if NewYork::at(roll).weekday == Weekday::Friday {
        midnight.min(roll - now)
    } else {
        midnight
    }
}

/// Until the next quote is due, and never long: the clock may be set, and hours begin.
fn rest(now: SourceTime, quote_at: Option<Instant>) -> Duration {
    let look = duration(LOOK_EVERY.min(until_midnight(now)));
    let wait = quote_at.map(|at| at.saturating_duration_since(Instant::now()));
    wait.filter(|wait| !wait.is_zero())
        .map_or(look, |wait| wait.min(look))
}

pub(super) fn duration(span: Span) -> Duration {
    Duration::from_nanos(u64::try_from(span.nanos()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::tests::source;
    use super::*;
    use market::Price;
    use tokio::time::sleep;

    fn at(text: &str) -> SourceTime {
        SourceTime::parse(text).unwrap()
    }

    #[test]
    fn trading_days_begin_on_sunday_to_thursday() {
        for (now, roll) in [
            ("2026-07-13T20:59:59Z", "2026-07-12T21:00:00Z"),
            ("2026-07-13T21:00:00Z", "2026-07-13T21:00:00Z"),
            ("2026-07-18T12:00:00Z", "2026-07-16T21:00:00Z"),
            ("2026-07-19T20:59:59Z", "2026-07-16T21:00:00Z"),
            ("2026-07-19T21:00:00Z", "2026-07-19T21:00:00Z"),
        ] {
            assert_eq!(trading_day(at(now)), at(roll), "{now}");
        }
    }

    /// The calls of one day, in order, with the minute in New York at which each is made.
    #[tokio::test(start_paused = true)]
    async fn a_day_is_closes_first_then_quotes_spread_to_midnight() {
        let folder = tempfile::tempdir().unwrap();
        let mut source = source(folder.path().join("state.json"));
        let (began, start) = (Instant::now(), at("2026-07-13T04:00:00Z"));
        let mut calls = Vec::new();
        loop {
            let passed = i64::try_from((Instant::now() - began).as_nanos()).unwrap();
            let now = start + Span::from_nanos(passed);
            if passed >= Span::from_hours(24).nanos() {
                break;
            }
            let step = source.step(now);
            if let Step::Rest(span) = step {
                sleep(span).await;
                continue;
            }
            source.budget.spend(now).unwrap();
            calls.push((step, passed / 60_000_000_000));
            if let Step::Close(place) = step {
                let (asset, roll) = (&source.assets[place], trading_day(now));
                let close = (Price::from_units(1), roll);
                source.budget.keep_close(&asset.ours, close, roll).unwrap();
                source.told.insert(asset.id);
            }
        }
        let closes: Vec<_> = calls
            .iter()
            .filter(|(step, _)| matches!(step, Step::Close(_)))
            .map(|(_, minute)| *minute)
            .collect();
        assert_eq!(
            closes.len(),
            10,
            "five at the start, five when the new day has settled: {closes:?}"
        );
        assert_eq!(closes[..5], [0; 5]);
        assert!(
            closes[5..]
                .iter()
                .all(|minute| (1210..1220).contains(minute)),
            "{closes:?}"
        );
        let quotes: Vec<_> = calls
            .iter()
            .filter(|(step, _)| matches!(step, Step::Quote(_)))
            .collect();
        assert_eq!(calls.len(), 25, "all of the plan's, and no more");
        let gaps = quotes.windows(2).map(|pair| pair[1].1 - pair[0].1);
        assert!(
            gaps.into_iter().all(|gap| (90..=102).contains(&gap)),
            "{quotes:?}"
        );
        // Four of the five have quotes: the index has none.
        let first: Vec<_> = quotes[..5].iter().map(|(step, _)| *step).collect();
        let places = [0, 1, 2, 3, 0].map(Step::Quote);
        assert_eq!(first, places);
    }

    #[tokio::test(start_paused = true)]
    async fn at_a_weekend_nothing_is_asked_for_that_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let mut source = source(folder.path().join("state.json"));
        let saturday = at("2026-07-18T12:00:00Z");
        for place in 0..5 {
            assert_eq!(source.step(saturday), Step::Close(place));
            let (asset, roll) = (&source.assets[place], trading_day(saturday));
            let close = (Price::from_units(1), roll);
            source.budget.keep_close(&asset.ours, close, roll).unwrap();
        }
        let five_minutes = Duration::from_secs(300);
        assert_eq!(source.step(saturday), Step::Rest(five_minutes));
        let friday = at("2026-07-17T20:00:00Z");
        assert_eq!(until_pause(friday), Span::from_hours(1));
    }
}
