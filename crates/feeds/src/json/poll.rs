//! A described source that is asked again and again over HTTP, at a pace that keeps its quotas: requests are spread evenly, so
//! that no burst can meet a limit, and the pace holds across reconnects.

use super::Json;
use super::decode::Found;
use super::form::Cost;
use super::socket::span;
use super::tell::{Do, Teller};
use super::template::{Into, SYMBOL};
use crate::inbox::Outlet;
use crate::net;
use crate::supervise::End;
use market::{InstrumentId, Price, SourceTime};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::http::StatusCode;

/// Largest answer, in bytes.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// The pause where a vendor says "too many" and not for how long.
const PAUSE: Duration = Duration::from_secs(60);
/// The longest pause that a vendor is believed.
const PAUSE_MAX: u64 = 24 * 3600;
/// So many answers in a row without anything to read in them end the connection, so that its reason is told.
const EMPTY_MAX: u32 = 3;

/// A quote as it was last told.
type Quote = (Price, Price, Option<SourceTime>);

/// What stays with the source from one connection to the next.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// When the next request may be made.
    due: Option<Instant>,
    /// What was told last of each instrument: an answer after a loss may repeat it.
    last: BTreeMap<InstrumentId, Quote>,
}

struct Poller<'a> {
    json: &'a Json,
    outlet: &'a Outlet,
    kept: &'a mut Kept,
    teller: Teller<'a>,
    /// When refused symbols are asked for again.
    retry_at: Instant,
    empty: u32,
}

/// An answer: its status, how long the vendor wants to be left alone, and its text.
struct Answer {
    status: StatusCode,
    pause: Duration,
    text: String,
}

/// Asks until something goes wrong.
pub(super) async fn run(json: &Json, outlet: &Outlet, kept: &mut Kept) -> End {
    let retry = json.description.form.retry_refused_s;
    let mut poller = Poller {
        json,
        outlet,
        kept,
        teller: Teller::new(json, outlet),
        retry_at: Instant::now() + span(retry),
        empty: 0,
    };
    loop {
        if let Err(end) = poller.round().await {
            return json.cut_end(end);
        }
    }
}

/// The time between two requests of a round of so many, each for so many symbols.
fn gap(json: &Json, requests: usize, symbols: usize) -> Duration {
    let Some(poll) = &json.description.form.poll else {
        return PAUSE;
    };
    let cost = match poll.cost {
        Cost::Request => 1.0,
        Cost::Symbol => symbols as f64,
    };
    let quota = |seconds: f64, calls: Option<u32>| {
        calls.map_or(0.0, |calls| seconds * cost / f64::from(calls))
    };
    let even = poll.every_s / requests.max(1) as f64;
    span(
        even.max(quota(60.0, poll.calls_per_minute))
            .max(quota(86_400.0, poll.calls_per_day)),
    )
}

