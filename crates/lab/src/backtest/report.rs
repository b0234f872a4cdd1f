//! What a backtest found, in the shape in which it is shown and written as JSON (`docs/backtest.md`). Plain numbers and
//! texts: prices as they are quoted, results in multiples of the risk (R), parts as parts of one, times as RFC 3339 in UTC.

use serde::{Deserialize, Serialize};

/// Changes whenever the shape does.
pub const FORMAT: u32 = 1;
/// Fewer results than this say nothing of a group: only counts are shown of it.
pub const LEAST: u32 = engine::track::LEAST as u32;

/// A whole backtest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub format: u32,
    pub run: Run,
    /// What the reader has to know of the data and the figures, a sentence each.
    pub notes: Vec<String>,
    /// One sentence: whether there is an edge, and by which numbers.
    pub headline: String,
    pub edge: EdgeVerdict,
    pub signals: SignalCounts,
    /// Of all trades.
    pub all: Group,
    /// By setup, by symbol, by killzone, and by all three; in this order, each by name.
    pub groups: Vec<Group>,
    pub scores: Option<Scores>,
    /// Days on which something ended, in their order.
    pub days: Vec<Day>,
    pub months: Vec<Month>,
    pub drawdown: Drawdown,
    /// Confidence told against hits that came, by rising confidence.
    pub reliability: Vec<Bin>,
    pub control: Option<Control>,
    pub confirmation: Option<Confirmation>,
    /// What a model had to do with that may have been trained on it; `None` without any. It counts nowhere else.
    pub training: Option<Training>,
    pub bootstrap: Option<Bootstrap>,
    pub folds: Vec<Fold>,
    /// Triggers that were stopped, by reason; only those that occurred.
    pub refused: Vec<Counted>,
    /// Signals that were invalidated, by cause; only those that occurred.
    pub invalidated: Vec<Counted>,
    /// Confirmed signals that ended, by the time of their entry; those of a model's training among them.
    pub trades: Vec<Trade>,
}

/// What was run, so that anybody can run it again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// The command that made it.
    pub command: String,
    pub engine_version: u32,
    /// Names the settings: equal for equal rules.
    pub settings_hash: String,
    /// Files and folders as they were named.
    pub inputs: Vec<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    /// What was read of each symbol.
    pub symbols: Vec<SymbolSpan>,
    pub grade: Grade,
    /// Rules that are not the defaults.
    pub rules: Vec<Parameter>,
    /// The models that had a say.
    pub models: Vec<ModelUse>,
    pub costs: Costs,
    /// How many sets of parameters were tried, this one included.
    pub trials: u32,
    /// Of the bootstrap and the control.
    pub seed: u64,
    pub simulated: bool,
}

/// What was read of one symbol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SymbolSpan {
    pub symbol: String,
    pub digits: u8,
    pub first: String,
    pub last: String,
    pub ticks: u64,
    pub bars: u64,
    /// The finest data there was: `ticks`, or the length of bars.
    pub data: String,
}

/// How fine the data is that trades were judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    Ticks,
    /// Bars short enough to confirm a signal.
    Minutes,
    /// Longer bars: the close of the one that touched the entry decides. Never to be mixed with the others.
    Coarse,
}

/// A setting and its value, as the settings file writes them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Parameter {
    pub name: String,
    pub value: String,
    /// What it is without being set.
    pub default: String,
}

/// A model that was asked, or whose answers were recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelUse {
    pub name: String,
    pub version: String,
    /// `propose` or `rescore`
    pub role: &'static str,
    /// A signal with an earlier entry may have been trained on.
    pub counts_from: String,
    /// Questions, and those that were answered.
    pub asked: u64,
    pub answered: u64,
}

/// What trading costs beside the spread, which is in fill and exit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Costs {
    /// In pips, each way, by symbol.
    pub slippage: Vec<(String, f64)>,
    /// Of a lot there and back, in the account's currency, by symbol.
    pub commission: Vec<(String, f64)>,
}

/// Whether hits or results are better than chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeVerdict {
    /// Too few trades to say.
    Unknown,
    /// The 95 % interval of the edge holds zero.
    None,
    /// It lies above zero, after as many trials as there were.
    Positive,
    /// It lies below zero.
    Negative,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SignalCounts {
    pub born: u64,
    pub confirmed: u64,
    pub invalidated: u64,
    /// Confirmed, and the data ended before they did.
    pub running: u64,
    /// Trades whose stop and target lay in one bar, counted as no hit.
    pub ambiguous: u64,
}

