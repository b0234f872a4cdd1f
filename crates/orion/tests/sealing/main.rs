//! Finished days as Parquet files: what is in them, what a crash leaves, who can read them, how large they are.

#[path = "../support/mod.rs"]
mod support;

mod crash;
mod days;
mod export;
mod made;
mod play;
mod readers;
mod serving;
mod size;
mod tables;
