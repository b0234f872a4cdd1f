//! Commands that tell of the command line itself: `completions`, `man`.

use clap::Args;
use clap_complete::Shell;
use std::path::PathBuf;

/// Options of `completions`.
#[derive(Args, Clone, Debug)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Options of `man`.
#[derive(Args, Clone, Debug)]
pub struct Man {
    /// The folder to write to; made where there is none
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}
