//! What goes into the hub, and what of it the hub will not publish.

use market::{
    BarUpdate, Catalog, FeatureUpdate, Outcome, Position, PriceUpdate, Signal, Source, SourceTime,
    Status, Symbol, SymbolStatus, Time, Timeframe, Uuid,
};
use std::sync::Arc;
use wire::BadPayload;

/// What is published together. Signals and outcomes are one stream, told apart here and joined again by position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// The sources from here on, where they have changed: prices name them by their places.
    pub sources: Option<Arc<[Source]>>,
    pub prices: Vec<PriceUpdate>,
    pub signals: Vec<(Position, Signal)>,
    pub outcomes: Vec<(Position, Outcome)>,
    /// How symbols stand. One that stands as it was last told is not told again.
    pub statuses: Vec<SymbolStatus>,
    /// Closed bars, each once and those of a symbol and timeframe oldest first; and open ones as far as they have come.
    pub bars: Vec<Arc<BarUpdate>>,
    /// How symbols stand in numbers, at the close of a bar. Only the latest of each symbol counts.
    pub features: Vec<FeatureUpdate>,
    /// The stamp of the moment of publishing. What a snapshot holds is judged by the latest one.
    pub now: Time,
}

impl Publication {
    /// Whether nobody hears anything of it: the time alone is published each second.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        let Self {
            sources: _,
            prices,
            signals,
            outcomes,
            statuses,
            bars,
            features,
            now: _,
        } = self;
        prices.is_empty()
            && signals.is_empty()
            && outcomes.is_empty()
            && statuses.is_empty()
            && bars.is_empty()
            && features.is_empty()
    }
}

/// What there is when a hub begins.
#[derive(Clone, Debug, Default)]
pub struct Beginning {
    /// The market.
    pub catalog: Arc<Catalog>,
    /// The names of features, in the order of their values; none where there are no features.
    pub features: Arc<[String]>,
    /// What the journal holds: it fills snapshots and the recovery window.
    pub past: Publication,
    /// Where the stream of events stands, also where nothing has ever happened.
    pub end: Position,
}

/// What was not published; a fault of whoever published it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    BadPayload(#[from] BadPayload),
    #[error(
        "seq {} was not published: it does not follow seq {}, which was", .given.seq, .last.seq
    )]
    OutOfOrder { given: Position, last: Position },
    #[error(
        "signal {id} was not published as {status}: {}", match .told {
            Some(told) => format!("it was told as {told}, and no status goes back"),
            None => "its verdict was told long ago".to_owned(),
        }
    )]
    Backwards {
        id: Uuid,
        status: Status,
        told: Option<Status>,
    },
    #[error(
        "price of {symbol} was not published: the symbol, or its source, is not in the catalog"
    )]
    NotInCatalog { symbol: Symbol },
    #[error("a bar of {symbol} was not published: the symbol is not in the catalog")]
    BarNotInCatalog { symbol: Symbol },
    #[error(
        "{timeframe} bar of {symbol} at {given} was not published: the one at {last} has closed, and no bar is told after that"
    )]
    OldBar {
        symbol: Symbol,
        timeframe: Timeframe,
        given: SourceTime,
        last: SourceTime,
    },
    #[error(
        "price of {symbol} at {given} was not published: one at {last} was, and no timestamp goes back"
    )]
    OldPrice {
        symbol: Symbol,
        given: SourceTime,
        last: SourceTime,
    },
}
