//! `orion key`: makes, lists and removes the keys of those who post, and says what to do with a new one.

use crate::cli::Basis;
use crate::clock::{Clock, Machine};
use crate::config::{self, Config, Flag};
use anyhow::{Context as _, Result, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use feeds::keys::{self, Kind, Stored};
use feeds::secret::Secret;
use market::Time;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Options of `key`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    #[command(subcommand)]
    pub what: What,
}

/// What to do with keys.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// Make a key, show it once, and say what to do with it
    Add(Add),
    /// List the keys: name, what for, when it was made
    List(Folder),
    /// Take a key away; a server that runs refuses it within a second
    Remove {
        /// The key's name
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        folder: Folder,
    },
}

/// Options of `key add`.
#[derive(Args, Clone, Debug)]
pub struct Add {
    /// A name for whoever will use it: 1 to 32 of a-z, 0-9, `_` and `-`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it is for [default: bots, unless the name begins with tradingview or metatrader]
    #[arg(long = "for", value_name = "WHAT", value_enum)]
    pub purpose: Option<For>,
    /// Write the key to this new file, for its owner only, instead of printing it
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub folder: Folder,
}

/// Who posts under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum For {
    /// Bots and models, over HTTP or the WebSocket
    Bots,
    /// Alerts of TradingView
    #[value(name = "tradingview")]
    TradingView,
    /// ORION's expert advisors in a MetaTrader terminal
    #[value(name = "metatrader")]
    MetaTrader,
}

/// Where the keys are kept.
#[derive(Args, Clone, Debug)]
pub struct Folder {
    #[command(flatten)]
    pub basis: Basis,
    /// Folder of ORION's data [default: orion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
}

impl For {
    const fn kind(self) -> Kind {
        match self {
            Self::Bots => Kind::Bot,
            Self::TradingView => Kind::TradingView,
            Self::MetaTrader => Kind::MetaTrader,
        }
    }
}

impl Add {
    fn purpose(&self) -> For {
        self.purpose
            .unwrap_or(if self.name.starts_with("tradingview") {
                For::TradingView
            } else if self.name.starts_with("metatrader") {
                For::MetaTrader
            } else {
                For::Bots
            })
    }
}

impl Folder {
    fn config(&self, environment: Vec<(String, String)>) -> Result<Config> {
        let data = self.data.clone().map(|text| Flag {
            name: "--data",
            key: "data.dir",
            text,
        });
        let layers = self.basis.layers(environment, data.into_iter().collect());
        let loaded = layers.and_then(|layers| config::load(&layers));
        let loaded = loaded.map_err(|findings| {
            anyhow!(
                "the settings cannot be used:\n{}",
                crate::cli::lines(&findings)
            )
        })?;
        Ok(loaded.config)
    }
}

/// Runs `orion key`; the result goes to standard output.
///
/// # Errors
/// When the settings or the file of keys cannot be used, or the name is not right.
pub fn run(options: &Options, environment: Vec<(String, String)>) -> Result<()> {
    let text = match &options.what {
        What::Add(options) => {
            let now = Clock::new(Machine, Time::MIN).now();
            add(options, &options.folder.config(environment)?, now)?
        }
        What::List(folder) => list(&folder.config(environment)?)?,
        What::Remove { name, folder } => {
            keys::remove(&folder.config(environment)?.data.dir, name)?;
            format!("the key {name} is gone; a server that runs refuses it within a second")
        }
    };
    writeln!(io::stdout(), "{text}")?;
    Ok(())
}

/// Makes a key, and says what to do with it. A file that cannot be written is found out before there is a key.
fn add(options: &Add, config: &Config, now: Time) -> Result<String> {
    let file = options.file.as_deref();
    let mut made = file.map(new_file).transpose()?;
    let data = &config.data.dir;
    let token =
        keys::add(data, &options.name, options.purpose().kind(), now).inspect_err(|_| {
            // The file is empty and of no use; if it cannot be removed, it stays empty.
            let _ = file.map(std::fs::remove_file);
        })?;
    if let Some(made) = &mut made {
        writeln!(made, "{}", token.reveal()).context("write the key's file")?;
        made.sync_all().context("write the key's file")?;
    }
    let head = match file {
        None => format!(
            "{}\n\nThis is the key, shown this once; only its hash is kept.",
            token.reveal()
        ),
        Some(path) => format!(
            "The key is in {}; only its hash is kept besides.",
            path.display()
        ),
    };
    let shown = match file {
        None => token.clone(),
        Some(path) => Secret::new(&format!("$(cat {})", path.display())),
    };
    Ok(format!(
        "{head}\n\n{}",
        next_step(options.purpose(), shown.reveal(), config.server.listen)
    ))
}

/// A file that does not exist yet and that its owner alone may read.
fn new_file(path: &Path) -> Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .with_context(|| format!("make the new file {}", path.display()))
}

