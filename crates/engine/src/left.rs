//! What a journal leaves open when no engine remembers it any more: signals without a verdict, and confirmed ones that
//! ran. A new engine does not know them, so they end here, by the journal's word alone.

use crate::engine::Output;
use crate::lifecycle::{self, Verdict};
use market::{Cause, Direction, Outcome, OutcomeKind, Price, Ratio, Signal, Status, Symbol, Time};
use std::collections::BTreeMap;
use std::fmt;

/// Gathers what is open from a journal's records, told in their order.
#[derive(Clone, Default)]
pub struct Left {
    /// By id, as told last.
    open: BTreeMap<u128, Signal>,
    /// The newest stamp of all that was told.
    newest: Option<Time>,
}

impl fmt::Debug for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Left")
            .field("open", &self.open.len())
            .field("newest", &self.newest)
            .finish()
    }
}

impl Left {
    /// A signal was born, or decided.
    pub fn signal(&mut self, signal: &Signal) {
        self.newest = self.newest.max(Some(signal.changed_at()));
        let id = signal.id.as_u128();
        match signal.status {
            Status::Pending | Status::Confirmed => self.open.insert(id, signal.clone()),
            Status::Invalidated => self.open.remove(&id),
        };
    }

    /// Something became of a confirmed signal.
    pub fn outcome(&mut self, outcome: &Outcome) {
        self.newest = self.newest.max(Some(outcome.at));
        if outcome.last {
            self.open.remove(&outcome.id.as_u128());
        }
    }

    /// The newest stamp of all that was told; `None` before anything was.
    #[must_use]
    pub fn newest(&self) -> Option<Time> {
        self.newest
    }

    /// The symbols of what is open.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> {
        self.open.values().map(|signal| signal.symbol)
    }

    /// Ends all of it, in the order of birth: what is pending is invalidated for the restart, what ran ends with its time,
    /// at the price at which `exit` says a position could have been closed last; where that is not known, at its entry.
    #[must_use]
    pub fn end(self, at: Time, exit: impl Fn(Symbol, Direction) -> Option<Price>) -> Vec<Output> {
        let mut open: Vec<Signal> = self.open.into_values().collect();
        open.sort_by_key(|signal| (signal.created_at, signal.id));
        open.into_iter()
            .map(|signal| match signal.status {
                Status::Confirmed => {
                    let price = exit(signal.symbol, signal.direction).unwrap_or(signal.entry);
                    Output::Outcome(Box::new(close(&signal, price, at)))
                }
                Status::Pending | Status::Invalidated => {
                    let verdict = Verdict::Invalidated(Cause::Restart);
                    Output::Signal(Box::new(lifecycle::decide(signal, verdict, at)))
                }
            })
            .collect()
    }
}

fn close(signal: &Signal, price: Price, at: Time) -> Outcome {
    let moved = (price - signal.entry).times(signal.direction.sign());
    Outcome {
        id: signal.id,
        symbol: signal.symbol,
        digits: signal.digits,
        kind: OutcomeKind::Closed,
        price,
        r: Ratio::new(moved.to_f64() / signal.risk().to_f64()).unwrap_or_default(),
        at,
        last: true,
        realised: None,
        end: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Killzone, Probability, SourceTime, Target, Timeframe, Uuid};

    #[test]
    fn what_is_open_ends_once_and_what_is_over_stays_over() {
        let mut left = Left::default();
        assert_eq!(left.newest(), None);
        let (pending, runs) = (signal(1, Status::Pending), signal(2, Status::Confirmed));
        left.signal(&signal(2, Status::Pending));
        left.signal(&pending);
        left.signal(&runs);
        left.outcome(&outcome(2, OutcomeKind::Target(1), 70, false));
        left.signal(&signal(3, Status::Pending));
        left.signal(&signal(3, Status::Invalidated));
        left.signal(&signal(4, Status::Confirmed));
        left.outcome(&outcome(4, OutcomeKind::Stop, 80, true));
        assert_eq!(left.newest(), Some(Time::from_secs(80)));
        assert_eq!(left.symbols().count(), 2);

        let at = Time::from_secs(90);
        let ended = left.end(at, |_, _| Some(Price::from_units(107)));
        let [Output::Signal(decided), Output::Outcome(over)] = &ended[..] else {
            panic!("{ended:?}")
        };
        let decided = (
            decided.id,
            decided.status,
            decided.cause,
            decided.decided_at,
        );
        let restart = Some(Cause::Restart);
        assert_eq!(
            decided,
            (pending.id, Status::Invalidated, restart, Some(at))
        );
        assert_eq!((over.id, over.kind), (runs.id, OutcomeKind::Closed));
        assert_eq!(
            (over.price.units(), over.r.hundredths(), over.last),
            (107, 70, true)
        );
    }

    #[test]
    fn without_a_price_it_ends_where_it_began() {
        let mut left = Left::default();
        left.signal(&signal(1, Status::Confirmed));
        let ended = left.end(Time::from_secs(90), |_, _| None);
        let [Output::Outcome(over)] = &ended[..] else {
            panic!("{ended:?}")
        };
        assert_eq!((over.price.units(), over.r.hundredths()), (100, 0));
    }

    /// Long from 100 with its stop at 90.
    fn signal(number: u8, status: Status) -> Signal {
        let born = Time::from_secs(i64::from(number));
        Signal {
            id: Uuid::from_u128(u128::from(number)),
            status,
            direction: Direction::Long,
            symbol: Symbol::new("EURUSD").unwrap(),
            digits: 5,
            entry_time: SourceTime::from_secs(i64::from(number)),
            entry: Price::from_units(100),
            stop: Price::from_units(90),
            targets: vec![Target {
                price: Price::from_units(120),
                percent: 100,
                runner: false,
            }],
            reason: "a test".to_owned(),
            confidence: Probability::new(0.5),
            rr_target: Ratio::from_hundredths(200),
            killzone: Killzone::London,
            setup: "mss_fvg".to_owned(),
            timeframe: Timeframe::M15,
            simulated: false,
            created_at: born,
            decide_by: born + market::Span::from_secs(285),
            decided_at: (status != Status::Pending).then(|| Time::from_secs(60)),
            cause: (status == Status::Invalidated).then_some(Cause::Stop),
            evidence: market::Evidence::default(),
        }
    }

    fn outcome(number: u8, kind: OutcomeKind, at: i64, last: bool) -> Outcome {
        Outcome {
            id: Uuid::from_u128(u128::from(number)),
            symbol: Symbol::new("EURUSD").unwrap(),
            digits: 5,
            kind,
            price: Price::from_units(120),
            r: Ratio::from_hundredths(200),
            at: Time::from_secs(at),
            last,
            realised: None,
            end: None,
        }
    }
}
