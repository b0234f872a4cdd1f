//! The gate: one look at each tick and bar before anything else sees it. Only what was let through moves its memory, it
//! reads no clock, and the same data gives the same answers.
//!
//! A rule that compares with the past must not be able to block for ever, so each has its way out: a new price level is
//! believed when enough ticks in a row agree on it, a leap in time when the next item agrees with it.

use super::{Quarantine, Reason};
use market::{Catalog, InstrumentId, Ohlc, Price, QuoteBar, SourceTime, Span, Tick, Timeframe};
use std::fmt;

/// The gate's measures. The defaults suit currencies, metals and indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How far before the newest time of its symbol a tick may be [1500 ms].
    pub grace: Span,
    /// The farthest mid from the last accepted one, in 1/10,000 of it [500].
    pub max_jump_bp: u32,
    /// After so many rejected ticks in a row that agree with each other, their level is accepted [10].
    pub accept_after: u32,
    /// The same for bars [1]: ten of them are a long time, and a wrong bar comes alone.
    pub accept_after_bars: u32,
    /// The widest spread, in 1/10,000 of the mid [200].
    pub max_spread_bp: u32,
    /// After a hole as long as this, the old level says nothing about the new one [96 hours].
    pub forget_after: Span,
    /// A time this far after the newest must be confirmed by the next item, so that one wrong date cannot make all that
    /// follows late [7 days].
    pub max_leap: Span,
    /// How far after its own receipt a source's time may be, where the receipt is known [1 minute].
    pub max_ahead: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            grace: Span::from_millis(1500),
            max_jump_bp: 500,
            accept_after: 10,
            accept_after_bars: 1,
            max_spread_bp: 200,
            forget_after: Span::from_hours(96),
            max_leap: Span::from_hours(7 * 24),
            max_ahead: Span::from_minutes(1),
        }
    }
}

/// 1990-01-01 and 2200-01-01.
const EARLIEST: SourceTime = SourceTime::from_secs(631_152_000);
const LATEST: SourceTime = SourceTime::from_secs(7_258_118_400);

/// Ticks, and bars of each timeframe, of one instrument are series of their own.
const SERIES: usize = 1 + Timeframe::ALL.len();

/// Checks every tick and bar of a catalog's instruments, and counts.
#[derive(Clone, Debug)]
pub struct Gate {
    limits: Limits,
    memories: Vec<[Memory; SERIES]>,
    quarantine: Quarantine,
}

impl Gate {
    #[must_use]
    pub fn new(catalog: &Catalog, limits: Limits) -> Self {
        Self {
            limits,
            memories: vec![Default::default(); catalog.instruments.len()],
            quarantine: Quarantine::new(catalog),
        }
    }

    /// Whether a tick may go on.
    ///
    /// # Errors
    /// The reason why not, which has been counted.
    ///
    /// # Panics
    /// When the instrument is not of the gate's catalog.
    pub fn check(&mut self, tick: &Tick) -> Result<(), Reason> {
        let mid = tick.mid();
        let memory = &mut self.memories[tick.instrument.index()][0];
        let verdict = check_quote(tick.bid, tick.ask, &self.limits)
            .and_then(|()| check_receipt(tick, &self.limits))
            .and_then(|()| memory.admit_time(tick.time, &self.limits))
            .and_then(|()| memory.admit_price(mid, self.limits.accept_after, &self.limits));
        if verdict.is_ok() {
            memory.keep(tick.time, mid);
        }
        self.count(tick.instrument, verdict)
    }

    /// Whether a bar may go on. Its time is its end; its open is compared with the close before it.
    ///
    /// # Errors
    /// The reason why not, which has been counted.
    ///
    /// # Panics
    /// When the instrument is not of the gate's catalog.
    pub fn check_bar(&mut self, bar: &QuoteBar) -> Result<(), Reason> {
        let end = bar.open_time + bar.timeframe.span();
        let (open, close) = (
            bar.bid.open.mid(bar.ask.open),
            bar.bid.close.mid(bar.ask.close),
        );
        let memory = &mut self.memories[bar.instrument.index()][1 + bar.timeframe.index()];
        let verdict = check_shape(&bar.bid)
            .and_then(|()| check_shape(&bar.ask))
            .and_then(|()| check_quotes(bar, &self.limits))
            .and_then(|()| memory.admit_time(end, &self.limits))
            .and_then(|()| memory.admit_price(open, self.limits.accept_after_bars, &self.limits));
        if verdict.is_ok() {
            memory.keep(end, close);
        }
        self.count(bar.instrument, verdict)
    }

