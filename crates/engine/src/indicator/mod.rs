//! Indicators: one bar in, one answer out, one file each. TA-Lib's conventions, proved against its outputs.

mod atr;

pub use atr::Atr;
