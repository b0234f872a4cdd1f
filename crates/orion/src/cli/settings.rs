//! How options become the topmost layer of the settings.

use crate::config::{Finding, Flag, Layers, SettingsFile};
use clap::Args;
use std::path::PathBuf;

/// Options of `serve` and `check`.
#[derive(Args, Clone, Debug, Default)]
pub struct Settings {
    #[command(flatten)]
    pub basis: Basis,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Folder for ORION's data [default: orion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Where prices come from: sim, tape:FILE[,FILE], or live sources, best first: oanda,kraken [default: sim]
    #[arg(long, value_name = "KIND")]
    pub feed: Option<String>,
    /// How fast a tape is played: 1 is real time, 60 an hour a minute, max as fast as possible [default: 1]
    #[arg(long, value_name = "N|max", allow_negative_numbers = true)]
    pub speed: Option<String>,
    /// Seed of the simulated market [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<String>,
}

/// Options of `serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct Serve {
    #[command(flatten)]
    pub settings: Settings,
    /// Hold the listening socket in a small process of its own, which starts the server again where it crashes: for PM2 and
    /// containers
    #[arg(long)]
    pub hold: bool,
}

/// Options of every command that reads settings.
#[derive(Args, Clone, Debug, Default)]
pub struct Basis {
    /// Settings file in TOML; none is read unless named
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting of orion.toml by its dotted path; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Where to look, and how to show it.
#[derive(Args, Clone, Debug)]
pub struct Kept {
    /// Folder of ORION's data [default: orion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub basis: Basis,
}

impl Settings {
    /// The layers that these options name, over the environment.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn layers(&self, environment: Vec<(String, String)>) -> Result<Layers, Vec<Finding>> {
        let options = [
            ("--listen", "server.listen", &self.listen),
            ("--data", "data.dir", &self.data),
            ("--feed", "feed.kind", &self.feed),
            ("--speed", "feed.tape.speed", &self.speed),
            ("--seed", "feed.sim.seed", &self.seed),
        ];
        let flag = |(name, key, text): (_, _, &Option<String>)| {
            let text = text.clone()?;
            Some(Flag { name, key, text })
        };
        self.basis
            .layers(environment, options.into_iter().filter_map(flag).collect())
    }
}

impl Basis {
    /// The layers without options of a command.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn plain_layers(&self, environment: Vec<(String, String)>) -> Result<Layers, Vec<Finding>> {
        self.layers(environment, Vec::new())
    }

    pub(crate) fn layers(
        &self,
        environment: Vec<(String, String)>,
        flags: Vec<Flag>,
    ) -> Result<Layers, Vec<Finding>> {
        Ok(Layers {
            file: self.config.as_deref().map(SettingsFile::read).transpose()?,
            environment,
            sets: self.set.clone(),
            flags,
        })
    }
}

impl Kept {
    /// The layers that these options name, over the environment.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn layers(&self, environment: Vec<(String, String)>) -> Result<Layers, Vec<Finding>> {
        self.basis.layers(environment, data(self.data.as_ref()))
    }
}

/// The option `--data`, where it was given.
pub(super) fn data(dir: Option<&String>) -> Vec<Flag> {
    let flag = |text: &String| Flag {
        name: "--data",
        key: "data.dir",
        text: text.clone(),
    };
    dir.into_iter().map(flag).collect()
}
