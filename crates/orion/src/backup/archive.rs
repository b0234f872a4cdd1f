//! A backup as one file: a tar of what a backup's folder has, packed by Zstandard, written and read as one stream. `tar --zstd -xf`
//! makes the folder of it.
//!
//! `SHA256SUMS` comes last in the tar. Behind the packed bytes stands a frame that Zstandard's readers skip (RFC 8878, 3.1.2), with
//! the SHA-256 of every byte before it: so a change of any bit is found, also of one that unpacking would not see, and so is a
//! missing end.

use super::copy::sync_parent;
use super::keep::{self, Keep, beside};
use super::sums::{Hashing, Written};
use super::{DATA, MANIFEST, Manifest, SUMS, sums};
use crate::history::Progress;
use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, BufWriter, ErrorKind, IsTerminal as _, Read, Write};
use std::path::{Component, Path, PathBuf};

/// What the name of such a file ends in.
const END: &str = ".tar.zst";
/// A skippable frame of 40 bytes: its magic number and its length, little-endian, and what tells it from others.
const SEAL: [u8; 16] = *b"\x50\x2a\x4d\x18\x28\x00\x00\x00ORIONSUM";
const SEAL_LENGTH: usize = SEAL.len() + 32;
/// As for Parquet: higher levels cost much more time and gain little on what is packed.
const LEVEL: i32 = 3;
/// Our own texts are smaller.
const TEXT_MAX: u64 = 64 * 1024 * 1024;

/// Whether this names one file, or standard input or output, and no folder.
pub(super) fn is_named(path: &Path) -> bool {
    is_stream(path) || path.to_string_lossy().ends_with(END)
}

pub(crate) fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
}

/// Refuses names of archives of another kind, which would be folders.
pub(super) fn ensure_known(path: &Path) -> Result<()> {
    let name = path.to_string_lossy();
    let others = [".tar", ".gz", ".tgz", ".zst", ".zip", ".xz", ".bz2"];
    ensure!(
        is_named(path) || !others.iter().any(|end| name.ends_with(end)),
        "{name} is named as an archive that ORION does not write: end the name in {END}, or give the name of a folder"
    );
    Ok(())
}

type Packing = zstd::Encoder<'static, Summing<BufWriter<Box<dyn Write>>>>;

/// A backup that is being written as one file.
pub(super) struct Archive {
    tar: tar::Builder<Packing>,
    /// The draft and the place; none for standard output.
    file: Option<(PathBuf, PathBuf)>,
    scratch: PathBuf,
    is_whole: bool,
}

impl Archive {
    pub(super) fn begin(to: &Path) -> Result<Self> {
        let (out, file, scratch): (Box<dyn Write>, _, _) = if is_stream(to) {
            ensure!(
                !io::stdout().is_terminal(),
                "a backup is nothing for a terminal: give the name of a file, or pipe it elsewhere"
            );
            let name = format!("orion-backup-{}", std::process::id());
            (
                Box::new(io::stdout()),
                None,
                std::env::temp_dir().join(name),
            )
        } else {
            let draft = beside(to, ".part");
            ensure!(
                !draft.is_dir(),
                "{} is in the way and was not left by a backup: move it away",
                draft.display()
            );
            let file =
                File::create(&draft).with_context(|| format!("create {}", draft.display()))?;
            let scratch = beside(to, ".part.db");
            (Box::new(file), Some((draft, to.to_owned())), scratch)
        };
        let summing = Summing {
            to: BufWriter::new(out),
            sum: Sha256::new(),
        };
        let mut packing = zstd::Encoder::new(summing, LEVEL).context("begin to pack")?;
        packing.include_checksum(true).context("begin to pack")?;
        Ok(Self {
            tar: tar::Builder::new(packing),
            file,
            scratch,
            is_whole: false,
        })
    }

    fn put(&mut self, name: &str, from: &mut dyn Read, mut header: tar::Header) -> Result<()> {
        let appended = self.tar.append_data(&mut header, name, from);
        appended.with_context(|| format!("write {name} into the backup"))
    }
}

fn header(kind: tar::EntryType, bytes: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(bytes);
    header.set_mode(mode);
    header.set_mtime(0);
    header
}

#[cfg(unix)]
fn mode(about: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    about.permissions().mode() & 0o777
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0o600
}

impl Keep for Archive {
    fn folder(&mut self, name: &str) -> Result<()> {
        let header = header(tar::EntryType::Directory, 0, 0o700);
        self.put(&format!("{name}/"), &mut io::empty(), header)
    }

    fn file(&mut self, name: &str, from: &mut dyn Read, about: &Metadata) -> Result<()> {
        let header = header(tar::EntryType::Regular, about.len(), mode(about));
        self.put(name, from, header)
    }

