//! From a path in the settings to the files that are to be read.

use super::input::read_error;
use super::{Error, Spec};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders deeper than this are not looked into (Dukascopy's own are four deep, Lean's five).
const MAX_DEPTH: usize = 8;
const EXTENSIONS: [&str; 5] = ["zip", "gz", "bi5", "csv", "txt"];

/// The file itself, or the data files of a folder and the folders in it, in the order of their paths.
///
/// # Errors
/// When the path cannot be read, or holds no data files.
pub(super) fn expand(spec: &Spec) -> Result<Vec<PathBuf>, Error> {
    let about = fs::metadata(&spec.path).map_err(|source| read_error(&spec.path, source))?;
    if !about.is_dir() {
        return Ok(vec![spec.path.clone()]);
    }
    let mut files = Vec::new();
    collect(&spec.path, 0, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(Error::Unclear {
            path: spec.path.clone(),
            seen: "the folder holds no data files".to_owned(),
            remedy: "data files end in .zip, .gz, .bi5, .csv or .txt".to_owned(),
        });
    }
    Ok(files)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let error = |source| read_error(folder, source);
    for entry in fs::read_dir(folder).map_err(error)? {
        let entry = entry.map_err(error)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(error)?);
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() && depth < MAX_DEPTH {
            collect(&path, depth + 1, files)?;
        } else if !kind.is_dir() && is_data(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_data(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    EXTENSIONS.iter().any(|&known| extension == known)
}
