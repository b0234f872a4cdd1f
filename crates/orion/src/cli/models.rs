//! Commands for models: `model`, and `features`, which makes what they learn from.

use super::{Basis, Kept, Replay};
use crate::config::{Finding, Layers};
use crate::features::Per;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What to do with models.
#[derive(Clone, Debug, Subcommand)]
pub enum Model {
    /// Load a model, ask it what its manifest has the answers to, and say what it is and how long it takes
    #[command(after_help = "\
Examples:
  orion model check gaps/model.toml --config orion.toml
  orion model check gaps/model.toml --library /usr/lib/libonnxruntime.so

docs/models.md says what a manifest has. Exit code: 0 when the model can be asked, 1 with the reason when it is refused, 2 when the
command line could not be read.")]
    Check(ModelCheck),
    /// The models of the settings, a line each, with the reason where one is off
    List(ModelList),
}

/// Options of `model check`.
#[derive(Args, Clone, Debug)]
pub struct ModelCheck {
    /// The manifest, a model.toml
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The ONNX Runtime, libonnxruntime.so [default: models.library]
    #[arg(long, value_name = "FILE")]
    pub library: Option<PathBuf>,
    #[command(flatten)]
    pub basis: Basis,
}

/// Options of `model list`.
#[derive(Args, Clone, Debug)]
pub struct ModelList {
    #[command(flatten)]
    pub basis: Basis,
}

/// What to do with features.
#[derive(Clone, Debug, Subcommand)]
pub enum Features {
    /// Run recorded files, or what a server was told, through the engine and write features and outcomes as Parquet
    #[command(after_help = "\
Examples:
  orion features export orion-data/sim-1 --out train.parquet         the signals of a server, as it decided them
  orion features export --data /srv/orion --out train.parquet        of the only market of a data folder
  orion features export EURUSD_*.zip --out train.parquet --rules orion.toml
  orion features export EURUSD_*.zip --out bars.parquet --per bar --names 5m.rsi14,1h.trend,spread_atr

A row holds what was known at that moment, never what came later; what was not known is NaN. Names and columns are in
docs/features.md. Exit code: 0 when all was written, 1 when it could not be, 2 when the command line could not be read.")]
    Export(FeaturesExport),
}

/// Options of `features export`.
#[derive(Args, Clone, Debug)]
pub struct FeaturesExport {
    /// Recorded ticks or bars, or a server's folder or tape [default: the data folder]
    #[arg(value_name = "FILE|DIR")]
    pub files: Vec<String>,
    /// The Parquet file; one that is there is replaced when all is done
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Which features, separated by commas [default: features.names, and of signals their own facts]
    #[arg(long, value_name = "NAMES")]
    pub names: Option<String>,
    /// What there is a row for
    #[arg(long, value_enum, default_value_t = Per::Signal)]
    pub per: Per,
    /// Settings whose rules are followed, also on a server's tape, which else is decided as it was
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub rules: Option<PathBuf>,
    /// Folder of ORION's data [default: orion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    #[command(flatten)]
    pub basis: Basis,
}

impl FeaturesExport {
    /// Where the data folder is, by the same settings.
    pub(crate) fn kept(&self) -> Kept {
        Kept {
            data: self.data.clone(),
            json: false,
            basis: self.all_of_basis(),
        }
    }

    /// The layers for these files: they are the feed, played as fast as possible.
    ///
    /// # Errors
    /// When a settings file cannot be read.
    pub fn layers(
        &self,
        files: &[PathBuf],
        environment: Vec<(String, String)>,
    ) -> Result<Layers, Vec<Finding>> {
        let files = files.iter().map(|file| file.display().to_string());
        Replay {
            files: files.collect(),
            json: false,
            basis: self.all_of_basis(),
        }
        .layers(environment)
    }

    /// A file of rules is a file of settings.
    fn all_of_basis(&self) -> Basis {
        let rules = self.rules.clone();
        Basis {
            config: rules.or_else(|| self.basis.config.clone()),
            set: self.basis.set.clone(),
        }
    }
}
