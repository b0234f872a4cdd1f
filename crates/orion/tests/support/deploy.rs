//! The settings that deploy/ has for other people's programs, changed only where a test cannot be the world.

use std::fs;
use std::path::Path;

/// A file of deploy/, with these words in the place of others, each of which must be there.
pub(crate) fn changed(file: &str, words: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(file);
    let mut text = fs::read_to_string(path).expect("the settings");
    for (from, to) in words {
        assert!(text.contains(from), "{file} has no {from}");
        text = text.replace(from, to);
    }
    text
}
