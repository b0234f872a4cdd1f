//! Makes the report of what was found.

use super::bootstrap::bootstrap;
use super::calendar;
use super::confirmation::confirmation;
use super::control::{Tried, control};
use super::deflate;
use super::figures::{group, moments};
use super::report::{
    Bin, Bootstrap, Candle, Control, Costs, Counted, EdgeVerdict, FORMAT, Grade, Group, LEAST,
    Parameter, Report, Run, Scores, SignalCounts, Step, SymbolSpan, Tally, Trade, TradeSignal,
    TradeTarget, Training,
};
use super::row::{Row, date, mean};
use super::watch::{Ended, Found, Seen, Trained};
use engine::track::Figures;
use engine::{Engine, Settings};
use market::{
    Bar, Condition, Instrument, Killzone, Outcome, Price, Probability, Rated, Ratio, Signal,
};
use std::collections::BTreeMap;

/// How a run was asked for, which the run itself does not know.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub command: String,
    pub inputs: Vec<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub rules: Vec<Parameter>,
    pub costs: Costs,
    pub trials: u32,
    /// How much the ratios of mean and deviation of the trials vary; 0 for one.
    pub trials_variance: f64,
    pub seed: u64,
    pub notes: Vec<String>,
}

/// The random entries that were made beside the trades.
#[derive(Debug)]
pub struct Beside {
    pub per_trade: u32,
    pub tried: Vec<Tried>,
}

impl Report {
    /// The report of a run under these settings.
    #[must_use]
    pub fn of(found: Found, beside: Option<Beside>, asked: Asked, settings: &Settings) -> Self {
        let rows: Vec<Row> = found.ended.iter().map(|ended| ended.row).collect();
        let days = calendar::days(&rows);
        let bootstrap = deflated(&rows, &asked);
        let control =
            beside.and_then(|beside| control(&rows, beside.per_trade, beside.tried, asked.seed));
        let all = group(&rows);
        let figures = found.record.everything();
        let edge = verdict(&all, bootstrap.as_ref(), asked.trials);
        let mut report = Self {
            format: FORMAT,
            headline: headline(
                edge,
                &all,
                bootstrap.as_ref(),
                control.as_ref(),
                asked.trials,
            ),
            edge,
            signals: counts(&found),
            groups: groups(&found.ended),
            scores: figures.as_ref().map(scores),
            months: calendar::months(&days),
            days,
            drawdown: calendar::drawdown(&rows),
            reliability: figures.map(bins).unwrap_or_default(),
            bootstrap,
            folds: calendar::folds(&rows),
            refused: refused(&found),
            invalidated: counted(found.invalidated.iter().map(|(name, n)| (*name, *n))),
            notes: notes(&found, control.as_ref(), &asked),
            confirmation: confirmation(&found),
            training: training(&found.training),
            control,
            all,
            run: run(&found, asked, settings),
            trades: Vec::new(),
        };
        let all = found.ended.into_iter().chain(found.training.ended);
        report.trades = trades(all.collect());
        report
    }
}

fn run(found: &Found, asked: Asked, settings: &Settings) -> Run {
    let sources = &settings.catalog.sources;
    Run {
        command: asked.command,
        engine_version: Engine::VERSION,
        settings_hash: settings.rules.hash(),
        inputs: asked.inputs,
        from: asked.from,
        to: asked.to,
        symbols: spans(&found.seen, settings),
        grade: found.grade,
        rules: asked.rules,
        models: found.models.clone(),
        costs: asked.costs,
        trials: asked.trials,
        seed: asked.seed,
        simulated: sources.iter().any(|source| source.simulated),
    }
}

fn spans(seen: &[Option<Seen>], settings: &Settings) -> Vec<SymbolSpan> {
    let instruments = &settings.catalog.instruments;
    let span = |(seen, instrument): (&Option<Seen>, &Instrument)| {
        let seen = seen.as_ref()?;
        Some(SymbolSpan {
            symbol: instrument.symbol.to_string(),
            digits: instrument.digits,
            first: seen.first.to_string(),
            last: seen.last.to_string(),
            ticks: seen.ticks,
            bars: seen.bars,
            data: seen
                .finest
                .map_or("ticks", market::Timeframe::as_str)
                .to_owned(),
        })
    };
    seen.iter().zip(instruments).filter_map(span).collect()
}