    /// Counts a line that could not be read, and keeps the first few as examples.
    pub fn malformed(
        &mut self,
        instrument: InstrumentId,
        origin: &dyn fmt::Display,
        line: u64,
        text: &[u8],
        why: &dyn fmt::Display,
    ) {
        self.quarantine.reject(instrument, Reason::Malformed);
        self.quarantine
            .keep_example(origin, line, text, why.to_string());
    }

    #[must_use]
    pub fn counts(&self) -> &Quarantine {
        &self.quarantine
    }

    fn count(
        &mut self,
        instrument: InstrumentId,
        verdict: Result<(), Reason>,
    ) -> Result<(), Reason> {
        match verdict {
            Ok(()) => self.quarantine.pass(instrument),
            Err(reason) => self.quarantine.reject(instrument, reason),
        }
        verdict
    }
}

fn check_quote(bid: Price, ask: Price, limits: &Limits) -> Result<(), Reason> {
    if !bid.is_positive() || !ask.is_positive() {
        return Err(Reason::NotPositive);
    }
    if bid > ask {
        return Err(Reason::Crossed);
    }
    if is_beyond(ask - bid, limits.max_spread_bp, bid.mid(ask)) {
        return Err(Reason::AbsurdSpread);
    }
    Ok(())
}

/// The four pairs of a bar: with no crossed quote inside, no extreme of the bid is above that of the ask either.
fn check_quotes(bar: &QuoteBar, limits: &Limits) -> Result<(), Reason> {
    let (bid, ask) = (&bar.bid, &bar.ask);
    check_quote(bid.open, ask.open, limits)?;
    check_quote(bid.close, ask.close, limits)?;
    if !bid.low.is_positive() {
        return Err(Reason::NotPositive);
    }
    if bid.high > ask.high || bid.low > ask.low {
        return Err(Reason::Crossed);
    }
    Ok(())
}

fn check_shape(side: &Ohlc) -> Result<(), Reason> {
    if side.is_consistent() {
        Ok(())
    } else {
        Err(Reason::Inconsistent)
    }
}

