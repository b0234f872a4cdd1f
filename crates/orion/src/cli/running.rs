//! Commands that speak to a running server: `reload`, `tail`.

use super::Basis;
use super::settings::data;
use crate::config::{Finding, Layers};
use clap::Args;
use std::path::PathBuf;

/// Options of `reload`.
#[derive(Args, Clone, Debug)]
pub struct Reload {
    /// The market, where several servers share the data folder: the name of its folder
    pub market: Option<String>,
    /// Folder of ORION's data [default: orion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    #[command(flatten)]
    pub basis: Basis,
}

/// Options of `tail`.
#[derive(Args, Clone, Debug)]
pub struct Tail {
    /// Address of the server's socket
    #[arg(default_value = "ws://127.0.0.1:8080/ws/signals")]
    pub url: String,
    /// A file with a key or token, where the server wants to know who reads
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Print each message as it came, one a line
    #[arg(long)]
    pub json: bool,
}

impl Reload {
    /// The layers that these options name, over the environment.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn layers(&self, environment: Vec<(String, String)>) -> Result<Layers, Vec<Finding>> {
        self.basis.layers(environment, data(self.data.as_ref()))
    }
}