fn counts(found: &Found) -> SignalCounts {
    let ambiguous = found.ended.iter().filter(|ended| ended.ambiguous).count();
    SignalCounts {
        born: found.born,
        confirmed: found.confirmed,
        invalidated: found.invalidated.values().sum(),
        running: found.running,
        ambiguous: ambiguous as u64,
    }
}

fn training(trained: &Trained) -> Option<Training> {
    let rows: Vec<Row> = trained.ended.iter().map(|ended| ended.row).collect();
    (trained.born > 0).then(|| Training {
        born: trained.born,
        confirmed: trained.confirmed,
        tally: Tally::of(&rows),
        mean_r: mean(rows.iter().map(Row::net)),
    })
}

/// The intervals, and what is left of the result after as many trials.
fn deflated(rows: &[Row], asked: &Asked) -> Option<Bootstrap> {
    let n = rows.len() as u32;
    let found = bootstrap(rows, asked.trials, asked.seed)?;
    Some(Bootstrap {
        deflated_sharpe: deflate::deflated(&moments(rows), n, asked.trials, asked.trials_variance),
        ..found
    })
}

/// One-sided: half of what an interval of 95 % leaves out.
const SURE: f64 = 0.025;

pub(super) fn verdict(all: &Group, bootstrap: Option<&Bootstrap>, trials: u32) -> EdgeVerdict {
    let found = bootstrap.filter(|_| all.enough);
    let Some((chance, (_, high))) = found.and_then(|found| found.p_edge.zip(found.edge)) else {
        return EdgeVerdict::Unknown;
    };
    if deflate::bonferroni(chance, trials) < SURE {
        EdgeVerdict::Positive
    } else if high < 0.0 {
        EdgeVerdict::Negative
    } else {
        EdgeVerdict::None
    }
}

/// One sentence, by which numbers.
fn headline(
    edge: EdgeVerdict,
    all: &Group,
    bootstrap: Option<&Bootstrap>,
    control: Option<&Control>,
    trials: u32,
) -> String {
    let percent = |part: f64| format!("{:.0}", part * 100.0);
    if all.n == 0 {
        return "no trades: nothing can be said".to_owned();
    }
    let chance = all.chance.map_or("unknown".to_owned(), |chance| {
        format!("{} %", percent(chance))
    });
    let beside = control.map_or(String::new(), |control| {
        format!(", random entries {} %", percent(control.rate))
    });
    let hits = format!(
        "hits {} % of {} [{}, {}], chance {chance}{beside}",
        percent(all.rate),
        all.n,
        percent(all.low),
        percent(all.high),
    );
    let by_days = bootstrap.map(|found| (found.edge, found.mean_r));
    let between = |(low, high): (f64, f64)| format!("[{low:+.2}, {high:+.2}]");
    let brought = match by_days {
        Some((_, mean_r)) => format!(
            "{:+.2} R a trade after costs {}",
            all.r.mean,
            between(mean_r)
        ),
        None => format!("{:+.2} R a trade after costs", all.r.mean),
    };
    let tried = if trials > 1 {
        format!("; the best of {trials} trials looks better than it is")
    } else {
        String::new()
    };
    let said = match edge {
        EdgeVerdict::Unknown if all.enough => "not enough days to say".to_owned(),
        EdgeVerdict::Unknown => format!("not enough data: {} of {LEAST} trades", all.n),
        EdgeVerdict::None => "no edge".to_owned(),
        EdgeVerdict::Negative => "worse than chance".to_owned(),
        EdgeVerdict::Positive => {
            let edge = all.edge.unwrap_or(0.0) * 100.0;
            let (low, high) = by_days.and_then(|found| found.0).unwrap_or_default();
            let (low, high) = (low * 100.0, high * 100.0);
            format!("an edge of {edge:+.1} % [{low:+.1}, {high:+.1}]")
        }
    };
    format!("{said}: {hits}; {brought}{tried}")
}

