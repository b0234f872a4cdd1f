//! A tape as text, and the engine's answers as text.
//!
//! ```text
//! day 2026-07-06                        # the date of the lines below
//! 10:00:00 EURUSD 1.08500 1.08510       # a tick: stamp, symbol, bid, ask
//! 10:00:01.2 EURUSD 1.085 1.0851 @10:00:00.9   # and the source's time where it is another
//! 10:05 candle EURUSD 5m 60 62 58 61    # ticks of a candle that opens then: in pips above 1.08, spread of one pip
//! 10:01 bar EURUSD 1m 60 62 58 61       # a recorded bar that ends then, likewise
//! 10:00:02 wake | gap SOURCE | life SOURCE | start | stop
//! 10:00:02 switch EURUSD SOURCE         # its prices come from there now
//! 10:07:02 past EURUSD 1m 10:05 60 62 58 61   # a past bar that ended at 10:05
//! 10:07:02 close EURUSD 1.08450 @21:00  # the last price of the day that ended then
//! 10:00:02 post EURUSD long 7 stop=1.083 targets=1.087,1.089   # an alert with the id 7: see `alert`
//! 10:00:02 down                         # the process is killed: no wake comes until `start`
//! 10:00:02 restart                      # another process takes over from a snapshot
//! ```

use crate::driver::Driver;
use engine::{Output, Settings};
use market::{Alert, Answer, Catalog, Direction, Event, InstrumentId, Ohlc, Outcome, OutcomeKind};
use market::{PreviousClose, Price, PriceUpdate, Probability, QuoteBar, Signal, SourceId};
use market::{SourceTime, Span, Status, Target, Tick, Time, Timeframe, Uuid};
use std::fmt::Write;

/// What of the answers is shown.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Show {
    Signals,
    /// Signals, and the answers to alerts.
    Posted,
    Prices,
}

/// Plays a tape and shows the answers to its lines, one each.
pub(crate) fn play(settings: Settings, show: Show, tape: &str) -> String {
    shown(&driver(settings, tape), show)
}

/// Plays a tape.
pub(crate) fn driver(settings: Settings, tape: &str) -> Driver {
    let mut player = Player::new(Driver::new(settings));
    player.play(tape);
    player.driver
}

pub(crate) fn shown(driver: &Driver, show: Show) -> String {
    let mut text = String::new();
    for (at, output) in &driver.said {
        let line = match output {
            Output::Signal(signal) if show != Show::Prices => signal_line(signal),
            Output::Outcome(outcome) if show != Show::Prices => outcome_line(outcome),
            Output::Price(update) if show == Show::Prices => price_line(update),
            Output::Answer(answer) if show == Show::Posted => answer_line(answer),
            Output::Signal(_)
            | Output::Outcome(_)
            | Output::Price(_)
            | Output::Shadow(_)
            | Output::Calibration(_)
            | Output::Answer(_) => {
                continue;
            }
        };
        writeln!(text, "{} {line}", clock(at.as_source())).unwrap();
    }
    text
}

/// Reads lines and tells the engine what they say.
pub(crate) struct Player {
    pub driver: Driver,
    day: String,
}

impl Player {
    pub(crate) fn new(driver: Driver) -> Self {
        Self {
            driver,
            day: "2026-07-06".into(),
        }
    }

    pub(crate) fn play(&mut self, tape: &str) {
        for line in tape.lines() {
            let line = line.split('#').next().unwrap().trim();
            if !line.is_empty() {
                self.line(&line.split_whitespace().collect::<Vec<_>>());
            }
        }
    }

    fn line(&mut self, words: &[&str]) {
        if let ["day", day] = words {
            self.day = (*day).to_owned();
            return;
        }
        let at = self.time(words[0]);
        let stamp = at.as_stamp();
        match &words[1..] {
            ["wake"] => self.driver.tell(stamp, Event::Wake),
            ["stop"] => self.driver.tell(stamp, Event::Stop),
            ["down"] => {
                self.driver.wake_until(stamp);
                self.driver.kill();
            }
            ["start"] => self.driver.start(stamp),
            ["restart"] => self.driver.restart(),
            ["gap", source] => {
                let source = self.source(source);
                self.driver.tell(stamp, Event::Gap(source));
            }
            ["life", source] => {
                let source = self.source(source);
                self.driver.tell(stamp, Event::Life(source));
            }
            ["switch", symbol, source] => {
                let (instrument, source) = (self.instrument(symbol), self.source(source));
                self.driver.tell(stamp, Event::Switch(instrument, source));
            }
            ["past", symbol, timeframe, end, prices @ ..] => {
                let timeframe = timeframe.parse().unwrap();
                let bar = self.bar(self.time(end), symbol, timeframe, pips(prices));
                self.driver.tell(stamp, Event::Past(bar));
            }
            ["close", symbol, price, time] => {
                let (day, clock) = time[1..].split_once('T').unwrap_or((&self.day, &time[1..]));
                let time = SourceTime::parse(&format!("{day}T{clock}Z")).unwrap();
                let (instrument, price) = (self.instrument(symbol), Price::parse(price).unwrap());
                let close = PreviousClose {
                    instrument,
                    price,
                    time,
                };
                self.driver.tell(stamp, Event::PreviousClose(close));
            }
            ["post", symbol, direction, id, rest @ ..] => {
                let alert = self.alert(symbol, direction, id, rest);
                self.driver.tell(stamp, Event::Alert(Box::new(alert)));
            }
            ["candle", symbol, timeframe, prices @ ..] => {
                let span = timeframe.parse::<Timeframe>().unwrap().span();
                self.candle(at, self.instrument(symbol), span, pips(prices));
            }
            ["bar", symbol, timeframe, prices @ ..] => {
                let bar = self.bar(at, symbol, timeframe.parse().unwrap(), pips(prices));
                self.driver.tell(stamp, Event::Bar(bar));
            }
            [symbol, bid, ask] => self.tick(stamp, at, symbol, bid, ask),
            [symbol, bid, ask, time] => {
                let time = self.time(time.strip_prefix('@').unwrap());
                self.tick(stamp, time, symbol, bid, ask);
            }
            words => panic!("no line of a tape: {words:?}"),
        }
    }

