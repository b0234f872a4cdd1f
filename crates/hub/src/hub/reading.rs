//! What is due to a client, and how far it has come: its cursors go through the shared logs.

use super::Hub;
use crate::classes::ClassId;
use crate::client::{Behind, ClientId, Pending, Sent, SentBytes};
use crate::latest::{Latest, Reader};
use crate::log::Log;
use bytes::Bytes;

impl Hub {
    #[must_use]
    pub fn is_due(&self, id: ClientId) -> bool {
        let Some(client) = self.clients.get(id) else {
            return false;
        };
        client.has_own()
            || client
                .events
                .is_some_and(|(class, next)| next < self.event_log(class).next())
            || client
                .prices
                .is_some_and(|(class, cursor)| self.price_log(class).is_due(cursor))
            || client
                .status_place()
                .is_some_and(|(class, cursor)| self.status_log(class).is_due(cursor))
            || client
                .features
                .as_ref()
                .is_some_and(|place| self.feature_log(place.0).is_due(place.1))
            || client.bars.as_ref().is_some_and(|place| {
                let class = self.bar_classes.get(place.class);
                place.next < class.closed().next() || class.forming().is_due(place.forming)
            })
    }

    /// What is due to a client now; nothing when no slice is there.
    ///
    /// # Errors
    /// When the client is too far behind to be served without a gap.
    pub fn pending(&mut self, id: ClientId) -> Result<Pending<'_>, Behind> {
        self.settle(id)?;
        let mut due = Pending::new();
        let Some(client) = self.clients.get(id) else {
            return Ok(due);
        };
        client.add_own(&mut due);
        if !client.ends_its_past() {
            return Ok(due);
        }
        let prices = client
            .prices
            .map(|(class, cursor)| (self.price_log(class), cursor));
        let statuses = client
            .status_place()
            .map(|(class, cursor)| (self.status_log(class), cursor));
        let features = client.features.as_deref();
        let features = features.map(|(class, cursor)| (self.feature_log(*class), *cursor));
        for (log, cursor) in [prices, statuses, features].into_iter().flatten() {
            log.add_snapshot(cursor, &mut due);
        }
        if let Some((class, next)) = client.events {
            due.add(self.event_log(class).since(next));
        }
        let bars = client.bars.as_ref();
        let bars = bars.map(|place| (self.bar_classes.get(place.class), place));
        if let Some((class, place)) = bars {
            due.add(class.closed().since(place.next));
        }
        for (log, cursor) in [prices, statuses, features].into_iter().flatten() {
            log.add_news(cursor, &mut due);
        }
        if let Some((class, place)) = bars {
            class.forming().add_news(place.forming, &mut due);
        }
        Ok(due)
    }

    /// Brings a client's places to where something is due.
    fn settle(&mut self, id: ClientId) -> Result<(), Behind> {
        let client = self.clients.of(id);
        let is_behind = client
            .events
            .is_some_and(|(class, next)| next < self.event_classes.get(class).log().first());
        let bars = client.bars.as_ref();
        let is_behind_bars = bars.is_some_and(|place| {
            place.is_behind || place.next < self.bar_classes.get(place.class).closed().first()
        });
        if is_behind || is_behind_bars || client.is_behind {
            return Err(Behind);
        }
        client.prepare(&self.events, &self.bars, self.now)?;
        if let Some((class, cursor)) = &mut client.prices {
            let folded = self.price_classes.get(*class).latest().settle(cursor);
            client.folded += folded;
            self.folded += folded;
        }
        if let Some((class, cursor)) = client.statuses.as_deref_mut() {
            self.status_classes.get(*class).latest().settle(cursor);
        }
        if let Some((class, cursor)) = client.features.as_deref_mut() {
            self.feature_classes.get(*class).latest().settle(cursor);
        }
        if let Some(place) = &mut client.bars {
            let class = self.bar_classes.get(place.class);
            class.forming().settle(&mut place.forming);
        }
        Ok(())
    }

    /// Says that so many bytes of what [`Hub::pending`] gave were written, since when nothing else was done to the hub.
    pub fn advance(&mut self, id: ClientId, written: usize) -> Sent {
        let client = self.clients.of(id);
        let mut sent = Sent::default();
        let mut left = client.take_own(written, &mut sent);
        sent.bytes.own = written - left;
        if left == 0 {
            return sent;
        }
        let mut rest = Bytes::new();
        let prices = client.prices.as_ref();
        let mut prices = prices.map(|(class, cursor)| {
            let log = self.price_classes.get(*class).latest();
            log.reader(*cursor)
        });
        let mut statuses = client.status_place().map(|(class, cursor)| {
            let log = self.status_classes.get(class).latest();
            log.reader(cursor)
        });
        let features = client.features.as_deref();
        let mut features = features.map(|(class, cursor)| {
            let log = self.feature_classes.get(*class).latest();
            log.reader(*cursor)
        });
        let mut take_latest = |take: fn(&mut Reader<'_>, usize, &mut Bytes) -> usize,
                               left: &mut usize,
                               rest: &mut Bytes,
                               sent: &mut SentBytes| {
            let readers = [
                (&mut prices, &mut sent.prices),
                (&mut statuses, &mut sent.statuses),
                (&mut features, &mut sent.features),
            ];
            for (reader, bytes) in readers {
                let taken = reader
                    .as_mut()
                    .map_or(0, |reader| take(reader, *left, rest));
                *left -= taken;
                *bytes += taken;
            }
        };
        take_latest(
            |reader, left, rest| reader.take_snapshot(left, rest),
            &mut left,
            &mut rest,
            &mut sent.bytes,
        );
        if let Some((class, next)) = &mut client.events {
            let log = self.event_classes.get(*class).log();
            let (bytes, messages) = take_logged(log, next, left, &mut rest);
            left -= bytes;
            sent.events += messages;
            sent.bytes.events = bytes;
        }
        if let Some(place) = &mut client.bars {
            let log = self.bar_classes.get(place.class).closed();
            let (bytes, messages) = take_logged(log, &mut place.next, left, &mut rest);
            left -= bytes;
            sent.bars += messages;
            sent.bytes.bars = bytes;
        }
        take_latest(
            |reader, left, rest| reader.take_news(left, rest),
            &mut left,
            &mut rest,
            &mut sent.bytes,
        );
        if let Some(place) = &mut client.bars {
            let forming = self.bar_classes.get(place.class).forming();
            let mut reader = forming.reader(place.forming);
            let taken = reader.take_news(left, &mut rest);
            left -= taken;
            sent.bytes.bars += taken;
            sent.bars += reader.messages;
            place.forming = reader.cursor;
        }
        assert_eq!(left, 0, "no more is written than was due");
        if let Some((reader, (_, cursor))) = prices.zip(client.prices.as_mut()) {
            *cursor = reader.cursor;
            sent.prices += reader.messages;
            client.folded += reader.folded;
            self.folded += reader.folded;
        }
        if let Some((reader, place)) = statuses.zip(client.statuses.as_deref_mut()) {
            place.1 = reader.cursor;
            sent.statuses = reader.messages;
        }
        if let Some((reader, place)) = features.zip(client.features.as_deref_mut()) {
            place.1 = reader.cursor;
            sent.features = reader.messages;
        }
        client.keep_rest(rest);
        sent
    }

    fn event_log(&self, class: ClassId) -> &Log<u64> {
        self.event_classes.get(class).log()
    }
    fn price_log(&self, class: ClassId) -> &Latest {
        self.price_classes.get(class).latest()
    }
    fn status_log(&self, class: ClassId) -> &Latest {
        self.status_classes.get(class).latest()
    }

    fn feature_log(&self, class: ClassId) -> &Latest {
        self.feature_classes.get(class).latest()
    }
}

/// Moves over what was due of a log and written: of `left` bytes, returns how many, and of how many messages at least the
/// first byte was. What is left of a message that was cut becomes `rest`.
fn take_logged(log: &Log<u64>, next: &mut u64, left: usize, rest: &mut Bytes) -> (usize, u64) {
    let bytes = left.min(log.since(*next).len());
    if bytes == 0 {
        return (0, 0);
    }
    let reached = log.reach(*next, bytes);
    let messages = reached.next - *next;
    *rest = Bytes::copy_from_slice(reached.rest);
    *next = reached.next;
    (bytes, messages)
}
