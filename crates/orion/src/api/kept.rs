//! The same answers of a market's folder whose server does not run: for `orion signals`.

use super::answer::{Object, Problem};
use super::index::Index;
use super::{life, signals};
use anyhow::{Context as _, Result};
use axum::http::Uri;
use std::path::{Path, PathBuf};

/// A journal that nobody serves. All of it blocks on the disk.
#[derive(Debug)]
pub(crate) struct Kept {
    market: String,
    dir: PathBuf,
    index: Index,
}

impl Kept {
    /// Reads the journal.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn open(market: &str, dir: &Path) -> Result<Self> {
        let mut index = Index::new(dir);
        index
            .refresh()
            .with_context(|| format!("read the journal of {market}"))?;
        Ok(Self {
            market: market.to_owned(),
            dir: dir.to_owned(),
            index,
        })
    }

    /// What `GET /api/v1/signals` or `/api/v1/signals/{id}` would answer.
    ///
    /// # Errors
    /// What the question is wrong about, with the remedy.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let uri: Uri = path.parse().context("read the question")?;
        let begun = Object::new().with("market", &self.market);
        let told = match uri.path().strip_prefix("/api/v1/signals/") {
            Some(id) => life::of_folder(begun, &self.index, &self.dir, id),
            None => signals::page_of(begun, &self.index, &uri),
        };
        told.map_err(|Problem { error, remedy, .. }| anyhow::anyhow!("{error}: {remedy}"))
    }
}
