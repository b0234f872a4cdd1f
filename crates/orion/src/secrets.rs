//! The vendors' keys: from the environment, or from a file of their own. They are in no setting, so no printout of the
//! settings holds one.

use crate::config::Config;
use access::Secret;
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every key that was given, by the name it was given under.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    environment: BTreeMap<String, Secret>,
    file: BTreeMap<String, Secret>,
    path: Option<PathBuf>,
}

/// A key, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub secret: Secret,
    /// The variable, or the file: never the key.
    pub origin: String,
}

impl Secrets {
    /// Reads what the settings name; `environment` is the process's.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a table of texts. No message holds a line of it.
    pub fn gather(config: &Config, environment: &[(String, String)]) -> Result<Self> {
        let environment = environment
            .iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .map(|(name, value)| (name.clone(), Secret::new(value)))
            .collect();
        let path = config.secrets.file.clone();
        let file = path.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok(Self {
            environment,
            file,
            path,
        })
    }

    /// The key of a source: ORION's own variable first, then the vendor's usual ones, then the file.
    #[must_use]
    pub fn of(&self, source: &str, variables: &[&str]) -> Option<Found> {
        let own = variable(source);
        let mut names = std::iter::once(own.as_str()).chain(variables.iter().copied());
        let from_environment = names.find_map(|name| {
            let secret = self.environment.get(name)?.clone();
            Some(Found {
                secret,
                origin: format!("the variable {name}"),
            })
        });
        from_environment.or_else(|| {
            let secret = self.file.get(source)?.clone();
            let path = self.path.as_deref().unwrap_or(Path::new(""));
            Some(Found {
                secret,
                origin: format!("the file {}", path.display()),
            })
        })
    }
}

/// The variable that ORION reads a source's key from: `ORION_KEY_OANDA`.
#[must_use]
pub fn variable(source: &str) -> String {
    let name = source.to_ascii_uppercase();
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    format!("ORION_KEY_{name}")
}

fn read(path: &Path) -> Result<BTreeMap<String, Secret>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("read the secrets file {}", path.display()))?;
    // A TOML error shows the line it is about, which may hold a key: only its place is told.
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            bail!(
                "the secrets file {} is not TOML at line {line}: write one `source = \"key\"` a line",
                path.display()
            );
        }
    };
    let entry = |(name, value): (String, toml::Value)| match value {
        toml::Value::String(text) => Ok((name, Secret::new(&text))),
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => bail!(
            "`{name}` in the secrets file {} is not a text: write {name} = \"key\"",
            path.display()
        ),
    };
    table.into_iter().map(entry).collect()
}

/// Whether others than its owner may read the secrets file.
#[must_use]
pub fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).is_ok_and(|known| known.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(text: &str, environment: &[(&str, &str)]) -> Result<Secrets> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.toml");
        fs::write(&path, text).unwrap();
        let mut config = Config::default();
        config.secrets.file = Some(path);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment: Vec<_> = environment.iter().map(owned).collect();
        Secrets::gather(&config, &environment)
    }

    #[test]
    fn the_environment_comes_first_then_the_file() {
        let secrets = secrets(
            "oanda = \"from-file\"\nmassive-indices = \"indices\"\n",
            &[
                ("ORION_KEY_OANDA", "from-variable"),
                ("MASSIVE_API_KEY", "vendor"),
                ("EMPTY", " "),
            ],
        )
        .unwrap();
        let of = |name, variables: &[&str]| {
            secrets
                .of(name, variables)
                .map(|found| found.secret.reveal().to_owned())
        };
        assert_eq!(of("oanda", &[]).as_deref(), Some("from-variable"));
        assert_eq!(
            of("massive", &["MASSIVE_API_KEY"]).as_deref(),
            Some("vendor")
        );
        assert_eq!(of("massive-indices", &[]).as_deref(), Some("indices"));
        assert_eq!(of("finnhub", &["EMPTY"]), None);
        assert_eq!(variable("massive-indices"), "ORION_KEY_MASSIVE_INDICES");
    }

    #[test]
    fn no_message_holds_a_line_of_the_file() {
        for text in ["oanda = \"s3cret", "oanda = [\"s3cret\"]", "s3cret"] {
            let error = format!("{:#}", secrets(text, &[]).unwrap_err());
            assert!(!error.contains("s3cret"), "{error}");
            assert!(error.contains("secrets file"), "{error}");
        }
    }
}
