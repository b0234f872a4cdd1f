//! What the engine is told. Three crates speak of it: the engine hears it, the journal's tape keeps it, a replay tells it
//! again.

use crate::{Alert, InstrumentId, Opinion, PreviousClose, QuoteBar, SourceId, Tick};
use serde::{Deserialize, Serialize};

/// One thing the engine is told, at a stamp that comes with it. Nothing else can change the engine's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    Tick(Tick),
    Bar(QuoteBar),
    /// A closed bar of the past, fetched to fill a hole. Charts and levels take it; nothing is triggered or judged by it.
    Past(QuoteBar),
    PreviousClose(PreviousClose),
    /// Something of this source was missed: bars around it have a hole.
    Gap(SourceId),
    /// A source showed life without a price.
    Life(SourceId),
    /// An instrument's prices come from this source from now on: its series has a joint here.
    Switch(InstrumentId, SourceId),
    Alert(Box<Alert>),
    /// A process began; what it missed, if anything, follows as [`Event::Gap`].
    Start,
    /// A process ended in good order.
    Stop,
    /// Time has passed.
    Wake,
    /// A model said something to a question, or that it has nothing to say.
    Opinion(Opinion),
}
