//! `orion feed test NAME`: connects to one source for a few seconds and shows what it tells, or why it does not.

use crate::cli;
use crate::clock::{self, Clock};
use crate::config::{self, Config, SourceName};
use crate::secrets::Secrets;
use crate::sources::{self, Wanted};
use anyhow::{Context as _, Result, bail};
use feeds::health::{Coverage, Health, Phase, SymbolHealth};
use feeds::inbox::{Inbox, Outlet};
use feeds::supervise::Patience;
use market::{Catalog, InstrumentId, SourceId, Span, Time};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, interval, timeout};

/// Runs the command. The exit code is 0 when a price came.
///
/// # Errors
/// When the settings cannot run, or no source has that name.
pub async fn run(options: &cli::FeedTest, environment: Vec<(String, String)>) -> Result<ExitCode> {
    let layers = options.basis.plain_layers(environment.clone());
    let loaded = layers.and_then(|layers| config::load(&layers));
    let loaded = loaded.map_err(|findings| anyhow::anyhow!("{}", cli::lines(&findings)))?;
    let name: SourceName = options.name.parse().map_err(anyhow::Error::msg)?;
    let mut config = loaded.config;
    config.feed.kind = config::FeedKind::Live(vec![name.clone()]);
    let secrets = Secrets::gather(&config, &environment)?;
    let mut wanted = sources::wanted(&config, &secrets)?;
    let wanted = wanted.pop().context("the source is not known")?;
    if sources::is_called(&name) {
        return ask_the_server(&config, &name).await;
    }
    let test = Test {
        catalog: config.catalog(),
        clock: Arc::new(Clock::new(clock::Machine, Time::MIN)),
    };
    let span = Duration::from_secs(options.seconds);
    test.connect(wanted, span).await
}

struct Test {
    catalog: Catalog,
    clock: Arc<Clock>,
}

