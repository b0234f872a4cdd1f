//! `orion tail`: follows a server in a terminal. On one it is a table of prices and signals that stands and lives; piped, or
//! with `--plain`, signals and what becomes of them as lines. It comes back by itself when the server goes away, hears what
//! it missed, and says so where that cannot be had.
//!
//! `tail/told.rs` reads messages, `tail/lives.rs` asks what happened before we came, `tail/board.rs` knows what they say together, `tail/view.rs` makes lines of it and
//! `tail/screen.rs` has the terminal.

mod board;
mod lives;
mod plain;
mod screen;
mod style;
mod told;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use style::clean;
pub(crate) use told::Level;
pub(crate) use view::span;

use crate::cli;
use crate::logs;
use crate::remote::{self, Remote, ShownKey};
use crate::shutdown;
use anyhow::{Context as _, Result, bail};
use board::{Board, Do, Link, News};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use lives::Life;
use plain::Plain;
use screen::{Key, Screen};
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;
use style::Colour;
use tokio::net::TcpStream;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout_at};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};

/// The wait before the first new attempt; it doubles up to the longest.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_LONGEST: Duration = Duration::from_secs(30);
/// A server says something each 15 s: after three times that the way to it is gone.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// Ages and countdowns move this often.
const DRAW_EVERY: Duration = Duration::from_millis(250);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Runs the command until the reader of its output goes away or the user ends it.
///
/// # Errors
/// When the address is none, the server cannot be reached at the first attempt, or does not take who reads.
pub async fn run(options: &cli::Tail, environment: &[(String, String)]) -> Result<()> {
    let key = ShownKey::of(options.key.as_deref(), environment)?;
    if !["ws://", "wss://"]
        .iter()
        .any(|scheme| options.url.starts_with(scheme))
    {
        bail!(
            "`{}` is no address of a server: it begins with ws://, such as ws://127.0.0.1:8080/ws/signals",
            options.url
        );
    }
    let tls = options.ca.as_deref().map(feeds::net::knowing).transpose();
    let tls = tls.map_err(anyhow::Error::msg)?;
    let asked = shutdown::asked()?;
    let mut follower = Follower {
        key,
        ca: options.ca.clone(),
        connector: tls.map(Connector::Rustls),
        board: Board::new(&options.url),
        shown: Shown::of(options),
        asked: Box::pin(asked),
        ticks: ticks(),
    };
    follower.run().await
}

