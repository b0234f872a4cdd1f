//! A running server as its own commands reach it: found by its data folder or by its address, asked over HTTP, with a key
//! where it wants to know who reads.

use crate::cli;
use crate::config;
use crate::handover;
use crate::reload;
use access::Secret;
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Holds a key or token, for who has none in a file.
const TOKEN: &str = "ORION_TOKEN";
/// A server that takes longer is none that is well.
const WITHIN: Duration = Duration::from_secs(10);
const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// What is shown to a server that wants to know who reads.
#[derive(Clone, Debug)]
pub(crate) enum ShownKey {
    None,
    /// Read again each time: a token may be renewed.
    File(PathBuf),
    Given(Secret),
}

impl ShownKey {
    /// That of `--key`, or of the variable.
    pub(crate) fn of(file: Option<&Path>, environment: &[(String, String)]) -> Result<Self> {
        let given = environment
            .iter()
            .find(|(name, value)| name == TOKEN && !value.trim().is_empty());
        let key = match (file, given) {
            (Some(path), _) => Self::File(path.to_owned()),
            (None, Some((_, value))) => Self::Given(Secret::new(value)),
            (None, None) => Self::None,
        };
        // What cannot be read is said before anything begins.
        key.read()?;
        Ok(key)
    }

    pub(crate) fn read(&self) -> Result<Option<Secret>> {
        Ok(match self {
            Self::None => None,
            Self::Given(secret) => Some(secret.clone()),
            Self::File(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.with_context(|| format!("read the key in {}", path.display()))?;
                Some(Secret::new(&text))
            }
        })
    }

    /// As it is said on a socket.
    pub(crate) fn auth(&self) -> Result<Option<String>> {
        let key = self.read()?;
        Ok(key.map(|key| json!({"type": "auth", "token": key.reveal()}).to_string()))
    }
}

/// What helps where a certificate is not trusted.
pub(crate) fn remedy(cause: &str) -> Option<&'static str> {
    cause
        .contains("certificate")
        .then_some("name the file of its certificate, or of who issued it, with --ca")
}

/// A server that can be asked.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) url: String,
    key: ShownKey,
    client: reqwest::Client,
}

/// Where a market is looked for: at a server, or in its folder where none runs.
#[derive(Debug)]
pub(crate) enum Found {
    Running(Remote),
    /// The data folder that has no server.
    Kept(PathBuf),
}

/// Finds the server that is meant.
///
/// # Errors
/// When the address or the settings are impossible, or several servers run on the folder.
pub(crate) fn find(options: &cli::Asked, environment: &[(String, String)]) -> Result<Found> {
    let key = ShownKey::of(options.key.as_deref(), environment)?;
    if let Some(url) = &options.url {
        return Remote::at(url, key, options.ca.as_deref()).map(Found::Running);
    }
    let loaded = options.layers(environment.to_vec());
    let loaded = loaded.and_then(|layers| config::load(&layers));
    let loaded = loaded.map_err(|findings| anyhow::anyhow!("{}", cli::lines(&findings)))?;
    let data = loaded.config.data.dir;
    let mut running = if data.is_dir() {
        reload::running(&data)?
    } else {
        Vec::new()
    };
    running.retain(|market| {
        let name = market.file_name().unwrap_or_default().to_string_lossy();
        options
            .market
            .as_ref()
            .is_none_or(|wanted| *wanted == *name)
    });
    if running.is_empty() {
        return Ok(Found::Kept(data));
    }
    let market = reload::one_of(&data, running, options.market.as_deref())?;
    let near = handover::near(&market)?;
    let trusted = options.ca.as_ref().or(near.certificate.as_ref());
    Remote::at(&near.url, key, trusted.map(PathBuf::as_path)).map(Found::Running)
}

impl Remote {
    /// The server behind the address of its WebSocket.
    ///
    /// # Errors
    /// When it is no such address.
    pub(crate) fn behind(socket: &str, key: ShownKey, trusted: Option<&Path>) -> Result<Self> {
        let (scheme, rest) = match socket.split_once("://") {
            Some(("ws", rest)) => ("http", rest),
            Some(("wss", rest)) => ("https", rest),
            _ => bail!("{socket} is no address of a WebSocket"),
        };
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        Self::at(&format!("{scheme}://{host}"), key, trusted)
    }

    fn at(url: &str, key: ShownKey, trusted: Option<&Path>) -> Result<Self> {
        let url = url.trim_end_matches('/');
        if !["http://", "https://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            bail!(
                "--url {url} is no address of a server: it begins with http://, such as http://127.0.0.1:8080"
            );
        }
        Ok(Self {
            url: url.to_owned(),
            key,
            client: match trusted {
                None => feeds::net::http_near(WITHIN),
                Some(path) => {
                    let tls = feeds::net::knowing(path).map_err(anyhow::Error::msg)?;
                    feeds::net::http_near_with(WITHIN, &tls)
                }
            },
        })
    }

    /// Asks for an object: the status of the answer, and the object.
    ///
    /// # Errors
    /// When no answer comes, or one that is no JSON.
    pub(crate) async fn get(&self, path: &str) -> Result<(u16, Value)> {
        let (status, text) = self.text(path).await?;
        let value = serde_json::from_str(&text).map_err(|_| {
            anyhow::anyhow!(
                "{}{path} answers {status} with no JSON: is this a server of ORION's, and a recent one?",
                self.url
            )
        })?;
        Ok((status, value))
    }

    async fn text(&self, path: &str) -> Result<(u16, String)> {
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some(key) = self.key.read()? {
            request = request.bearer_auth(key.reveal());
        }
        let response = request.send().await.map_err(|error| {
            let error = anyhow::Error::new(error);
            let cause = error.root_cause().to_string();
            let remedy =
                remedy(&cause).unwrap_or("is the server running, and is this its address?");
            anyhow::anyhow!("{} does not answer ({cause}): {remedy}", self.url)
        })?;
        let status = response.status().as_u16();
        let text = feeds::net::text(response, ANSWER_MAX).await;
        let text = text.map_err(|why| anyhow::anyhow!("{}{path}: {why}", self.url))?;
        Ok((status, text))
    }

    /// Asks for an object that has to be there; its text, since numbers are told with their digits.
    ///
    /// # Errors
    /// Also when the server answers with an error: its words, and its remedy.
    pub(crate) async fn want(&self, path: &str) -> Result<String> {
        let (status, text) = self.text(path).await?;
        if status == 200 {
            return Ok(text);
        }
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let word = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        bail!(
            "{}{path} answers {status}: {}: {}",
            self.url,
            word("error"),
            if status == 401 {
                "name a file with a key or token that the server takes by --key"
            } else {
                word("remedy")
            }
        );
    }
}
