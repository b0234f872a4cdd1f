//! `orion verify`: whether a data folder or a backup is whole. Of a backup every checksum is read; then, of both, each market
//! is read as `orion history verify` does. A backup that is one file is read as it comes, and not unpacked.

use crate::backup::{self, DATA, SUMS, Written, is_stream};
use crate::cli;
use crate::history::{self, data_folder, markets};
use anyhow::{Result, ensure};
use std::io::{self, Write};
use std::path::Path;

/// Prints what is there, and what is wrong where; whether nothing is.
///
/// # Errors
/// When there is nothing to verify, or nothing can be written.
pub async fn run(options: &cli::Verify, environment: Vec<(String, String)>) -> Result<bool> {
    let mut out = io::stdout().lock();
    let json = options.kept.json;
    match &options.folder {
        Some(file) if is_stream(file) || file.is_file() => {
            let found = backup::read_archive(file, None)?;
            tell(file, found.seen, &found.wrong, json, &mut out)
        }
        Some(folder) if folder.join(SUMS).exists() => {
            let well = checksums(folder, json, &mut out)?;
            let within = each_market(&folder.join(DATA), json, &mut out).await;
            // Where files are gone it may not be a data folder any more; that is told already.
            Ok(if well { within? } else { false })
        }
        Some(folder) => each_market(folder, json, &mut out).await,
        None => each_market(&data_folder(&options.kept, environment)?, json, &mut out).await,
    }
}

fn checksums(backup: &Path, json: bool, out: &mut impl Write) -> Result<bool> {
    let (seen, wrong) = backup::verify(backup)?;
    tell(backup, seen, &wrong, json, out)
}

/// Prints what the checksums say; whether they are right.
fn tell(
    backup: &Path,
    seen: Written,
    wrong: &[String],
    json: bool,
    out: &mut impl Write,
) -> Result<bool> {
    let is_whole = wrong.is_empty();
    if json {
        let told = serde_json::json!({
            "backup": backup, "whole": is_whole, "files": seen.files, "bytes": seen.bytes, "wrong": wrong,
        });
        writeln!(out, "{told}")?;
        return Ok(is_whole);
    }
    let verdict = if is_whole { "whole" } else { "DAMAGED" };
    writeln!(
        out,
        "{}: {verdict}; {} files, {} bytes",
        backup.display(),
        seen.files,
        seen.bytes
    )?;
    for wrong in wrong {
        writeln!(out, "  wrong  {wrong}")?;
    }
    if !is_whole {
        writeln!(
            out,
            "  remedy a restore refuses it: take an older backup, or make a new one while the server still has its data"
        )?;
    }
    Ok(is_whole)
}

async fn each_market(folder: &Path, json: bool, out: &mut impl Write) -> Result<bool> {
    let found = markets(folder, None)?;
    ensure!(
        !found.is_empty(),
        "there is no market in {}: give the data folder, or the folder of a backup",
        folder.display()
    );
    history::verify_all(&found, json, out).await
}
