//! Bars made by hand for what the reference outputs do not reach: caps, expiry, levels replaced in the middle of a test, the
//! order of what happens in one bar, and the rules of order blocks that are not the default. What is expected was worked out
//! from the definitions, a line for each bar; each case is also seen in a mirror.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blocks;
mod gaps;
mod lost;
mod pools;
mod table;
