//! `orion signals`: what was signalled, of a running server by its REST, or of the data folder's journal where none runs. Both
//! answer in the same words, and so all below is one.

use crate::api::Kept;
use crate::cli::{self, Printed};
use crate::history;
use crate::remote::{self, Found, Remote};
use crate::tail::{Level, clean};
use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// Signals of one answer, at most.
const PAGE_MAX: u32 = 500;
const ID_LENGTH: usize = 36;
/// Of an id, so much is shown in a table.
const ID_SHOWN: usize = 8;

/// Who is asked.
enum Way {
    Server(Remote),
    Journal(Arc<Kept>),
}

/// A page of signals.
#[derive(Deserialize)]
struct Page {
    market: String,
    simulated: Option<bool>,
    items: Vec<Box<RawValue>>,
    next: Option<String>,
}

/// A signal as far as a table shows it.
#[derive(Deserialize)]
struct Item {
    id: String,
    status: String,
    direction: String,
    symbol: String,
    entry_price: Level,
    stop_loss: Level,
    take_profits: Vec<Level>,
    tp_modes: Vec<String>,
    reason: String,
    confidence: f64,
    rr_target: Level,
    killzone: String,
    born: String,
    decided: Option<String>,
    outcome: Option<Happened>,
    #[serde(default)]
    ext: Ext,
}

#[derive(Default, Deserialize)]
struct Ext {
    setup: Option<String>,
    tf: Option<String>,
    #[serde(default)]
    simulated: bool,
    cause: Option<String>,
    confidence: Option<Basis>,
    odds: Option<f64>,
}

#[derive(Deserialize)]
struct Basis {
    #[serde(default)]
    n: u64,
    #[serde(default)]
    hits: u64,
}

#[derive(Deserialize)]
struct Happened {
    event: String,
    r: Level,
    #[serde(default)]
    ext: End,
}

#[derive(Default, Deserialize)]
struct End {
    #[serde(default)]
    last: bool,
    realised_r: Option<Level>,
}

/// One signal's life.
#[derive(Deserialize)]
struct Life {
    market: String,
    signal: Item,
    events: Vec<Step>,
    conditions: Vec<Condition>,
    ticks: Option<Ticks>,
}

#[derive(Deserialize)]
struct Step {
    seq: u64,
    at: String,
    kind: String,
    cause: Option<String>,
    price: Option<Level>,
    r: Option<Level>,
}

#[derive(Deserialize)]
struct Condition {
    name: String,
    rule: String,
    value: Level,
    limit: Level,
}

#[derive(Deserialize)]
struct Ticks {
    why: Option<String>,
    items: Option<Vec<Box<RawValue>>>,
}

/// Runs the command.
///
/// # Errors
/// When there is no such server, journal or signal, or nothing can be written.
pub async fn run(options: &cli::Signals, environment: &[(String, String)]) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match options {
        cli::Signals::List(list) => {
            let way = Way::find(&list.asked, environment).await?;
            let pages = way.list(&Filter::of(list), list.limit).await?;
            print_list(&pages, list.printed, &mut out)?;
        }
        cli::Signals::Show(show) => {
            let way = Way::find(&show.asked, environment).await?;
            let id = way.whole(&show.id).await?;
            let told = way.get(format!("/api/v1/signals/{id}")).await?;
            print_life(&told, show.printed, &mut out)?;
        }
    }
    out.flush()?;
    Ok(())
}

