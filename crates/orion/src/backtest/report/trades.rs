//! The list of trades, and the data that the script draws it and their charts from.

use super::text::{counted, date, day_number, killzone, safe, setup};
use super::{equity, pack};
use lab::backtest::report::{LEAST, Report, Step, Trade};
use market::SourceTime;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Most letters of all charts: with more, every second one is left out until the rest fits.
const CHARTS_MAX: usize = 2_500_000;
/// Most trades of the list: they are most of a page of thousands.
const LISTED_MAX: usize = 2000;

pub(super) fn section(report: &Report) -> String {
    if report.trades.is_empty() {
        return "<p class=\"none\">No signal was confirmed and ended.</p>".to_owned();
    }
    let charts = charts(report);
    let (drawn, all) = (charts.len(), report.trades.len());
    let said = format!(
        "{} of {} can be drawn{}.{} Arrow keys, or j and k, go from trade to trade.",
        super::text::count(drawn as u64),
        counted(all as u64, "trade"),
        if drawn < all { ", evenly chosen" } else { "" },
        left_out(listed(all, &charts).len(), all),
    );
    format!(
        "<p class=\"lead\">{said}</p><noscript><p class=\"none\">The list and the charts of single trades need JavaScript; all figures above do without.</p></noscript>\
         <div class=\"filters\" id=\"filters\">{}{}{}{}{}{}{}</div><p class=\"small quiet\" id=\"counted\" role=\"status\"></p>\
         <div class=\"explorer\"><div id=\"list\" role=\"listbox\" tabindex=\"0\" aria-label=\"trades\"><div id=\"rows\" role=\"presentation\"></div></div>\
         <div><div class=\"ways\"><button type=\"button\" id=\"before\" disabled>\u{2190} previous</button><button type=\"button\" id=\"after\">next \u{2192}</button></div>\
         <div id=\"detail\" role=\"region\" aria-label=\"one trade\"><p class=\"none\">Choose a trade to see it on its chart.</p></div></div></div>",
        select(
            "symbol",
            "Symbol",
            named(report, |trade| &trade.signal.symbol)
        ),
        select("setup", "Setup", setups(report)),
        select("killzone", "Killzone", zones(report)),
        select("side", "Side", own(&[("long", "long"), ("short", "short")])),
        select(
            "result",
            "Result",
            own(&[
                ("hit", "hit: first target first"),
                ("miss", "no hit"),
                ("gain", "gained after costs"),
                ("loss", "lost after costs"),
                ("timeout", "time was over"),
                ("ambiguous", "ambiguous"),
            ])
        ),
        select("chart", "Chart", own(&[("drawn", "drawn ones only")])),
        select(
            "order",
            "Order",
            own(&[
                ("newest", "newest first"),
                ("best", "best first"),
                ("worst", "worst first"),
                ("longest", "longest first"),
            ])
        ),
    )
}

/// The places of the trades that are listed: all of few; of many those that can be drawn and, of the rest, evenly chosen ones.
fn listed(trades: usize, charts: &BTreeMap<usize, String>) -> Vec<usize> {
    if trades <= LISTED_MAX {
        return (0..trades).collect();
    }
    let rest = (0..trades).filter(|place| !charts.contains_key(place));
    let room = LISTED_MAX.saturating_sub(charts.len()).max(1);
    let step = (trades - charts.len()).div_ceil(room).max(1);
    let mut listed: Vec<usize> = rest.step_by(step).chain(charts.keys().copied()).collect();
    listed.sort_unstable();
    listed
}

/// What is said where not all are listed.
fn left_out(listed: usize, trades: usize) -> String {
    if listed == trades {
        return String::new();
    }
    format!(
        " The list has {} of them: those that can be drawn, and others evenly chosen. All figures above are of all; \
         <code>--trades FILE</code> writes each trade.",
        super::text::count(listed as u64)
    )
}

/// Choices of a filter: value and words, both safe.
type Choices = Vec<(String, String)>;

