//! The sources that call the server: a terminal with ORION's advisor, and a bot. Both keep what was not answered, and send it
//! again.

use super::{Kind, Quote, Vendor};
use serde_json::Value;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Between two batches of an advisor, and before anybody tries again.
const AGAIN: Duration = Duration::from_millis(250);
/// Ticks that an advisor puts into one request.
const TICKS_MAX: usize = 2000;
/// Prices that a bot posts before it reads what was answered.
const POSTS_MAX: usize = 100;

pub(super) fn metatrader(token: String) -> Vendor {
    let (tell, ticks) = unbounded_channel();
    let tell = move |quote: &Quote| {
        let (seq, bid, ask, time) = (quote.number, &quote.bid, &quote.ask, quote.time.millis());
        let line = format!(
            r#"{{"v":1,"t":"tick","sym":"MNQ","bid":{bid},"ask":{ask},"time_msc":{time},"seq":{seq}}}"#
        );
        // Nobody takes it any more when the test is over.
        let _ = tell.send((seq, line));
    };
    let vendor = Vendor::new("metatrader", "MNQ", (2, 2_500_000), Box::new(tell));
    let terminal = Terminal {
        caller: Caller::new(vendor.line.address(), token),
        waiting: VecDeque::new(),
        greets: true,
    };
    tokio::spawn(terminal.run(ticks));
    called(vendor)
        .section("metatrader", "MNQ")
        .with(&["feed.metatrader.server_tz=\"utc\"".to_owned()])
}

pub(super) fn bots(token: String) -> Vendor {
    let (tell, prices) = unbounded_channel();
    let tell = move |quote: &Quote| {
        let (bid, ask, time) = (&quote.bid, &quote.ask, quote.time);
        let price = format!(r#"{{"symbol":"NQ","bid":{bid},"ask":{ask},"timestamp":"{time}"}}"#);
        // Nobody takes it any more when the test is over.
        let _ = tell.send(price);
    };
    let vendor = Vendor::new("bots", "NQ", (2, 2_500_000), Box::new(tell));
    tokio::spawn(post(Caller::new(vendor.line.address(), token), prices));
    called(vendor).with(&[
        "feed.bots.rate_per_s=10000".to_owned(),
        "feed.bots.burst=10000".to_owned(),
    ])
}

fn called(vendor: Vendor) -> Vendor {
    let kind = Kind::Called;
    Vendor { kind, ..vendor }
}

/// A terminal with the advisor on a chart.
struct Terminal {
    caller: Caller,
    /// Ticks that were not acknowledged, by number.
    waiting: VecDeque<(u64, String)>,
    /// Whether the server must be told who sends.
    greets: bool,
}

impl Terminal {
    async fn run(mut self, mut ticks: UnboundedReceiver<(u64, String)>) {
        let mut batches = interval(AGAIN);
        batches.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            batches.tick().await;
            while let Ok(tick) = ticks.try_recv() {
                self.waiting.push_back(tick);
            }
            let batch = [self.batch()];
            // What is lost on the way is sent again with the next batch.
            if let Ok(answers) = self.caller.post("/feeds/metatrader", &batch).await {
                self.hear(&answers[0]);
            }
        }
    }

    fn batch(&self) -> String {
        let hello = r#"{"v":1,"t":"hello","session":"played","platform":"MT5","srv":"Broker-Demo","acc":"*5678","chart":"1","asked":true,"symbols":[{"sym":"MNQ","digits":2,"profit":"USD"}]}"#;
        let beat = r#"{"v":1,"t":"hb","session":"played","connected":true}"#;
        let head = self.greets.then_some(hello).into_iter().chain([beat]);
        let ticks = self.waiting.iter().take(TICKS_MAX);
        let ticks = ticks.map(|(_, line)| line.as_str());
        head.chain(ticks).collect::<Vec<_>>().join("\n")
    }

    fn hear(&mut self, (status, answer): &(u16, Value)) {
        if *status != 200 {
            eprintln!("the terminal is answered {status}: {answer}");
        }
        self.greets = answer["hello"] == true;
        let acknowledged = answer["ack"].as_u64().unwrap_or(0);
        self.waiting.retain(|(seq, _)| *seq > acknowledged);
    }
}

/// A bot. Of prices without an answer it posts the last again: the others are of the past.
async fn post(mut caller: Caller, mut prices: UnboundedReceiver<String>) {
    let mut batch = Vec::new();
    loop {
        if batch.is_empty() && prices.recv_many(&mut batch, POSTS_MAX).await == 0 {
            return;
        }
        match caller.post("/api/prices", &batch).await {
            Ok(answers) => {
                let refused = answers.iter().filter(|(status, _)| *status != 200);
                refused.for_each(|(status, answer)| {
                    eprintln!("the bot is answered {status}: {answer}")
                });
                batch.clear();
            }
            Err(_) => {
                batch.drain(..batch.len() - 1);
                sleep(AGAIN).await;
            }
        }
    }
}

/// Who posts, on one connection for as long as it lasts.
struct Caller {
    to: SocketAddr,
    token: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Caller {
    fn new(to: SocketAddr, token: String) -> Self {
        let stream = None;
        Self { to, token, stream }
    }

    /// Posts all bodies, one behind the other, and gives the statuses and answers in the same order.
    async fn post(&mut self, path: &str, bodies: &[String]) -> io::Result<Vec<(u16, Value)>> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(self.to).await?),
        };
        let token = &self.token;
        let request = |body: &String| {
            let length = body.len();
            format!(
                "POST {path} HTTP/1.1\r\nHost: any.example\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}"
            )
        };
        let requests: String = bodies.iter().map(request).collect();
        stream.write_all(requests.as_bytes()).await?;
        let mut answers = Vec::new();
        for _ in bodies {
            answers.push(answer(&mut stream).await?);
        }
        self.stream = Some(stream);
        Ok(answers)
    }
}

/// Reads one answer.
async fn answer(stream: &mut BufReader<TcpStream>) -> io::Result<(u16, Value)> {
    let (mut head, mut length) = (String::new(), 0);
    let status = loop {
        let begin = head.len();
        if stream.read_line(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = head[begin..].trim_end().to_ascii_lowercase();
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().map_err(io::Error::other)?;
        }
        if line.is_empty() {
            break head.split(' ').nth(1).and_then(|code| code.parse().ok());
        }
    };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let status = status.ok_or_else(|| io::Error::other("no status"))?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}
