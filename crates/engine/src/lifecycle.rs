//! pending -> confirmed | invalidated: the only place where a status changes. One verdict each, once, in time.

use crate::rules::Rules;
use crate::setup::SetupKind;
use crate::structure::Finding;
use market::{
    Bar, Cause, Direction, Price, QuoteBar, Signal, SourceTime, Status, Target, Tick, Time,
    Timeframe,
};
use serde::{Deserialize, Serialize};

/// How far the two sides of a quote went, in a tick or in a recorded bar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// The tick's time, or the bar's opening.
    pub time: SourceTime,
    /// The first bid and ask.
    bid_open: Price,
    ask_open: Price,
    bid_low: Price,
    bid_high: Price,
    ask_low: Price,
    ask_high: Price,
    /// The last bid and ask.
    bid: Price,
    ask: Price,
    /// How long the recorded bar is; `None` for a tick.
    pub bars: Option<Timeframe>,
}

impl Reach {
    pub(crate) fn of_tick(tick: &Tick) -> Self {
        let (bid, ask) = (tick.bid, tick.ask);
        Self {
            time: tick.time,
            bid_open: bid,
            ask_open: ask,
            bid_low: bid,
            bid_high: bid,
            ask_low: ask,
            ask_high: ask,
            bid,
            ask,
            bars: None,
        }
    }

    pub(crate) fn of_bar(bar: &QuoteBar) -> Self {
        Self {
            time: bar.open_time,
            bid_open: bar.bid.open,
            ask_open: bar.ask.open,
            bid_low: bar.bid.low,
            bid_high: bar.bid.high,
            ask_low: bar.ask.low,
            ask_high: bar.ask.high,
            bid: bar.bid.close,
            ask: bar.ask.close,
            bars: Some(bar.timeframe),
        }
    }

    /// The price a position would be closed at: bid for a long, ask for a short.
    pub(crate) fn exit(&self, direction: Direction) -> Price {
        match direction {
            Direction::Long => self.bid,
            Direction::Short => self.ask,
        }
    }
    /// The best price a position could have been closed at.
    pub(crate) fn best(&self, direction: Direction) -> Price {
        match direction {
            Direction::Long => self.bid_high,
            Direction::Short => self.ask_low,
        }
    }
    /// The worst one.
    pub(crate) fn worst(&self, direction: Direction) -> Price {
        match direction {
            Direction::Long => self.bid_low,
            Direction::Short => self.ask_high,
        }
    }
    /// Whether a stop traded, judged on the exit side.
    pub(crate) fn stops(&self, direction: Direction, stop: Price) -> bool {
        match direction {
            Direction::Long => self.bid_low <= stop,
            Direction::Short => self.ask_high >= stop,
        }
    }
    /// Whether a target traded, judged on the exit side.
    pub(crate) fn hits(&self, direction: Direction, target: Price) -> bool {
        match direction {
            Direction::Long => self.bid_high >= target,
            Direction::Short => self.ask_low <= target,
        }
    }
    /// Whether an entry could be bought (sold) at its price.
    pub(crate) fn fills(&self, direction: Direction, entry: Price) -> bool {
        match direction {
            Direction::Long => self.ask_low <= entry,
            Direction::Short => self.bid_high >= entry,
        }
    }
    /// Whether a stop had traded before anything else did.
    pub(crate) fn opens_beyond(&self, direction: Direction, stop: Price) -> bool {
        match direction {
            Direction::Long => self.bid_open <= stop,
            Direction::Short => self.ask_open >= stop,
        }
    }
    /// Where a stop that traded was filled: at its level, or at the first price when that lies beyond it.
    pub(crate) fn stopped_at(&self, direction: Direction, stop: Price) -> Price {
        match direction {
            Direction::Long => stop.min(self.bid_open),
            Direction::Short => stop.max(self.ask_open),
        }
    }
}

/// How a pending signal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Confirmed,
    Invalidated(Cause),
}

/// Whose signal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    Own(SetupKind),
    /// Somebody outside posted it: it neither counts for ORION's own setups nor holds them back.
    Posted,
}

impl Origin {
    /// The setup of ORION's own that made it.
    pub(crate) const fn setup(self) -> Option<SetupKind> {
        match self {
            Self::Own(setup) => Some(setup),
            Self::Posted => None,
        }
    }
}

