//! What a sender is told: the fields that the dashboard's documents name, and what else it should know.

use super::advice::{GateAdvice, SizeAdvice, raw};
use super::desk::Unavailable;
use super::refusal::Refusal;
use super::signal::Posted;
use axum::http::StatusCode;
use market::{Accepted, Alert, Answer, Declined, Price, Signal, Time};
use serde::Serialize;
use serde_json::value::RawValue;

/// What a message on a WebSocket is called that answers a posted signal.
const MESSAGE: &str = "signal_result";

/// An answer, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// One JSON object.
    pub(crate) body: String,
    pub(crate) retry_after_s: Option<u64>,
}

impl Reply {
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self {
            status: refusal.status,
            body: json(refusal),
            retry_after_s: refusal.retry_after_s,
        }
    }

    /// The same on a WebSocket.
    pub(super) fn message(&self) -> String {
        let rest = self.body.strip_prefix('{').unwrap_or_default();
        format!(r#"{{"type":"{MESSAGE}",{rest}"#)
    }

    /// A refusal on a WebSocket, with the HTTP status it would have as `code`.
    pub(super) fn message_of(&self, refusal: &Refusal, now: Time) -> String {
        let rest = self.body.strip_prefix('{').unwrap_or_default();
        let code = refusal.status.as_u16();
        format!(r#"{{"type":"{MESSAGE}","success":false,"code":{code},"timestamp":"{now}",{rest}"#)
    }
}

/// Our own types always have a JSON form.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned())
}

/// What was taken; the same again is told the same, byte for byte. The first six fields are the documented ones, in their
/// order.
#[derive(Serialize)]
struct Taken<'a> {
    success: bool,
    message: String,
    signal_id: &'a str,
    dry_run: bool,
    /// ORION itself tells nobody by LINE.
    line_sent: bool,
    timestamp: String,
    /// The UUID it is shown under.
    id: String,
    status: &'static str,
    /// As it is shown: by what became of the sender's signals.
    confidence: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    planned: Option<Planned>,
    /// Advice for the operator's account, where one is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<SizeAdvice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_gate: Option<GateAdvice<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ignored: &'a [String],
}

/// Levels the sender left to ORION.
#[derive(Serialize)]
struct Planned {
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_loss: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    take_profits: Option<Vec<Box<RawValue>>>,
}

/// The answer to a signal, from what became of it.
pub(super) fn reply(
    posted: &Posted,
    result: Result<Answer, Unavailable>,
) -> Result<Reply, Refusal> {
    let named = |refusal: Refusal| refusal.about(&posted.signal_id, posted.alert.id);
    let answer = result.map_err(|error| named(unavailable(error)))?;
    let accepted = answer
        .result
        .map_err(|declined| named(refusal(&declined)))?;
    Ok(Reply {
        status: StatusCode::OK,
        body: json(&taken(posted, answer.id.to_string(), &accepted)),
        retry_after_s: None,
    })
}

fn taken<'a>(posted: &'a Posted, id: String, accepted: &'a Accepted) -> Taken<'a> {
    let signal = &accepted.signal;
    Taken {
        success: true,
        message: message(&posted.alert, accepted),
        signal_id: &posted.signal_id,
        dry_run: posted.alert.dry_run,
        line_sent: false,
        timestamp: accepted.at.to_string(),
        id,
        status: signal.status.as_str(),
        confidence: raw(signal.confidence.to_string()),
        signal_type: posted.signal_type.as_deref(),
        planned: accepted.planned.then(|| planned(&posted.alert, signal)),
        size: signal.evidence.size.as_ref().map(SizeAdvice::from),
        risk_gate: signal.evidence.risk_gate.as_ref().map(GateAdvice::from),
        simulated: signal.simulated,
        warning: signal.simulated.then(|| {
            format!(
                "the market of {} is SIMULATED: its prices are made up, and what comes of this signal says nothing about a real one",
                signal.symbol
            )
        }),
        note: note(posted, signal),
        ignored: &posted.ignored,
    }
}

/// A repetition is answered in the same words as the first time.
fn message(alert: &Alert, accepted: &Accepted) -> String {
    let symbol = accepted.signal.symbol;
    if alert.dry_run {
        format!("Dry run: the signal of {symbol} would be taken; it is shown to nobody")
    } else {
        format!("Signal of {symbol} received")
    }
}

fn note(posted: &Posted, signal: &Signal) -> Option<String> {
    let mut notes = posted.notes.clone();
    let sent = posted.alert.status;
    if sent != signal.status {
        notes.push(format!(
            "status {sent} was not taken: every signal is born pending, and is confirmed or invalidated by what the market does, or by you with a changed status while it is pending"
        ));
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

fn planned(alert: &Alert, signal: &Signal) -> Planned {
    let number = |price: Price| raw(price.display(signal.digits).to_string());
    let prices = signal.targets.iter().map(|target| number(target.price));
    Planned {
        stop_loss: alert.stop.is_none().then(|| number(signal.stop)).flatten(),
        take_profits: alert.targets.is_empty().then(|| prices.flatten().collect()),
    }
}

fn refusal(declined: &Declined) -> Refusal {
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let told = |status| Refusal::new(status, declined.to_string());
    match declined {
        Declined::Known { .. } => told(StatusCode::CONFLICT).remedy(
            "send a new signal under a new id; the same again is answered as the first time",
        ),
        Declined::NoPrice { .. } => told(unprocessable).remedy(
            "run a source that has it; `--feed bots` takes its prices from POST /api/prices",
        ),
        Declined::Stale { .. } => told(unprocessable).remedy(
            "see /health for what its source is doing, and send the signal when prices flow",
        ),
        Declined::Closed { .. } => told(unprocessable).remedy("send it when the market is open"),
        Declined::Level { field, .. } => Refusal {
            field: Some((*field).to_owned()),
            ..told(unprocessable)
        },
        Declined::NotWarm { .. } => Refusal {
            field: Some("stop_loss".to_owned()),
            ..told(unprocessable)
        },
        Declined::Portfolio { .. } => told(StatusCode::CONFLICT).remedy(
            "send it when less is at risk; without `portfolio.block` such signals are sent and say which limit speaks against them",
        ),
        Declined::Cap { .. } => told(StatusCode::TOO_MANY_REQUESTS).remedy(
            "the cap is for each key, and keeps a sender that has gone wrong from filling the page",
        ),
    }
}

fn unavailable(error: Unavailable) -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        format!("the signal could not be taken: {error}"),
    )
    .remedy("send it again with the same id: it is never taken twice")
    .retry_after(1)
}
