//! What is traded, where its prices come from, and when its market is open.

use crate::{Contract, Price};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// An instrument's public name, such as `EURUSD`: 1 to 12 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol {
    bytes: [u8; 12],
}

/// A text that cannot be a symbol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a symbol: 1 to 12 letters, digits, `.`, `_` or `-`")]
pub struct SymbolError(String);

impl Symbol {
    /// # Errors
    /// When the text is empty, longer than 12 bytes, or has other characters than letters, digits, `.`, `_` and `-`.
    pub fn new(name: &str) -> Result<Self, SymbolError> {
        let fits = (1..=12).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !fits {
            return Err(SymbolError(name.to_owned()));
        }
        let mut bytes = [0; 12];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Ok(Self { bytes })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self
            .bytes
            .iter()
            .position(|&b| b == 0)
            .unwrap_or(self.bytes.len());
        std::str::from_utf8(&self.bytes[..end]).unwrap_or_default()
    }
}

impl TryFrom<String> for Symbol {
    type Error = SymbolError;
    fn try_from(name: String) -> Result<Self, SymbolError> {
        Self::new(&name)
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.as_str().to_owned()
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The place of an instrument in its [`Catalog`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstrumentId(pub u16);

impl InstrumentId {
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The place of a source in its [`Catalog`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceId(pub u8);

impl SourceId {
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Which of the three prices that hide behind one index name this is. Kinds are never mixed in one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceKind {
    Cash,
    Cfd,
    Future,
}

impl PriceKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Cfd => "cfd",
            Self::Future => "future",
        }
    }
}

impl fmt::Display for PriceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// When an instrument's market is open, in New York time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Calendar {
    /// Sunday 17:00 to Friday 17:00 without a break.
    Fx,
    /// Sunday 18:00 to Friday 17:00 with a daily break 17:00 to 18:00.
    Metal,
    /// As `Metal`; core killzones are those of the indices.
    Index,
    /// As `Index`; the trading day rolls at 18:00.
    Future,
}

/// One tradable thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instrument {
    pub symbol: Symbol,
    /// Decimals its prices are shown with.
    pub digits: u8,
    /// The smallest price step; emitted levels are multiples of it.
    pub tick_size: Price,
    /// One pip (FX, metals) or point (indices, futures).
    pub pip_size: Price,
    pub kind: PriceKind,
    pub calendar: Calendar,
    /// Ask minus bid where the source has no quotes.
    pub spread_default: Price,
    pub source: SourceId,
    /// Whether setups run on it.
    pub signals: bool,
    /// Whether its prices are sent to dashboards.
    pub prices: bool,
    /// What one lot of it is, where that is known: sizes are told only then.
    #[serde(default)]
    pub contract: Option<Contract>,
    /// How much worse than its price each opening and closing of it is thought to be, in pips, where that is another slippage
    /// than the account's.
    #[serde(default)]
    pub slippage_pips: Option<f64>,
}

/// Where prices come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `sim`, `tape:<name>`, or a vendor's name.
    pub name: String,
    /// Whether it shows life between ticks. If so, silence means the source is stale; if not, only a symbol can be.
    pub heartbeats: bool,
    /// Made up, by a model of a market. Everything that shows its data says so.
    pub simulated: bool,
    /// Trades at all hours and days, whatever the instrument's calendar says.
    pub always_open: bool,
}

impl Source {
    /// Each as what names it can keep, also when it is gone from its place.
    #[must_use]
    pub fn shared(sources: &[Self]) -> Vec<Arc<Self>> {
        sources.iter().cloned().map(Arc::new).collect()
    }
}

/// Everything that is traded and every source, by their places. Instruments are fixed while a process runs; sources may come,
/// go and change places with other settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    pub sources: Vec<Source>,
    pub instruments: Vec<Instrument>,
}

impl Catalog {
    #[must_use]
    pub fn find(&self, symbol: &str) -> Option<InstrumentId> {
        let place = self
            .instruments
            .iter()
            .position(|instrument| instrument.symbol.as_str() == symbol)?;
        u16::try_from(place).ok().map(InstrumentId)
    }

    /// # Panics
    /// When `id` is not a place of this catalog: ids are only made by [`Catalog::find`] and by counting its instruments.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> &Instrument {
        &self.instruments[id.index()]
    }

    /// The source of an instrument.
    #[must_use]
    pub fn source_of(&self, id: InstrumentId) -> &Source {
        &self.sources[self.instrument(id).source.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_a_short_plain_name() {
        for name in ["EURUSD", "US30", "a", "NQ.v.0", "TWELVE_BYTES"] {
            assert_eq!(Symbol::new(name).unwrap().as_str(), name);
        }
        for name in ["", "THIRTEEN_BYTE", "EUR/USD", "EUR USD", "ÄUR"] {
            assert!(Symbol::new(name).is_err(), "{name}");
        }
        assert_eq!(format!("{:>8}|", Symbol::new("US30").unwrap()), "    US30|");
    }
}
