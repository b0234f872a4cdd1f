//! How many are let in. Who comes when there is no room is parked for a while, or turned away: a page that is refused comes
//! back at once and twice, so it is better kept waiting with a connection that costs next to nothing.

use crate::config::Config;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::sync::Semaphore;

/// A place among those that there are, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Semaphore>);

impl Ticket {
    fn take(places: &Arc<Semaphore>) -> Option<Self> {
        places.try_acquire().ok()?.forget();
        Some(Self(Arc::clone(places)))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

/// What becomes of who comes.
#[derive(Debug)]
pub(crate) enum Admission {
    Client(Ticket),
    Parked(Ticket),
}

#[derive(Debug)]
pub(crate) struct Room {
    clients: Arc<Semaphore>,
    most: usize,
    parked: Arc<Semaphore>,
    /// That it is full was said, and not yet that it is not any more.
    is_said: AtomicBool,
}

/// What must be free again, as a part of the whole, before a full house is said to have room: at its limit one leaves and one
/// comes all the time.
const FREE_PART: usize = 16;

impl Room {
    pub(crate) fn new(config: &Config) -> Self {
        let most = config.connections.min(Semaphore::MAX_PERMITS);
        Self {
            clients: Arc::new(Semaphore::new(most)),
            most,
            parked: Arc::new(Semaphore::new(config.parked.min(Semaphore::MAX_PERMITS))),
            is_said: AtomicBool::new(false),
        }
    }

    /// None where there is no room even to park somebody.
    pub(crate) fn admit(&self) -> Option<Admission> {
        let ticket = Ticket::take(&self.clients);
        self.say(ticket.is_some());
        ticket
            .map(Admission::Client)
            .or_else(|| Ticket::take(&self.parked).map(Admission::Parked))
    }

    fn say(&self, has_room: bool) {
        let most = self.most;
        if !has_room {
            if !self.is_said.swap(true, Relaxed) {
                tracing::warn!(
                    most,
                    "there are as many clients as gateway.connections_max allows: who comes now is parked and told to come later"
                );
            }
        } else if self.is_said.load(Relaxed)
            && self.clients.available_permits() >= most / FREE_PART
            && self.is_said.swap(false, Relaxed)
        {
            tracing::info!(most, "there is room for clients again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Clock;
    use market::Time;

    fn room(connections: usize, parked: usize) -> Room {
        let mut config = Config::new(Clock::new(|| Time::from_secs(1)));
        (config.connections, config.parked) = (connections, parked);
        Room::new(&config)
    }

    fn is_client(admission: Option<&Admission>) -> bool {
        matches!(admission, Some(Admission::Client(_)))
    }

    fn is_parked(admission: Option<&Admission>) -> bool {
        matches!(admission, Some(Admission::Parked(_)))
    }

    #[test]
    fn clients_then_parked_then_nobody_and_again_when_some_have_left() {
        let room = room(2, 1);
        let (first, second) = (room.admit(), room.admit());
        assert!(is_client(first.as_ref()) && is_client(second.as_ref()));
        let third = room.admit();
        assert!(is_parked(third.as_ref()));
        assert!(room.admit().is_none());
        drop(first);
        let fourth = room.admit();
        assert!(is_client(fourth.as_ref()));
        drop(third);
        assert!(is_parked(room.admit().as_ref()));
    }

    #[test]
    fn a_full_house_is_said_once_until_there_is_enough_room() {
        let room = room(64, 64);
        let mut clients: Vec<_> = (0..64).map(|_| room.admit()).collect();
        assert!(!room.is_said.load(Relaxed));
        drop(room.admit());
        assert!(room.is_said.load(Relaxed));
        clients.pop();
        clients.push(room.admit());
        assert!(room.is_said.load(Relaxed), "one place is soon taken");
        clients.truncate(50);
        clients.push(room.admit());
        assert!(!room.is_said.load(Relaxed));
    }

    #[test]
    fn no_limit_is_no_fault() {
        assert!(is_client(room(usize::MAX, usize::MAX).admit().as_ref()));
    }
}