    fn text(&mut self, name: &str, from: &mut dyn Read, bytes: u64) -> Result<()> {
        self.put(name, from, header(tar::EntryType::Regular, bytes, 0o600))
    }

    fn scratch(&mut self) -> Result<PathBuf> {
        keep::scratch(self.scratch.clone())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.tar.finish().context("write the backup")?;
        let packing = self.tar.get_mut();
        packing.do_finish().context("write the backup")?;
        let summing = packing.get_mut();
        let sum = summing.sum.clone().finalize();
        let to = &mut summing.to;
        let sealed = to.write_all(&[&SEAL[..], &sum].concat());
        sealed
            .and_then(|()| to.flush())
            .context("write the backup")?;
        if let Some((draft, place)) = &self.file {
            super::copy::sync(draft)?;
            crate::fault::point("backup_whole");
            fs::rename(draft, place)
                .with_context(|| format!("put {} in its place", place.display()))?;
            sync_parent(place)?;
        }
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        if !self.is_whole {
            // Should they stay, the next backup of this name writes over them.
            if let Some((draft, _)) = &self.file {
                let _ = fs::remove_file(draft);
            }
            let _ = fs::remove_dir_all(&self.scratch);
        }
    }
}

/// Sums up what is written.
struct Summing<W> {
    to: W,
    sum: Sha256,
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Reads a file but for its seal, and sums up what is read.
struct Sealed<R> {
    from: R,
    /// What was read ahead: the last of it may be the seal.
    ahead: Vec<u8>,
    sum: Sha256,
    is_over: bool,
    bytes: u64,
    progress: Progress,
}

impl<R: Read> Sealed<R> {
    /// Reads on until more than a seal is ahead, or all is read.
    fn look_ahead(&mut self) -> io::Result<()> {
        let mut room = [0; 64 * 1024];
        while !self.is_over && self.ahead.len() <= SEAL_LENGTH {
            match self.from.read(&mut room) {
                Ok(0) => self.is_over = true,
                Ok(read) => {
                    self.ahead.extend_from_slice(&room[..read]);
                    self.bytes += read as u64;
                    self.progress.set(self.bytes);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads the rest; why it is not what was written, if it is not.
    fn settle(&mut self) -> Result<Option<&'static str>> {
        io::copy(self, &mut io::sink()).context("read the backup")?;
        let sum = self.sum.clone().finalize();
        Ok(match self.ahead.split_at_checked(SEAL.len()) {
            Some((seal, found)) if seal == SEAL => {
                (found != &sum[..]).then_some("its checksum differs: bytes of it were changed")
            }
            Some(_) | None => Some(
                "its end is missing or was changed: it was cut off, or something was written behind it",
            ),
        })
    }
}

impl<R: Read> Read for Sealed<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.look_ahead()?;
        let ready = self.ahead.len().saturating_sub(SEAL_LENGTH).min(to.len());
        to[..ready].copy_from_slice(&self.ahead[..ready]);
        self.sum.update(&to[..ready]);
        self.ahead.drain(..ready);
        Ok(ready)
    }
}

/// What a backup in one file is found to hold.
pub(crate) struct Found {
    pub(crate) seen: Written,
    pub(crate) wrong: Vec<String>,
    pub(super) manifest: Option<Manifest>,
}

/// Reads every byte of a backup in one file, once, and unpacks its data below `to`, where one is given: what is there counts only
/// where nothing is wrong.
///
/// # Errors
/// When it cannot be opened or read, or what is unpacked cannot be written.
pub(crate) fn read(backup: &Path, to: Option<&Path>) -> Result<Found> {
    let (from, bytes): (Box<dyn Read>, u64) = if is_stream(backup) {
        (Box::new(io::stdin()), 0)
    } else {
        let file = File::open(backup).with_context(|| format!("read {}", backup.display()))?;
        let about = file.metadata();
        let bytes = about
            .with_context(|| format!("look at {}", backup.display()))?
            .len();
        (Box::new(file), bytes)
    };
    let progress = if bytes == 0 {
        Progress::hidden()
    } else {
        Progress::new("read", bytes)
    };
    let mut sealed = Sealed {
        from,
        ahead: Vec::new(),
        sum: Sha256::new(),
        is_over: false,
        bytes: 0,
        progress,
    };
    let mut unpacked = Unpacked {
        to,
        files: BTreeMap::new(),
        texts: BTreeMap::new(),
        wrong: Vec::new(),
    };
    let done = unpacked.take(&mut sealed);
    if let Err(error) = done {
        if error.is::<Unwritable>() {
            return Err(error);
        }
        let last = unpacked.files.keys().next_back();
        let last = last.map_or(String::new(), |_| {
            format!(" behind its first {} files", unpacked.files.len())
        });
        unpacked
            .wrong
            .push(format!("it cannot be unpacked{last}: {error:#}"));
    }
    if let Some(reason) = sealed.settle()? {
        unpacked.wrong.insert(0, reason.to_owned());
    }
    Ok(unpacked.found())
}

/// What is unpacked cannot be written: the backup may be well.
#[derive(Debug)]
struct Unwritable;

impl std::fmt::Display for Unwritable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("unpack the backup")
    }
}

