//! The nouns of ORION: time, price, instrument, tick, bar, event, signal, alert, outcome, price update, position.
//!
//! Everything here is plain data. It knows no JSON, no disk, no socket and no rule of trading. The serde derives serve
//! exact binary copies (the engine's snapshot); what clients and the journal see is written by `wire` and `journal`.

mod alert;
mod bar;
mod calibration;
mod contract;
mod event;
mod evidence;
mod feed;
mod instrument;
mod killzone;
mod newyork;
mod outcome;
mod position;
mod price;
mod reading;
mod signal;
mod tick;
mod time;
mod update;

pub use alert::{Accepted, Alert, Answer, Declined, PreviousClose};
pub use bar::{Bar, BarUpdate, Ohlc, QuoteBar, Timeframe};
pub use calibration::{Basis, Calibration};
pub use contract::{Contract, Currency, CurrencyError, Lots, Size};
pub use event::Event;
pub use evidence::{Backing, Condition, Evidence, Measure, Relation};
pub use feed::{FeedState, SymbolStatus};
pub use instrument::{
    Calendar, Catalog, Instrument, InstrumentId, PriceKind, Source, SourceId, Symbol, SymbolError,
};
pub use killzone::Killzone;
pub use newyork::{NewYork, Weekday};
pub use outcome::{Ended, Outcome, OutcomeKind, Shadow};
pub use position::{Epoch, EpochError, Position};
pub use price::{ParsePriceError, Price};
pub use reading::{FeatureUpdate, Readings};
pub use signal::{Cause, Direction, Probability, Ratio, Signal, Status, Target};
pub use tick::{Tick, Volume};
pub use time::{ParseTimeError, SourceTime, Span, Time};
pub use update::PriceUpdate;
pub use uuid::Uuid;
