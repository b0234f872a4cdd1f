//! What the documents say: every command in them is run, and the settings' reference is made of `config/orion.toml`.

#[path = "../support/mod.rs"]
mod support;

mod commands;
mod pages;
mod reference;
mod sandbox;

use std::path::{Path, PathBuf};

/// The folder of the whole project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the workspace")
        .to_owned()
}