/// How right the confidences were.
fn scores(figures: &Figures) -> Scores {
    Scores {
        n: figures.n,
        confidence: figures.confidence,
        brier: figures.brier,
        skill: figures.skill,
        log_loss: figures.log_loss,
        calibration_error: figures.calibration_error,
    }
}

fn bins(figures: Figures) -> Vec<Bin> {
    let bin = |bin: engine::track::Bin| Bin {
        n: bin.n,
        hits: bin.hits,
        confidence: bin.confidence,
        rate: bin.rate(),
        low: bin.interval.0.to_f64(),
        high: bin.interval.1.to_f64(),
    };
    figures.bins.into_iter().map(bin).collect()
}

/// What a group is told apart by; the empty ones of [`Group`].
type Label = (Option<String>, Option<String>, Option<Killzone>);

fn groups(ended: &[Ended]) -> Vec<Group> {
    let setup = |signal: &Signal| Some(signal.setup.clone());
    let symbol = |signal: &Signal| Some(signal.symbol.to_string());
    let killzone = |signal: &Signal| Some(signal.killzone);
    let mut all = Vec::new();
    all.extend(grouped(ended, |signal| (setup(signal), None, None)));
    all.extend(grouped(ended, |signal| (None, symbol(signal), None)));
    all.extend(grouped(ended, |signal| (None, None, killzone(signal))));
    all.extend(grouped(ended, |signal| {
        (setup(signal), symbol(signal), killzone(signal))
    }));
    all
}

