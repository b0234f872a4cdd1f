//! What the last event brought besides outputs: bars that closed, and what their charts found. No state: the next event
//! begins it anew, and nothing that is decided asks it.

use super::Engine;
use crate::structure::{BarIndex, Block, Chart, Finding, Gap, Pool};
use market::{Bar, Direction, InstrumentId, Timeframe};

/// A bar that closed with the last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    pub instrument: InstrumentId,
    pub timeframe: Timeframe,
    pub bar: Bar,
    /// Its place in its chart; `None` where the instrument has none. A chart that begins anew counts from 0 again.
    pub place: Option<BarIndex>,
}

/// Something that became known with the last event, when a bar closed.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub instrument: InstrumentId,
    pub timeframe: Timeframe,
    /// The bar at whose close, and its place in its chart, which findings speak of.
    pub bar: Bar,
    pub place: BarIndex,
    pub what: Known,
}

/// What became known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Known {
    Finding(Finding),
    /// A day, a week or a session is over: its high or low stands as a pool from now on, in the place of the one before.
    Level(Pool),
    /// A gap that was never filled is too old, and followed no longer: no finding tells it.
    GapExpired(Gap),
    /// There are too many newer blocks for this one to be followed on: no finding tells it.
    BlockExpired(Block),
    /// An equal level is followed no longer, and was neither swept nor run: no finding tells it.
    PoolExpired(Pool),
}

/// Room for what one event brings, used again for the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    closed: Vec<Closed>,
    found: Vec<Found>,
    /// Nobody will ask what was found.
    leaves_out_found: bool,
}

impl Told {
    pub(crate) fn clear(&mut self) {
        self.closed.clear();
        self.found.clear();
    }

    /// Notes a bar that has no chart.
    pub(crate) fn close(&mut self, instrument: InstrumentId, timeframe: Timeframe, bar: &Bar) {
        self.closed.push(Closed {
            instrument,
            timeframe,
            bar: *bar,
            place: None,
        });
    }

    /// Notes a bar that its chart has just read, and what that found.
    pub(crate) fn read(
        &mut self,
        closed: Closed,
        place: BarIndex,
        findings: &[Finding],
        chart: &Chart,
    ) {
        self.closed.push(closed);
        if self.leaves_out_found {
            return;
        }
        let found = |what| Found {
            instrument: closed.instrument,
            timeframe: closed.timeframe,
            bar: closed.bar,
            place,
            what,
        };
        let findings = findings.iter().copied().map(Known::Finding);
        self.found.extend(findings.map(found));
        let (gaps, blocks, pools) = chart.expired();
        let gaps = gaps.iter().copied().map(Known::GapExpired);
        let blocks = blocks.iter().copied().map(Known::BlockExpired);
        let pools = pools.iter().copied().map(Known::PoolExpired);
        self.found
            .extend(gaps.chain(blocks).chain(pools).map(found));
        for side in [Direction::Long, Direction::Short] {
            let levels = chart.levels().pools(side);
            let born = levels.filter(|pool| pool.bar == place).copied();
            self.found.extend(born.map(Known::Level).map(found));
        }
    }
}

impl Engine {
    /// The bars that closed with the last event, in the order in which they did: of one instrument and timeframe the older
    /// first, also where it is a bar of the past that was filled in.
    #[must_use]
    pub fn just_closed(&self) -> &[Closed] {
        &self.told.closed
    }

    /// From here on [`Engine::just_found`] says nothing: for a run of which nobody asks it.
    pub fn leave_out_found(&mut self) {
        self.told.leaves_out_found = true;
    }

    /// What became known with the last event, in the order of the bars that closed with it.
    #[must_use]
    pub fn just_found(&self) -> &[Found] {
        &self.told.found
    }
}
