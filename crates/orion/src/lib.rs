//! The binary of ORION as a library, so that tests can reach its parts.

pub mod cli;
pub mod config;
