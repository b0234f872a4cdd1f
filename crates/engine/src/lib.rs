//! The verbs of ORION: from ticks to signals. Pure and deterministic: read `engine.rs` first.

mod bars;
pub mod calibration;
pub mod confidence;
mod desk;
mod engine;
pub mod features;
mod gates;
pub mod indicator;
mod ledger;
mod left;
mod lifecycle;
mod models;
mod outcome;
mod pairs;
pub mod portfolio;
mod pulse;
mod readings;
pub mod risk;
pub mod rules;
pub mod session;
pub mod setup;
pub mod sizing;
pub mod structure;
pub mod track;

pub use bars::{Merge, Straddles, TooLate, mid};
pub use engine::{Closed, Counts, Engine, Found, Known, NotMine, Output};
pub use gates::Refusal;
pub use left::Left;
pub use models::{ModelRole, ModelRule, ModelRules};
pub use portfolio::{Gate, Limits, News, Release, RiskState, Standing};
pub use readings::Readings;
pub use rules::book::{RuleBook, SymbolRules};
pub use rules::{BlockPick, BlockZone, BreakMode, PriceRules, RuleError, Rules, Settings};
pub use sizing::Account;