/// What to paste where.
fn next_step(purpose: For, token: &str, listen: SocketAddr) -> String {
    let address = reachable(listen);
    match purpose {
        For::Bots => format!(
            "Post a signal:\n\n  \
             curl http://{address}/api/signals -H \"Authorization: Bearer {token}\" \\\n    \
             -d '{{\"id\":\"sig_001\",\"symbol\":\"EURUSD\",\"direction\":\"long\"}}'"
        ),
        For::TradingView => format!(
            "TradingView posts to ports 80 and 443 only: put a proxy with a certificate in front of {address}.\n\
             In the alert's notifications, switch on the webhook and paste (with your host's name):\n\n  \
             https://YOUR-HOST/hooks/tradingview/{token}"
        ),
        For::MetaTrader => format!(
            "In the terminal, Tools > Options > Expert Advisors, allow WebRequest for:\n\n  http://{address}\n\n\
             and in the advisor's inputs type:\n\n  Server  http://{address}\n  Token   {token}"
        ),
    }
}

/// An address that can be connected to from this machine: one that means every address is none.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn list(config: &Config) -> Result<String> {
    let keys = keys::list(&config.data.dir)?;
    if keys.is_empty() {
        return Ok("no keys; make one with: orion key add NAME".to_owned());
    }
    let line = |key: &Stored| format!("{:<32}  {:<11}  {}", key.name, key.kind, key.created);
    let lines: Vec<String> = keys.iter().map(line).collect();
    Ok(format!(
        "{:<32}  {:<11}  made\n{}",
        "name",
        "for",
        lines.join("\n")
    ))
}

#[cfg(test)]
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "any other command fails the test"
)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;
    use std::fs;

    fn options(line: &[&str]) -> Options {
        let words = ["orion", "key"].iter().chain(line);
        match Cli::try_parse_from(words).unwrap().into_command() {
            Command::Key(options) => options,
            other => panic!("{other:?}"),
        }
    }

    /// What `key add` prints, in a folder of its own.
    fn added(data: &Path, line: &[&str]) -> Result<String> {
        let data = data.to_str().unwrap();
        let words: Vec<&str> = ["add"]
            .iter()
            .chain(line)
            .copied()
            .chain(["--data", data])
            .collect();
        match options(&words).what {
            What::Add(options) => {
                let environment = vec![(
                    "ORION__SERVER__LISTEN".to_owned(),
                    "0.0.0.0:9000".to_owned(),
                )];
                let config = options.folder.config(environment)?;
                add(&options, &config, Time::from_secs(1_790_000_000))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_new_key_is_shown_once_with_the_line_to_paste() {
        let dir = tempfile::tempdir().unwrap();
        let text = added(dir.path(), &["my-bot"]).unwrap();
        let token = text.lines().next().unwrap().to_owned();
        assert!(token.starts_with("orion_") && token.len() == 49, "{token}");
        let curl =
            format!("curl http://127.0.0.1:9000/api/signals -H \"Authorization: Bearer {token}\"");
        assert!(text.contains(&curl), "{text}");
        let chart = added(dir.path(), &["chart", "--for", "tradingview"]).unwrap();
        let token = chart.lines().next().unwrap();
        assert!(
            chart.contains(&format!("https://YOUR-HOST/hooks/tradingview/{token}")),
            "{chart}"
        );
        let terminal = added(dir.path(), &["mt5", "--for", "metatrader"]).unwrap();
        let token = terminal.lines().next().unwrap();
        assert!(terminal.contains(&format!("Token   {token}")), "{terminal}");
        let kept = fs::read_to_string(dir.path().join("keys.toml")).unwrap();
        assert!(!kept.contains(token));
        let named = added(dir.path(), &["metatrader-2"]).unwrap();
        assert!(named.contains("allow WebRequest"), "{named}");
        let against = added(dir.path(), &["tradingview", "--for", "bots"]).unwrap();
        assert!(against.contains("/api/signals"), "{against}");
        let taken = added(dir.path(), &["my-bot"]).unwrap_err().to_string();
        assert!(taken.contains("orion key remove my-bot"), "{taken}");
    }

    #[test]
    fn a_key_in_a_file_is_not_printed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bot.key");
        let name = path.to_str().unwrap();
        let text = added(dir.path(), &["my-bot", "--file", name]).unwrap();
        let token = fs::read_to_string(&path).unwrap();
        assert!(token.starts_with("orion_"), "{token}");
        assert!(!text.contains(token.trim()), "{text}");
        assert!(text.contains(&format!("Bearer $(cat {name})")), "{text}");
        assert!(
            added(dir.path(), &["other", "--file", name]).is_err(),
            "it is there already"
        );
        assert_eq!(
            keys::list(dir.path()).unwrap().len(),
            1,
            "and no key was made"
        );
        let free = dir.path().join("free.key");
        assert!(added(dir.path(), &["my-bot", "--file", free.to_str().unwrap()]).is_err());
        assert!(!free.exists(), "a key that is not made leaves no file");
    }

    #[test]
    fn keys_are_listed_without_their_hashes() {
        let dir = tempfile::tempdir().unwrap();
        let config = |line: &[&str]| match options(line).what {
            What::List(folder) => folder.config(Vec::new()).unwrap(),
            other => panic!("{other:?}"),
        };
        let config = config(&["list", "--data", dir.path().to_str().unwrap()]);
        assert!(list(&config).unwrap().contains("orion key add NAME"));
        added(dir.path(), &["chart", "--for", "tradingview"]).unwrap();
        let text = list(&config).unwrap();
        let line = text.lines().nth(1).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words, ["chart", "tradingview", "2026-09-21T14:13:20.000Z"]);
    }
}