/// What is asked for, as parameters.
struct Filter(Vec<(&'static str, String)>);

impl Filter {
    fn of(list: &cli::SignalsList) -> Self {
        let given = [
            ("status", &list.status),
            ("symbol", &list.symbol),
            ("setup", &list.setup),
            ("source", &list.source),
            ("direction", &list.direction),
            ("from", &list.from),
            ("to", &list.to),
        ];
        let given = given.into_iter();
        Self(
            given
                .filter_map(|(name, value)| Some((name, value.clone()?)))
                .collect(),
        )
    }

    fn path(&self, limit: u32, cursor: Option<&str>) -> Result<String> {
        let mut url = reqwest::Url::parse("http://server/api/v1/signals")?;
        {
            let mut pairs = url.query_pairs_mut();
            pairs.extend_pairs(&self.0);
            pairs.append_pair("limit", &limit.to_string());
            if let Some(cursor) = cursor {
                pairs.append_pair("cursor", cursor);
            }
        }
        let query = url.query().unwrap_or_default();
        Ok(format!("{}?{query}", url.path()))
    }
}

impl Way {
    async fn find(asked: &cli::Asked, environment: &[(String, String)]) -> Result<Self> {
        let data = match remote::find(asked, environment)? {
            Found::Running(remote) => return Ok(Self::Server(remote)),
            Found::Kept(data) => data,
        };
        let market = asked.market.clone();
        let kept = tokio::task::spawn_blocking(move || kept(&data, market.as_deref()));
        Ok(Self::Journal(Arc::new(kept.await??)))
    }

    async fn get(&self, path: String) -> Result<String> {
        match self {
            Self::Server(remote) => remote.want(&path).await,
            Self::Journal(kept) => {
                let kept = Arc::clone(kept);
                tokio::task::spawn_blocking(move || kept.get(&path)).await?
            }
        }
    }

    /// Pages until there are enough.
    async fn list(&self, filter: &Filter, limit: u32) -> Result<Vec<Page>> {
        let (mut pages, mut left, mut cursor) = (Vec::new(), limit, None);
        while left > 0 {
            let path = filter.path(left.min(PAGE_MAX), cursor.as_deref())?;
            let text = self.get(path).await?;
            let page: Page = serde_json::from_str(&text).context("read the list of signals")?;
            let count = u32::try_from(page.items.len()).unwrap_or(u32::MAX);
            left = left.saturating_sub(count.max(1));
            cursor.clone_from(&page.next);
            pages.push(page);
            if cursor.is_none() {
                break;
            }
        }
        Ok(pages)
    }

    /// The whole id of a signal of which the beginning is given.
    async fn whole(&self, given: &str) -> Result<String> {
        let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
        ensure!(
            !given.is_empty() && given.chars().all(is_part),
            "`{given}` is no id of a signal: `orion signals list` shows them"
        );
        if given.len() == ID_LENGTH {
            return Ok(given.to_owned());
        }
        let pages = self.list(&Filter(Vec::new()), PAGE_MAX).await?;
        let mut found: Vec<String> = items(&pages)?.into_iter().map(|item| item.id).collect();
        found.retain(|id| id.starts_with(&given.to_ascii_lowercase()));
        match &found[..] {
            [id] => Ok(id.clone()),
            [] => bail!(
                "no signal of the newest {PAGE_MAX} begins with `{given}`: give its whole id, as `orion signals list --json` shows it"
            ),
            [first, second, ..] => bail!(
                "several signals begin with `{given}`, such as {first} and {second}: give more of it"
            ),
        }
    }
}

/// The journal of the one market that is meant.
fn kept(data: &Path, named: Option<&str>) -> Result<Kept> {
    let mut markets = history::markets(data, named)?;
    markets.retain(|market| market.dir.join("journal.sqlite").is_file());
    let names: Vec<&str> = markets.iter().map(|market| market.name.as_str()).collect();
    match &markets[..] {
        [market] => Kept::open(&market.name, &market.dir),
        [] => bail!(
            "no server runs on {} and no journal is in it: name another data folder with --data, or the address of a server with --url",
            data.display()
        ),
        _ => bail!(
            "{} has several markets: name one with --market, of {}",
            data.display(),
            names.join(", ")
        ),
    }
}

fn items(pages: &[Page]) -> Result<Vec<Item>> {
    let items = pages.iter().flat_map(|page| &page.items);
    let read = items.map(|item| serde_json::from_str(item.get()).context("read a signal"));
    read.collect()
}

fn print_list(pages: &[Page], printed: Printed, out: &mut impl Write) -> Result<()> {
    if printed.json {
        for item in pages.iter().flat_map(|page| &page.items) {
            writeln!(out, "{}", item.get())?;
        }
        return Ok(());
    }
    let items = items(pages)?;
    if printed.csv {
        return csv_list(&items, out);
    }
    let is_simulated = |page: &Page| page.simulated == Some(true);
    let any = pages.iter().any(is_simulated) || items.iter().any(|item| item.ext.simulated);
    if let Some(page) = pages.first() {
        let simulated = if any { "  SIMULATED" } else { "" };
        writeln!(out, "{}{simulated}", clean(&page.market))?;
    }
    if items.is_empty() {
        writeln!(out, "no such signal")?;
        return Ok(());
    }
    let names = [
        "BORN", "SYMBOL", "SIDE", "STATUS", "ENTRY", "STOP", "TP1", "R", "SURE", "OUTCOME",
        "SETUP", "ID",
    ];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    rows.extend(items.iter().map(row));
    for line in history::table(&rows, &[4, 5, 6, 7, 8]) {
        writeln!(out, "{}", clean(&line))?;
    }
    Ok(())
}

fn row(item: &Item) -> Vec<String> {
    let first = item.take_profits.first();
    let id: String = item.id.chars().take(ID_SHOWN).collect();
    vec![
        item.born.clone(),
        item.symbol.clone(),
        item.direction.clone(),
        item.status.clone(),
        item.entry_price.text.clone(),
        item.stop_loss.text.clone(),
        first.map_or(String::new(), |level| level.text.clone()),
        item.rr_target.text.clone(),
        format!("{:.0}%", item.confidence * 100.0),
        became(item),
        item.ext.setup.clone().unwrap_or_default(),
        id,
    ]
}

/// What became of it, in a few words.
fn became(item: &Item) -> String {
    if let Some(cause) = &item.ext.cause {
        return cause.clone();
    }
    match &item.outcome {
        Some(Happened {
            event,
            ext:
                End {
                    last: true,
                    realised_r: Some(r),
                },
            ..
        }) => {
            format!("{event}, {} R", r.text)
        }
        Some(Happened { event, ext, r }) => {
            let runs = if ext.last { "" } else { ", runs" };
            format!("{event} at {} R{runs}", r.text)
        }
        None if item.status == "confirmed" => "runs".to_owned(),
        None => String::new(),
    }
}

fn csv_list(items: &[Item], out: &mut impl Write) -> Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record([
        "id",
        "born",
        "decided",
        "symbol",
        "direction",
        "status",
        "cause",
        "setup",
        "tf",
        "killzone",
        "entry_price",
        "stop_loss",
        "take_profits",
        "confidence",
        "rr_target",
        "outcome",
        "outcome_r",
        "realised_r",
        "simulated",
        "reason",
    ])?;
    for item in items {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
        let targets: Vec<&str> = item
            .take_profits
            .iter()
            .map(|one| one.text.as_str())
            .collect();
        let outcome = item.outcome.as_ref();
        let realised = outcome.and_then(|outcome| outcome.ext.realised_r.as_ref());
        rows.write_record([
            item.id.clone(),
            item.born.clone(),
            or_none(&item.decided),
            item.symbol.clone(),
            item.direction.clone(),
            item.status.clone(),
            or_none(&item.ext.cause),
            or_none(&item.ext.setup),
            or_none(&item.ext.tf),
            item.killzone.clone(),
            item.entry_price.text.clone(),
            item.stop_loss.text.clone(),
            targets.join(" "),
            item.confidence.to_string(),
            item.rr_target.text.clone(),
            outcome.map_or(String::new(), |outcome| outcome.event.clone()),
            outcome.map_or(String::new(), |outcome| outcome.r.text.clone()),
            realised.map_or(String::new(), |r| r.text.clone()),
            item.ext.simulated.to_string(),
            item.reason.clone(),
        ])?;
    }
    rows.flush()?;
    Ok(())
}

fn print_life(told: &str, printed: Printed, out: &mut impl Write) -> Result<()> {
    if printed.json {
        writeln!(out, "{}", told.trim_end())?;
        return Ok(());
    }
    let life: Life = serde_json::from_str(told).context("read the signal")?;
    if printed.csv {
        return csv_life(&life, out);
    }
    for line in life_lines(&life) {
        writeln!(out, "{}", clean(&line))?;
    }
    Ok(())
}

fn life_lines(life: &Life) -> Vec<String> {
    let signal = &life.signal;
    let simulated = if signal.ext.simulated {
        "  SIMULATED"
    } else {
        ""
    };
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut lines = vec![
        format!(
            "{} {} {}{simulated}",
            signal.symbol, signal.direction, signal.status
        ),
        format!("id          {}", signal.id),
        format!(
            "setup       {} {}, {}, market {}",
            or(&signal.ext.setup),
            or(&signal.ext.tf),
            signal.killzone,
            life.market
        ),
        format!("reason      {}", signal.reason),
        format!("entry       {}", signal.entry_price.text),
        format!("stop        {}", signal.stop_loss.text),
    ];
    let targets = signal.take_profits.iter().zip(&signal.tp_modes);
    lines.extend(targets.map(|(level, mode)| format!("target      {}  {mode}", level.text)));
    lines.push(format!(
        "R           {} at the last target",
        signal.rr_target.text
    ));
    lines.push(sure(signal));
    lines.push(format!("born        {}", signal.born));
    lines.push(format!("decided     {}", or(&signal.decided)));
    let outcome = became(signal);
    if !outcome.is_empty() {
        lines.push(format!("outcome     {outcome}"));
    }
    if !life.conditions.is_empty() {
        lines.push("why it fired:".to_owned());
        lines.extend(table(life.conditions.iter().map(|condition| {
            let value = &condition.value.text;
            let limit = format!("{} {}", condition.rule, condition.limit.text);
            vec![format!("  {}", condition.name), value.clone(), limit]
        })));
    }
    lines.push("what happened:".to_owned());
    lines.extend(table(life.events.iter().map(|step| {
        let text = |level: &Option<Level>, name: &str| {
            let level = level.as_ref();
            level.map_or(String::new(), |level| format!("{name} {}", level.text))
        };
        vec![
            format!("  {}", step.at),
            step.kind.clone(),
            step.cause.clone().unwrap_or_default(),
            text(&step.price, "price"),
            text(&step.r, "R"),
        ]
    })));
    lines.extend(life.ticks.as_ref().map(ticks));
    lines
}

fn table(rows: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    history::table(&rows.collect::<Vec<_>>(), &[])
}

fn sure(signal: &Item) -> String {
    let basis = signal.ext.confidence.as_ref().filter(|basis| basis.n > 0);
    let basis = basis.map_or(String::new(), |basis| {
        format!(
            "; {} of {} such signals reached the first target first",
            basis.hits, basis.n
        )
    });
    let odds = signal.ext.odds;
    let odds = odds.map_or(String::new(), |odds| {
        format!("; chance alone {:.0} %", odds * 100.0)
    });
    format!(
        "confidence  {:.0} %{basis}{odds}",
        signal.confidence * 100.0
    )
}

fn ticks(ticks: &Ticks) -> String {
    match (&ticks.items, &ticks.why) {
        (Some(items), _) => format!(
            "decided by  {} ticks in its last 30 s, which --json prints",
            items.len()
        ),
        (None, why) => format!("ticks       {}", why.as_deref().unwrap_or("not kept")),
    }
}

fn csv_life(life: &Life, out: &mut impl Write) -> Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["seq", "at", "kind", "cause", "price", "r"])?;
    for step in &life.events {
        let text =
            |level: &Option<Level>| level.as_ref().map_or(String::new(), |one| one.text.clone());
        rows.write_record([
            step.seq.to_string(),
            step.at.clone(),
            step.kind.clone(),
            step.cause.clone().unwrap_or_default(),
            text(&step.price),
            text(&step.r),
        ])?;
    }
    rows.flush()?;
    Ok(())
}
