//! What is known from all that a server said: prices, signals, what became of them, and the place in the stream. Each event
//! is taken once; where one is missing, that is said.

use super::lives::Life;
use super::told::{
    Heartbeat, Level, OutcomeExt, OutcomePayload, OutcomeTold, PriceExt, PricePayload, PriceTold,
    Refusal, SignalExt, SignalPayload, SignalTold, StatusTold, Subscribed, Told,
};
use market::{Span, Time};
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Signals that are over and still shown, at most.
const OVER_MAX: usize = 50;

/// A place in the stream of signals and outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) epoch: String,
    pub(super) seq: u64,
}

/// What a message brought that is worth a line.
#[derive(Clone, Debug)]
pub(super) enum News {
    Signal(SignalPayload, SignalExt),
    Outcome {
        symbol: Option<String>,
        payload: OutcomePayload,
        ext: OutcomeExt,
    },
    /// Events are missing: why, and what follows.
    Gap(String),
    /// All that was missing has come, or is on its way.
    Resumed(String),
    Remark(String),
}

/// What whoever holds the connection has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Do {
    Nothing,
    /// The message was heard before: nobody needs it again.
    Forget,
    /// Ask for everything behind the place.
    Resume,
    /// Show the key again.
    Renew,
    /// Nothing will come as things stand: the reason.
    GiveUp(String),
}

/// A symbol's latest price.
#[derive(Clone, Debug)]
pub(super) struct Price {
    pub(super) payload: PricePayload,
    pub(super) ext: PriceExt,
}

/// A signal, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) payload: SignalPayload,
    pub(super) ext: SignalExt,
    /// Where the stop lies now.
    pub(super) stop: Level,
    /// Targets that traded.
    pub(super) hit: usize,
    /// How it ended, once it has.
    pub(super) end: Option<String>,
    /// The order in which rows changed.
    pub(super) changed: u64,
    /// The place of the event that moved the stop last.
    moved: u64,
    /// What happened before we came is known, or asked for.
    is_whole: bool,
    /// Known from a connection before, and not yet told on this one.
    is_old: bool,
}

impl Row {
    pub(super) fn is_over(&self) -> bool {
        self.end.is_some() || self.payload.status == "invalidated"
    }

    pub(super) fn is_pending(&self) -> bool {
        self.payload.status == "pending"
    }

    /// The target that is next.
    pub(super) fn next(&self) -> Option<(usize, &Level)> {
        let next = self.payload.take_profits.get(self.hit)?;
        Some((self.hit + 1, next))
    }

    pub(super) fn risk(&self) -> f64 {
        (self.payload.entry_price.value - self.payload.stop_loss.value).abs()
    }

    /// How far a price is on the way, in its direction.
    pub(super) fn way(&self, from: f64, to: f64) -> f64 {
        if self.payload.direction == "long" {
            to - from
        } else {
            from - to
        }
    }
}

/// How the connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Live,
    Lost { why: String, again_at: Instant },
}

#[derive(Debug)]
pub(super) struct Board {
    pub(super) url: String,
    pub(super) link: Link,
    pub(super) simulated: bool,
    pub(super) prices: BTreeMap<String, Price>,
    pub(super) feeds: BTreeMap<String, String>,
    pub(super) signals: BTreeMap<String, Row>,
    pub(super) place: Option<Place>,
    /// The latest gap, which stays in sight.
    pub(super) gap: Option<String>,
    /// The server's time, and when it was heard: the clock of this machine may be wrong.
    heard: Option<(Time, Instant)>,
    /// Where the stream stood at the subscribe, and what is still to come before that is our place.
    ahead: Option<(Place, u64)>,
    /// What is missing was asked for: what comes before the answer counts for nothing.
    asked: bool,
    changes: u64,
}

