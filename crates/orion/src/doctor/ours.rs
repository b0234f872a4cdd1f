//! What is ORION's own: settings, sources and their keys, the certificate, what the data folder keeps.

use super::Finding;
use crate::auth;
use crate::config::{Config, Loaded};
use crate::handover;
use crate::history;
use crate::survey;
use journal::{Journal as _, Looking};
use market::{Span, Time};
use std::net::{SocketAddr, TcpListener};

/// A certificate is renewed before this.
const RENEWED_BEFORE: Span = Span::from_minutes(14 * 24 * 60);

pub(super) fn look(loaded: &Loaded, environment: &[(String, String)], now: Time) -> Vec<Finding> {
    let config = &loaded.config;
    let mut findings = settings(loaded);
    findings.extend(sources(config, environment));
    findings.extend(behind_a_proxy(config));
    findings.extend(certificate(config, now));
    findings.extend(stores(config));
    findings.push(address(config));
    findings
}

fn settings(loaded: &Loaded) -> Vec<Finding> {
    const WHAT: &str = "settings";
    let refused = auth::refused(&loaded.config);
    let mut findings = vec![match refused {
        Some(why) => Finding::fail(WHAT, why.to_string(), "a server does not start so"),
        None => Finding::ok(
            WHAT,
            format!("the market {} can run", loaded.config.market_name()),
        ),
    }];
    let notes = loaded.notes.iter();
    findings.extend(notes.map(|note| Finding::warn(WHAT, note.to_string(), "mend or remove it")));
    findings
}

fn sources(config: &Config, environment: &[(String, String)]) -> Vec<Finding> {
    const WHAT: &str = "source";
    let told = survey::sources(config, environment);
    let lines = told
        .lines
        .iter()
        .map(|line| line.trim_start_matches("source").trim());
    lines
        .map(|line| {
            if line.contains(": starts") || line.contains("is not taken from") {
                Finding::ok(WHAT, line)
            } else if told.can_run {
                Finding::warn(WHAT, line, "the others start without it")
            } else {
                Finding::fail(
                    WHAT,
                    line,
                    "no source can start; docs/sources has a page for each",
                )
            }
        })
        .collect()
}

/// Strangers whom a proxy brings to an address of this machine only.
fn behind_a_proxy(config: &Config) -> Option<Finding> {
    const WHAT: &str = "proxy";
    if config.server.proxies.is_empty() {
        return None;
    }
    let notes = survey::proxy_notes(config);
    Some(if notes.is_empty() {
        Finding::ok(WHAT, "whoever it brings may see what there is to see")
    } else {
        let (found, remedies): (Vec<_>, Vec<_>) = notes
            .iter()
            .map(|note| {
                note.split_once(": ")
                    .unwrap_or((note, "see docs/access.md"))
            })
            .unzip();
        Finding::warn(WHAT, found.join("; "), remedies.join("; "))
    })
}

fn certificate(config: &Config, now: Time) -> Option<Finding> {
    const WHAT: &str = "certificate";
    let files = config.server.tls.files()?;
    Some(match files.read() {
        Err(error) => Finding::fail(WHAT, error.to_string(), "a server does not start so"),
        Ok(identity) => {
            let names = identity.names.join(" ");
            let found = format!("for {names}, until {}; the key fits", identity.expires);
            let left = identity.expires - now;
            if left < Span::ZERO {
                Finding::fail(
                    WHAT,
                    found,
                    "it has expired and browsers refuse it: renew it",
                )
            } else if left < RENEWED_BEFORE {
                Finding::warn(WHAT, found, "renew it; ORION takes the new files by itself")
            } else if names.is_empty() {
                Finding::warn(WHAT, found, "it names no host: browsers refuse it")
            } else {
                Finding::ok(WHAT, found)
            }
        }
    })
}

/// Each market's journal is opened to be looked at: its records are counted, and what is damaged is found.
fn stores(config: &Config) -> Vec<Finding> {
    const WHAT: &str = "store";
    let data = &config.data.dir;
    if !data.is_dir() {
        return vec![Finding::ok(WHAT, "nothing is kept yet")];
    }
    let markets = match history::markets(data, None) {
        Ok(markets) => markets,
        Err(error) => {
            let remedy = "let the user who runs ORION read it";
            return vec![Finding::fail(WHAT, format!("{error:#}"), remedy)];
        }
    };
    if markets.is_empty() {
        return vec![Finding::ok(WHAT, "nothing is kept yet")];
    }
    let look = |market: history::Market| match Looking::open(&market.dir) {
        Ok(None) => Finding::ok(WHAT, format!("{}: no journal yet", market.name)),
        Ok(Some(journal)) => {
            let runs = if handover::is_running(&market.dir) {
                ", and a server runs on it"
            } else {
                ""
            };
            let records = journal.end().seq;
            Finding::ok(
                WHAT,
                format!("{}: opens, {records} records{runs}", market.name),
            )
        }
        Err(error) => Finding::fail(
            WHAT,
            format!("{}: {error}", market.name),
            "docs/runbook.md says what to do with a damaged journal",
        ),
    };
    markets.into_iter().map(look).collect()
}

/// Whether a server could listen. One that runs already has the address: that is no fault.
fn address(config: &Config) -> Finding {
    const WHAT: &str = "address";
    let address: SocketAddr = config.server.listen;
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(WHAT, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Finding::ok(
            WHAT,
            format!("{address} is taken: by a server that runs, or by another program"),
        ),
        Err(error) => Finding::fail(
            WHAT,
            format!("{address} cannot be listened on ({error})"),
            "set server.listen to an address of this machine, and to a port above 1023 unless ORION may have lower ones",
        ),
    }
}
