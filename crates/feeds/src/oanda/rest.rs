//! Asking OANDA, and what its refusals mean.
//!
//! Limits after OANDA's best practices: at most 100 requests a second on a connection that is kept, at most two new
//! connections a second. One client asks one thing after another here, so that it keeps to one connection.

use crate::net;
use crate::supervise::End;
use access::Secret;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// Least time between two requests [20 ms]: half of what is allowed.
const REQUEST_EVERY: Duration = Duration::from_millis(20);
/// Largest answer: 5,000 candles of both sides are about 1.5 MB.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// As much of a refusal's body is looked at.
const REFUSAL_BYTES: usize = 4096;
/// As much of what the server says is repeated.
const SAID_CHARS: usize = 200;

/// Why something could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server answered, and not with what was asked for.
    Refused(Refusal),
    /// It was not to be reached, or broke off.
    Lost(String),
    /// What it means has been said already.
    Over(End),
}

/// A status that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    /// What the server wrote about it, if that was for people; never a page of HTML, never the token.
    pub said: Option<String>,
    /// How long it wants to be left alone.
    pub pause: Option<Duration>,
}

/// The two clients: answers have a deadline as a whole, the stream only for its beginning.
#[derive(Debug)]
pub(super) struct Rest {
    answers: reqwest::Client,
    streams: reqwest::Client,
    token: Secret,
    within: Duration,
    last: Option<Instant>,
}

impl Rest {
    pub(super) fn new(token: Secret, within: Duration) -> Self {
        Self {
            answers: net::http(Some(within)),
            streams: net::http(None),
            token,
            within,
            last: None,
        }
    }

    /// The body of an answer.
    pub(super) async fn get(
        &mut self,
        url: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<u8>, Trouble> {
        self.keep_pace().await;
        let request = self.answers.get(url).query(query).headers(self.headers()?);
        let answer = request.send().await.map_err(lost)?;
        if answer.status() != StatusCode::OK {
            return Err(Trouble::Refused(self.refusal(answer).await));
        }
        let (body, is_whole) = read(answer, ANSWER_BYTES).await?;
        if is_whole {
            Ok(body)
        } else {
            let reason = format!("an answer of more than {ANSWER_BYTES} bytes");
            Err(Trouble::Lost(reason))
        }
    }

    /// An answer whose body goes on and on.
    pub(super) async fn open(
        &mut self,
        url: &str,
        query: &[(&str, &str)],
    ) -> Result<Response, Trouble> {
        self.keep_pace().await;
        let request = self.streams.get(url).query(query).headers(self.headers()?);
        let within = self.within;
        let late = || {
            let within = within.as_secs();
            Trouble::Lost(format!("the stream was not answered within {within} s"))
        };
        let answer = timeout(within, request.send()).await.map_err(|_| late())?;
        let answer = answer.map_err(lost)?;
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        let refusal = timeout(within, self.refusal(answer)).await;
        Err(refusal.map_or_else(|_| late(), Trouble::Refused))
    }

    async fn keep_pace(&mut self) {
        if let Some(last) = self.last {
            sleep_until(last + REQUEST_EVERY).await;
        }
        self.last = Some(Instant::now());
    }

    fn headers(&self) -> Result<HeaderMap, Trouble> {
        let bearer = format!("Bearer {}", self.token.reveal());
        let mut bearer = HeaderValue::try_from(bearer).map_err(|_| {
            // What is wrong with it may be the token itself: it is not repeated.
            Trouble::Over(End::fatal(
                "the token holds characters that no header can carry",
                "copy the token again, without line breaks or quotes",
            ))
        })?;
        bearer.set_sensitive(true);
        Ok(HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (ACCEPT, HeaderValue::from_static("application/json")),
            (
                reqwest::header::HeaderName::from_static("accept-datetime-format"),
                HeaderValue::from_static("RFC3339"),
            ),
        ]))
    }

    async fn refusal(&self, answer: Response) -> Refusal {
        let status = answer.status().as_u16();
        let pause = pause(answer.headers());
        let body = read(answer, REFUSAL_BYTES).await.unwrap_or_default().0;
        let said = super::decode::error_message(&body).map(|said| self.repeat(&said));
        Refusal {
            status,
            said,
            pause,
        }
    }

    /// What the server said, fit for a log: short, printable, without the token.
    fn repeat(&self, said: &str) -> String {
        let said = self.token.cut_from(said);
        let printable = said.chars().filter(|c| !c.is_control());
        printable.take(SAID_CHARS).collect()
    }
}

/// The first bytes of a body, and whether they are all of it.
async fn read(mut answer: Response, limit: usize) -> Result<(Vec<u8>, bool), Trouble> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, true))
}

fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    // A date instead of seconds would need a clock; the back-off does without.
    Some(Duration::from_secs(seconds.parse::<u32>().ok()?.into()))
}

fn lost(error: reqwest::Error) -> Trouble {
    Trouble::Lost(explain(error))
}

/// What happened on the way. The address is left out, since it holds the account's number; causes say what failed.
pub(super) fn explain(error: reqwest::Error) -> String {
    use std::error::Error;
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Longest pause that a server's word can impose, so that a slip of its does not end the source.
const PAUSE_MAX: Duration = Duration::from_secs(600);

impl Refusal {
    /// What it is called in a reason.
    pub(super) fn describe(&self) -> String {
        let status = StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .map_or_else(
                || self.status.to_string(),
                |words| format!("{} {words}", self.status),
            );
        match &self.said {
            Some(said) => format!("the server answered {status}: {said}"),
            None => format!("the server answered {status}"),
        }
    }

    /// What it means, but for 401 and 400, which the connector judges with what it knows.
    pub(super) fn end(&self) -> End {
        let reason = self.describe();
        match self.status {
            429 => {
                let pause = self.pause.unwrap_or_default().min(PAUSE_MAX);
                End::Later { reason, pause }
            }
            // 3xx: a page of a proxy; a token does not follow.
            300..=399 | 408 | 425 | 500..=599 => End::transient(reason),
            403 => End::fatal(
                reason,
                "the token may not see this account: check feed.oanda.account and feed.oanda.environment",
            ),
            404 => End::fatal(
                reason,
                "there is no such account: check feed.oanda.account, feed.oanda.environment and the addresses",
            ),
            _ => End::fatal(reason, "check the settings of feed.oanda"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_keep_their_distance() {
        let mut rest = Rest::new(Secret::new("x"), Duration::from_secs(1));
        let begin = Instant::now();
        for _ in 0..4 {
            rest.keep_pace().await;
        }
        let took = begin.elapsed();
        assert!(took >= REQUEST_EVERY * 3, "{took:?}");
    }

    #[test]
    fn a_pause_is_read_in_seconds_and_is_not_for_ever() {
        let headers = |text: &str| HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        assert_eq!(pause(&headers(" 7 ")), Some(Duration::from_secs(7)));
        assert_eq!(pause(&headers("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(pause(&HeaderMap::new()), None);
        let refusal = Refusal {
            status: 429,
            said: None,
            pause: pause(&headers("4000000000")),
        };
        let End::Later { reason, pause } = refusal.end() else {
            panic!("{:?}", refusal.end())
        };
        assert_eq!(
            (reason.as_str(), pause),
            ("the server answered 429 Too Many Requests", PAUSE_MAX)
        );
    }
}
