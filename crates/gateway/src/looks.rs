//! When each client's deadlines are to be looked at next. These times lie close together: to look at every client itself
//! several times a second would cost as much as to send to it, since it has long left the processor's cache.

use crate::moment::Moment;
use hub::ClientId;
use std::cell::RefCell;

/// By the client's place in the hub. A place that nobody has is looked at in vain.
#[derive(Debug, Default)]
pub(crate) struct Looks(RefCell<Vec<Moment>>);

impl Looks {
    /// Looks at this client at `when`, whatever was said before.
    pub(crate) fn set(&self, id: ClientId, when: Moment) {
        let mut looks = self.0.borrow_mut();
        let place = id.index();
        if looks.len() <= place {
            looks.resize(place + 1, when);
        }
        looks[place] = when;
    }

    /// Looks at everybody the next time.
    pub(crate) fn set_all(&self, when: Moment) {
        self.0.borrow_mut().fill(when);
    }

    /// The places that are to be looked at by now.
    pub(crate) fn due(&self, now: Moment) -> Vec<usize> {
        let looks = self.0.borrow();
        let due = looks.iter().enumerate().filter(|(_, when)| **when <= now);
        due.map(|(place, _)| place).collect()
    }
}
