//! What confidence is made of, for whoever watches the engine's state.

use super::Engine;

impl Engine {
    /// How many outcomes are kept that confidence is calibrated by, of all setups and senders.
    #[must_use]
    pub fn outcomes_kept(&self) -> usize {
        self.state.shared.calibrators.outcomes_kept()
    }
}
