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