impl Board {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            link: Link::Live,
            simulated: false,
            prices: BTreeMap::new(),
            feeds: BTreeMap::new(),
            signals: BTreeMap::new(),
            place: None,
            gap: None,
            heard: None,
            ahead: None,
            asked: false,
            changes: 0,
        }
    }

    /// The connection is gone, or another one begins.
    pub(super) fn begin(&mut self) {
        self.ahead = None;
        self.asked = false;
    }

    /// What the server's clock shows now.
    pub(super) fn time(&self, now: Instant) -> Option<Time> {
        let (time, at) = self.heard?;
        let nanos = now.saturating_duration_since(at).as_nanos();
        Some(time + Span::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX)))
    }

    /// Takes a message that came now, and gives what it brought.
    pub(super) fn take(
        &mut self,
        text: &str,
        now: Instant,
        news: &mut Vec<News>,
    ) -> Result<Do, serde_json::Error> {
        Ok(match Told::read(text)? {
            Told::Signal(signal) => self.signal(*signal, now, news),
            Told::Outcome(outcome) => self.outcome(outcome, now, news),
            Told::Price(price) => self.price(price, now),
            Told::Status(status) => self.status(status),
            Told::Subscribed(answer) => self.subscribed(answer, news),
            Told::Heartbeat(beat) => self.heartbeat(&beat, now, news),
            Told::Error(refusal) => refused(refusal, news),
            Told::Expiring => Do::Renew,
            Told::Other => Do::Nothing,
        })
    }

    fn hear(&mut self, time: Option<Time>, now: Instant) {
        if let Some(time) = time {
            self.heard = Some((time, now));
        }
    }

    fn price(&mut self, told: PriceTold, now: Instant) -> Do {
        self.hear(told.ts, now);
        let PriceTold { payload, ext, .. } = told;
        self.prices
            .insert(payload.symbol.clone(), Price { payload, ext });
        Do::Nothing
    }

    fn status(&mut self, told: StatusTold) -> Do {
        self.feeds.insert(told.payload.symbol, told.payload.feed);
        Do::Nothing
    }

    fn subscribed(&mut self, answer: Subscribed, news: &mut Vec<News>) -> Do {
        self.simulated = answer.simulated;
        self.asked = false;
        let place = Place {
            epoch: answer.epoch,
            seq: answer.seq,
        };
        let left = match (answer.recovered, &self.place) {
            (Some(true), _) => {
                let count = answer.replayed;
                news.push(News::Resumed(format!(
                    "resumed: nothing is missing, {count} event(s) came meanwhile"
                )));
                count
            }
            (Some(false), Some(was)) => {
                let gap = lost(was, &place);
                self.say_gap(gap, news);
                self.signals.values_mut().for_each(|row| row.is_old = true);
                answer.shown
            }
            (Some(false), None) | (None, _) => answer.shown,
        };
        self.ahead = Some((place, left));
        self.arrive();
        Do::Nothing
    }

    /// Our place is where the stream stood at the subscribe, once all before it has come.
    fn arrive(&mut self) {
        if let Some((place, 0)) = &self.ahead {
            let has_passed = |at: &Place| at.epoch == place.epoch && at.seq >= place.seq;
            if !self.place.as_ref().is_some_and(has_passed) {
                self.place = Some(place.clone());
            }
            self.ahead = None;
            // Of what was known before, the snapshot told what still counts.
            self.signals.retain(|_, row| !row.is_old);
        }
    }

    fn one_less(&mut self) {
        if let Some((_, left)) = &mut self.ahead {
            *left = left.saturating_sub(1);
        }
        self.arrive();
    }

    fn heartbeat(&mut self, beat: &Heartbeat, now: Instant, news: &mut Vec<News>) -> Do {
        self.hear(beat.ts, now);
        let is_settled = self.ahead.is_none() && !self.asked;
        let Some(place) = self.place.clone().filter(|_| is_settled) else {
            return Do::Nothing;
        };
        if place.epoch == beat.epoch && place.seq >= beat.seq {
            return Do::Nothing;
        }
        let gap = format!(
            "GAP: the server is at {}.{}, and nothing after {}.{} came; asking for it",
            beat.epoch, beat.seq, place.epoch, place.seq
        );
        self.say_gap(gap, news);
        self.asked = true;
        Do::Resume
    }

    fn say_gap(&mut self, gap: String, news: &mut Vec<News>) {
        self.gap = Some(gap.clone());
        news.push(News::Gap(gap));
    }

    /// Whether an event is the next one: heard before, after a hole, or as it should be.
    fn follow(
        &mut self,
        epoch: &str,
        seq: u64,
        prev: Option<u64>,
        news: &mut Vec<News>,
    ) -> Result<(), Do> {
        if self.asked {
            return Err(Do::Forget);
        }
        let known = self.place.clone().filter(|place| place.epoch == epoch);
        if known.as_ref().is_some_and(|place| seq <= place.seq) {
            self.one_less();
            return Err(Do::Forget);
        }
        if let (Some(place), Some(prev)) = (&known, prev)
            && prev > place.seq
        {
            let gap = format!(
                "GAP: between {epoch}.{} and {epoch}.{seq} something is missing; asking for it",
                place.seq
            );
            self.say_gap(gap, news);
            self.asked = true;
            return Err(Do::Resume);
        }
        Ok(())
    }

    /// An event was taken.
    fn advance(&mut self, epoch: String, seq: u64) {
        self.place = Some(Place { epoch, seq });
        self.one_less();
    }

    fn signal(&mut self, told: SignalTold, now: Instant, news: &mut Vec<News>) -> Do {
        self.hear(told.ts, now);
        if !told.snapshot
            && let Err(otherwise) = self.follow(&told.epoch, told.seq, told.prev, news)
        {
            return otherwise;
        }
        let is_told = self
            .signals
            .get(&told.payload.id)
            .is_some_and(|row| row.payload.status == told.payload.status);
        self.keep(&told);
        if told.snapshot {
            self.one_less();
        } else {
            self.advance(told.epoch, told.seq);
        }
        if is_told {
            return Do::Forget;
        }
        news.push(News::Signal(told.payload, told.ext));
        Do::Nothing
    }

    fn keep(&mut self, told: &SignalTold) {
        self.changes += 1;
        let (payload, ext) = (told.payload.clone(), told.ext.clone());
        let row = match self.signals.remove(&payload.id) {
            Some(row) => Row {
                payload,
                ext,
                changed: self.changes,
                // Between a snapshot and what was known before it something may be missing.
                is_whole: row.is_whole && !(told.snapshot && row.is_old),
                is_old: false,
                ..row
            },
            None => Row {
                stop: payload.stop_loss.clone(),
                hit: 0,
                end: None,
                changed: self.changes,
                moved: 0,
                is_whole: !told.snapshot,
                is_old: false,
                payload,
                ext,
            },
        };
        self.signals.insert(row.payload.id.clone(), row);
        self.forget();
    }

    /// Signals that run and of which only the snapshot told; each is given once.
    pub(super) fn take_unsure(&mut self) -> Vec<String> {
        if self.ahead.is_some() || self.place.is_none() {
            return Vec::new();
        }
        let unsure = self.signals.iter_mut().filter(|(_, row)| !row.is_whole);
        let mut running = Vec::new();
        for (id, row) in unsure {
            row.is_whole = true;
            if row.payload.status == "confirmed" && !row.is_over() {
                running.push(id.clone());
            }
        }
        running
    }

    /// What happened to a signal before we came.
    pub(super) fn learn(&mut self, life: Life) {
        let Some(row) = self.signals.get_mut(&life.id) else {
            return;
        };
        for (seq, payload, ext) in life.outcomes {
            become_of(row, seq, &payload, &ext);
        }
        self.forget();
    }

    /// Lets go of the oldest that are over.
    fn forget(&mut self) {
        let over = self.signals.iter().filter(|(_, row)| row.is_over());
        let mut over: Vec<_> = over.map(|(id, row)| (row.changed, id.clone())).collect();
        over.sort_unstable();
        let many = over.len().saturating_sub(OVER_MAX);
        for (_, id) in over.drain(..many) {
            self.signals.remove(&id);
        }
    }

    fn outcome(&mut self, told: OutcomeTold, now: Instant, news: &mut Vec<News>) -> Do {
        self.hear(told.ts, now);
        if let Err(otherwise) = self.follow(&told.epoch, told.seq, told.prev, news) {
            return otherwise;
        }
        self.changes += 1;
        let changed = self.changes;
        let row = self.signals.get_mut(&told.payload.id);
        let symbol = row.map(|row| {
            row.changed = changed;
            become_of(row, told.seq, &told.payload, &told.ext);
            row.payload.symbol.clone()
        });
        self.advance(told.epoch, told.seq);
        self.forget();
        news.push(News::Outcome {
            symbol,
            payload: told.payload,
            ext: told.ext,
        });
        Do::Nothing
    }
}

