//! Where the book is read, beside the thread that writes it.

use super::{Behind, Charts};
use anyhow::{Context as _, Result};
use journal::charts::{self, Page};
use market::{BarUpdate, Catalog, Symbol, Time, Timeframe};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an answer waits for the book's writer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The book of a market, for whoever reads.
#[derive(Debug)]
pub(crate) struct Shelf {
    path: PathBuf,
    /// The symbols whose prices may be shown, with their digits.
    shown: BTreeMap<Symbol, u8>,
    charts: Arc<Charts>,
    /// Readers that are not in use.
    pages: Mutex<Vec<Page>>,
}

impl Shelf {
    /// The book in a market's folder. Only charts of `may_show` are given out, and of them those whose instruments show prices.
    pub(crate) fn new(
        dir: &Path,
        catalog: &Catalog,
        may_show: impl Fn(Symbol) -> bool,
        charts: &Arc<Charts>,
    ) -> Self {
        let shown = catalog.instruments.iter();
        let shown = shown.filter(|one| one.prices && may_show(one.symbol));
        Self {
            path: charts::path(dir),
            shown: shown.map(|one| (one.symbol, one.digits)).collect(),
            charts: Arc::clone(charts),
            pages: Mutex::default(),
        }
    }

    /// The decimals of a symbol that has charts here.
    pub(crate) fn digits(&self, symbol: Symbol) -> Option<u8> {
        self.shown.get(&symbol).copied()
    }

    pub(crate) fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.shown.keys()
    }

    /// Up to when all is known: what became known before the question is in the book when this answers. Blocks.
    pub(crate) fn catch_up(&self) -> Result<Time, Behind> {
        let now = self.charts.now();
        self.charts.catch_up(PATIENCE).map(|()| now)
    }

    /// The open bar, as those who subscribe to bars were told of it last.
    pub(crate) fn forming(&self, symbol: Symbol, timeframe: Timeframe) -> Option<Arc<BarUpdate>> {
        self.charts.forming(symbol, timeframe)
    }

    /// Reads of one moment of the file. Blocks on the disk.
    pub(crate) fn read<T>(
        &self,
        ask: impl FnOnce(&Page) -> Result<T, journal::Error>,
    ) -> Result<T> {
        let pages = || self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let free = pages().pop();
        let page = match free {
            Some(page) => page,
            None => Page::open(&self.path)?.context("there is no chart book")?,
        };
        // One that fails is let go of: the file may have been made again.
        let told = ask(&page)?;
        pages().push(page);
        Ok(told)
    }
}
