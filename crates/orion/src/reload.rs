//! `orion reload`: the running server hands over to a new process, and nobody is refused.

use crate::cli;
use crate::config::{self, Finding, Layers};
use crate::handover::{self, Answer};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Finds the server by its data folder, asks it, and says which process serves now.
///
/// # Errors
/// When there is no such server, or when the old process goes on; the message says why.
pub fn run(options: &cli::Reload, environment: Vec<(String, String)>) -> Result<()> {
    let market = market_of(options.layers(environment), options.market.as_deref())?;
    match handover::reload(&market)? {
        Answer::Serves(pid) => {
            writeln!(io::stdout(), "process {pid} serves {}", market.display())?;
            Ok(())
        }
        Answer::Failed(reason) => bail!("the old process goes on serving: {reason}"),
    }
}

/// The folder of the market whose server is meant, by its settings and perhaps its name.
///
/// # Errors
/// When the settings cannot run, or no server or several have their data folder.
pub(crate) fn market_of(
    layers: Result<Layers, Vec<Finding>>,
    market: Option<&str>,
) -> Result<PathBuf> {
    let loaded = layers.and_then(|layers| config::load(&layers));
    let loaded = loaded.map_err(|findings| anyhow::anyhow!("{}", cli::lines(&findings)))?;
    let data = &loaded.config.data.dir;
    one_of(data, running(data)?, market)
}

/// The markets' folders that a server has.
pub(crate) fn running(data: &Path) -> Result<Vec<PathBuf>> {
    let folders = fs::read_dir(data)
        .with_context(|| format!("look into the data folder {}", data.display()))?;
    let mut running = Vec::new();
    for folder in folders {
        let path = folder
            .with_context(|| format!("look into {}", data.display()))?
            .path();
        if handover::is_running(&path) {
            running.push(path);
        }
    }
    running.sort();
    Ok(running)
}

/// The one that is meant.
pub(crate) fn one_of(
    data: &Path,
    mut running: Vec<PathBuf>,
    market: Option<&str>,
) -> Result<PathBuf> {
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    if let Some(market) = market {
        running.retain(|path| name(path) == market);
    }
    match running.len() {
        1 => Ok(running.remove(0)),
        0 => bail!(
            "no server runs on {}{}: name its data folder with --data",
            data.display(),
            market.map_or(String::new(), |market| format!(" with the market {market}")),
        ),
        _ => bail!(
            "several servers run on {}: name the market, one of {}",
            data.display(),
            running.iter().map(name).collect::<Vec<_>>().join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_server_is_found_or_named() {
        for (running, market, found) in [
            (vec!["sim-1"], None, Ok("sim-1")),
            (vec!["live", "sim-1"], Some("live"), Ok("live")),
            (vec![], None, Err("no server runs on data: name")),
            (vec!["live"], Some("sim-1"), Err("with the market sim-1")),
            (vec!["live", "sim-1"], None, Err("one of live, sim-1")),
        ] {
            let data = Path::new("data");
            let folders = running.iter().map(|market| data.join(market)).collect();
            match (one_of(data, folders, market), found) {
                (Ok(path), Ok(name)) => assert_eq!(path, data.join(name)),
                (Err(error), Err(words)) => {
                    assert!(error.to_string().contains(words), "{running:?}: {error}");
                }
                (path, _) => panic!("{running:?}: {path:?}"),
            }
        }
    }
}