/// From when on prices decide about a signal. What a sender says of its entry time is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Since {
    /// The time of the newest tick when it was born: an older one is not judged.
    pub tick: SourceTime,
    /// The source's time when it was born, carried on by our clock while the symbol was quiet: a bar that opened before
    /// confirms nothing.
    pub bar: SourceTime,
}

impl Since {
    pub(crate) const fn at(time: SourceTime) -> Self {
        Self {
            tick: time,
            bar: time,
        }
    }
}

/// A pending signal and what its verdict needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub signal: Signal,
    pub origin: Origin,
    pub since: Since,
    /// A confirming bar that closes beyond this contradicts it.
    pub zone_far: Option<Price>,
    /// Average true range when it became pending, in price units.
    pub atr: f64,
    /// The entry has traded since the trigger.
    pub entered: bool,
    /// The stop traded in the recorded bar that triggered it, where that is too long for any to confirm it.
    pub stopped: bool,
}

impl Pending {
    /// Rules 1 and 2: the stop, or the first target, trades before the confirmation.
    pub(crate) fn judge_reach(&mut self, reach: &Reach) -> Option<Verdict> {
        let Signal {
            direction,
            entry,
            stop,
            ..
        } = self.signal;
        if reach.time < self.since.tick {
            return None;
        }
        self.entered |= reach.fills(direction, entry);
        let first = self.signal.targets.first()?.price;
        if reach.stops(direction, stop) {
            Some(Verdict::Invalidated(Cause::Stop))
        } else if reach.hits(direction, first) {
            Some(Verdict::Invalidated(Cause::Missed))
        } else {
            None
        }
    }

    /// Rules 3 and 4: a closed bar contradicts it, or confirms it.
    pub(crate) fn judge_bar(
        &self,
        timeframe: Timeframe,
        bar: &Bar,
        findings: &[Finding],
        rules: &Rules,
    ) -> Option<Verdict> {
        if bar.end_time <= self.since.bar {
            return None;
        }
        let judges = timeframe == rules.confirm_tf;
        if self.is_contradicted(bar, findings, judges) {
            Some(Verdict::Invalidated(Cause::Structure))
        } else if judges && self.is_confirmed(bar, rules) {
            Some(Verdict::Confirmed)
        } else {
            None
        }
    }

    /// Recorded bars are too long for one to confirm it in time: the close of the one that touched the entry decides, the
    /// stop first if both lie in it. `exit` is that close. signals.md, section 7.
    pub(crate) fn judge_touch(&self, exit: Price) -> Verdict {
        let sign = self.signal.direction.sign();
        let beyond = |target: &Target| (exit - target.price).times(sign) >= Price::ZERO;
        if self.stopped {
            Verdict::Invalidated(Cause::Stop)
        } else if !self.entered {
            Verdict::Invalidated(Cause::Timeout)
        } else if self.signal.targets.first().is_some_and(beyond) {
            Verdict::Invalidated(Cause::Missed)
        } else {
            Verdict::Confirmed
        }
    }

    fn is_contradicted(&self, bar: &Bar, findings: &[Finding], judges: bool) -> bool {
        let direction = self.signal.direction;
        let beyond_zone = self.zone_far.is_some_and(|far| match direction {
            Direction::Long => bar.price.close < far,
            Direction::Short => bar.price.close > far,
        });
        let mut breaks = findings.iter().filter_map(Finding::as_break);
        (judges && beyond_zone) || breaks.any(|found| found.turns_against(direction))
    }

    fn is_confirmed(&self, bar: &Bar, rules: &Rules) -> bool {
        let sign = self.signal.direction.sign();
        let body = (bar.price.close - bar.price.open).times(sign);
        let beyond = (bar.price.close - self.signal.entry).times(sign);
        self.entered
            && bar.open_time >= self.since.bar
            && !bar.holed
            && body.is_positive()
            && beyond.to_f64() >= rules.confirm_atr * self.atr
    }
}

/// The signal after its verdict.
pub(crate) fn decide(mut signal: Signal, verdict: Verdict, at: Time) -> Signal {
    assert!(
        signal.status == Status::Pending,
        "a signal is decided once: {}",
        signal.id
    );
    (signal.status, signal.cause) = match verdict {
        Verdict::Confirmed => (Status::Confirmed, None),
        Verdict::Invalidated(cause) => (Status::Invalidated, Some(cause)),
    };
    signal.decided_at = Some(at);
    signal
}
