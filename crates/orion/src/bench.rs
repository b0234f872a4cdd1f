//! `orion bench`: how many dashboards this machine holds. A server in a process of its own serves a simulated market on loopback,
//! this process is its dashboards, and what the server takes for them is read where the system counts it. `--soak` keeps them
//! connected, some of them coming and going, and looks whether anything grows.
//!
//! `bench/server.rs` is the server, `bench/crowd.rs` are the dashboards, `bench/figures.rs` has the arithmetic and
//! `bench/soak.rs` judges what a long run saw.

mod crowd;
mod figures;
mod server;
mod soak;

use crate::capacity::{CLIENT_BYTES, Means};
use crate::{cli, shutdown};
use anyhow::{Context as _, Result, bail};
use crowd::Crowd;
use figures::{Figures, Machine};
use server::{Server, Taken};
use std::io::{self, Write as _};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Descriptors of this process for everything but dashboards.
const OTHER_DESCRIPTORS: u64 = 64;
/// What a subscription brings at once, and what it woke, is over by then.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures; whether all is as it should be.
///
/// # Errors
/// When the server does not start, the dashboards cannot connect, or the system does not say what a process takes.
pub async fn run(options: &cli::Bench) -> Result<bool> {
    let means = Means::take();
    let wanted = u64::from(options.clients) + OTHER_DESCRIPTORS;
    if let Some(descriptors) = means.descriptors
        && descriptors < wanted
    {
        bail!(
            "--clients {} needs {wanted} file descriptors in this process, and it may have {descriptors}: raise the hard limit \
             (ulimit -Hn, LimitNOFILE= of a unit) or ask for fewer",
            options.clients
        );
    }
    let asked = shutdown::asked()?;
    tokio::select! {
        measured = measure(options, means) => measured,
        () = asked => bail!("ended before it had measured"),
    }
}

async fn measure(options: &cli::Bench, means: Means) -> Result<bool> {
    let server = Server::start(options.program.as_deref(), options.clients).await?;
    match options.soak {
        None => {
            let figures = capacity(options, means, &server).await?;
            print(options, &figures.text(), &figures.json())?;
            Ok(true)
        }
        Some(span) => {
            let report = soak::run(options, span, &server).await?;
            print(options, &report.text(), &report.json())?;
            Ok(report.is_flat())
        }
    }
}

fn print(options: &cli::Bench, text: &str, json: &serde_json::Value) -> Result<()> {
    let mut out = io::stdout().lock();
    if options.json {
        writeln!(out, "{json}")?;
    } else {
        write!(out, "{text}")?;
    }
    Ok(())
}

/// First the server alone, then with dashboards that say nothing, then with all subscribed.
async fn capacity(options: &cli::Bench, means: Means, server: &Server) -> Result<Figures> {
    let span = Duration::from_secs(options.seconds);
    say(&format!("the server alone, {} s", span.as_secs() / 2))?;
    sleep(SETTLE).await;
    let alone = over(span / 2, server).await?;

    say(&format!("{} dashboards connect", options.clients))?;
    let before = server.taken()?;
    let mut crowd = Crowd::new(&server.address);
    crowd.come(options.clients).await?;
    sleep(SETTLE).await;
    let rest = server.taken()?;

    say(&format!("all are subscribed, {} s", span.as_secs()))?;
    crowd.subscribe();
    sleep(SETTLE).await;
    let begun = crowd.count();
    let busy = over(span, server).await?;
    let heard = crowd.count().since(begun);
    if heard.lost > 0 {
        bail!(
            "{} of {} dashboards lost their connection: this machine does not hold so many",
            heard.lost,
            options.clients
        );
    }
    if heard.messages == 0 {
        bail!(
            "no dashboard heard anything in {} s: nothing can be said",
            span.as_secs()
        );
    }
    Ok(Figures {
        clients: options.clients,
        machine: machine(options, means),
        alone: alone.cores(),
        handshake: (rest.cpu.saturating_sub(before.cpu)).as_secs_f64() / f64::from(options.clients),
        resident_alone: before.resident,
        resident_each: rest.resident.saturating_sub(before.resident) / u64::from(options.clients),
        resident_busy: busy.last.resident,
        busy: busy.cores(),
        seconds: busy.span.as_secs_f64(),
        messages: heard.messages,
        bytes: heard.bytes,
    })
}

fn machine(options: &cli::Bench, means: Means) -> Machine {
    Machine {
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        memory: means.memory,
        client_bytes: CLIENT_BYTES,
        share: f64::from(options.share) / 100.0,
        line_bits: f64::from(options.line) * 1e6,
    }
}

/// What the server took in a while.
struct Stretch {
    span: Duration,
    cpu: Duration,
    last: Taken,
}

impl Stretch {
    /// How many cores it kept busy.
    fn cores(&self) -> f64 {
        self.cpu.as_secs_f64() / self.span.as_secs_f64()
    }
}

async fn over(span: Duration, server: &Server) -> Result<Stretch> {
    let (begun, before) = (Instant::now(), server.taken()?);
    sleep_until(begun + span).await;
    let last = server.taken()?;
    Ok(Stretch {
        span: begun.elapsed(),
        cpu: last.cpu.saturating_sub(before.cpu),
        last,
    })
}

/// What goes on, for whoever waits.
fn say(what: &str) -> Result<()> {
    writeln!(io::stderr(), "bench: {what}").context("tell what goes on")
}
