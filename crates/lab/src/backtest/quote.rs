//! The two prices that an event tells.

use market::{Direction, Event, InstrumentId, Price, SourceTime, Timeframe};

/// What an instrument could be sold and bought at.
pub(super) struct Quote {
    pub instrument: InstrumentId,
    /// By the source's time; of a bar its nominal end: days that a clock change makes longer or shorter matter to nobody here.
    pub time: SourceTime,
    /// How long the bar is whose close it is; `None` of a tick.
    pub bar: Option<Timeframe>,
    pub bid: Price,
    pub ask: Price,
}

impl Quote {
    pub(super) fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Tick(tick) => Some(Self {
                instrument: tick.instrument,
                time: tick.time,
                bar: None,
                bid: tick.bid,
                ask: tick.ask,
            }),
            Event::Bar(bar) => Some(Self {
                instrument: bar.instrument,
                time: bar.open_time + bar.timeframe.span(),
                bar: Some(bar.timeframe),
                bid: bar.bid.close,
                ask: bar.ask.close,
            }),
            Event::Past(_)
            | Event::PreviousClose(_)
            | Event::Gap(_)
            | Event::Life(_)
            | Event::Switch(..)
            | Event::Alert(_)
            | Event::Opinion(_)
            | Event::Start
            | Event::Stop
            | Event::Wake => None,
        }
    }

    pub(super) fn exit(&self, direction: Direction) -> Price {
        match direction {
            Direction::Long => self.bid,
            Direction::Short => self.ask,
        }
    }
}
