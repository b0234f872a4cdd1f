//! What the engine is told. Three crates speak of it: the engine hears it, the journal's tape keeps it, a replay tells it
//! again.

use crate::{QuoteBar, SourceId, Tick};
use serde::{Deserialize, Serialize};

/// One thing the engine is told, at a stamp that comes with it. Nothing else can change the engine's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    Tick(Tick),
    Bar(QuoteBar),
    /// Something of this source was missed: bars around it have a hole.
    Gap(SourceId),
    /// A process began; what it missed, if anything, follows as [`Event::Gap`].
    Start,
    /// A process ended in good order.
    Stop,
    /// Time has passed.
    Wake,
}
