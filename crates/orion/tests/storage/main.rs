//! What is kept must not be lost: backups of a server that runs, and disks that fail.

#[path = "../support/mod.rs"]
mod support;

mod backup;
mod disk;
