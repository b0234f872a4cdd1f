//! A backup that goes through pipes, and what `tar` makes of it.

use crate::backup::{command, made, orion, told};
use crate::support::recording::journal;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn fed(words: &[&str], data: Option<&Path>, file: &Path) -> Output {
    let mut command = command(words, &[]);
    if let Some(data) = data {
        command.arg("--data").arg(data);
    }
    let from = File::open(file).expect("a file");
    command.stdin(from).output().expect("run orion")
}

#[test]
fn a_backup_goes_through_pipes_and_is_told_beside_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = made(folder.path());
    let piped = folder.path().join("piped");
    let output = command(&["backup", "-"], &[])
        .arg("--data")
        .arg(&data)
        .stdout(File::create(&piped).expect("a file"))
        .output()
        .expect("run orion");
    assert!(output.status.success(), "{}", told(&output));
    assert!(
        told(&output).contains("records in the journal"),
        "{}",
        told(&output)
    );
    let output = fed(&["verify", "-"], None, &piped);
    assert!(output.status.success(), "{}", told(&output));
    let new = folder.path().join("new");
    let output = fed(&["restore", "-"], Some(&new), &piped);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(journal(&new.join("sim-1")), journal(&data.join("sim-1")));
    // A pipe that breaks is no backup.
    let bytes = fs::read(&piped).expect("a file");
    fs::write(&piped, &bytes[..bytes.len() / 2]).expect("write");
    let newer = folder.path().join("newer");
    let output = fed(&["restore", "-"], Some(&newer), &piped);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(!newer.exists());
}

#[test]
fn tar_and_zstd_make_the_folder_of_it() {
    let has = |tool: &str| {
        let mut command = Command::new(tool);
        command.arg("--version").stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !has("tar") || !has("zstd") {
        eprintln!("skipped: there is no tar, or no zstd");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let data = made(folder.path());
    let file = folder.path().join("kept.tar.zst");
    crate::backup::backup(&data, &file);
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("a folder");
    let unpacked = Command::new("tar")
        .arg("--zstd")
        .arg("-xf")
        .arg(&file)
        .arg("-C")
        .arg(&out)
        .status();
    assert!(unpacked.expect("run tar").success());
    let output = orion(&["verify"], &[&out]);
    assert!(output.status.success(), "{}", told(&output));
}
