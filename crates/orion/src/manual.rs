//! `orion completions` and `orion man`: made of the one declaration in `cli.rs`, and so never behind it.

use crate::cli::{self, Cli};
use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory as _};
use std::fs;
use std::io::{self, Write};

/// Prints a shell's completions.
///
/// # Errors
/// When nothing can be written.
pub fn complete(options: &cli::Completions, out: &mut impl Write) -> io::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut declaration(), "orion", &mut text);
    out.write_all(&text)
}

/// Writes a page for each command.
///
/// # Errors
/// When nothing can be written there.
pub fn write(options: &cli::Man) -> Result<()> {
    let dir = &options.dir;
    fs::create_dir_all(dir).with_context(|| format!("make the folder {}", dir.display()))?;
    let mut pages = 0;
    for (name, page) in pages_of(declaration())? {
        let path = dir.join(format!("{name}.1"));
        fs::write(&path, page).with_context(|| format!("write {}", path.display()))?;
        pages += 1;
    }
    writeln!(io::stdout(), "{pages} pages in {}", dir.display())?;
    Ok(())
}

fn declaration() -> Command {
    let mut command = Cli::command();
    // Sub-commands are given their whole names.
    command.build();
    command
}

/// The pages of a command and of all below it, by their names.
fn pages_of(command: Command) -> Result<Vec<(String, Vec<u8>)>> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let name = name.to_owned();
    let below: Vec<Command> = command.get_subcommands().cloned().collect();
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    let mut pages = vec![(name, page)];
    for command in below {
        if command.get_name() != "help" {
            pages.extend(pages_of(command)?);
        }
    }
    Ok(pages)
}
