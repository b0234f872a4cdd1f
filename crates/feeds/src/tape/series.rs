//! From a row to a tick or bar of an instrument: the wall clock becomes UTC, and a side that the file does not hold is
//! made from the instrument's default spread.

use super::local::Stamp;
use super::row::Row;
use super::zone::{Zone, ZoneClock};
use super::{Item, Recorded, Side};
use market::{
    Instrument, InstrumentId, Ohlc, Price, PriceKind, QuoteBar, SourceTime, Tick, Timeframe, Volume,
};

/// Whose prices a file holds and how they are to be taken.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) instrument: InstrumentId,
    /// Of its bars; nobody asks where there are none.
    timeframe: Timeframe,
    side: Side,
    /// Half the default spread, so that the mid of a price's bid and ask is the price exactly.
    half_spread: Price,
    keeps_volume: bool,
    clock: ZoneClock,
}

impl Series {
    pub(super) fn new(
        id: InstrumentId,
        instrument: &Instrument,
        timeframe: Option<Timeframe>,
        side: Side,
        zone: Zone,
    ) -> Self {
        Self {
            instrument: id,
            timeframe: timeframe.unwrap_or(Timeframe::M1),
            side,
            half_spread: Price::from_units(instrument.spread_default.units().max(0) / 2),
            // What other sources call volume is a count of ticks.
            keeps_volume: instrument.kind == PriceKind::Future,
            clock: ZoneClock::new(zone),
        }
    }

    /// None for a row that says that nothing happened.
    #[inline]
    pub(super) fn item(&mut self, row: Row) -> Option<Item> {
        match row {
            Row::Quote { time, bid, ask } => Some(self.tick(time, bid, ask, None)),
            Row::Price {
                time,
                price,
                volume,
            } => {
                let (bid, ask) = self.sides(price);
                Some(self.tick(time, bid, ask, volume))
            }
            Row::QuoteBar {
                open_time,
                bid,
                ask,
            } => {
                let (bid, ask) = match (bid, ask) {
                    (Some(bid), Some(ask)) => (bid, ask),
                    (Some(bid), None) => (bid, shifted(&bid, self.half_spread.times(2))),
                    (None, Some(ask)) => (shifted(&ask, -self.half_spread.times(2)), ask),
                    (None, None) => return None,
                };
                Some(self.bar(open_time, bid, ask, None))
            }
            Row::PriceBar {
                open_time,
                price,
                volume,
            } => {
                let (bid, ask) = self.shifts();
                let (bid, ask) = (shifted(&price, bid), shifted(&price, ask));
                Some(self.bar(open_time, bid, ask, volume))
            }
            Row::Nothing => None,
        }
    }

    #[inline]
    fn tick(&mut self, time: Stamp, bid: Price, ask: Price, volume: Option<Volume>) -> Item {
        let time = self.utc(time);
        let tick = Tick {
            instrument: self.instrument,
            bid,
            ask,
            volume: volume.filter(|_| self.keeps_volume),
            time,
            received: None,
        };
        Item {
            time,
            event: Recorded::Tick(tick),
        }
    }

    fn bar(&mut self, open_time: Stamp, bid: Ohlc, ask: Ohlc, volume: Option<Volume>) -> Item {
        let open_time = self.utc(open_time);
        let bar = QuoteBar {
            instrument: self.instrument,
            timeframe: self.timeframe,
            open_time,
            bid,
            ask,
            volume: volume.filter(|_| self.keeps_volume),
        };
        Item {
            time: open_time + self.timeframe.span(),
            event: Recorded::Bar(bar),
        }
    }

    #[inline]
    pub(super) fn utc(&mut self, stamp: Stamp) -> SourceTime {
        match stamp {
            Stamp::Local(local) => self.clock.utc(local),
            Stamp::Utc(time) => time,
        }
    }

    fn sides(&self, price: Price) -> (Price, Price) {
        let (bid, ask) = self.shifts();
        (price + bid, price + ask)
    }

    /// From the file's price to the bid and to the ask.
    fn shifts(&self) -> (Price, Price) {
        let half = self.half_spread;
        match self.side {
            Side::Mid => (-half, half),
            Side::Bid => (Price::ZERO, half.times(2)),
            Side::Ask => (-half.times(2), Price::ZERO),
        }
    }
}

fn shifted(ohlc: &Ohlc, by: Price) -> Ohlc {
    Ohlc {
        open: ohlc.open + by,
        high: ohlc.high + by,
        low: ohlc.low + by,
        close: ohlc.close + by,
    }
}