impl std::error::Error for Unwritable {}

struct Unpacked<'a> {
    to: Option<&'a Path>,
    /// The sum and the size of each.
    files: BTreeMap<String, (String, u64)>,
    /// What is ours.
    texts: BTreeMap<&'static str, Vec<u8>>,
    wrong: Vec<String>,
}

impl Unpacked<'_> {
    fn take(&mut self, from: &mut Sealed<Box<dyn Read>>) -> Result<()> {
        let packed = zstd::Decoder::with_buffer(BufReader::new(&mut *from))
            .context("read what is packed")?;
        let mut archive = tar::Archive::new(packed);
        for entry in archive.entries()? {
            self.entry(&mut entry?)?;
        }
        // What stands behind the last file; the checksum of what was packed is at its end.
        io::copy(&mut archive.into_inner(), &mut io::sink())?;
        Ok(())
    }

    fn entry(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<()> {
        let path = entry.path()?.into_owned();
        let name = path
            .to_str()
            .map(|name| name.trim_end_matches('/').to_owned());
        let name = name.filter(|_| {
            path.components()
                .all(|part| matches!(part, Component::Normal(_)))
        });
        let Some(name) = name else {
            bail!("{} is no name of a backup's file", path.display());
        };
        let kind = entry.header().entry_type();
        let place = self
            .to
            .filter(|_| path.starts_with(DATA))
            .map(|to| to.join(&path));
        if kind == tar::EntryType::Directory {
            return place.map_or(Ok(()), |place| {
                fs::create_dir_all(place).context(Unwritable)
            });
        }
        ensure!(kind == tar::EntryType::Regular, "{name} is no file");
        let (mode, size) = (entry.header().mode()?, entry.size());
        let mut from = Hashing::new(entry);
        let ours = [MANIFEST, SUMS].into_iter().find(|ours| *ours == name);
        if let Some(ours) = ours {
            let mut text = Vec::new();
            (&mut from).take(TEXT_MAX).read_to_end(&mut text)?;
            self.texts.insert(ours, text);
        } else if let Some(place) = place {
            unpack(&place, &mut from, mode)?;
        } else {
            io::copy(&mut from, &mut io::sink())?;
        }
        ensure!(from.count() == size, "{name} is cut off");
        let before = self.files.insert(name.clone(), (from.sum(), size));
        ensure!(before.is_none(), "{name} is in it twice");
        Ok(())
    }

    fn found(mut self) -> Found {
        let manifest = self
            .texts
            .get(MANIFEST)
            .map(|text| serde_json::from_slice(text));
        let manifest = manifest.and_then(Result::ok);
        self.files.remove(SUMS);
        let mut seen = Written::default();
        for (_, bytes) in self.files.values() {
            seen.files += 1;
            seen.bytes += bytes;
        }
        match self.texts.get(SUMS) {
            None => self.wrong.push(format!("{SUMS} is missing")),
            Some(text) => {
                let text = String::from_utf8_lossy(text);
                self.wrong.extend(sums::compare(&text, &self.files));
            }
        }
        if manifest.is_none() && self.wrong.is_empty() {
            self.wrong
                .push(format!("{MANIFEST} is missing or is not understood"));
        }
        Found {
            seen,
            wrong: self.wrong,
            manifest,
        }
    }
}

/// Writes a file. That the source cannot be read is told from that the place cannot be written.
fn unpack(place: &Path, from: &mut impl Read, mode: u32) -> Result<()> {
    crate::fault::point("restore_file");
    let writing = || format!("write {}", place.display());
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)
            .with_context(writing)
            .context(Unwritable)?;
    }
    let mut file = File::create(place)
        .with_context(writing)
        .context(Unwritable)?;
    let mut room = vec![0; 64 * 1024];
    loop {
        let read = match from.read(&mut room) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        file.write_all(&room[..read])
            .with_context(writing)
            .context(Unwritable)?;
    }
    let settled = set_mode(&file, mode).and_then(|()| file.sync_all());
    settled.with_context(writing).context(Unwritable)
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(mode & 0o777))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}
