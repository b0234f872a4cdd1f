//! Isotonic regression: the rising steps nearest to what came, by pooling adjacent violators. Ayer, Brunk, Ewing, Reid &
//! Silverman, "An empirical distribution function for sampling with incomplete information" (1955); Zadrozny & Elkan (2002).

use super::curve::Scored;
use serde::{Deserialize, Serialize};

/// Blocks of scores, and the rate of hits in each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// The mean score of each block and its rate; both rise.
    blocks: Vec<(f64, f64)>,
}

/// Scores that are pooled.
#[derive(Clone, Copy)]
struct Block {
    n: f64,
    scores: f64,
    hits: f64,
}

impl Block {
    fn rate(&self) -> f64 {
        self.hits / self.n
    }
    fn with(&self, other: &Self) -> Self {
        Self {
            n: self.n + other.n,
            scores: self.scores + other.scores,
            hits: self.hits + other.hits,
        }
    }
}

impl Isotonic {
    /// `None` where one block is all: then a score says nothing.
    pub(super) fn fit(scored: &[Scored]) -> Option<Self> {
        let mut sorted = scored.to_vec();
        sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
        let mut blocks: Vec<Block> = Vec::new();
        for same in sorted.chunk_by(|a, b| a.score == b.score) {
            let n = same.len() as f64;
            let mut block = Block {
                n,
                scores: same[0].score * n,
                hits: same.iter().filter(|one| one.hit).count() as f64,
            };
            while let Some(before) = blocks.pop_if(|before| before.rate() >= block.rate()) {
                block = before.with(&block);
            }
            blocks.push(block);
        }
        let place = |block: &Block| (block.scores / block.n, block.rate());
        let blocks: Vec<_> = blocks.iter().map(place).collect();
        (blocks.len() > 1).then_some(Self { blocks })
    }

    /// Linear between the centres of blocks, and level beyond the outer ones.
    pub(super) fn of(&self, score: f64) -> f64 {
        let next = self.blocks.partition_point(|(centre, _)| *centre < score);
        match (next.checked_sub(1), self.blocks.get(next)) {
            (None, Some((_, rate))) => *rate,
            (Some(before), None) => self.blocks[before].1,
            (Some(before), Some((to, high))) => {
                let (from, low) = self.blocks[before];
                low + (high - low) * (score - from) / (to - from)
            }
            (None, None) => 0.5,
        }
    }

    pub(super) fn parameters(&self) -> Vec<(String, f64)> {
        let blocks = self.blocks.iter().enumerate();
        let named = |(place, (centre, rate)): (usize, &(f64, f64))| {
            [
                (format!("block.{place}.score"), *centre),
                (format!("block.{place}.rate"), *rate),
            ]
        };
        blocks.flat_map(named).collect()
    }
}
