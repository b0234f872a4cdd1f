//! Calls of Massive's REST: never more of them than the plan allows, tried again where that helps, and the key goes to the
//! configured host only: no redirect is followed, and no next page elsewhere.

use super::answers;
use super::{Deadlines, Settings};
use crate::net;
use access::Secret;
use reqwest::{Response, StatusCode, Url};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// How often a call is tried before it is given up.
const TRIES: u32 = 4;
/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(30);
/// The largest answer that is read; 50,000 bars are about 6 MB.
const BODY_BYTES: usize = 32 * 1024 * 1024;
/// The most pages of one question.
const PAGES_MAX: usize = 100;
const MINUTE: Duration = Duration::from_secs(60);
/// The longest wait that a server may ask for.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// Why a question got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("Massive's REST does not take the key: {0}")]
    Key(String),
    #[error("the plan of this key does not include it: {0}")]
    NotEntitled(String),
    #[error("Massive does not know it: {0}")]
    Unknown(String),
    #[error("the question is wrong: {0}")]
    Wrong(String),
    #[error("given up after {TRIES} tries: {0}")]
    Worn(String),
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    #[error(
        "the next page is on another host than rest_url, which is not sent the key: set rest_url to {0} if it is Massive's"
    )]
    Foreign(String),
    #[error("the pages lead in a circle or without end")]
    Circle,
    #[error("the server redirects, which is not followed with a key: correct rest_url")]
    Redirected,
}

/// Massive's REST, for one key.
#[derive(Debug)]
pub(super) struct Rest {
    base: Result<Url, String>,
    key: Secret,
    client: reqwest::Client,
    limit: Limit,
    deadlines: Deadlines,
}

/// What one try came to.
enum Try {
    Answer(String),
    Again { why: String, wait: Duration },
    Fail(Failure),
}

impl Rest {
    pub(super) fn new(settings: &Settings, key: Secret, deadlines: Deadlines) -> Self {
        let base = Url::parse(&settings.rest_url);
        Self {
            base: base.map_err(|error| format!("rest_url is no address: {error}")),
            key,
            client: net::http(Some(WITHIN)),
            limit: Limit::new(settings.calls_per_minute),
            deadlines,
        }
    }

    pub(super) fn set_deadlines(&mut self, deadlines: Deadlines) {
        self.deadlines = deadlines;
    }

    /// The answer to one question; `path` begins with a slash.
    pub(super) async fn ask(&mut self, path: &str) -> Result<String, Failure> {
        let url = self.url(path)?;
        self.get(&url).await
    }

    fn url(&self, path: &str) -> Result<Url, Failure> {
        let base = self
            .base
            .as_ref()
            .map_err(|why| Failure::Wrong(why.clone()))?;
        base.join(path)
            .map_err(|error| Failure::Wrong(error.to_string()))
    }

    /// The bars of all pages of an answer.
    pub(super) async fn pages(&mut self, path: &str) -> Result<answers::Page, Failure> {
        let mut url = self.url(path)?;
        let mut seen = BTreeSet::new();
        let mut all = answers::Page::default();
        loop {
            if seen.len() == PAGES_MAX || !seen.insert(url.to_string()) {
                return Err(Failure::Circle);
            }
            let body = self.get(&url).await?;
            let page = answers::page(&body).map_err(Failure::Unreadable)?;
            all.rows.extend(page.rows);
            all.bad += page.bad;
            let Some(next) = page.next else {
                return Ok(all);
            };
            url = self.same_origin(&next)?;
        }
    }

    fn same_origin(&self, next: &str) -> Result<Url, Failure> {
        let next = self.url(next)?;
        let ours = self.url("/")?;
        if next.origin() != ours.origin() {
            return Err(Failure::Foreign(next.origin().ascii_serialization()));
        }
        Ok(next)
    }

    async fn get(&mut self, url: &Url) -> Result<String, Failure> {
        let mut last = String::new();
        for attempt in 0..TRIES {
            self.limit.wait().await;
            match self.attempt(url, attempt).await {
                Try::Answer(body) => return Ok(body),
                Try::Fail(failure) => return Err(failure),
                Try::Again { why, wait } => {
                    tracing::debug!(path = url.path(), why, "a call is tried again");
                    last = why;
                    sleep(wait).await;
                }
            }
        }
        Err(Failure::Worn(last))
    }

    async fn attempt(&self, url: &Url, attempt: u32) -> Try {
        let wait = self.deadlines.retry * 2_u32.pow(attempt);
        let request = self.client.get(url.clone()).bearer_auth(self.key.reveal());
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let why = self.key.cut_from(&error.without_url().to_string());
                return Try::Again { why, wait };
            }
        };
        let status = response.status();
        let asked = retry_after(&response);
        match net::text(response, BODY_BYTES).await {
            Ok(body) => self.judge(status, &body, asked, wait),
            Err(why) => Try::Again { why, wait },
        }
    }

    /// What an answer comes to. The official client tries 413, 429, 499, 500, 502, 503 and 504 again.
    fn judge(
        &self,
        status: StatusCode,
        body: &str,
        asked: Option<Duration>,
        wait: Duration,
    ) -> Try {
        let error = answers::error(body);
        let word = error.as_ref().map_or("", |(word, _)| word.as_str());
        let message = error.as_ref().map_or("", |(_, message)| message.as_str());
        let why = self.key.cut_from(format!("{status} {message}").trim());
        match status.as_u16() {
            200 if error.is_none() => Try::Answer(body.to_owned()),
            200 | 403 if word == "NOT_AUTHORIZED" => Try::Fail(Failure::NotEntitled(why)),
            401 => Try::Fail(Failure::Key(why)),
            403 => Try::Fail(Failure::NotEntitled(why)),
            404 => Try::Fail(Failure::Unknown(why)),
            429 => Try::Again {
                why,
                wait: asked.unwrap_or(self.deadlines.limited),
            },
            413 | 499 | 500..=599 => Try::Again { why, wait },
            300..=399 => Try::Fail(Failure::Redirected),
            _ => Try::Fail(Failure::Wrong(why)),
        }
    }
}

/// The seconds of `Retry-After`; its form with a date is not used by Massive.
fn retry_after(response: &Response) -> Option<Duration> {
    let header = response.headers().get("retry-after")?.to_str().ok()?;
    let seconds: u64 = header.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(WAIT_MAX))
}

/// At most so many calls in any minute.
#[derive(Debug)]
struct Limit {
    per_minute: usize,
    /// The beginnings of the newest calls, oldest first.
    calls: VecDeque<Instant>,
}

impl Limit {
    fn new(per_minute: u32) -> Self {
        let per_minute = usize::try_from(per_minute).unwrap_or(usize::MAX);
        let calls = VecDeque::new();
        Self { per_minute, calls }
    }

    async fn wait(&mut self) {
        if self.per_minute == 0 {
            return;
        }
        if self.calls.len() == self.per_minute
            && let Some(oldest) = self.calls.pop_front()
        {
            sleep_until(oldest + MINUTE).await;
        }
        self.calls.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_minute_sees_more_calls_than_the_plan_allows() {
        let mut limit = Limit::new(5);
        let began = Instant::now();
        let mut calls = Vec::new();
        for _ in 0..23 {
            limit.wait().await;
            calls.push((Instant::now() - began).as_secs());
        }
        assert_eq!(calls[..6], [0, 0, 0, 0, 0, 60]);
        assert_eq!(calls[22], 240);
        let mut free = Limit::new(0);
        for _ in 0..1000 {
            free.wait().await;
        }
        assert_eq!((Instant::now() - began).as_secs(), 240);
    }
}
