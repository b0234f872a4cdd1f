//! What is kept must not be lost: backups of a server that runs, what kills and damage leave of them, and disks that fail.

#[path = "../support/mod.rs"]
mod support;

mod backup;
mod damage;
mod disk;
mod kills;
mod stores;
mod stream;