fn select(name: &str, label: &str, choices: Choices) -> String {
    let all = match name {
        "order" => "by time",
        _ => "all",
    };
    let choice =
        |(value, words): (String, String)| format!("<option value=\"{value}\">{words}</option>");
    let choices: String = choices.into_iter().map(choice).collect();
    format!(
        "<label>{label}<select name=\"{name}\"><option value=\"\">{all}</option>{choices}</select></label>"
    )
}

fn own(choices: &[(&str, &str)]) -> Choices {
    choices
        .iter()
        .map(|(value, words)| ((*value).to_owned(), (*words).to_owned()))
        .collect()
}

fn named<'a>(report: &'a Report, name: impl Fn(&'a Trade) -> &'a String) -> Choices {
    let names: BTreeSet<&String> = report.trades.iter().map(name).collect();
    names
        .into_iter()
        .map(|name| (safe(name), safe(name)))
        .collect()
}

fn setups(report: &Report) -> Choices {
    let names: BTreeSet<&String> = report
        .trades
        .iter()
        .map(|trade| &trade.signal.setup)
        .collect();
    names
        .into_iter()
        .map(|name| (safe(name), setup(name)))
        .collect()
}

fn zones(report: &Report) -> Choices {
    let zones: BTreeSet<&str> = report
        .trades
        .iter()
        .map(|trade| trade.signal.killzone)
        .collect();
    zones
        .into_iter()
        .map(|zone| (safe(zone), killzone(zone)))
        .collect()
}

/// All that the script draws from, as JSON that may stand in a script element.
pub(super) fn data(report: &Report) -> String {
    let mut charts = charts(report);
    let listed = listed(report.trades.len(), &charts);
    let data = Data {
        least: LEAST,
        start: equity::start(report),
        killzones: report
            .trades
            .iter()
            .map(|trade| (trade.signal.killzone, killzone(trade.signal.killzone)))
            .collect(),
        days: days(report),
        trades: listed
            .into_iter()
            .filter_map(|place| {
                let trade = report.trades.get(place)?;
                Some(OneTrade::of(trade, charts.remove(&place)))
            })
            .collect(),
        all: report.trades.len(),
    };
    // Plain structures of numbers and texts have a form in JSON.
    let json = serde_json::to_string(&data).unwrap_or_else(|_| "null".to_owned());
    // Nothing in it may end the script element, or begin a comment in it.
    json.replace('<', "\\u003c")
}

/// The packed bars of the trades that are drawn, by the trade's place.
fn charts(report: &Report) -> BTreeMap<usize, String> {
    let with_bars = report
        .trades
        .iter()
        .enumerate()
        .filter(|(_, trade)| !trade.window.is_empty());
    let mut charts: BTreeMap<usize, String> = with_bars
        .map(|(place, trade)| (place, pack::bars(&trade.window, trade.signal.digits)))
        .collect();
    while charts.values().map(String::len).sum::<usize>() > CHARTS_MAX {
        charts = charts.into_iter().step_by(2).collect();
    }
    charts
}

#[derive(Serialize)]
struct Data<'a> {
    /// Fewer trades say nothing.
    least: u32,
    /// The day before the first, counted from 1970.
    start: i32,
    killzones: BTreeMap<&'a str, String>,
    days: Vec<OneDay<'a>>,
    trades: Vec<OneTrade<'a>>,
    /// How many there are, listed or not.
    all: usize,
}

#[derive(Serialize)]
struct OneDay<'a> {
    day: &'a str,
    x: i32,
    trades: u32,
    hits: u32,
    r: f64,
    gross: f64,
    net: f64,
    doubled: f64,
    drawdown: f64,
    /// Low, middle and high of random entries.
    band: Option<[f64; 3]>,
}

fn days(report: &Report) -> Vec<OneDay<'_>> {
    let bands = report.control.iter().flat_map(|control| &control.band);
    let bands: BTreeMap<&str, [f64; 3]> = bands
        .map(|band| {
            (
                band.day.as_str(),
                [band.low, band.middle, band.high].map(short),
            )
        })
        .collect();
    let day = |day: &'_ lab::backtest::report::Day| day_number(&day.day);
    let known = report.days.iter().filter_map(|one| Some((one, day(one)?)));
    known
        .map(|(day, x)| OneDay {
            day: &day.day,
            x,
            trades: day.trades,
            hits: day.hits,
            r: short(day.r),
            gross: short(day.gross),
            net: short(day.net),
            doubled: short(day.doubled),
            drawdown: short(day.drawdown),
            band: bands.get(day.day.as_str()).copied(),
        })
        .collect()
}