/// A setup, a symbol and a killzone, as they are ordered.
type Key = (Option<String>, Option<String>, Option<&'static str>);

fn grouped(ended: &[Ended], label: impl Fn(&Signal) -> Label) -> Vec<Group> {
    let mut groups: BTreeMap<Key, Vec<Row>> = BTreeMap::new();
    for one in ended {
        let (setup, symbol, killzone) = label(&one.signal);
        let key = (setup, symbol, killzone.map(Killzone::as_str));
        groups.entry(key).or_default().push(one.row);
    }
    let group = |((setup, symbol, killzone), rows): (_, Vec<Row>)| Group {
        setup,
        symbol,
        killzone: Option::<&'static str>::map(killzone, str::to_owned),
        ..group(&rows)
    };
    groups.into_iter().map(group).collect()
}

fn refused(found: &Found) -> Vec<Counted> {
    let named = found.refused.iter();
    counted(named.map(|(refusal, n)| (refusal.as_str(), *n)))
}

fn counted(counts: impl Iterator<Item = (&'static str, u64)>) -> Vec<Counted> {
    let occurred = counts.filter(|(_, n)| *n > 0);
    let counted = |(name, n): (&str, u64)| Counted {
        name: name.to_owned(),
        n,
    };
    occurred.map(counted).collect()
}

fn notes(found: &Found, control: Option<&Control>, asked: &Asked) -> Vec<String> {
    let mut notes = asked.notes.clone();
    match found.grade {
        Grade::Ticks => {}
        Grade::Minutes => notes.push(
            "Judged by bars: where a stop and a target lie in one bar, the stop is taken to have come first.".to_owned(),
        ),
        Grade::Coarse => notes.push(
            "COARSE: the data's bars are too long to confirm a signal. The close of the bar that touches the entry decides, the stop \
             first where both lie in it. These results are not to be mixed with those of ticks or minutes."
                .to_owned(),
        ),
    }
    let count = |is: fn(&Ended) -> bool| found.ended.iter().filter(|one| is(one)).count();
    let timed_out = count(|ended| ended.timed_out);
    if timed_out > 0 {
        notes.push(format!(
            "{timed_out} trade(s) ran out of time before first target and stop: no hits. Chance knows no such end, and so hits lie below \
             it by what these would have hit; the random entries end as the trades do."
        ));
    }
    let unknown = count(|ended| !ended.costs_known);
    if unknown > 0 {
        notes.push(format!(
            "Of {unknown} trade(s) the costs are not known, as no price turned the commission's currency; they count as none."
        ));
    }
    let ambiguous = count(|ended| ended.ambiguous);
    if ambiguous > 0 {
        notes.push(format!(
            "In {ambiguous} trade(s) stop and target lay in one bar; they count as no hit."
        ));
    }
    if found.training.born > 0 {
        notes.push(format!(
            "{} signal(s) are of a time that the model behind them may have been trained on: they prove nothing, and count only where \
             training is told of.",
            found.training.born
        ));
    }
    if found.running > 0 {
        notes.push(format!(
            "{} confirmed signal(s) still ran when the data ended; they count nowhere.",
            found.running
        ));
    }
    if let Some(control) = control {
        notes.push(format!(
            "Control: up to {} random entries beside each trade, within a week of it while its market was open, with the same \
             distances and rules; {} of {} could be made and followed to their end.",
            control.per_trade,
            control.n,
            found.ended.len() as u64 * u64::from(control.per_trade),
        ));
    }
    let (drawn, of) = found.drawn;
    if drawn < of {
        notes.push(format!(
            "{drawn} of {of} trades are drawn, evenly chosen; figures are of all."
        ));
    }
    notes
}

/// By the time of their entry.
fn trades(mut ended: Vec<Ended>) -> Vec<Trade> {
    ended.sort_by_key(|ended| (ended.signal.entry_time, ended.signal.created_at));
    ended.iter().map(trade).collect()
}

fn trade(ended: &Ended) -> Trade {
    let Ended { row, signal, .. } = ended;
    Trade {
        signal: told(signal),
        fill: ended.fill.to_f64(),
        spread: ended.spread.to_f64(),
        steps: ended.steps.iter().map(step).collect(),
        hit: row.hit,
        r_gross: row.gross,
        cost_r: row.cost,
        r_net: row.net(),
        odds: row.odds,
        mfe: ended.mfe,
        mae: ended.mae,
        ambiguous: ended.ambiguous,
        coarse: ended.coarse,
        training: signal.is_of_training(),
        ended_at: row.ended.to_string(),
        day: date(row.day),
        window: ended.window.iter().map(candle).collect(),
    }
}

fn told(signal: &Signal) -> TradeSignal {
    let evidence = &signal.evidence;
    let target = |target: &market::Target| TradeTarget {
        price: target.price.to_f64(),
        percent: target.percent,
        runner: target.runner,
    };
    TradeSignal {
        id: signal.id.to_string(),
        symbol: signal.symbol.to_string(),
        digits: signal.digits,
        direction: match signal.direction {
            market::Direction::Long => "long",
            market::Direction::Short => "short",
        },
        setup: signal.setup.clone(),
        timeframe: signal.timeframe.as_str(),
        reason: signal.reason.clone(),
        killzone: signal.killzone.as_str(),
        entry_time: signal.entry_time.to_string(),
        created_at: signal.created_at.to_string(),
        confirmed_at: signal.changed_at().to_string(),
        entry: signal.entry.to_f64(),
        stop: signal.stop.to_f64(),
        targets: signal.targets.iter().map(target).collect(),
        confidence: Probability::to_f64(signal.confidence),
        rr_target: Ratio::to_f64(signal.rr_target),
        rr_weighted: evidence.rr_weighted.map(Ratio::to_f64),
        simulated: signal.simulated,
        conditions: evidence.conditions.iter().map(condition).collect(),
        risk_gate: evidence.risk_gate.as_ref().map(condition),
        model: evidence.model.as_ref().map(rated),
    }
}

fn rated(rated: &Rated) -> String {
    format!("{} {}: {}", rated.model, rated.version, rated.score)
}

fn condition(condition: &Condition) -> String {
    let Condition {
        name,
        relation,
        value,
        limit,
    } = condition;
    match relation {
        market::Relation::Holds => name.clone(),
        market::Relation::AtLeast | market::Relation::AtMost => {
            format!("{name} {value} {} {limit}", relation.as_str())
        }
    }
}

fn step(outcome: &Outcome) -> Step {
    Step {
        at: outcome.at.to_string(),
        kind: outcome.kind.to_string(),
        price: outcome.price.to_f64(),
        r: outcome.r.to_f64(),
        last: outcome.last,
    }
}

fn candle(bar: &Bar) -> Candle {
    let price = Price::to_f64;
    Candle(
        bar.open_time.millis() / 1000,
        price(bar.price.open),
        price(bar.price.high),
        price(bar.price.low),
        price(bar.price.close),
    )
}
