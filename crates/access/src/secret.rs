//! A key or token: it can be used, and it cannot be printed.

use std::fmt;

/// A vendor's key. It has no `Display`, and `Debug` hides it: what logs, errors and traces show is never the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// What stands around a key in a file or variable is not part of it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key itself, for the one place that sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// A vendor's text with every appearance of the key cut out: vendors repeat keys in errors.
    #[must_use]
    pub fn cut_from(&self, text: &str) -> String {
        if self.0.is_empty() {
            text.to_owned()
        } else {
            text.replace(&self.0, "[key]")
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([hidden])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new(" abc123\n");
        assert_eq!(secret.reveal(), "abc123");
        assert!(!format!("{secret:?}").contains("abc123"));
        assert_eq!(secret.cut_from("bad key abc123!"), "bad key [key]!");
        assert_eq!(Secret::new("").cut_from("text"), "text");
    }
}
