//! `orion key`: makes, lists and removes keys, says what to do with a new one, and revokes tokens.

use crate::cli::Basis;
use crate::clock::{Clock, Machine};
use crate::config::{self, Config, Flag};
use access::keys::{self, Kind, New, Stored};
use access::revoked::{self, What as Revoked};
use access::{Origin, Scope, Secret};
use anyhow::{Context as _, Result, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use market::{Span, Time};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

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
    /// Take a key away; a server that runs refuses it, and closes who came with it, within a few seconds
    Remove {
        /// The key's name
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        folder: Folder,
    },
    /// Take back a key, a token or every token of somebody; a server that runs obeys within a few seconds
    Revoke(Revoke),
}

/// Options of `key revoke`.
#[derive(Args, Clone, Debug)]
pub struct Revoke {
    #[command(flatten)]
    pub what: Target,
    #[command(flatten)]
    pub folder: Folder,
}

/// What is taken back: one of them.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct Target {
    /// A key's name: the same as `key remove`
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// A token, by its `jti`
    #[arg(long, value_name = "ID")]
    pub token_id: Option<String>,
    /// All tokens of somebody, by their `sub`, those of the future too
    #[arg(long, value_name = "SUB")]
    pub subject: Option<String>,
}

/// Options of `key add`.
#[derive(Args, Clone, Debug)]
pub struct Add {
    /// A name for whoever will use it: 1 to 32 of a-z, 0-9, `_` and `-`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it is for [default: bot, unless the name begins with tradingview, metatrader or dashboard]
    #[arg(long = "for", value_name = "WHAT", value_enum)]
    pub purpose: Option<For>,
    /// What it may do: read:signals, read:prices, publish, admin [default: what it is for needs]
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    pub scopes: Vec<Scope>,
    /// The only page that it is taken from, such as https://app.example.org; for dashboards
    #[arg(long, value_name = "URL")]
    pub origin: Option<Origin>,
    /// How long it holds, such as 90d, 12h or 30m [default: until it is removed]
    #[arg(long, value_name = "SPAN")]
    pub expires: Option<Lifetime>,
    /// Write the key to this new file, for its owner only, instead of printing it
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub folder: Folder,
}

/// How long a key holds: a whole number and d, h or m.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(Span);

/// A longer one would be none: a hundred years.
const LIFETIME_DAYS_MAX: i64 = 36_500;

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let minutes = match text.chars().last() {
            Some('d') => 24 * 60,
            Some('h') => 60,
            Some('m') => 1,
            Some(_) | None => 0,
        };
        let number = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
        let number: Option<i64> = number.parse().ok().filter(|number| *number > 0);
        let total = number.and_then(|number| number.checked_mul(minutes));
        match total {
            Some(total) if (1..=LIFETIME_DAYS_MAX * 24 * 60).contains(&total) => {
                Ok(Self(Span::from_minutes(total)))
            }
            Some(_) | None => Err(
                "a span is a whole number of days, hours or minutes, such as 90d, 12h or 30m"
                    .to_owned(),
            ),
        }
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum For {
    /// Bots and models, over HTTP or the WebSocket
    #[value(name = "bot", alias = "bots")]
    Bot,
    /// Alerts of TradingView
    #[value(name = "tradingview")]
    TradingView,
    /// ORION's expert advisors in a MetaTrader terminal
    #[value(name = "metatrader")]
    MetaTrader,
    /// Dashboards, which only read
    Dashboard,
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
            Self::Bot => Kind::Bot,
            Self::TradingView => Kind::TradingView,
            Self::MetaTrader => Kind::MetaTrader,
            Self::Dashboard => Kind::Dashboard,
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
            } else if self.name.starts_with("dashboard") {
                For::Dashboard
            } else {
                For::Bot
            })
    }

    fn key(&self, now: Time) -> New {
        New {
            name: self.name.clone(),
            kind: self.purpose().kind(),
            scopes: (!self.scopes.is_empty()).then(|| self.scopes.clone()),
            origin: self.origin.clone(),
            expires: self.expires.map(|Lifetime(span)| now + span),
        }
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
    let now = Clock::new(Machine, Time::MIN).now();
    let text = match &options.what {
        What::Add(options) => add(options, &options.folder.config(environment)?, now)?,
        What::List(folder) => list(&folder.config(environment)?, now)?,
        What::Remove { name, folder } => remove(&folder.config(environment)?.data.dir, name)?,
        What::Revoke(options) => {
            let data = options.folder.config(environment)?.data.dir;
            revoke(&data, &options.what, now)?
        }
    };
    writeln!(io::stdout(), "{text}")?;
    Ok(())
}