/// To four decimals: more is not shown.
fn short(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// A trade as the script knows it; times in milliseconds since 1970.
#[derive(Serialize)]
struct OneTrade<'a> {
    id: &'a str,
    symbol: &'a str,
    digits: u8,
    side: &'static str,
    setup: &'a str,
    timeframe: &'static str,
    reason: &'a str,
    killzone: &'static str,
    entered: i64,
    created: i64,
    confirmed: i64,
    ended: i64,
    entry: f64,
    stop: f64,
    /// Price, percent, and whether it is the runner.
    targets: Vec<(f64, u8, bool)>,
    confidence: f64,
    odds: Option<f64>,
    rr: f64,
    fill: f64,
    spread: f64,
    /// When, what, at which price, and that in R from the entry.
    steps: Vec<(i64, &'a str, f64, f64)>,
    hit: bool,
    gross: f64,
    cost: f64,
    net: f64,
    mfe: f64,
    mae: f64,
    #[serde(skip_serializing_if = "is_not")]
    ambiguous: bool,
    #[serde(skip_serializing_if = "is_not")]
    coarse: bool,
    #[serde(skip_serializing_if = "is_not")]
    simulated: bool,
    #[serde(skip_serializing_if = "is_not")]
    training: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    /// Of trades that are drawn: they are most of a page of thousands.
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<&'a str>,
    /// `pack.rs` says how.
    #[serde(skip_serializing_if = "Option::is_none")]
    bars: Option<String>,
}

impl<'a> OneTrade<'a> {
    fn of(trade: &'a Trade, bars: Option<String>) -> Self {
        let signal = &trade.signal;
        let step = |step: &'a Step| {
            (
                millis(&step.at),
                step.kind.as_str(),
                step.price,
                short(step.r),
            )
        };
        Self {
            id: &signal.id,
            symbol: &signal.symbol,
            digits: signal.digits,
            side: signal.direction,
            setup: &signal.setup,
            timeframe: signal.timeframe,
            reason: &signal.reason,
            killzone: signal.killzone,
            entered: millis(&signal.entry_time),
            created: millis(&signal.created_at),
            confirmed: millis(&signal.confirmed_at),
            ended: millis(&trade.ended_at),
            entry: signal.entry,
            stop: signal.stop,
            targets: signal
                .targets
                .iter()
                .map(|target| (target.price, target.percent, target.runner))
                .collect(),
            confidence: short(signal.confidence),
            odds: trade.odds.map(short),
            rr: signal.rr_target,
            fill: trade.fill,
            spread: trade.spread,
            steps: trade.steps.iter().map(step).collect(),
            hit: trade.hit,
            gross: short(trade.r_gross),
            cost: short(trade.cost_r),
            net: short(trade.r_net),
            mfe: short(trade.mfe),
            mae: short(trade.mae),
            ambiguous: trade.ambiguous,
            coarse: trade.coarse,
            simulated: signal.simulated,
            training: trade.training,
            model: signal.model.as_deref(),
            conditions: bars.as_ref().map(|_| signal.conditions.as_slice()),
            gate: signal.risk_gate.as_deref(),
            bars,
        }
    }
}

/// What is not so is left out.
fn is_not(flag: &bool) -> bool {
    !flag
}

/// The report's times are its own; one that is none counts from 1970.
fn millis(time: &str) -> i64 {
    SourceTime::parse(time).map_or(0, SourceTime::millis)
}

/// Of the page's title: first and last day on which something ended.
pub(super) fn days_between(report: &Report) -> String {
    let numbers = || report.days.iter().filter_map(|day| day_number(&day.day));
    match numbers().min().zip(numbers().max()) {
        Some((first, last)) => format!("{} to {}", date(first), date(last)),
        None => "no trades".to_owned(),
    }
}
