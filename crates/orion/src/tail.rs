//! `orion tail`: follows a server in a terminal. Signals as lines, the latest prices as one line below them that stands;
//! piped, only the signals. It comes back by itself when the server goes away.

use crate::cli;
use access::Secret;
use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Error, Message};

/// The wait before the first new attempt; it doubles up to the longest.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_LONGEST: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
enum Told {
    Signal(Box<SignalTold>),
    PriceUpdate(PriceTold),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct SignalTold {
    status: String,
    direction: String,
    symbol: String,
    entry_time: String,
    entry_price: serde_json::Number,
    stop_loss: serde_json::Number,
    take_profits: Vec<serde_json::Number>,
    reason: String,
    confidence: f64,
    rr_target: f64,
    killzone: String,
}

#[derive(Deserialize)]
struct PriceTold {
    symbol: String,
    price: serde_json::Number,
    change: f64,
}

/// Runs the command until the reader of its output goes away or the user ends it.
///
/// # Errors
/// When the address is none, or the server cannot be reached at the first attempt.
pub async fn run(options: &cli::Tail) -> Result<()> {
    let key = options.key.as_deref().map(read_key).transpose()?;
    let mut screen = Screen::new(options.json);
    let mut wait = WAIT_FIRST;
    let mut reached = false;
    loop {
        match follow(&options.url, key.as_ref(), &mut screen, &mut reached).await {
            Ok(End::NoReader) => return Ok(()),
            Ok(End::Unwanted(why)) => bail!(
                "{} lets in only who shows a key or token that it takes ({why}): name a file with one by --key",
                options.url
            ),
            Ok(End::Closed(why)) => {
                wait = WAIT_FIRST;
                screen.remark(&format!(
                    "the server closed the connection{why}; coming back"
                ));
            }
            Err(error) if !reached => return Err(error),
            Err(error) => {
                screen.remark(&format!("{error:#}; trying again in {} s", wait.as_secs()))
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAIT_LONGEST);
    }
}

/// Why following ended.
enum End {
    /// Nobody reads our output any more.
    NoReader,
    /// The server wants to know who reads, or does not take who does.
    Unwanted(&'static str),
    /// The server, or the way to it, is gone.
    Closed(String),
}

fn read_key(path: &Path) -> Result<Secret> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("read the key in {}", path.display()))?;
    Ok(Secret::new(&text))
}

async fn follow(
    url: &str,
    key: Option<&Secret>,
    screen: &mut Screen,
    reached: &mut bool,
) -> Result<End> {
    if !url.starts_with("ws://") {
        bail!(
            "`{url}` is no address of a server: it begins with ws://, such as ws://127.0.0.1:8080/ws/signals"
        );
    }
    let (mut socket, _) = tokio_tungstenite::connect_async(url)
        .await
        .with_context(|| format!("connect to {url} (is the server running? `orion` starts one)"))?;
    *reached = true;
    if let Some(key) = key {
        let auth = serde_json::json!({"type": "auth", "token": key.reveal()});
        let sent = socket.send(Message::text(auth.to_string())).await;
        sent.with_context(|| format!("say who reads at {url}"))?;
    }
    let subscribe = r#"{"type":"subscribe","channels":["signals","prices"]}"#;
    socket
        .send(Message::text(subscribe))
        .await
        .with_context(|| format!("subscribe at {url}"))?;
    screen.remark(&format!("following {url}"));
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                if let Some(why) = unwanted(text.as_str()) {
                    return Ok(End::Unwanted(why));
                }
                if screen.show(text.as_str()).is_err() {
                    return Ok(End::NoReader);
                }
            }
            Some(Ok(Message::Close(frame))) => {
                let why = frame.map(|frame| format!(" ({} {})", frame.code, frame.reason));
                return Ok(End::Closed(why.unwrap_or_default()));
            }
            Some(Ok(
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
            )) => {}
            Some(Err(Error::ConnectionClosed)) | None => return Ok(End::Closed(String::new())),
            Some(Err(error)) => return Ok(End::Closed(format!(" ({error})"))),
        }
    }
}

/// Whether a message says that nothing will come as things stand.
fn unwanted(text: &str) -> Option<&'static str> {
    let wanted = ["auth_required", "auth_failed"];
    let is_error = text.starts_with(r#"{"type":"error""#);
    let names = |code: &&str| text.contains(&format!(r#""code":"{code}""#));
    wanted.into_iter().find(|code| is_error && names(code))
}

/// Where it is shown.
struct Screen {
    json: bool,
    colour: bool,
    /// The line of prices, on a terminal.
    line: Option<indicatif::ProgressBar>,
    prices: BTreeMap<String, String>,
}

impl Screen {
    fn new(json: bool) -> Self {
        let terminal = io::stdout().is_terminal() && !json;
        let line = (terminal && io::stderr().is_terminal()).then(|| {
            let style = indicatif::ProgressStyle::with_template("{wide_msg}");
            let bar = indicatif::ProgressBar::new_spinner();
            bar.with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner()))
        });
        let colour = terminal && std::env::var_os("NO_COLOR").is_none();
        Self {
            json,
            colour,
            line,
            prices: BTreeMap::new(),
        }
    }

    /// Shows a message of the server; an error means that nobody reads.
    fn show(&mut self, text: &str) -> io::Result<()> {
        if self.json {
            return self.print(text);
        }
        match serde_json::from_str(text) {
            Ok(Told::Signal(signal)) => self.print(&self.signal(&signal)),
            Ok(Told::PriceUpdate(price)) => {
                self.price(&price);
                Ok(())
            }
            Ok(Told::Other) => Ok(()),
            Err(error) => {
                self.remark(&format!("a message that is not understood: {error}"));
                Ok(())
            }
        }
    }

    /// What is worth a line, but no result.
    #[expect(
        clippy::print_stderr,
        reason = "a command's remark belongs on standard error"
    )]
    fn remark(&self, text: &str) {
        match &self.line {
            Some(line) => line.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    fn print(&self, text: &str) -> io::Result<()> {
        let print = || {
            let mut out = io::stdout().lock();
            writeln!(out, "{text}").and_then(|()| out.flush())
        };
        match &self.line {
            Some(line) => line.suspend(print),
            None => print(),
        }
    }

    fn price(&mut self, price: &PriceTold) {
        let Some(line) = &self.line else { return };
        let arrow = if price.change < 0.0 { "-" } else { "+" };
        self.prices.insert(
            price.symbol.clone(),
            format!("{} {}{arrow}", price.symbol, price.price),
        );
        line.set_message(self.prices.values().cloned().collect::<Vec<_>>().join("  "));
    }

    fn signal(&self, signal: &SignalTold) -> String {
        let targets: Vec<String> = signal
            .take_profits
            .iter()
            .map(ToString::to_string)
            .collect();
        let status = match signal.status.as_str() {
            "confirmed" => self.paint("32", &signal.status),
            "invalidated" => self.paint("31", &signal.status),
            _ => self.paint("33", &signal.status),
        };
        format!(
            "{} {:<8} {:<5} {status} entry {} stop {} targets {}  R {:.2}  p {:.2}  {:<6} {}",
            signal.entry_time,
            signal.symbol,
            signal.direction,
            signal.entry_price,
            signal.stop_loss,
            targets.join(" "),
            signal.rr_target,
            signal.confidence,
            signal.killzone,
            signal.reason
        )
    }

    /// A word of a column 11 wide, coloured on a terminal.
    fn paint(&self, colour: &str, word: &str) -> String {
        if self.colour {
            format!("\x1b[{colour}m{word:<11}\x1b[0m")
        } else {
            format!("{word:<11}")
        }
    }
}