    fn tick(&mut self, stamp: Time, time: SourceTime, symbol: &str, bid: &str, ask: &str) {
        let (bid, ask) = (Price::parse(bid).unwrap(), Price::parse(ask).unwrap());
        let tick = Tick {
            instrument: self.instrument(symbol),
            bid,
            ask,
            volume: None,
            time,
            received: None,
        };
        self.driver.tell(stamp, Event::Tick(tick));
    }

    /// An alert: `entry= stop= targets=A,B at=HH:MM:SS by=SENDER as=STATUS p=0.7 note=TEXT dry`. What is left out is
    /// absent; the digest is that of the words, but for `by` and `dry`. A time may be a whole one with its date.
    pub(crate) fn alert(&self, symbol: &str, direction: &str, id: &str, rest: &[&str]) -> Alert {
        let value = |key: &str| {
            let mut pairs = rest.iter().filter_map(|word| word.split_once('='));
            pairs
                .find(|(known, _)| *known == key)
                .map(|(_, value)| value)
        };
        let price = |key| value(key).map(|text| Price::parse(text).unwrap());
        let said = |word: &&str| *word != "dry" && !word.starts_with("by=");
        let content: Vec<&str> = rest.iter().copied().filter(said).collect();
        let content = format!("{symbol} {direction} {}", content.join(" "));
        Alert {
            sender: value("by").unwrap_or("bob").to_owned(),
            id: id
                .parse()
                .unwrap_or_else(|_| Uuid::from_u128(id.parse().unwrap())),
            digest: Uuid::new_v5(&Uuid::nil(), content.as_bytes()),
            status: match value("as") {
                None | Some("pending") => Status::Pending,
                Some("confirmed") => Status::Confirmed,
                Some("invalidated") => Status::Invalidated,
                Some(other) => panic!("no status: {other}"),
            },
            instrument: self.instrument(symbol),
            direction: match direction {
                "long" => Direction::Long,
                "short" => Direction::Short,
                other => panic!("no direction: {other}"),
            },
            entry_time: value("at").map(|time| match time.contains('T') {
                true => SourceTime::parse(time).unwrap(),
                false => self.time(time),
            }),
            entry: price("entry"),
            stop: price("stop"),
            targets: value("targets").map_or_else(Vec::new, targets),
            reason: value("note").unwrap_or("because").to_owned(),
            confidence: value("p").map(|text| Probability::new(text.parse().unwrap())),
            killzone: None,
            timeframe: None,
            setup: "bot".into(),
            dry_run: rest.contains(&"dry"),
        }
    }

    /// Twenty ticks: open, the extreme against the candle, the other one, close, and straight ways between.
    fn candle(&mut self, open: SourceTime, instrument: InstrumentId, span: Span, candle: Ohlc) {
        let Ohlc {
            open: first,
            high,
            low,
            close,
        } = candle;
        let way = if close >= first {
            [first, low, high, close]
        } else {
            [first, high, low, close]
        };
        for step in 0..20_i64 {
            let (leg, into) = ((step / 7) as usize, step % 7);
            let (from, to) = (way[leg], way[leg + 1]);
            let units = from.units() + (to.units() - from.units()) / 7 * into;
            let mid = match (into, step) {
                (0, _) => from,
                (_, 19) => close,
                _ => Price::from_units(units).round_to_digits(5),
            };
            let time = open + Span::from_nanos(span.nanos() / 20 * step);
            let half = Price::parse("0.00005").unwrap();
            let (bid, ask) = (mid - half, mid + half);
            let tick = Tick {
                instrument,
                bid,
                ask,
                volume: None,
                time,
                received: None,
            };
            self.driver.tell(time.as_stamp(), Event::Tick(tick));
        }
    }

