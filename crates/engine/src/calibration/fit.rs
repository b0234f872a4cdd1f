//! One fit: the raw score of ORION's own signals, and the calibration of it. Bounded: at most [`super::OUTCOMES_MAX`] rows,
//! and so many steps.

use super::curve::{Picked, Scored, WithIsotonic};
use super::score::Room;
use super::{Curve, FEATURES, Raw, Resolved, Score, Terms, given};
use crate::features::SCORE;
use market::{Basis, Calibration, Probability, Time};
use serde::{Deserialize, Serialize};
use std::mem::discriminant;

/// A score is calibrated by what it would have said of outcomes it was not fitted on: these are dealt with in so many
/// stretches of time, each scored by a fit of the others. By its own outcomes it would look better than it is.
const STRETCHES: usize = 5;
/// Scores that differ by no more than this are one score.
const SAME: f64 = 1e-9;

/// What a fit gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fitted {
    pub(super) version: u32,
    /// `None` where scores are given.
    score: Option<Score>,
    curve: Curve,
    /// When the outcomes were resolved it is made of, from the first to the last.
    from: Time,
    until: Time,
    n: u32,
    hits: u32,
    before: f64,
    after: f64,
}

/// Fits what these outcomes allow; `None` where they say nothing: too few with a score, hits or misses alone, or a score that
/// never changes. Scores that were given and those that are made here are not mixed: the newest outcome says which. From the
/// fit before the next is found sooner.
pub(super) fn fit(outcomes: &[&Resolved], before: Option<&Fitted>, terms: Terms) -> Option<Fitted> {
    let scored = || outcomes.iter().copied().filter(|one| has_score(one));
    let kind = discriminant(&scored().next_back()?.raw);
    let used: Vec<&Resolved> = scored()
        .filter(|one| discriminant(&one.raw) == kind)
        .collect();
    let hits = used.iter().filter(|one| one.hit).count();
    if used.len() < terms.least || hits == 0 || hits == used.len() {
        return None;
    }
    let mut room = Room::default();
    let near = before.and_then(|fitted| fitted.score.as_ref());
    let score = features_of(&used).and_then(|(rows, hits)| room.fit(&rows, &hits, near));
    let told = |one: &&Resolved| score_of(score.as_ref(), &one.raw);
    if spread(used.iter().filter_map(told)) <= SAME {
        return None;
    }
    let scored = match &score {
        Some(score) => cross_scored(&used, score, &mut room)?,
        None => given_scores(&used),
    };
    let with_isotonic = if scored.len() >= terms.least_isotonic {
        WithIsotonic::Yes
    } else {
        WithIsotonic::No
    };
    let picked = Picked::of(&scored, with_isotonic)?;
    Some(Fitted {
        version: 0,
        score,
        curve: picked.curve,
        from: used.first()?.resolved,
        until: used.last()?.resolved,
        n: used.len() as u32,
        hits: hits as u32,
        before: picked.before,
        after: picked.after,
    })
}

impl Fitted {
    pub(super) const fn basis(&self) -> Basis {
        self.curve.basis()
    }

    /// The raw score of a signal, if it has one.
    pub(super) fn score_of(&self, raw: &Raw) -> Option<f64> {
        score_of(self.score.as_ref(), raw)
    }

    pub(super) fn calibrated(&self, score: f64) -> f64 {
        self.curve.of(score)
    }

    /// As it is kept.
    pub(super) fn told(&self, of: &str, at: Time) -> Calibration {
        let mut parameters = self.curve.parameters();
        if let Some(score) = &self.score {
            parameters.extend(score.parameters(SCORE));
        }
        Calibration {
            of: of.to_owned(),
            version: self.version,
            at,
            basis: self.basis(),
            from: self.from,
            until: self.until,
            n: self.n,
            hits: self.hits,
            brier_before: Probability::new(self.before),
            brier_after: Probability::new(self.after),
            parameters,
        }
    }
}

/// The score that is made where one is fitted, and the given one elsewhere.
fn score_of(score: Option<&Score>, raw: &Raw) -> Option<f64> {
    match (raw, score) {
        (Raw::Features(features), Some(score)) => Some(score.of(features)),
        (Raw::Given(given), None) => Some(*given),
        (Raw::Features(_), None) | (Raw::Given(_), Some(_)) | (Raw::Nothing, _) => None,
    }
}

fn has_score(outcome: &Resolved) -> bool {
    match outcome.raw {
        Raw::Features(_) | Raw::Given(_) => true,
        Raw::Nothing => false,
    }
}

/// The features of all, and what came; `None` where scores are given.
fn features_of<'a>(outcomes: &[&'a Resolved]) -> Option<(Vec<&'a [f64; FEATURES]>, Vec<bool>)> {
    let row = |outcome: &&'a Resolved| match &outcome.raw {
        Raw::Features(features) => Some(&**features),
        Raw::Given(_) | Raw::Nothing => None,
    };
    let rows: Option<Vec<_>> = outcomes.iter().map(row).collect();
    Some((rows?, outcomes.iter().map(|outcome| outcome.hit).collect()))
}

/// What each outcome's score is by fits of the outcomes outside its own stretch of time.
fn cross_scored(outcomes: &[&Resolved], whole: &Score, room: &mut Room) -> Option<Vec<Scored>> {
    let (rows, hits) = features_of(outcomes)?;
    let mut scored = Vec::with_capacity(rows.len());
    for stretch in 0..STRETCHES {
        let from = rows.len() * stretch / STRETCHES;
        let to = rows.len() * (stretch + 1) / STRETCHES;
        let others = [&rows[..from], &rows[to..]].concat();
        let score = room.fit(&others, &[&hits[..from], &hits[to..]].concat(), Some(whole))?;
        let own = rows[from..to].iter().zip(&hits[from..to]);
        scored.extend(own.map(|(row, hit)| Scored {
            score: score.of(row),
            hit: *hit,
        }));
    }
    Some(scored)
}

fn given_scores(outcomes: &[&Resolved]) -> Vec<Scored> {
    let scored = |outcome: &&Resolved| {
        Some(Scored {
            score: given(&outcome.raw)?,
            hit: outcome.hit,
        })
    };
    outcomes.iter().filter_map(scored).collect()
}

/// From the lowest to the highest score.
fn spread(scores: impl Iterator<Item = f64>) -> f64 {
    let ends = (f64::MAX, f64::MIN);
    let (low, high) = scores.fold(ends, |(low, high), one| (one.min(low), one.max(high)));
    high - low
}