/// A source may be ahead of our clock by a little; a tick from tomorrow would make all others late.
fn check_receipt(tick: &Tick, limits: &Limits) -> Result<(), Reason> {
    match tick.received {
        Some(received) if tick.time.as_stamp() > received + limits.max_ahead => {
            Err(Reason::AbsurdTime)
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether `part` is more than `limit_bp` / 10,000 of `whole`.
fn is_beyond(part: Price, limit_bp: u32, whole: Price) -> bool {
    i128::from(part.units()) * 10_000 > i128::from(whole.units()) * i128::from(limit_bp)
}

/// What the gate remembers of one series.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    newest: Option<SourceTime>,
    /// The last accepted price.
    level: Option<Price>,
    /// The first of the rejected prices that agree with each other, and how many they are.
    suspect: Price,
    suspects: u32,
    /// A rejected time far ahead, until the next item confirms it.
    leap: Option<SourceTime>,
}

impl Memory {
    /// Takes what was let through as the measure of what follows.
    fn keep(&mut self, time: SourceTime, price: Price) {
        self.newest = self.newest.max(Some(time));
        self.level = Some(price);
    }

    fn admit_time(&mut self, time: SourceTime, limits: &Limits) -> Result<(), Reason> {
        if time < EARLIEST || time >= LATEST {
            return Err(Reason::AbsurdTime);
        }
        let Some(newest) = self.newest else {
            return Ok(());
        };
        if time < newest - limits.grace {
            return Err(Reason::OutOfOrder);
        }
        let leap = self.leap.take();
        let step = time - newest;
        if step > limits.max_leap && !leap.is_some_and(|leap| is_near(leap, time, limits)) {
            self.leap = Some(time);
            return Err(Reason::AbsurdTime);
        }
        if step > limits.forget_after {
            self.level = None;
            self.suspects = 0;
        }
        Ok(())
    }

    fn admit_price(
        &mut self,
        price: Price,
        accept_after: u32,
        limits: &Limits,
    ) -> Result<(), Reason> {
        let agrees = |level: Price| !is_beyond((price - level).abs(), limits.max_jump_bp, level);
        if self.level.is_none_or(agrees) {
            self.suspects = 0;
            return Ok(());
        }
        if self.suspects == 0 || !agrees(self.suspect) {
            self.suspect = price;
            self.suspects = 0;
        }
        if self.suspects >= accept_after {
            self.suspects = 0;
            return Ok(());
        }
        self.suspects += 1;
        Err(Reason::AbsurdJump)
    }
}

/// Whether a second item confirms the time of a first one far ahead.
fn is_near(leap: SourceTime, time: SourceTime, limits: &Limits) -> bool {
    time >= leap - limits.grace && time - leap <= limits.max_leap
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;
    use market::Time;
    use proptest::prelude::*;

    const EURO: InstrumentId = InstrumentId(0);

    fn p(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    fn at(second: i64) -> SourceTime {
        SourceTime::parse("2019-02-04T12:00:00Z").unwrap() + Span::from_secs(second)
    }

    fn tick(time: SourceTime, bid: &str, ask: &str) -> Tick {
        let (bid, ask) = (p(bid), p(ask));
        Tick {
            instrument: EURO,
            bid,
            ask,
            volume: None,
            time,
            received: None,
        }
    }

    fn gate() -> Gate {
        Gate::new(&catalog(), Limits::default())
    }

    /// Feeds ticks of one price each, at a second each, and compares the verdicts, `.` for a pass.
    fn check(gate: &mut Gate, from: i64, prices: &[&str], expected: &str) {
        let verdicts = (from..).zip(prices).map(|(second, price)| {
            match gate.check(&tick(at(second), price, price)) {
                Ok(()) => '.',
                Err(Reason::AbsurdJump) => 'j',
                Err(reason) => panic!("{reason}"),
            }
        });
        assert_eq!(verdicts.collect::<String>(), expected, "{prices:?}");
    }

    #[test]
    fn what_is_unsound_in_itself() {
        for (bid, ask, expected) in [
            ("1.1", "1.1", Ok(())),
            ("1.1001", "1.1", Err(Reason::Crossed)),
            ("0", "1.1", Err(Reason::NotPositive)),
            ("-1.2", "-1.1", Err(Reason::NotPositive)),
            ("1.1", "-1.1", Err(Reason::NotPositive)),
            // 2 % of the mid is just allowed.
            ("0.99", "1.01", Ok(())),
            ("0.989999999", "1.01", Err(Reason::AbsurdSpread)),
        ] {
            let mut gate = gate();
            assert_eq!(gate.check(&tick(at(0), bid, ask)), expected, "{bid} {ask}");
            let counts = gate.counts();
            let rejected: u64 = counts.iter().map(|(_, _, count)| count).sum();
            assert_eq!(counts.passed(EURO), u64::from(expected.is_ok()));
            assert_eq!(rejected, u64::from(expected.is_err()));
            if let Err(reason) = expected {
                assert_eq!(
                    (counts.rejected(EURO, reason), counts.total(reason)),
                    (1, 1)
                );
            }
        }
    }

    #[test]
    fn late_is_later_than_the_grace() {
        let mut gate = gate();
        let mut check = |nanos: i64, expected| {
            let time = at(10) + Span::from_nanos(nanos);
            assert_eq!(gate.check(&tick(time, "1.1", "1.1")), expected, "{nanos}");
        };
        check(0, Ok(()));
        check(0, Ok(()));
        check(-1_500_000_000, Ok(()));
        check(-1_500_000_001, Err(Reason::OutOfOrder));
        // What came late does not make the newest older.
        check(-1_400_000_000, Ok(()));
        check(-1_600_000_000, Err(Reason::OutOfOrder));
        check(1, Ok(()));
    }

    #[test]
    fn one_wrong_price_is_left_out_and_forgotten() {
        check(
            &mut gate(),
            0,
            &["1.10", "1.10", "1.30", "1.10", "1.11", "0.90", "1.10"],
            "..j..j.",
        );
        // Five per cent of the last accepted mid is just allowed.
        check(
            &mut gate(),
            0,
            &["1.00", "1.05", "1.102500001", "1.1025"],
            "..j.",
        );
    }

    #[test]
    fn a_new_level_is_believed_after_ten() {
        let prices = [
            ["1.10"; 1].as_slice(),
            &["1.30"; 12],
            &["1.31"; 1],
            &["1.10"; 1],
        ]
        .concat();
        check(&mut gate(), 0, &prices, ".jjjjjjjjjj...j");
        // Rejected ones that do not agree with each other never make a level.
        let noise: Vec<&str> = std::iter::once("1.1")
            .chain(["2", "3"].repeat(15))
            .collect();
        check(&mut gate(), 0, &noise, &format!(".{}", "j".repeat(30)));
        // Nor does a run that the old level breaks.
        let broken = [&["1.1"][..], &["1.3"; 9], &["1.1"], &["1.3"; 9]].concat();
        check(&mut gate(), 0, &broken, ".jjjjjjjjj.jjjjjjjjj");
    }

    #[test]
    fn after_a_long_hole_any_level_is_as_good() {
        let mut gate = gate();
        check(&mut gate, 0, &["1.10"], ".");
        check(&mut gate, 96 * 3600, &["1.30"], "j");
        check(&mut gate, 96 * 3600 + 2, &["1.30", "1.30"], "..");
    }

    #[test]
    fn times_that_cannot_be() {
        let moment = |text| SourceTime::parse(text).unwrap();
        for (time, expected) in [
            ("1989-12-31T23:59:59.999Z", Err(Reason::AbsurdTime)),
            ("1990-01-01T00:00:00Z", Ok(())),
            ("2199-12-31T23:59:59.999Z", Ok(())),
            ("2200-01-01T00:00:00Z", Err(Reason::AbsurdTime)),
        ] {
            assert_eq!(
                gate().check(&tick(moment(time), "1.1", "1.1")),
                expected,
                "{time}"
            );
        }
        for (ahead, expected) in [
            (60, Ok(())),
            (61, Err(Reason::AbsurdTime)),
            (-9_999, Ok(())),
        ] {
            let mut tick = tick(at(ahead), "1.1", "1.1");
            tick.received = Some(Time::from_nanos(at(0).nanos()));
            assert_eq!(gate().check(&tick), expected, "{ahead}");
        }
    }

    #[test]
    fn one_wrong_date_does_not_make_the_rest_late() {
        let mut gate = gate();
        let mut check = |second, expected| {
            assert_eq!(
                gate.check(&tick(at(second), "1.1", "1.1")),
                expected,
                "{second}"
            )
        };
        const YEAR: i64 = 365 * 86_400;
        check(0, Ok(()));
        check(YEAR, Err(Reason::AbsurdTime));
        check(1, Ok(()));
        // The item between them did not confirm the first, so the second stands alone too.
        check(YEAR, Err(Reason::AbsurdTime));
        check(2 * YEAR, Err(Reason::AbsurdTime));
        check(YEAR, Err(Reason::AbsurdTime));
        // A real hole costs one item: the next one confirms it.
        check(YEAR + 1, Ok(()));
        check(YEAR, Ok(()));
        check(2, Err(Reason::OutOfOrder));
    }

    fn bar(open_time: SourceTime, bid: [&str; 4], ask: [&str; 4]) -> QuoteBar {
        let ohlc = |[o, h, l, c]: [&str; 4]| Ohlc {
            open: p(o),
            high: p(h),
            low: p(l),
            close: p(c),
        };
        let (bid, ask) = (ohlc(bid), ohlc(ask));
        QuoteBar {
            instrument: EURO,
            timeframe: Timeframe::M1,
            open_time,
            bid,
            ask,
            volume: None,
        }
    }

    #[test]
    fn bars_are_held_to_the_same_rules() {
        let fine = ["1.10", "1.11", "1.09", "1.10"];
        for (bid, ask, expected) in [
            (fine, fine, Ok(())),
            (fine, ["1.10", "1.11", "1.09", "1.09"], Err(Reason::Crossed)),
            (fine, ["1.10", "1.10", "1.09", "1.10"], Err(Reason::Crossed)),
            (fine, ["1.10", "1.11", "1.08", "1.10"], Err(Reason::Crossed)),
            (
                fine,
                ["1.10", "1.09", "1.09", "1.10"],
                Err(Reason::Inconsistent),
            ),
            (
                ["1.10", "1.11", "1.12", "1.10"],
                fine,
                Err(Reason::Inconsistent),
            ),
            (
                ["1.10", "1.11", "0", "1.10"],
                fine,
                Err(Reason::NotPositive),
            ),
            (["-1", "1.11", "-1", "1.10"], fine, Err(Reason::NotPositive)),
            (
                fine,
                ["1.15", "1.15", "1.10", "1.10"],
                Err(Reason::AbsurdSpread),
            ),
        ] {
            assert_eq!(
                gate().check_bar(&bar(at(0), bid, ask)),
                expected,
                "{bid:?} {ask:?}"
            );
        }
    }

    #[test]
    fn a_wrong_bar_comes_alone_and_a_gap_costs_one() {
        let mut gate = gate();
        let mut check = |minute: i64, open: &str, close: &str, expected| {
            let both = [
                open,
                if open > close { open } else { close },
                if open < close { open } else { close },
                close,
            ];
            let verdict = gate.check_bar(&bar(at(minute * 60), both, both));
            assert_eq!(verdict, expected, "{minute}");
        };
        check(0, "1.10", "1.10", Ok(()));
        check(1, "1.30", "1.30", Err(Reason::AbsurdJump));
        // A bar may move as far as it likes within itself.
        check(2, "1.10", "1.40", Ok(()));
        check(3, "1.40", "1.10", Ok(()));
        check(4, "1.30", "1.31", Err(Reason::AbsurdJump));
        check(5, "1.31", "1.32", Ok(()));
        check(3, "1.31", "1.32", Err(Reason::OutOfOrder));
    }

    #[test]
    fn series_do_not_judge_each_other() {
        let mut gate = gate();
        let flat = ["2.00"; 4];
        assert_eq!(gate.check(&tick(at(0), "1.1", "1.1")), Ok(()));
        assert_eq!(gate.check_bar(&bar(at(-86_400), flat, flat)), Ok(()));
        let other = Tick {
            instrument: InstrumentId(1),
            ..tick(at(-500), "9", "9")
        };
        assert_eq!(gate.check(&other), Ok(()));
        assert_eq!(gate.counts().passed(EURO), 2);
    }

    #[test]
    fn every_reason_has_a_name_and_a_count_of_its_own() {
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        let mut gate = gate();
        for line in 0..20 {
            gate.malformed(EURO, &"file", line, &b"x".repeat(500), &"it is wrong");
        }
        assert_eq!(gate.counts().total(Reason::Malformed), 20);
        assert_eq!(gate.counts().examples().len(), 8);
        let shown = gate.counts().examples()[3].to_string();
        assert_eq!(
            shown,
            format!("file:3: it is wrong: `{}...`", "x".repeat(80))
        );
    }

    proptest! {
        /// Whatever dirt stands between them, good ticks pass.
        #[test]
        fn the_rest_of_the_stream_is_unharmed(dirt in proptest::collection::vec((any::<i64>(), any::<i64>(), any::<i64>()), 0..9)) {
            let mut gate = gate();
            prop_assert_eq!(gate.check(&tick(at(0), "1.1", "1.1001")), Ok(()));
            for (second, (time, bid, ask)) in (1..).zip(dirt) {
                let wild = Tick {
                    bid: Price::from_units(bid),
                    ask: Price::from_units(ask),
                    ..tick(SourceTime::from_nanos(time), "1", "1")
                };
                let _ = gate.check(&wild);
                prop_assert_eq!(gate.check(&tick(at(second), "1.1", "1.1001")), Ok(()));
            }
        }

        /// However wild, a source that settles is heard again.
        #[test]
        fn nothing_blocks_for_ever(wild in proptest::collection::vec((0_i64..9_000_000_000, 1_i64..9_000_000_000_000_000), 0..60)) {
            let mut gate = gate();
            let mut newest = 0;
            for (second, units) in wild {
                let price = Price::from_units(units);
                newest = newest.max(second);
                let _ = gate.check(&Tick { bid: price, ask: price, ..tick(SourceTime::from_secs(second), "1", "1") });
            }
            let from = newest.clamp(EARLIEST.nanos() / 1_000_000_000, LATEST.nanos() / 1_000_000_000 - 100);
            let passed = (from..from + 20).filter(|&second| {
                gate.check(&tick(SourceTime::from_secs(second), "1.1", "1.1")).is_ok()
            });
            prop_assert!(passed.count() >= 8);
        }
    }
}