    fn bar(&self, end: SourceTime, symbol: &str, timeframe: Timeframe, mid: Ohlc) -> QuoteBar {
        let half = Price::parse("0.00005").unwrap();
        let side = |by: Price| Ohlc {
            open: mid.open + by,
            high: mid.high + by,
            low: mid.low + by,
            close: mid.close + by,
        };
        let (bid, ask) = (side(-half), side(half));
        let (instrument, open_time) = (self.instrument(symbol), end - timeframe.span());
        QuoteBar {
            instrument,
            timeframe,
            open_time,
            bid,
            ask,
            volume: None,
        }
    }

    fn catalog(&self) -> &Catalog {
        &self.driver.engine.settings().catalog
    }
    fn instrument(&self, symbol: &str) -> InstrumentId {
        self.catalog().find(symbol).unwrap()
    }
    fn source(&self, name: &str) -> SourceId {
        let sources = &self.catalog().sources;
        SourceId(
            sources
                .iter()
                .position(|source| source.name == name)
                .unwrap() as u8,
        )
    }
    /// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fff` of the day.
    fn time(&self, clock: &str) -> SourceTime {
        let seconds = if clock.len() == 5 { ":00" } else { "" };
        SourceTime::parse(&format!("{}T{clock}{seconds}Z", self.day)).unwrap()
    }
}

/// Open, high, low and close in pips above 1.08.
fn pips(prices: &[&str]) -> Ohlc {
    let price = |place: usize| {
        let pips = Price::parse(prices[place]).unwrap();
        Price::from_units(1_080_000_000 + pips.units() / 10_000)
    };
    Ohlc {
        open: price(0),
        high: price(1),
        low: price(2),
        close: price(3),
    }
}

/// Equal parts, the first with what is left over.
fn targets(prices: &str) -> Vec<Target> {
    let prices: Vec<&str> = prices.split(',').collect();
    let part = 100 / prices.len() as u8;
    let first = 100 - part * (prices.len() as u8 - 1);
    let target = |(place, price): (usize, &&str)| Target {
        price: Price::parse(price).unwrap(),
        percent: if place == 0 { first } else { part },
        runner: false,
    };
    prices.iter().enumerate().map(target).collect()
}

fn answer_line(answer: &Answer) -> String {
    let number = answer.id.as_u128();
    match &answer.result {
        Err(declined) => format!("answer {number}: {declined}"),
        Ok(accepted) => {
            let flag = |on: bool, word: &'static str| if on { word } else { "" };
            format!(
                "answer {number}: {} at {}{}{}",
                accepted.signal.status,
                clock(accepted.at.as_source()),
                flag(accepted.repeated, " again"),
                flag(accepted.planned, " planned"),
            )
        }
    }
}

fn signal_line(signal: &Signal) -> String {
    let Signal {
        symbol,
        direction,
        status,
        ..
    } = signal;
    let told = match (status, signal.cause) {
        (Status::Pending, None) => levels(signal),
        (_, Some(cause)) => cause.as_str().to_owned(),
        (_, None) => String::new(),
    };
    format!("{symbol} {direction} {status} {told}")
        .trim_end()
        .to_owned()
}

fn levels(signal: &Signal) -> String {
    let price = |price: Price| price.display(signal.digits).to_string();
    let target = |target: &market::Target| {
        let runner = if target.runner { "r" } else { "" };
        format!("{}:{}{runner}", price(target.price), target.percent)
    };
    let targets: Vec<String> = signal.targets.iter().map(target).collect();
    format!(
        "{} stop {} targets {} rr {} p {} {} at {}",
        price(signal.entry),
        price(signal.stop),
        targets.join(" "),
        signal.rr_target,
        signal.confidence,
        signal.killzone,
        clock(signal.entry_time),
    )
}

fn outcome_line(outcome: &Outcome) -> String {
    let kind = match outcome.kind {
        OutcomeKind::Target(place) => format!("target {place}"),
        OutcomeKind::Stop => "stop".into(),
        OutcomeKind::StopMoved => "stop moved".into(),
        OutcomeKind::Timeout => "timeout".into(),
        OutcomeKind::Closed => "closed".into(),
    };
    let last = outcome
        .realised
        .map_or(String::new(), |all| format!(" last, {all}R in all"));
    let (symbol, price) = (outcome.symbol, outcome.price.display(outcome.digits));
    format!("{symbol} {kind} {price} {}R{last}", outcome.r)
}

fn price_line(update: &PriceUpdate) -> String {
    let PriceUpdate {
        symbol,
        digits,
        ticks,
        ..
    } = *update;
    let price = |price: Price| price.display(digits);
    format!(
        "{symbol} {} {} {}% x{ticks} of {}",
        price(update.price),
        price(update.change),
        update.change_percent.display(4),
        clock(update.time),
    )
}

/// `HH:MM:SS.mmm`.
pub(crate) fn clock(time: SourceTime) -> String {
    time.to_string()[11..23].to_owned()
}