/// Hits against chance, as fields of what they are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub n: u32,
    /// The first target traded before the stop.
    pub hits: u32,
    pub rate: f64,
    /// Wilson's interval of the rate, 95 %.
    pub low: f64,
    pub high: f64,
    /// What a price without drift would have hit: the mean of the barrier odds at each confirmation.
    pub chance: Option<f64>,
    /// Rate less chance, of those whose odds are known.
    pub edge: Option<f64>,
}

/// The figures of a group of trades.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// `None`: of all.
    pub setup: Option<String>,
    pub symbol: Option<String>,
    pub killzone: Option<String>,
    pub n: u32,
    /// The first target traded before the stop.
    pub hits: u32,
    /// Whether there are enough trades for the figures to say anything.
    pub enough: bool,
    pub rate: f64,
    /// Wilson's interval of the rate, 95 %.
    pub low: f64,
    pub high: f64,
    /// What a price without drift would have hit: the mean of the barrier odds at each confirmation.
    pub chance: Option<f64>,
    /// Rate less chance.
    pub edge: Option<f64>,
    pub r: Returns,
}

/// What a group of trades brought, in R.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Returns {
    /// After costs; their mean is the expectancy.
    pub mean: f64,
    pub sum: f64,
    /// Standard deviation of one trade's (n - 1).
    pub deviation: f64,
    pub gross_mean: f64,
    pub gross_sum: f64,
    /// With costs twice as high.
    pub doubled_sum: f64,
    /// Gains by losses; `None` without losses.
    pub profit_factor: Option<f64>,
    pub wins: u32,
    /// Hours in a position, and the part of the span between the first entry and the last exit in which at least one was open.
    pub hours: f64,
    pub exposure: f64,
}

/// How good the confidences shown were; each was shown before its result was known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scores {
    pub n: u32,
    pub confidence: f64,
    pub brier: f64,
    /// 1 less the score by that of the rate itself; `None` where all or none hit.
    pub skill: Option<f64>,
    pub log_loss: f64,
    pub calibration_error: f64,
}

/// What ended on one trading day (it rolls at 17:00 New York), and the sums up to its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    /// `2025-03-04`
    pub day: String,
    pub trades: u32,
    pub hits: u32,
    pub r: f64,
    /// Sums since the beginning: before costs, after them, and with twice the costs.
    pub gross: f64,
    pub net: f64,
    pub doubled: f64,
    /// How far `net` lies below its highest day so far, never negative.
    pub drawdown: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Month {
    /// `2025-03`
    pub month: String,
    pub trades: u32,
    pub hits: u32,
    pub r: f64,
}

/// The deepest fall of the sum of results after costs, trade by trade.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Drawdown {
    pub r: f64,
    /// The days of the high before it, of its depth, and of the first new high; `None`: not yet.
    pub from: Option<String>,
    pub depth: Option<String>,
    pub until: Option<String>,
}

/// A row of the reliability table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bin {
    pub n: u32,
    pub hits: u32,
    pub confidence: f64,
    pub rate: f64,
    pub low: f64,
    pub high: f64,
}

/// Entries at random times with the same stops, targets and outcome rules: what the same trades bring without the signal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Control {
    pub per_trade: u32,
    pub n: u32,
    pub hits: u32,
    pub rate: f64,
    pub low: f64,
    pub high: f64,
    pub chance: f64,
    /// After costs.
    pub mean_r: f64,
    /// The rate of hits of the trades less that of the control, and its 95 % interval (Newcombe 1998).
    pub difference: f64,
    pub difference_low: f64,
    pub difference_high: f64,
    /// The sum of results after costs of as many random entries as there are trades, over the days of the report: the middle,
    /// and what 95 % of draws lie between.
    pub band: Vec<Band>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Band {
    pub day: String,
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

/// What waiting for a confirmation was worth: what became of ORION's own confirmed signals, beside what would have become of
/// those that were not confirmed, followed unseen from their verdict on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confirmation {
    pub confirmed: Followed,
    pub others: Followed,
    /// The rate of hits of the confirmed less that of the others, and its 95 % interval (Newcombe 1998).
    pub difference: f64,
    pub difference_low: f64,
    pub difference_high: f64,
    /// The others by what became of them, by name. `stop` never hits and `missed` always does, by definition: they were not
    /// followed.
    pub causes: Vec<ByCause>,
}