fn remove(data: &Path, name: &str) -> Result<String> {
    keys::remove(data, name)?;
    Ok(format!(
        "the key {name} is gone; a server that runs refuses it, and closes who came with it, within a few seconds"
    ))
}

fn revoke(data: &Path, target: &Target, now: Time) -> Result<String> {
    let (what, text) = match (&target.name, &target.token_id, &target.subject) {
        (_, Some(id), _) => (Revoked::TokenId(id.clone()), format!("the token {id} is")),
        (_, _, Some(subject)) => (
            Revoked::Subject(subject.clone()),
            format!("all tokens of {subject} are"),
        ),
        (name, None, None) => return remove(data, name.as_deref().unwrap_or_default()),
    };
    let since = if revoked::add(data, what, now)? {
        "from now on; a server that runs closes who came with it within a few seconds"
    } else {
        "already"
    };
    Ok(format!("{text} revoked {since}"))
}

/// Makes a key, and says what to do with it. A file that cannot be written is found out before there is a key.
fn add(options: &Add, config: &Config, now: Time) -> Result<String> {
    let file = options.file.as_deref();
    let mut made = file.map(new_file).transpose()?;
    let data = &config.data.dir;
    let token = keys::add(data, &options.key(now), now).inspect_err(|_| {
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
        next_step(options, shown.reveal(), config)
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
fn next_step(options: &Add, token: &str, config: &Config) -> String {
    let address = reachable(config.server.listen);
    match options.purpose() {
        For::Dashboard if config.auth.url_keys && options.origin.is_some() => {
            format!("Let the dashboard connect to:\n\n  ws://{address}/ws/signals?key={token}")
        }
        For::Dashboard => format!(
            "Before its subscribe, let the dashboard send:\n\n  {{\"type\":\"auth\",\"token\":\"{token}\"}}"
        ),
        For::Bot => format!(
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

fn list(config: &Config, now: Time) -> Result<String> {
    let keys = keys::list(&config.data.dir)?;
    if keys.is_empty() {
        return Ok("no keys; make one with: orion key add NAME".to_owned());
    }
    let line = |key: &Stored| {
        let (name, kind, made) = (&key.name, key.kind, &key.created);
        let ends = ends(key, now);
        let origin = key
            .origin
            .as_ref()
            .map(|origin| format!("; only from {origin}"));
        let (scopes, origin) = (scopes(key), origin.unwrap_or_default());
        format!("{name:<32}  {kind:<11}  {made}  {ends:<24}  {scopes}{origin}")
    };
    let lines: Vec<String> = keys.iter().map(line).collect();
    let head = format!(
        "{:<32}  {:<11}  {:<24}  {:<24}  may",
        "name", "for", "made", "ends"
    );
    Ok(format!("{head}\n{}", lines.join("\n")))
}

fn ends(key: &Stored, now: Time) -> String {
    match key.expires {
        None => "never".to_owned(),
        Some(at) if at <= now => "has expired".to_owned(),
        Some(at) => at.to_string(),
    }
}

/// What it may do on the socket; the others open a path of their own.
fn scopes(key: &Stored) -> String {
    match key.kind {
        Kind::TradingView => "post alerts".to_owned(),
        Kind::MetaTrader => "send prices".to_owned(),
        Kind::Bot | Kind::Dashboard => key.scopes().to_string(),
    }
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

    const NOW: Time = Time::from_secs(1_790_000_000);

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
                add(&options, &config, NOW)
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
        assert!(list(&config, NOW).unwrap().contains("orion key add NAME"));
        added(dir.path(), &["chart", "--for", "tradingview"]).unwrap();
        let text = list(&config, NOW).unwrap();
        let line = text.lines().nth(1).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let made = "2026-09-21T14:13:20.000Z";
        assert_eq!(
            words,
            ["chart", "tradingview", made, "never", "post", "alerts"]
        );
        let origin = "https://app.example.org";
        let narrow = [
            "wall",
            "--for",
            "dashboard",
            "--scope",
            "read:prices",
            "--origin",
            origin,
            "--expires",
            "90d",
        ];
        added(dir.path(), &narrow).unwrap();
        let text = list(&config, NOW).unwrap();
        let end = format!("2026-12-20T14:13:20.000Z  read:prices; only from {origin}");
        assert!(text.ends_with(&end), "{text}");
        let late = NOW + Span::from_hours(90 * 24);
        assert!(list(&config, late).unwrap().contains("has expired"));
    }

    #[test]
    fn a_dashboard_is_told_how_it_comes_in() {
        let dir = tempfile::tempdir().unwrap();
        let text = added(dir.path(), &["dashboard-1"]).unwrap();
        let token = text.lines().next().unwrap();
        let auth = format!(r#"{{"type":"auth","token":"{token}"}}"#);
        assert!(text.ends_with(&auth), "{text}");
        let bound = [
            "wall",
            "--for",
            "dashboard",
            "--origin",
            "https://app.example.org",
        ];
        let set = [
            "--set",
            "auth.url_keys=true",
            "--set",
            "auth.mode=required",
            "--set",
            r#"server.origins=["https://app.example.org"]"#,
        ];
        let text = added(dir.path(), &[&bound[..], &set].concat()).unwrap();
        let token = text.lines().next().unwrap();
        let address = format!("ws://127.0.0.1:9000/ws/signals?key={token}");
        assert!(text.ends_with(&address), "{text}");
    }

    #[test]
    fn what_is_taken_back_is_said_once_and_a_key_goes_by_either_word() {
        let dir = tempfile::tempdir().unwrap();
        let revoked = |line: &[&str]| match options(&[&["revoke"], line].concat()).what {
            What::Revoke(options) => revoke(dir.path(), &options.what, NOW),
            other => panic!("{other:?}"),
        };
        for line in [["--token-id", "t-1"], ["--subject", "alice"]] {
            assert!(revoked(&line).unwrap().contains("from now on"));
            assert!(revoked(&line).unwrap().contains("already"));
        }
        added(dir.path(), &["my-bot"]).unwrap();
        assert!(revoked(&["my-bot"]).unwrap().contains("is gone"));
        assert!(
            revoked(&["my-bot"])
                .unwrap_err()
                .to_string()
                .contains("orion key list")
        );
        for line in [
            &["orion", "key", "revoke"][..],
            &["orion", "key", "revoke", "a", "--subject", "b"],
        ] {
            assert!(Cli::try_parse_from(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_lifetime_is_a_number_and_a_unit() {
        let days = |text: &str| text.parse::<Lifetime>().map(|Lifetime(span)| span);
        assert_eq!(days("90d"), Ok(Span::from_hours(90 * 24)));
        assert_eq!(days("12h"), Ok(Span::from_hours(12)));
        assert_eq!(days("30m"), Ok(Span::from_minutes(30)));
        for text in [
            "",
            "d",
            "0d",
            "-1d",
            "1.5d",
            "90",
            "90s",
            "36501d",
            "99999999999999999d",
            "1é",
        ] {
            assert!(days(text).is_err(), "{text}");
        }
    }
}
