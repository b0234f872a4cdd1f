//! Which part of a file is read: all of it, or one entry of a zip. A Lean futures archive holds one entry per contract,
//! of which one is played: the one that the settings name, else the one with the most lines, which is the one that
//! trades; of equals the nearest to expire.

use super::detect::unclear;
use super::input::{self, Container, Entry, Stream, read_error};
use super::{Error, Spec};
use memchr::memchr_iter;
use std::io::Read;
use std::path::Path;

/// # Errors
/// When the file cannot be read, holds no data, or several files that are no contracts of one future.
pub(super) fn container(spec: &Spec, path: &Path) -> Result<Container, Error> {
    if input::is_gzip(path)? {
        return Ok(Container::Gzip);
    }
    if !input::is_zip(path)? {
        return Ok(Container::Plain);
    }
    let entries = input::zip_entries(path)?;
    choose(spec, path, entries).map(Container::Zip)
}

fn choose(spec: &Spec, path: &Path, mut entries: Vec<Entry>) -> Result<Entry, Error> {
    if let Some(expiry) = &spec.expiry {
        return chosen(path, &entries, expiry);
    }
    if entries.len() > 1 {
        if !entries.iter().all(|entry| expiry_of(&entry.name).is_some()) {
            let names = names_of(&entries);
            let seen = format!("the archive holds several files: {names}");
            return Err(unclear(
                path,
                seen,
                "unpack it and give the files one by one",
            ));
        }
        return busiest(path, entries);
    }
    entries.pop().ok_or_else(|| {
        let seen = "the archive holds no .csv or .txt file";
        unclear(path, seen, "give the archive as it was downloaded")
    })
}

fn chosen(path: &Path, entries: &[Entry], expiry: &str) -> Result<Entry, Error> {
    let found = entries
        .iter()
        .find(|entry| expiry_of(&entry.name) == Some(expiry));
    found.cloned().ok_or_else(|| {
        let seen = format!("it holds no contract {expiry} but {}", names_of(entries));
        unclear(path, seen, "set `expiry` to one of them or leave it out")
    })
}

fn busiest(path: &Path, entries: Vec<Entry>) -> Result<Entry, Error> {
    let mut best: Option<(usize, Entry)> = None;
    // In the order of their names, so that the nearest contract comes first.
    for entry in entries {
        let container = Container::Zip(entry.clone());
        let count = count_lines(path, &container).map_err(|error| read_error(path, error))?;
        if best.as_ref().is_none_or(|(most, _)| count > *most) {
            best = Some((count, entry));
        }
    }
    best.map(|(_, entry)| entry)
        .ok_or_else(|| unclear(path, "the archive is empty", "get it again"))
}

fn count_lines(path: &Path, container: &Container) -> std::io::Result<usize> {
    let mut stream = Stream::open(path, container)?;
    let (mut buffer, mut count) = (vec![0; 64 << 10], 0);
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(count),
            bytes => count += memchr_iter(b'\n', &buffer[..bytes]).count(),
        }
    }
}

/// `201312` of `20131006_es_minute_quote_201312.csv`.
fn expiry_of(name: &str) -> Option<&str> {
    let (_, expiry) = name.rsplit_once('.')?.0.rsplit_once('_')?;
    let digits = expiry.bytes().all(|b| b.is_ascii_digit());
    (digits && (expiry.len() == 6 || expiry.len() == 8)).then_some(expiry)
}

fn names_of(entries: &[Entry]) -> String {
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    names.join(", ")
}
