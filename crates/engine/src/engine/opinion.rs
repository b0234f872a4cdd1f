//! What models say: each answer finds the desk that asked.

use super::{Engine, Output};
use crate::desk::Proposal;
use market::{Opinion, Time};

impl Engine {
    /// Hears what a model said. What nobody asked, or asked too long ago, changes nothing.
    pub(super) fn opinion(&mut self, at: Time, opinion: &Opinion, out: &mut Vec<Output>) {
        for id in super::ids(&self.settings) {
            let (desk, mut context) = self.desk(at, id, out);
            if let Some(proposal) = desk.hear_opinion(opinion, &mut context) {
                self.propose(at, proposal, out);
            }
            self.find_wake_of(id);
        }
        self.find_wake();
    }

    /// A model's proposal meets the market as anybody's alert does; nobody waits for the answer.
    fn propose(&mut self, at: Time, proposal: Proposal, out: &mut Vec<Output>) {
        let Proposal { alert, rated } = proposal;
        let is_known = self.state.shared.ledger.find(alert.id).is_some();
        if is_known {
            return;
        }
        let posted = self.post(at, &alert, Some(rated), out);
        let counts = &mut self.state.shared.counts;
        match posted {
            Ok(_) => counts.posted += 1,
            Err(_) => counts.declined += 1,
        }
    }

    /// Nobody answers what was asked before a process began.
    pub(super) fn forget_questions(&mut self) {
        for id in super::ids(&self.settings) {
            self.state.desks[id.index()].forget_questions();
        }
    }
}