impl Poller<'_> {
    /// Asks for every symbol once.
    async fn round(&mut self) -> Result<(), End> {
        if Instant::now() >= self.retry_at {
            self.teller.refused.clear();
            self.retry_at = Instant::now() + span(self.json.description.form.retry_refused_s);
        }
        let wanted = self.json.symbols.iter().map(|(id, _)| id);
        let wanted: Vec<_> = wanted
            .filter(|id| !self.teller.refused.contains(id))
            .collect();
        if wanted.is_empty() {
            sleep_until(self.retry_at).await;
            return Ok(());
        }
        let is_one_by_one = self.json.address.contains(SYMBOL);
        let groups: Vec<&[InstrumentId]> = if is_one_by_one {
            wanted.chunks(1).collect()
        } else {
            vec![&wanted]
        };
        for group in &groups {
            let now = Instant::now();
            let at = self.kept.due.map_or(now, |due| due.max(now));
            sleep_until(at).await;
            self.kept.due = Some(at + gap(self.json, groups.len(), group.len()));
            let answer = self.ask(group).await?;
            self.hear(&answer, is_one_by_one.then(|| group[0]))?;
        }
        Ok(())
    }

    async fn ask(&self, group: &[InstrumentId]) -> Result<Answer, End> {
        let address = self
            .json
            .texts(&self.json.address, group, Into::Address)
            .swap_remove(0);
        let mut request = self.json.client().get(address);
        for (name, value) in self.json.headers() {
            request = request.header(name, value);
        }
        // The address may hold the key: errors are told without it.
        let lost = |error: reqwest::Error| {
            End::transient(format!("no answer: {}", chain(&error.without_url())))
        };
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        let pause = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let pause = pause.map_or(PAUSE, |seconds: u64| {
            Duration::from_secs(seconds.min(PAUSE_MAX))
        });
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > ANSWER_BYTES {
                return Err(End::transient(format!(
                    "the answer is longer than {ANSWER_BYTES} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer {
            status,
            pause,
            text,
        })
    }

    fn hear(&mut self, answer: &Answer, asked: Option<InstrumentId>) -> Result<(), End> {
        let mut found = Vec::new();
        self.json.decoder.decode(&answer.text, asked, &mut found);
        let is_understood =
            |found: &Found| !matches!(found, Found::Unknown | Found::Malformed { .. });
        let says_something = found.iter().any(is_understood);
        if !answer.status.is_success() && !says_something {
            return self.failed(answer, asked);
        }
        if says_something {
            self.empty = 0;
        } else {
            self.empty += 1;
            let frame = self.json.cut(&answer.text);
            self.outlet.malformed(
                asked,
                frame.as_bytes(),
                "no message of the description is like this answer",
            );
            if self.empty >= EMPTY_MAX {
                return Err(End::transient(
                    "the answers are none that the description speaks of",
                ));
            }
            return Ok(());
        }
        for found in found {
            if self.is_old(&found) {
                self.outlet.life();
            } else if let Do::Finish(end) = self.teller.tell(found, &answer.text) {
                return Err(end);
            }
        }
        Ok(())
    }

    /// An answer that repeats the last quote shows life and is no tick.
    fn is_old(&mut self, found: &Found) -> bool {
        let Found::Quote {
            instrument,
            bid,
            ask,
            time,
        } = found
        else {
            return false;
        };
        let quote = (*bid, *ask, *time);
        self.kept.last.insert(*instrument, quote) == Some(quote)
    }

    fn failed(&mut self, answer: &Answer, asked: Option<InstrumentId>) -> Result<(), End> {
        let status = answer.status;
        match (status.as_u16(), asked) {
            (400 | 404 | 422, Some(id)) => {
                let reason = format!("the source answered {status}");
                let refused = Found::Refused {
                    instrument: Some(id),
                    reason,
                };
                match self.teller.tell(refused, &answer.text) {
                    Do::Finish(end) => Err(end),
                    Do::Nothing | Do::Begin | Do::Subscribe | Do::Answer(_) => Ok(()),
                }
            }
            (429, _) => Err(End::Later {
                reason: format!("the source answered {status}"),
                pause: answer.pause,
            }),
            _ => Err(net::refused(status)),
        }
    }
}

/// An error and its causes: reqwest's own text says only that sending failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Description;
    use crate::sample::catalog;

    fn gap_of(poll: &str, requests: usize, symbols: usize) -> f64 {
        let text = format!(
            r#"
            title = "Made up"
            kind = "http"
            address = "https://example.com/{{symbols}}"
            audience = "own"
            licence = "none"
            [symbols]
            EURUSD = {{ theirs = "A", kind = "cash" }}
            [poll]
            {poll}
            [[message]]
            is = "prices"
            symbol = "s"
            price = "p"
            "#
        );
        let catalog = catalog();
        let description = Description::parse(&text).unwrap();
        let symbols_used = description.symbols(&catalog, &[]).unwrap();
        let json = Json::new(description, &catalog, None, symbols_used, None);
        gap(&json, requests, symbols).as_secs_f64()
    }

    #[test]
    fn the_pace_keeps_every_quota() {
        for (poll, requests, symbols, seconds) in [
            ("every_s = 60", 1, 7, 60.0),
            ("every_s = 60", 6, 1, 10.0),
            ("every_s = 1\ncalls_per_minute = 8", 1, 2, 7.5),
            // A batch that costs a credit per symbol.
            (
                "every_s = 1\ncalls_per_minute = 8\ncost = \"symbol\"",
                1,
                2,
                15.0,
            ),
            (
                "every_s = 1\ncalls_per_minute = 8\ncalls_per_day = 800",
                1,
                2,
                108.0,
            ),
            (
                "every_s = 200\ncalls_per_minute = 8\ncalls_per_day = 800",
                1,
                2,
                200.0,
            ),
        ] {
            let found = gap_of(poll, requests, symbols);
            assert!((found - seconds).abs() < 1e-6, "{poll}: {found}");
        }
    }
}
