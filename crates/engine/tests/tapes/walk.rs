//! What is known of a position at its end, found once more from nothing but the ticks that were told.

use crate::driver::Driver;
use crate::ledger::tick_of;
use market::{Ended, Measure, OutcomeKind, Price, Signal, Tick, Time};

/// The prices at which a position could have been closed, from its verdict to its end.
pub(crate) struct Walk<'a> {
    signal: &'a Signal,
    fill: Price,
    /// The one of the verdict first.
    exits: Vec<Price>,
}

impl<'a> Walk<'a> {
    /// Opened with the event at one place of what was told, closed with that at another.
    pub(crate) fn of(driver: &Driver, signal: &'a Signal, from: usize, to: usize) -> Self {
        let catalog = &driver.engine.settings().catalog;
        let id = catalog.find(signal.symbol.as_str()).unwrap();
        let before = driver.told[..from].iter();
        // The newest by its time, and the later of two of one time.
        let opened = before
            .filter_map(|told| tick_of(id, told))
            .max_by_key(|tick| tick.time)
            .expect("a signal follows a price");
        let sides = |tick: &Tick| match signal.direction.sign() {
            1 => (tick.ask, tick.bid),
            _ => (tick.bid, tick.ask),
        };
        let (fill, exit) = sides(opened);
        let told = driver.told[from..=to].iter();
        let exits = told.filter_map(|told| tick_of(id, told));
        let exits = std::iter::once(exit).chain(exits.map(|tick| sides(tick).1));
        Self {
            signal,
            fill,
            exits: exits.collect(),
        }
    }

    pub(crate) fn end(&self, kind: OutcomeKind, at: Time) -> Ended {
        let sign = self.signal.direction.sign();
        let gain =
            |price: Price| (price - self.fill).times(sign).to_f64() / self.signal.risk().to_f64();
        let last = self.signal.targets.last().unwrap().price;
        let gains: Vec<f64> = self.exits.iter().map(|exit| gain(*exit)).collect();
        // Nothing lies beyond the last target: the position has left there.
        let best = gains.iter().fold(0.0, |best, one| f64::max(best, *one));
        let best = best.min(gain(last).max(0.0));
        let worst = gains.iter().fold(0.0, |worst, one| f64::min(worst, *one));
        // What jumps from target to stop ends at the stop; a stop that has moved can lie beyond the first target.
        let first = self.signal.targets[0].price;
        let reached = self.exits[1..]
            .iter()
            .any(|exit| (*exit - first).times(sign) >= Price::ZERO);
        match kind {
            OutcomeKind::Target(_) => assert!(reached),
            OutcomeKind::Stop => {
                let stop = self.exits[self.exits.len() - 1];
                assert!(reached || (stop - self.signal.stop).times(sign) <= Price::ZERO);
            }
            OutcomeKind::StopMoved => panic!("a moved stop ends nothing"),
            OutcomeKind::Timeout | OutcomeKind::Closed => {}
        }
        Ended {
            hit: reached,
            fill: self.fill,
            spread: (self.fill - self.exits[0]).times(sign),
            best: Measure::new(best),
            worst: Measure::new(worst),
            cost: Some(Measure::default()),
            held: at - self.signal.decided_at.unwrap(),
            ambiguous: false,
            bars: None,
            coarse: false,
        }
    }
}
