//! An engine that is only played: it answers as the real one does, as far as those who post can tell.

use super::desk::{Desk, Posting};
use crate::bots::Settings;
use crate::clock::Clock;
use crate::sample::catalog;
use access::keys::{self, Kind, New};
use access::{Access, Scope};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use market::{
    Accepted, Alert, Answer, Catalog, Condition, Declined, Evidence, Killzone, Price, Probability,
    Ratio, Signal, Span, Status, Target, Time, Timeframe, Uuid,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

/// 2026-11-23T14:05:00Z, a Monday.
pub(crate) const NOW: Time = Time::from_secs(1_795_442_700);

/// A clock moved by hand.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW.nanos())))
    }
    pub(crate) fn pass(&self, span: Span) {
        self.0.fetch_add(span.nanos(), Ordering::Relaxed);
    }
    pub(crate) fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.0);
        Clock::new(move || Time::from_nanos(hands.load(Ordering::Relaxed)))
    }
}

/// What the played engine has taken, by id, in the order of the ids.
pub(crate) type Book = Arc<Mutex<BTreeMap<Uuid, Vec<Alert>>>>;

/// A desk with the played engine behind it, which answers `decline` where that gives something.
pub(crate) fn desk(
    hands: &Hands,
    decline: impl Fn(&Alert) -> Option<Declined> + Send + 'static,
) -> (Desk, Book) {
    let (desk, postings) = closed_desk(hands);
    let book = Book::default();
    tokio::spawn(answer_all(postings, Arc::clone(&book), decline));
    (desk, book)
}

/// A desk whose postings nobody takes until the test does.
pub(crate) fn closed_desk(hands: &Hands) -> (Desk, mpsc::Receiver<Posting>) {
    Desk::new(Arc::new(catalog()), &Settings::default(), hands.clock())
}

async fn answer_all(
    mut postings: mpsc::Receiver<Posting>,
    book: Book,
    decline: impl Fn(&Alert) -> Option<Declined>,
) {
    let catalog = catalog();
    while let Some(Posting { alert, answer }) = postings.recv().await {
        let id = alert.id;
        let result = match decline(&alert) {
            Some(declined) => Err(declined),
            None => take(&catalog, &book, alert),
        };
        // Whoever asked may be gone.
        let _ = answer.send(Ok(Answer { id, result }));
    }
}

fn take(catalog: &Catalog, book: &Book, alert: Alert) -> Result<Accepted, Declined> {
    let mut book = book.lock().unwrap();
    let before = book
        .get(&alert.id)
        .and_then(|alerts| alerts.first())
        .cloned();
    let repeated = before
        .as_ref()
        .is_some_and(|before| before.digest == alert.digest);
    if before.is_some() && !repeated && alert.status == Status::Pending {
        let status = Status::Pending;
        return Err(Declined::Known { status });
    }
    let mut signal = born(catalog, before.as_ref().unwrap_or(&alert));
    if before.is_some() && !repeated {
        signal.status = alert.status;
    }
    if !repeated && !alert.dry_run {
        book.entry(alert.id).or_default().push(alert.clone());
    }
    Ok(Accepted {
        signal: Box::new(signal),
        at: NOW,
        repeated,
        planned: alert.stop.is_none() || alert.targets.is_empty(),
    })
}

/// The signal of an alert, with levels of fixed distances where it has none.
fn born(catalog: &Catalog, alert: &Alert) -> Signal {
    let instrument = catalog.instrument(alert.instrument);
    let entry = alert.entry.unwrap_or(Price::from_units(1_085_300_000));
    let away = |steps: i64| entry + instrument.pip_size.times(steps * alert.direction.sign());
    let simulated = instrument.symbol.as_str() == "GBPUSD";
    let mut targets = alert.targets.clone();
    if targets.is_empty() {
        targets.push(Target {
            price: away(20),
            percent: 100,
            runner: false,
        });
    }
    Signal {
        id: alert.id,
        status: Status::Pending,
        direction: alert.direction,
        symbol: instrument.symbol,
        digits: instrument.digits,
        entry_time: alert.entry_time.unwrap_or(NOW.as_source()),
        entry,
        stop: alert.stop.unwrap_or(away(-10)),
        targets,
        reason: alert.reason.clone(),
        confidence: alert.confidence.unwrap_or(Probability::new(0.5)),
        rr_target: Ratio::from_hundredths(200),
        killzone: alert.killzone.unwrap_or(Killzone::NyAm),
        setup: alert.setup.clone(),
        timeframe: alert.timeframe.unwrap_or(Timeframe::M5),
        simulated,
        created_at: NOW,
        decide_by: NOW + Span::from_secs(285),
        decided_at: None,
        cause: None,
        evidence: Evidence {
            // A limit speaks against what is simulated: then both answers have been seen.
            risk_gate: simulated.then(|| Condition::at_most("max_live_signals", 6.0, 5.0)),
            ..Evidence::default()
        },
    }
}

/// A folder of keys with one of each kind, and their tokens.
pub(crate) struct KeyRing {
    pub(crate) access: Access,
    pub(crate) bot: String,
    /// A bot's key that may not publish.
    pub(crate) reader: String,
    pub(crate) chart: String,
    _folder: tempfile::TempDir,
}

impl KeyRing {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let add = |new: New| {
            let token = keys::add(folder.path(), &new, NOW).unwrap();
            token.reveal().to_owned()
        };
        let reader = New {
            scopes: Some(vec![Scope::ReadPrices]),
            ..New::of("my-reader", Kind::Bot)
        };
        Self {
            bot: add(New::of("my-bot", Kind::Bot)),
            reader: add(reader),
            chart: add(New::of("my-chart", Kind::TradingView)),
            access: Access::open(folder.path(), NOW).unwrap(),
            _folder: folder,
        }
    }
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Heard {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Heard {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}