fn ticks() -> Interval {
    let mut ticks = interval(DRAW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Where it is shown.
enum Shown {
    /// Messages as they came.
    Json,
    Lines(Plain),
    /// A terminal, before there is something to show.
    Soon(Colour),
    Table(Screen),
}

impl Shown {
    fn of(options: &cli::Tail) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let colour = logs::colour_wanted().then_some(Colour::Shown);
        let colour = colour.filter(|_| is_terminal).unwrap_or(Colour::None);
        let can_draw = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        if options.json {
            Self::Json
        } else if is_terminal && can_draw && !options.plain {
            Self::Soon(colour)
        } else {
            Self::Lines(Plain { colour })
        }
    }

    /// There is something to show.
    fn begin(&mut self) -> Result<()> {
        if let Self::Soon(colour) = self {
            *self = Self::Table(Screen::open(*colour).context("take the terminal")?);
        }
        Ok(())
    }

    /// An error means that nobody reads.
    fn tell(&self, news: &News) -> io::Result<()> {
        match self {
            Self::Lines(plain) => plain.tell(news),
            Self::Json => {
                match news {
                    News::Gap(text) | News::Resumed(text) | News::Remark(text) => {
                        plain::remark(text);
                    }
                    News::Signal(..) | News::Outcome { .. } => {}
                }
                Ok(())
            }
            Self::Soon(_) | Self::Table(_) => Ok(()),
        }
    }

    fn draw(&mut self, board: &Board) -> io::Result<()> {
        match self {
            Self::Table(screen) => screen.draw(board, Instant::now()),
            Self::Json | Self::Lines(_) | Self::Soon(_) => Ok(()),
        }
    }

    async fn key(&mut self) -> Key {
        match self {
            Self::Table(screen) => screen.key().await,
            Self::Json | Self::Lines(_) | Self::Soon(_) => std::future::pending().await,
        }
    }
}

/// Why following a connection ended.
enum End {
    /// Nobody reads our output any more, or the user has seen enough.
    Enough,
    /// The server, or the way to it, is gone.
    Lost(String),
}

struct Follower<S> {
    key: ShownKey,
    /// Who is trusted beside the public roots: the file, and what was in it.
    ca: Option<PathBuf>,
    connector: Option<Connector>,
    board: Board,
    shown: Shown,
    asked: Pin<Box<S>>,
    ticks: Interval,
}

impl<S: Future<Output = ()>> Follower<S> {
    async fn run(&mut self) -> Result<()> {
        let mut wait = WAIT_FIRST;
        let mut is_first = true;
        loop {
            let socket = match self.connect().await {
                Ok(None) => return Ok(()),
                Ok(Some(socket)) => Ok(socket),
                Err(error) if is_first => return Err(error),
                Err(error) => Err(format!("{error:#}")),
            };
            let why = match socket {
                Ok(mut socket) => {
                    if is_first {
                        self.shown.begin()?;
                    }
                    is_first = false;
                    wait = WAIT_FIRST;
                    self.board.link = Link::Live;
                    match self.follow(&mut socket).await? {
                        End::Enough => return Ok(()),
                        End::Lost(why) => why,
                    }
                }
                Err(why) => why,
            };
            self.note(News::Remark(format!(
                "{why}; trying again in {} s",
                wait.as_secs()
            )));
            if !self.rest(&why, wait).await? {
                return Ok(());
            }
            wait = (wait * 2).min(WAIT_LONGEST);
        }
    }

    /// Waits until it is time to come back; `false` where the user has seen enough.
    async fn rest(&mut self, why: &str, wait: Duration) -> Result<bool> {
        let again_at = Instant::now() + wait;
        self.board.link = Link::Lost {
            why: why.to_owned(),
            again_at,
        };
        loop {
            if !self.drawn() {
                return Ok(false);
            }
            tokio::select! {
                () = tokio::time::sleep_until(again_at) => return Ok(true),
                () = &mut self.asked => return Ok(false),
                _ = self.ticks.tick() => {}
                key = self.shown.key() => if !self.press(key)? { return Ok(false) },
            }
        }
    }

    /// `None` where the user has seen enough.
    async fn connect(&mut self) -> Result<Option<Socket>> {
        let url = self.board.url.clone();
        let connector = self.connector.clone();
        let connecting = connect_async_tls_with_config(&url, None, false, connector);
        tokio::pin!(connecting);
        let mut socket = loop {
            tokio::select! {
                connected = &mut connecting => {
                    let connected = connected.map_err(|error| {
                        let help = remote::remedy(&error.to_string());
                        let help = help.unwrap_or("is the server running? `orion` starts one");
                        anyhow::Error::new(error).context(format!("connect to {url} ({help})"))
                    });
                    break connected?.0;
                }
                () = &mut self.asked => return Ok(None),
                _ = self.ticks.tick() => if !self.drawn() { return Ok(None) },
                key = self.shown.key() => if !self.press(key)? { return Ok(None) },
            }
        };
        if let Some(auth) = self.key.auth()? {
            let sent = socket.send(Message::text(auth)).await;
            sent.with_context(|| format!("say who reads at {url}"))?;
        }
        self.board.begin();
        let sent = socket.send(Message::text(self.subscribe())).await;
        sent.with_context(|| format!("subscribe at {url}"))?;
        Ok(Some(socket))
    }

    /// Everything behind our place, where we have one.
    fn subscribe(&self) -> String {
        let mut subscribe = serde_json::json!({
            "type": "subscribe",
            "v": 1,
            "channels": ["signals", "prices", "status", "outcomes"],
        });
        if let Some(place) = &self.board.place {
            subscribe["since"] = serde_json::json!({"epoch": place.epoch, "seq": place.seq});
        }
        subscribe.to_string()
    }

    async fn follow(&mut self, socket: &mut Socket) -> Result<End> {
        let mut heard = Instant::now();
        let mut lives: Option<Lives> = None;
        loop {
            if lives.is_none() {
                lives = self.unknown_lives();
            }
            tokio::select! {
                told = told_of(&mut lives) => {
                    lives = None;
                    self.learn(told);
                }
                message = timeout_at(heard + SILENCE_MAX, socket.next()) => {
                    heard = Instant::now();
                    let text = match said(message) {
                        Ok(Some(text)) => text,
                        Ok(None) => continue,
                        Err(why) => return Ok(End::Lost(why)),
                    };
                    let Some(now) = self.take(&text)? else { return Ok(End::Enough) };
                    if let Err(error) = self.obey(now, socket).await? {
                        return Ok(End::Lost(format!("the connection broke: {error}")));
                    }
                }
                () = &mut self.asked => return Ok(End::Enough),
                _ = self.ticks.tick() => if !self.drawn() { return Ok(End::Enough) },
                key = self.shown.key() => if !self.press(key)? { return Ok(End::Enough) },
            }
        }
    }

    /// Takes a message, and says what it brought; `None` where nobody reads.
    fn take(&mut self, text: &str) -> Result<Option<Do>> {
        let mut news = Vec::new();
        let next = match self.board.take(text, Instant::now(), &mut news) {
            Ok(next) => next,
            Err(error) => {
                let text = format!("a message that is not understood: {error}");
                news.push(News::Remark(text));
                Do::Nothing
            }
        };
        if matches!(self.shown, Shown::Json) && next != Do::Forget && plain::print(text).is_err() {
            return Ok(None);
        }
        for one in &news {
            if self.shown.tell(one).is_err() {
                return Ok(None);
            }
        }
        Ok(Some(next))
    }

    /// Asks what happened to running signals before we came, where it is shown.
    fn unknown_lives(&mut self) -> Option<Lives> {
        let Shown::Table(_) = self.shown else {
            return None;
        };
        let ids = self.board.take_unsure();
        if ids.is_empty() {
            return None;
        }
        let remote = Remote::behind(&self.board.url, self.key.clone(), self.ca.as_deref()).ok()?;
        Some(lives::ask(remote, ids).boxed())
    }

    fn learn(&mut self, told: Result<Vec<Life>>) {
        match told {
            Ok(lives) => lives.into_iter().for_each(|life| self.board.learn(life)),
            Err(why) => self.note(News::Remark(format!(
                "what running signals went through before is not known: {why:#}"
            ))),
        }
    }

    /// Does what a message asks for. The inner error is the connection's.
    async fn obey(&mut self, next: Do, socket: &mut Socket) -> Result<Result<(), Error>> {
        let text = match next {
            Do::Nothing | Do::Forget => return Ok(Ok(())),
            Do::Resume => self.subscribe(),
            Do::Renew => match self.key.auth()? {
                Some(auth) => auth,
                None => return Ok(Ok(())),
            },
            Do::GiveUp(why) => bail!(
                "{} does not let us read ({why}): name a file with a key or token that it takes by --key",
                self.board.url
            ),
        };
        Ok(socket.send(Message::text(text)).await)
    }

    fn note(&self, news: News) {
        // Who does not read is seen at the next line.
        let _ = self.shown.tell(&news);
    }

    /// Draws what there is; `false` where the terminal is gone.
    fn drawn(&mut self) -> bool {
        self.shown.draw(&self.board).is_ok()
    }

    /// `false` where the user has seen enough.
    fn press(&mut self, key: Key) -> Result<bool> {
        match (key, &mut self.shown) {
            (Key::Quit, _) => Ok(false),
            (Key::Resized, Shown::Table(screen)) => {
                screen.resized().context("draw on the terminal")?;
                Ok(true)
            }
            (Key::Resized, Shown::Json | Shown::Lines(_) | Shown::Soon(_)) => Ok(true),
        }
    }
}

/// An answer that is waited for.
type Lives = BoxFuture<'static, Result<Vec<Life>>>;

async fn told_of(lives: &mut Option<Lives>) -> Result<Vec<Life>> {
    match lives {
        Some(lives) => lives.await,
        None => std::future::pending().await,
    }
}

type Heard = Result<Option<Result<Message, Error>>, tokio::time::error::Elapsed>;

/// The text of a message, none where it has none, or why there will be no more.
fn said(heard: Heard) -> Result<Option<String>, String> {
    match heard {
        Ok(Some(Ok(Message::Text(text)))) => Ok(Some(text.as_str().to_owned())),
        Ok(Some(Ok(Message::Close(frame)))) => {
            let why = frame.map(|frame| format!(" ({} {})", frame.code, frame.reason));
            Err(format!(
                "the server closed the connection{}",
                why.unwrap_or_default()
            ))
        }
        Ok(Some(Ok(
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
        ))) => Ok(None),
        Ok(Some(Err(Error::ConnectionClosed)) | None) => {
            Err("the server closed the connection".to_owned())
        }
        Ok(Some(Err(error))) => Err(format!("the connection broke: {error}")),
        Err(_) => Err(format!("nothing was heard for {} s", SILENCE_MAX.as_secs())),
    }
}