/// What became of some signals, or would have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Followed {
    #[serde(flatten)]
    pub tally: Tally,
    /// Before costs; `None` where none was followed.
    pub mean_r: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByCause {
    pub cause: String,
    #[serde(flatten)]
    pub followed: Followed,
}

/// Signals from the time that the model behind them may have been trained on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Training {
    pub born: u64,
    pub confirmed: u64,
    /// Of those that ended.
    #[serde(flatten)]
    pub tally: Tally,
    /// After costs; `None` without any.
    pub mean_r: Option<f64>,
}

/// Intervals from trading days drawn with replacement: trades of one day are not independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bootstrap {
    pub draws: u32,
    pub days: u32,
    /// Of the mean result after costs, 95 %.
    pub mean_r: (f64, f64),
    /// Of the edge, 95 %; `None` without odds.
    pub edge: Option<(f64, f64)>,
    /// One-sided: the part of draws whose edge, whose mean result is not above zero.
    pub p_edge: Option<f64>,
    pub p_mean_r: f64,
    /// The latter after as many trials as there were (Bonferroni).
    pub p_mean_r_deflated: f64,
    /// The chance that the ratio of mean and deviation is above what the best of as many trials gives by luck
    /// (Bailey & Lopez de Prado 2014); `None` where it cannot be known.
    pub deflated_sharpe: Option<f64>,
}

/// A quarter of a year that nothing was fitted on: what was known before it, and what came in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fold {
    /// `2025 Q1`
    pub fold: String,
    pub before: FoldPart,
    pub inside: FoldPart,
    /// Brier's score of the confidences shown inside, and its skill against the rate of hits before; `None` without any before.
    pub brier: Option<f64>,
    pub skill: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct FoldPart {
    pub n: u32,
    pub hits: u32,
    pub rate: f64,
    pub low: f64,
    pub high: f64,
    pub chance: Option<f64>,
    pub edge: Option<f64>,
    pub mean_r: f64,
    pub sum_r: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    pub name: String,
    pub n: u64,
}

/// A confirmed signal that ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trade {
    pub signal: TradeSignal,
    /// What a position was opened at when it was confirmed, and the spread then.
    pub fill: f64,
    pub spread: f64,
    pub steps: Vec<Step>,
    pub hit: bool,
    /// What the whole position brought: before costs, the costs, and after them.
    pub r_gross: f64,
    pub cost_r: f64,
    pub r_net: f64,
    /// The chance of a price without drift, from where it was confirmed.
    pub odds: Option<f64>,
    /// The furthest its way and against it while it ran, from the fill, in R; both at least 0.
    pub mfe: f64,
    pub mae: f64,
    /// Stop and target lay in one bar: no hit.
    pub ambiguous: bool,
    /// Judged by bars too long to confirm it.
    pub coarse: bool,
    /// The model behind it may have been trained on it: it counts nowhere.
    pub training: bool,
    pub ended_at: String,
    /// The trading day on which it ended.
    pub day: String,
    /// Bars of the setup's timeframe around it; empty where it was not chosen to be drawn.
    pub window: Vec<Candle>,
}

/// A signal as it was told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TradeSignal {
    pub id: String,
    pub symbol: String,
    pub digits: u8,
    /// `long` or `short`
    pub direction: &'static str,
    pub setup: String,
    pub timeframe: &'static str,
    pub reason: String,
    pub killzone: &'static str,
    pub entry_time: String,
    pub created_at: String,
    pub confirmed_at: String,
    pub entry: f64,
    pub stop: f64,
    pub targets: Vec<TradeTarget>,
    pub confidence: f64,
    pub rr_target: f64,
    pub rr_weighted: Option<f64>,
    pub simulated: bool,
    /// What held when it fired: `name value relation limit`.
    pub conditions: Vec<String>,
    /// The limit of the portfolio that spoke against it.
    pub risk_gate: Option<String>,
    /// The model that had to do with it, its version and its score: `gaps 2026-11-01: 0.61`.
    pub model: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TradeTarget {
    pub price: f64,
    pub percent: u8,
    pub runner: bool,
}

/// What happened to a trade: `tp1`, `stop_moved`, `stop`, `timeout`, `closed`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    pub at: String,
    pub kind: String,
    pub price: f64,
    /// Of that price, from the entry.
    pub r: f64,
    pub last: bool,
}

/// A bar: when it opened in seconds since 1970 (UTC), open, high, low, close.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Candle(pub i64, pub f64, pub f64, pub f64, pub f64);
