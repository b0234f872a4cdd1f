//! What became of confirmed signals beside what would have become of the others: what the wait for a confirmation is worth.

use super::figures::newcombe;
use super::report::{ByCause, Confirmation, Followed, Tally};
use super::row::{Row, mean};
use super::watch::Found;
use engine::setup::SetupKind;
use engine::track::WouldHave;

/// `None` where nothing was confirmed, or nothing else was followed.
pub(super) fn confirmation(found: &Found) -> Option<Confirmation> {
    let (others, causes) = found.record.would_have_in_all()?;
    let is_own = |setup: &str| SetupKind::ALL.iter().any(|own| own.as_str() == setup);
    let own = found.ended.iter().filter(|one| is_own(&one.signal.setup));
    let confirmed: Vec<Row> = own.map(|ended| ended.row).collect();
    if confirmed.is_empty() {
        return None;
    }
    let confirmed = Followed {
        tally: Tally::of(&confirmed),
        mean_r: mean(confirmed.iter().map(|row| row.gross)),
    };
    let others = followed(&others);
    let hits = |of: &Followed| (of.tally.hits, of.tally.n);
    let (low, high) = newcombe(hits(&confirmed), hits(&others));
    let cause = |(cause, would): (&str, WouldHave)| ByCause {
        cause: cause.to_owned(),
        followed: followed(&would),
    };
    Some(Confirmation {
        difference: confirmed.tally.rate - others.tally.rate,
        difference_low: low,
        difference_high: high,
        causes: causes.into_iter().map(cause).collect(),
        confirmed,
        others,
    })
}

fn followed(would: &WouldHave) -> Followed {
    let (low, high) = would.interval;
    Followed {
        tally: Tally {
            n: would.n,
            hits: would.hits,
            rate: would.rate(),
            low: low.to_f64(),
            high: high.to_f64(),
            chance: would.odds,
            edge: would.edge,
        },
        mean_r: would.mean_r,
    }
}
