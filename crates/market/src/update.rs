//! What a dashboard is shown of a price.

use crate::{Price, SourceId, SourceTime, Symbol, Volume};
use serde::{Deserialize, Serialize};

/// The latest price of a symbol, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceUpdate {
    pub symbol: Symbol,
    pub digits: u8,
    /// Mid of bid and ask, rounded to `digits`.
    pub price: Price,
    pub bid: Price,
    pub ask: Price,
    /// The source's time of this price, which repeats do not renew.
    pub time: SourceTime,
    /// Against the last price before the latest trading day's roll, in price units.
    pub change: Price,
    /// The same in percent of that price, with four decimals kept as a fixed-point number.
    pub change_percent: Price,
    pub volume: Option<Volume>,
    /// Whose price it is.
    pub source: SourceId,
    /// Source ticks folded into this update since the last one.
    pub ticks: u32,
}
