//! The ways to the operator. Keys and addresses that are keys are in no error and no log.

use super::outbox::Waiting;
use crate::config::Config;
use crate::secrets::Secrets;
use access::Secret;
use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

/// Who does not answer until then is asked again.
const WITHIN: Duration = Duration::from_secs(15);
const ANSWER_MAX: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub(super) struct Channel {
    client: Client,
    market: String,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Webhook {
        /// Some addresses are keys.
        address: Secret,
        key: Option<Secret>,
    },
    /// `core.telegram.org/bots/api#sendmessage`
    Telegram {
        url: String,
        token: Secret,
        chat: String,
    },
}

/// Why it was not told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It will not be: key, address or chat are wrong.
    Never(String),
    Later {
        reason: String,
        /// What the other side asks for.
        after: Option<Duration>,
    },
}

impl Channel {
    /// Those that the settings and secrets name.
    pub(super) fn wanted(config: &Config, secrets: &Secrets) -> Vec<Self> {
        let new = |way| Self {
            client: feeds::net::http(Some(WITHIN)),
            market: config.market_name(),
            way,
        };
        let ways = webhook(config, secrets).into_iter();
        ways.chain(telegram(config, secrets)).map(new).collect()
    }

    pub(super) const fn name(&self) -> &'static str {
        match self.way {
            Way::Webhook { .. } => "webhook",
            Way::Telegram { .. } => "telegram",
        }
    }

    pub(super) async fn send(&self, waiting: &Waiting) -> Result<(), Refusal> {
        let sent = self.request(waiting).send().await;
        let response = sent.map_err(|error| Refusal::Later {
            // With it would come the address, which may be a key.
            reason: format!("{:#}", anyhow::Error::new(error.without_url())),
            after: None,
        })?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(self.refused(response).await)
    }

    fn request(&self, waiting: &Waiting) -> RequestBuilder {
        let text = self.text(waiting);
        match &self.way {
            Way::Webhook { address, key } => {
                let request = self.client.post(address.reveal());
                let request = request.json(&self.body(waiting, &text));
                match key {
                    Some(key) => request.bearer_auth(key.reveal()),
                    None => request,
                }
            }
            Way::Telegram { url, token, chat } => {
                let url = format!(
                    "{}/bot{}/sendMessage",
                    url.trim_end_matches('/'),
                    token.reveal()
                );
                self.client
                    .post(url)
                    .json(&json!({"chat_id": chat, "text": text}))
            }
        }
    }

    fn text(&self, waiting: &Waiting) -> String {
        let again = match waiting.folded {
            0 => String::new(),
            folded => format!(" (and {folded} earlier messages about it)"),
        };
        format!("ORION {}: {}{again}", self.market, waiting.note.text)
    }

    /// `text` is what Slack and Mattermost show, `content` what Discord does.
    fn body(&self, waiting: &Waiting, text: &str) -> Value {
        let note = &waiting.note;
        json!({
            "event": note.event,
            "state": note.state.as_str(),
            "about": note.key,
            "at": note.at.to_string(),
            "market": self.market,
            "version": env!("CARGO_PKG_VERSION"),
            "folded": waiting.folded,
            "text": text,
            "content": text,
        })
    }

    async fn refused(&self, response: Response) -> Refusal {
        let status = response.status();
        let after = response.headers().get(header::RETRY_AFTER);
        let after = after.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = feeds::net::text(response, ANSWER_MAX)
            .await
            .unwrap_or_default();
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        let after = after.or_else(|| body.pointer("/parameters/retry_after")?.as_u64());
        let words = body
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let words = self.secret().cut_from(words);
        let reason = format!("it answers {status} {words}").trim_end().to_owned();
        let is_passing = status.is_server_error()
            || status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::REQUEST_TIMEOUT;
        if is_passing {
            let after = after.map(Duration::from_secs);
            return Refusal::Later { reason, after };
        }
        Refusal::Never(format!("{reason}: check {}", self.settings()))
    }

    fn secret(&self) -> &Secret {
        match &self.way {
            Way::Webhook { address, key } => key.as_ref().unwrap_or(address),
            Way::Telegram { token, .. } => token,
        }
    }

    const fn settings(&self) -> &'static str {
        match self.way {
            Way::Webhook { .. } => "operator.webhook and the secret `webhook`",
            Way::Telegram { .. } => "operator.telegram_chat and the secret `telegram`",
        }
    }
}

/// A secret that is an address is the webhook itself: those of Slack and Discord are keys.
fn webhook(config: &Config, secrets: &Secrets) -> Option<Way> {
    let secret = secrets.of("webhook", &[]).map(|found| found.secret);
    let is_address = |secret: &Secret| secret.reveal().starts_with("http");
    match (&config.operator.webhook, secret) {
        (Some(address), key) => Some(Way::Webhook {
            address: Secret::new(address),
            key,
        }),
        (None, Some(address)) if is_address(&address) => Some(Way::Webhook { address, key: None }),
        (None, _) => None,
    }
}

/// A chat without a token is told once, and nothing is sent.
fn telegram(config: &Config, secrets: &Secrets) -> Option<Way> {
    let chat = config.operator.telegram_chat.clone()?;
    let Some(found) = secrets.of("telegram", &["TELEGRAM_BOT_TOKEN"]) else {
        tracing::warn!(
            "operator.telegram_chat is set and the bot's token is not: nothing is told by Telegram; set ORION_KEY_TELEGRAM"
        );
        return None;
    };
    Some(Way::Telegram {
        url: config.operator.telegram_url.clone(),
        token: found.secret,
        chat,
    })
}
