//! The track record as JSON.

use super::{Reader, versions};
use engine::track::{Bin, By, Figures, LEAST, Middle, WouldHave};
use market::Probability;
use serde_json::{Map, Value, json};

/// What is said of a group of which too little is known.
const TOO_FEW: &str = "not enough data";
/// What the figures are, for whoever sees nothing else.
const NOTE: &str = "Of ORION's own confirmed signals that have ended; what others posted is apart. A hit: the first target traded before the stop. `odds` is what chance alone would \
     give, `edge` what is left without it. `r` is before slippage and commissions, `net` after them, where they are known. What \
     recorded bars judged is apart (`by_bars`), and so is what would have become of signals that were not confirmed. Nothing here is investment advice.";

pub(crate) fn report(market: &str, reader: &Reader) -> Value {
    let (record, counts) = (&reader.record, reader.record.counts);
    let by: Map<String, Value> = By::ALL
        .into_iter()
        .map(|by| {
            let groups = record.by(by).into_iter();
            let groups: Map<String, Value> = groups
                .map(|(name, figures)| (name, told(&figures)))
                .collect();
            (by.as_str().to_owned(), Value::Object(groups))
        })
        .collect();
    let by_bars = record.by_bars().into_iter();
    let by_bars: Map<String, Value> = by_bars
        .map(|(judge, figures)| (judge.to_string(), told(&figures)))
        .collect();
    let would_have = record.would_have().into_iter();
    let would_have: Map<String, Value> = would_have
        .map(|(judge, causes)| {
            let causes = causes.iter();
            let causes: Map<String, Value> = causes
                .map(|(cause, group)| ((*cause).to_owned(), unconfirmed(group)))
                .collect();
            (judge.to_string(), Value::Object(causes))
        })
        .collect();
    json!({
        "market": market,
        "position": reader.position.map(|at| json!({"epoch": at.epoch.to_string(), "seq": at.seq})),
        "signals": {
            "born": counts.born,
            "confirmed": counts.confirmed,
            "invalidated": counts.invalidated,
            "running": record.running(),
            "unfollowed": counts.unfollowed,
        },
        "all": record.all().as_ref().map(told),
        "by": by,
        "posted": record.posted().as_ref().map(told),
        "by_bars": by_bars,
        "would_have": would_have,
        "calibration": versions::newest(&reader.calibrations),
        "note": NOTE,
    })
}

/// All figures, or why there are none.
fn told(figures: &Figures) -> Value {
    let Figures { n, hits, .. } = figures;
    if (*n as usize) < LEAST {
        return json!({"n": n, "hits": hits, "note": TOO_FEW, "least": LEAST});
    }
    json!({
        "n": n,
        "hits": hits,
        "rate": rounded(figures.rate()),
        "interval": interval(figures.interval),
        "odds": figures.odds.map(rounded),
        "odds_n": figures.with_odds,
        "edge": figures.edge.map(rounded),
        "r": {
            "mean": figures.mean_r.map(rounded),
            "median": figures.median_r.map(rounded),
            "sum": rounded(figures.sum_r),
        },
        "net": {
            "n": figures.with_cost,
            "mean": figures.mean_net.map(rounded),
            "sum": rounded(figures.sum_net),
        },
        "mfe": figures.best.map(middle),
        "mae": figures.worst.map(middle),
        "ambiguous": figures.ambiguous,
        "confidence": rounded(figures.confidence),
        "brier": rounded(figures.brier),
        "skill": figures.skill.map(rounded),
        "log_loss": rounded(figures.log_loss),
        "calibration_error": rounded(figures.calibration_error),
        "reliability": figures.bins.iter().map(row).collect::<Vec<_>>(),
    })
}

/// What would have become of signals of one cause, or why nothing is said.
fn unconfirmed(group: &WouldHave) -> Value {
    let WouldHave { n, hits, .. } = group;
    if (*n as usize) < LEAST {
        return json!({"n": n, "hits": hits, "note": TOO_FEW, "least": LEAST});
    }
    json!({
        "n": n,
        "hits": hits,
        "rate": rounded(group.rate()),
        "interval": interval(group.interval),
        "odds": group.odds.map(rounded),
        "odds_n": group.with_odds,
        "edge": group.edge.map(rounded),
        "r": group.mean_r.map(rounded),
    })
}

fn middle(middle: Middle) -> Value {
    json!({"mean": rounded(middle.mean), "median": rounded(middle.median)})
}

fn row(bin: &Bin) -> Value {
    json!({
        "n": bin.n,
        "hits": bin.hits,
        "confidence": rounded(bin.confidence),
        "rate": rounded(bin.rate()),
        "interval": interval(bin.interval),
    })
}

fn interval((low, high): (Probability, Probability)) -> [f64; 2] {
    [low.to_f64(), high.to_f64()]
}

/// To four decimals, and never a negative zero.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0 + 0.0
}