/// Puts what happened to a signal where it is shown, in whatever order it is heard.
fn become_of(row: &mut Row, seq: u64, payload: &OutcomePayload, ext: &OutcomeExt) {
    let place = payload.event.strip_prefix("tp");
    if let Some(place) = place.and_then(|place| place.parse::<usize>().ok()) {
        row.hit = row.hit.max(place);
    }
    if payload.event == "stop_moved" && seq >= row.moved {
        row.moved = seq;
        row.stop = payload.price.clone();
    }
    if ext.last {
        let r = ext.realised_r.as_ref().map_or("?", |r| r.text.as_str());
        row.end = Some(format!("{} {r}R", payload.event));
    }
}

fn lost(was: &Place, is: &Place) -> String {
    let Place { epoch, seq } = was;
    if *epoch == is.epoch {
        let last = is.seq;
        format!(
            "GAP: what came after {epoch}.{seq} up to {epoch}.{last} cannot be had any more; what follows is how things stand now"
        )
    } else {
        let next = &is.epoch;
        format!(
            "GAP: the stream {epoch}, heard up to {seq}, is over and {next} has begun; what follows is how things stand now"
        )
    }
}

fn refused(refusal: Refusal, news: &mut Vec<News>) -> Do {
    let Refusal { code, message } = refusal;
    if ["auth_required", "auth_failed", "bad_version"].contains(&code.as_str()) {
        return Do::GiveUp(format!("{code}: {message}"));
    }
    news.push(News::Remark(format!("the server says {code}: {message}")));
    Do::Nothing
}