impl Test {
    async fn connect(&self, wanted: Wanted, span: Duration) -> Result<ExitCode> {
        let run = match wanted.run {
            Ok(run) => run,
            Err(need) => bail!(
                "{} cannot start: {}; {}",
                wanted.name,
                need.reason,
                need.remedy
            ),
        };
        let inbox = Inbox::default();
        let clock = {
            let clock = Arc::clone(&self.clock);
            feeds::clock::Clock::new(move || clock.now())
        };
        let outlet = inbox.outlet(SourceId(0), &self.catalog, &wanted.symbols, clock);
        let begun = run(outlet.clone(), Patience::default(), 1);
        let task = tokio::spawn(begun.task);
        let lasted = self.watch(&outlet, &inbox, span).await;
        task.abort();
        let health = outlet.health();
        writeln!(io::stdout(), "{}", self.report(&health, lasted))?;
        for (ours, theirs, why) in &wanted.symbols.unused {
            writeln!(io::stdout(), "{ours} is not taken from {theirs}: {why}")?;
        }
        Ok(if health.ticks > 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// Follows the source until the time is over or it gives up, and tells each new phase.
    async fn watch(&self, outlet: &Outlet, inbox: &Inbox, span: Duration) -> Duration {
        let began = Instant::now();
        let mut looks = interval(Duration::from_millis(100));
        let (mut told, mut items) = (String::new(), Vec::new());
        let mut live_since = None;
        while began.elapsed() < span {
            looks.tick().await;
            // Nobody else takes what waits there.
            while inbox.try_take(&mut items, usize::MAX) > 0 {
                items.clear();
            }
            let phase = outlet.health().phase;
            let words = words(&phase);
            if words != told {
                let at = began.elapsed().as_secs_f64();
                let _ = writeln!(io::stderr(), "{at:>5.1} s  {words}");
                told = words;
            }
            match phase {
                Phase::Failed { .. } => break,
                Phase::Live => {
                    live_since.get_or_insert_with(Instant::now);
                }
                Phase::Starting
                | Phase::Waiting
                | Phase::Connecting
                | Phase::Authenticating
                | Phase::Subscribing
                | Phase::BackOff { .. } => {}
            }
        }
        live_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn report(&self, health: &Health, lasted: Duration) -> String {
        let mut text = String::new();
        let mut line = |words: String| {
            text.push_str(words.trim_end());
            text.push('\n');
        };
        line(format!(
            "{:<8} {:<16} {:>12} {:>12} {:>9} {:>8} {:>9}",
            "symbol", "there", "bid", "ask", "age", "ticks/s", "lag"
        ));
        for (id, symbol) in &health.symbols {
            line(self.row(*id, symbol, lasted));
        }
        let mut end = match (&health.phase, health.ticks) {
            (Phase::Failed { reason, remedy }, _) => format!("{}: {reason}; {remedy}", health.name),
            (Phase::BackOff { reason, .. }, _) => format!("{}: {reason}", health.name),
            (_, 0) => format!(
                "{} is {} and told no price: its markets may be closed, or --seconds too few",
                health.name,
                health.phase.as_str()
            ),
            (_, ticks) => format!(
                "{} is {}, {ticks} ticks",
                health.name,
                health.phase.as_str()
            ),
        };
        let turned_away: u64 = health.quarantine.iter().map(|(_, _, count)| count).sum();
        if turned_away + health.malformed > 0 {
            let _ = write!(
                end,
                "; {turned_away} ticks cannot be a market's, {} messages could not be read",
                health.malformed
            );
        }
        text + &end
    }

    fn row(&self, id: InstrumentId, symbol: &SymbolHealth, lasted: Duration) -> String {
        let ours = self.catalog.instrument(id);
        let head = format!("{:<8} {:<16}", ours.symbol, symbol.theirs);
        let Some(last) = symbol.last else {
            let why = match &symbol.coverage {
                Coverage::Refused(why) => format!("refused: {why}"),
                Coverage::Confirmed => "confirmed, no price yet".to_owned(),
                Coverage::Asked => "no answer yet".to_owned(),
            };
            return format!("{head} {:>12}  {why}", "-");
        };
        let rate = symbol.ticks as f64 / lasted.as_secs_f64().max(0.1);
        format!(
            "{head} {:>12} {:>12} {:>9} {rate:>8.1} {:>9}",
            last.bid.display(ours.digits).to_string(),
            last.ask.display(ours.digits).to_string(),
            shown(self.clock.now() - last.received),
            shown(last.received.as_source() - last.time),
        )
    }
}

/// A span for people.
fn shown(span: Span) -> String {
    let millis = span.millis();
    if millis.abs() < 10_000 {
        format!("{millis} ms")
    } else {
        format!("{} s", millis / 1000)
    }
}

fn words(phase: &Phase) -> String {
    match phase {
        Phase::Starting => "starts".to_owned(),
        Phase::Waiting => "waits to be called".to_owned(),
        Phase::Connecting => "connects".to_owned(),
        Phase::Authenticating => "authenticates".to_owned(),
        Phase::Subscribing => "subscribes".to_owned(),
        Phase::Live => "is live".to_owned(),
        Phase::BackOff { reason, .. } => format!("{reason}; will try again"),
        Phase::Failed { reason, .. } => format!("gives up: {reason}"),
    }
}

/// Sources that are called live in the running server: it is asked.
async fn ask_the_server(config: &Config, name: &SourceName) -> Result<ExitCode> {
    let url = format!("http://{}/health", config.server.listen);
    let client = feeds::net::http(Some(Duration::from_secs(5)));
    let asked = timeout(Duration::from_secs(5), client.get(&url).send()).await;
    let usual = sources::usual_reasons(config, name);
    let Ok(Ok(answer)) = asked else {
        bail!(
            "{name} is a source that calls ORION, and no server answers at {url}: start one with `orion serve --feed {name}`, \
             or name its address with --set server.listen=ADDRESS"
        );
    };
    let health: Value = answer.json().await.context("read the server's health")?;
    let sources = health["feed"]["sources"].as_array();
    let found = sources
        .into_iter()
        .flatten()
        .find(|source| source["name"] == name.to_string().as_str());
    let Some(source) = found else {
        bail!(
            "the server at {url} runs with the feed `{}`, without {name}: start it with --feed {name}",
            health["feed"]["name"].as_str().unwrap_or("?")
        );
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{:<16} {:>10}  note", "there", "ticks")?;
    for symbol in source["symbols"].as_array().into_iter().flatten() {
        let refused = symbol["refused"].as_str().unwrap_or("");
        writeln!(
            out,
            "{:<16} {:>10}  {refused}",
            symbol["name"].as_str().unwrap_or("?"),
            symbol["ticks"]
        )?;
    }
    let ticks = source["ticks"].as_u64().unwrap_or(0);
    let state = source["state"].as_str().unwrap_or("?");
    writeln!(out, "{name} is {state}, {ticks} ticks")?;
    if state == "live" && ticks > 0 {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{usual}")?;
    Ok(ExitCode::FAILURE)
}
