//! What is kept must not be lost: backups of a server that runs, what kills and damage leave of them.

#[path = "../support/mod.rs"]
mod support;

mod backup;
mod damage;
mod kills;
mod stores;
mod stream;
