//! The books of all signals, kept apart from the engine: each has one verdict, in time, and a confirmed one has one end.

use crate::clock;
use engine::{Output, Settings, session};
use jiff::civil::Date;
use market::{
    Cause, Event, Outcome, OutcomeKind, Signal, SourceTime, Span, Status, Symbol, Time, Uuid,
};
use std::collections::{BTreeMap, BTreeSet};

/// What every signal may take.
const LATEST: Span = Span::from_secs(285);

/// What was born and is not over, and what happened how often.
#[derive(Debug, Default)]
pub(crate) struct Books {
    open: BTreeMap<Uuid, Signal>,
    known: BTreeSet<Uuid>,
    /// ORION's own signals on each trading day.
    days: BTreeMap<Date, u32>,
    /// The stamp of the last event.
    last: Time,
    pub(crate) tally: BTreeMap<String, u32>,
}

impl Books {
    /// Takes what was said to an event; `event` is absent where settings were changed.
    pub(crate) fn hear(
        &mut self,
        at: Time,
        event: Option<&Event>,
        said: &[Output],
        settings: &Settings,
    ) {
        for output in said {
            match output {
                Output::Signal(signal) if signal.status == Status::Pending => {
                    self.born(at, signal, settings);
                }
                Output::Signal(signal) => self.decided(at, event, signal),
                Output::Outcome(outcome) => self.outcome(at, outcome),
                Output::Price(_)
                | Output::Shadow(_)
                | Output::Calibration(_)
                | Output::Answer(_) => {}
            }
        }
        self.last = at;
    }

    /// What is pending is not due, and the engine has nothing else open.
    pub(crate) fn check_open(&self, now: Time, open: (usize, usize)) {
        let pending = |signal: &&Signal| signal.status == Status::Pending;
        for signal in self.open.values().filter(pending) {
            assert!(signal.decide_by > now, "{now}: overdue: {signal:?}");
        }
        let waiting = self.open.values().filter(pending).count();
        assert_eq!((waiting, self.open.len() - waiting), open, "{now}");
    }

    /// The symbol of some signal that runs.
    pub(crate) fn any_running(&self) -> Option<Symbol> {
        let mut open = self.open.values();
        let running = open.find(|signal| signal.status == Status::Confirmed);
        running.map(|signal| signal.symbol)
    }

    /// Every cause and every kind of outcome has come up.
    pub(crate) fn check_all_seen(&self) {
        let causes = [
            Cause::Stop,
            Cause::Missed,
            Cause::Structure,
            Cause::Timeout,
            Cause::StaleFeed,
            Cause::Restart,
            Cause::Sender,
        ];
        let kinds = [
            OutcomeKind::Target(1),
            OutcomeKind::Target(2),
            OutcomeKind::Target(3),
            OutcomeKind::Stop,
            OutcomeKind::StopMoved,
            OutcomeKind::Timeout,
            OutcomeKind::Closed,
        ];
        let causes = causes.map(|cause| cause.as_str().to_owned());
        let kinds = kinds.map(|kind| format!("{kind:?}"));
        for way in causes.iter().chain(&kinds) {
            assert!(self.tally.contains_key(way), "{way}: {:?}", self.tally);
        }
    }

    fn born(&mut self, at: Time, signal: &Signal, settings: &Settings) {
        assert_eq!(
            (signal.created_at, signal.decided_at, signal.cause),
            (at, None, None)
        );
        assert_eq!(signal.decide_by, at + LATEST);
        assert!(self.known.insert(signal.id), "born twice: {signal:?}");
        check_hours(signal, settings);
        if signal.setup == "bot" {
            self.count("posted");
        } else {
            self.count(&signal.setup);
            self.count_day(signal.entry_time, settings);
        }
        self.open.insert(signal.id, signal.clone());
    }

    fn count_day(&mut self, entry_time: SourceTime, settings: &Settings) {
        let count = self.days.entry(clock::trading_day(entry_time)).or_default();
        *count += 1;
        let cap = settings.rules.max_signals_per_day;
        assert!(*count <= cap, "{count} signals on the day of {entry_time}");
    }

    fn decided(&mut self, at: Time, event: Option<&Event>, signal: &Signal) {
        let Some(pending) = self.open.get_mut(&signal.id) else {
            panic!("a verdict on what is not open: {signal:?}")
        };
        assert_eq!(pending.status, Status::Pending, "decided twice: {signal:?}");
        let (status, decided_at, cause) = (Status::Pending, None, None);
        let mut bare = Signal {
            status,
            decided_at,
            cause,
            ..signal.clone()
        };
        let odds = bare.evidence.odds.take();
        assert_eq!(odds.is_some(), signal.status == Status::Confirmed);
        assert_eq!(bare, *pending);
        assert_eq!(signal.decided_at, Some(at));
        let due = signal.decide_by;
        match signal.cause {
            Some(Cause::Timeout | Cause::StaleFeed) => assert_eq!(at, due, "{signal:?}"),
            // No process ran when it was due, or its instrument is gone.
            Some(Cause::Restart) if event == Some(&Event::Start) => {
                assert!(self.last < due && at >= due, "{signal:?}");
            }
            Some(Cause::Restart) => assert!(event.is_none() && at < due, "{signal:?}"),
            Some(Cause::Stop | Cause::Missed | Cause::Structure | Cause::Sender) | None => {
                assert!(at < due, "{signal:?}");
            }
        }
        match signal.status {
            Status::Confirmed => *pending = signal.clone(),
            Status::Invalidated => drop(self.open.remove(&signal.id)),
            Status::Pending => unreachable!("a verdict"),
        }
        self.count(signal.cause.map_or("confirmed", Cause::as_str));
    }

    fn outcome(&mut self, at: Time, outcome: &Outcome) {
        let Some(signal) = self.open.get(&outcome.id) else {
            panic!("an outcome of what is not open: {outcome:?}")
        };
        assert_eq!(signal.status, Status::Confirmed, "{outcome:?}");
        assert_eq!(outcome.at, at);
        match outcome.kind {
            OutcomeKind::Target(target) => {
                let all = signal.targets.len();
                assert_eq!(outcome.last, usize::from(target) == all);
            }
            OutcomeKind::StopMoved => assert!(!outcome.last),
            OutcomeKind::Stop | OutcomeKind::Timeout | OutcomeKind::Closed => {
                assert!(outcome.last);
            }
        }
        if outcome.last {
            self.open.remove(&outcome.id);
        }
        self.count(&format!("{:?}", outcome.kind));
    }

    pub(crate) fn count(&mut self, what: &str) {
        *self.tally.entry(what.to_owned()).or_default() += 1;
    }
}

/// A signal is born while its market is open, and says the part of New York's day.
fn check_hours(signal: &Signal, settings: &Settings) {
    let id = settings.catalog.find(signal.symbol.as_str()).unwrap();
    let (instrument, source) = (
        settings.catalog.instrument(id),
        settings.catalog.source_of(id),
    );
    let time = signal.entry_time;
    assert!(session::is_open(instrument, source, time), "{signal:?}");
    assert!(!clock::is_closed(instrument.calendar, time), "{signal:?}");
    assert_eq!(signal.killzone, clock::killzone(time), "{signal:?}");
}
