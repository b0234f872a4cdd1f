//! The ways to the shards: every publication goes to all of them, in the same order; every newcomer to one.

use crate::room::Ticket;
use crate::shard::Newcomer;
use futures_util::future::select_all;
use hub::Publication;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Where publications go in. Any number of copies, on any thread.
#[derive(Clone, Debug)]
pub struct Publisher(Arc<Published>);

/// Held while one publication goes into all queues, so that all shards hear the same order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn(Arc<Mutex<()>>);

impl Turn {
    fn take(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every publication that some shard has lies in all queues: a moment, as no more is done in a turn.
    pub(crate) fn wait(&self) {
        drop(self.take());
    }
}

#[derive(Debug)]
struct Published {
    shards: Vec<mpsc::Sender<Told>>,
    turn: Turn,
    probe: fn(&'static str),
    runtime: Handle,
}

/// A publication on its way to the shards.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Since when.
    pub(crate) at: Instant,
    pub(crate) publication: Arc<Publication>,
}

/// The gateway has ended, or one of its threads broke: nothing is published any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gateway has ended, and nothing is published any more")]
pub struct Stopped;

impl Publisher {
    pub(crate) fn new(
        shards: Vec<mpsc::Sender<Told>>,
        turn: Turn,
        probe: fn(&'static str),
        runtime: Handle,
    ) -> Self {
        Self(Arc::new(Published {
            shards,
            turn,
            probe,
            runtime,
        }))
    }

    /// Hands a publication to every hub; waits while too many lie before it.
    ///
    /// # Errors
    /// When the gateway has ended, or one of its shards broke: clients who hear less than others would be worse than none.
    pub async fn publish(&self, publication: Publication) -> Result<(), Stopped> {
        let told = Told {
            at: Instant::now(),
            publication: Arc::new(publication),
        };
        // Everybody asks for room in the same order, so two publishers never wait for each other.
        let mut room = Vec::with_capacity(self.0.shards.len());
        for shard in &self.0.shards {
            room.push(shard.reserve().await.map_err(|_| Stopped)?);
        }
        (self.0.probe)("publish");
        let _turn = self.0.turn.take();
        for place in room {
            place.send(told.clone());
        }
        Ok(())
    }

    /// The same for a thread that is not part of a runtime.
    ///
    /// # Errors
    /// When the gateway has ended, or one of its shards broke.
    ///
    /// # Panics
    /// When called within an asynchronous task.
    pub fn publish_blocking(&self, publication: Publication) -> Result<(), Stopped> {
        self.0.runtime.block_on(self.publish(publication))
    }

    /// Ready once nothing can be published any more: for who has nothing to publish for a long time and wants to know.
    pub async fn stopped(&self) {
        let shards = self.0.shards.iter();
        select_all(shards.map(|shard| Box::pin(shard.closed()))).await;
    }

    /// Ready once all shards have ended.
    pub(crate) async fn ended(&self) {
        for shard in &self.0.shards {
            shard.closed().await;
        }
    }
}

/// Deals newcomers out.
#[derive(Debug)]
pub(crate) struct Dealer {
    shards: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    newcomers: mpsc::Sender<Newcomer>,
    /// Clients of that shard, and those on their way to it.
    seats: Arc<AtomicUsize>,
}

/// One client's part of a shard's load, and its place among all clients, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    of_shard: Arc<AtomicUsize>,
    _ticket: Ticket,
}

impl Seat {
    fn take(of_shard: &Arc<AtomicUsize>, ticket: Ticket) -> Self {
        of_shard.fetch_add(1, Relaxed);
        Self {
            of_shard: Arc::clone(of_shard),
            _ticket: ticket,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.of_shard.fetch_sub(1, Relaxed);
    }
}

impl Dealer {
    pub(crate) fn new(shards: Vec<mpsc::Sender<Newcomer>>) -> Self {
        let lane = |newcomers| Lane {
            newcomers,
            seats: Arc::default(),
        };
        Self {
            shards: shards.into_iter().map(lane).collect(),
        }
    }

    /// A place with the shard that has the fewest clients, once it has room; none when all have ended.
    pub(crate) async fn place(&self) -> Option<Place<'_>> {
        let lane = self.emptiest()?;
        let permit = lane.newcomers.reserve().await.ok()?;
        Some(Place { lane, permit })
    }

    /// The same, if there is room now.
    pub(crate) fn place_now(&self) -> Option<Place<'_>> {
        let lane = self.emptiest()?;
        let permit = lane.newcomers.try_reserve().ok()?;
        Some(Place { lane, permit })
    }

    fn emptiest(&self) -> Option<&Lane> {
        let open = self
            .shards
            .iter()
            .filter(|lane| !lane.newcomers.is_closed());
        open.min_by_key(|lane| lane.seats.load(Relaxed))
    }
}

/// Room with a shard for one newcomer.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    lane: &'a Lane,
    permit: mpsc::Permit<'a, Newcomer>,
}

impl Place<'_> {
    /// Taken from now on.
    pub(crate) fn seat(&self, ticket: Ticket) -> Seat {
        Seat::take(&self.lane.seats, ticket)
    }

    pub(crate) fn send(self, newcomer: Newcomer) {
        self.permit.send(newcomer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Time;

    #[test]
    fn all_shards_are_told_in_one_order_whoever_publishes() {
        const EACH: i64 = 20_000;
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let ways = || mpsc::channel::<Told>(2 * EACH as usize);
        let (shards, mut inboxes): (Vec<_>, Vec<_>) = (0..4).map(|_| ways()).unzip();
        let publisher = Publisher::new(shards, Turn::default(), |_| {}, runtime.handle().clone());
        std::thread::scope(|scope| {
            for first in [0, EACH] {
                let publisher = publisher.clone();
                scope.spawn(move || {
                    for number in first..first + EACH {
                        let now = Time::from_nanos(number);
                        let publication = Publication {
                            now,
                            ..Publication::default()
                        };
                        let told = publisher.publish_blocking(publication);
                        assert_eq!(told, Ok(()));
                    }
                });
            }
        });
        let told = |inbox: &mut mpsc::Receiver<Told>| -> Vec<_> {
            std::iter::from_fn(|| inbox.try_recv().ok())
                .map(|told| told.publication.now)
                .collect()
        };
        let orders: Vec<_> = inboxes.iter_mut().map(told).collect();
        assert_eq!(orders[0].len(), 2 * EACH as usize);
        for other in &orders[1..] {
            assert!(*other == orders[0], "two shards were told different orders");
        }
    }
}
