//! Commands that keep the data folder safe: `backup`, `restore`, `verify`.

use super::Kept;
use clap::Args;
use std::path::PathBuf;

/// Options of `backup`.
#[derive(Args, Clone, Debug)]
pub struct Backup {
    /// The folder to make, or a file where the name ends in .tar.zst, or - for standard output; it must not be there yet [default:
    /// the folder orion-backup- and the time]
    #[arg(value_name = "BACKUP")]
    pub to: Option<PathBuf>,
    #[command(flatten)]
    pub kept: Kept,
}

/// Options of `restore`.
#[derive(Args, Clone, Debug)]
pub struct Restore {
    /// The folder or the file that `orion backup` made, or - for standard input
    #[arg(value_name = "BACKUP")]
    pub from: PathBuf,
    /// Move what is in the data folder aside, to a folder beside it
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub kept: Kept,
}

/// Options of `verify`.
#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// A data folder or a backup, or - for one that comes by standard input [default: the data folder]
    #[arg(value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    #[command(flatten)]
    pub kept: Kept,
}
