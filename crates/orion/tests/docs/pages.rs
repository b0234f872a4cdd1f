//! The documents, and the commands in them.

use super::root;
use std::path::{Path, PathBuf};

/// A line of a shell as a document shows it, without its remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Where it stands: `docs/access.md:27`.
    pub(super) place: String,
    pub(super) text: String,
}

/// The README, all of `docs` but its decisions, and what the examples say.
pub(super) fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    for folder in ["docs", "docs/sources", "examples/model"] {
        let entries = std::fs::read_dir(root().join(folder)).expect("a folder of documents");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        pages.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    pages.sort();
    pages
}

/// The name of a document below the root, with `/`.
pub(super) fn name(page: &Path) -> String {
    let name = page.strip_prefix(root()).expect("a page of the project");
    name.to_str().expect("a name in UTF-8").replace('\\', "/")
}

/// The commands of the blocks that are marked as a shell's.
pub(super) fn commands(page: &Path) -> Vec<Command> {
    let text = std::fs::read_to_string(page).expect("read a document");
    let mut commands: Vec<Command> = Vec::new();
    let (mut in_shell, mut goes_on) = (false, false);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(language) = line.strip_prefix("```") {
            in_shell = !in_shell && language == "sh";
            continue;
        }
        if !in_shell {
            continue;
        }
        let part = without_remark(line);
        if part.is_empty() {
            continue;
        }
        let (part, more) = part
            .strip_suffix('\\')
            .map_or((part, false), |part| (part.trim_end(), true));
        match commands.last_mut() {
            Some(last) if goes_on => last.text = format!("{} {part}", last.text),
            Some(_) | None => commands.push(Command {
                place: format!("{}:{}", name(page), number + 1),
                text: part.to_owned(),
            }),
        }
        goes_on = more;
    }
    commands
}

/// A remark begins with `#` behind a space, and no document's command has that in quotes.
fn without_remark(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    line.split_once(" #")
        .map_or(line, |(command, _)| command)
        .trim_end()
}

#[test]
fn a_remark_is_no_part_of_a_command() {
    assert_eq!(without_remark("orion tail   # follow"), "orion tail");
    assert_eq!(without_remark("# all of it"), "");
    assert_eq!(without_remark("curl 'http://x/#a'"), "curl 'http://x/#a'");
}
