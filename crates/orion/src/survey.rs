//! What would start and what each part still needs, for `orion check` and the first lines of `orion serve`.

use crate::auth;
use crate::clock;
use crate::config::{AuthMode, Config, FeedKind};
use crate::handover::BACKLOG;
use crate::live::{hides_own_use, is_public};
use crate::secrets::{self, Secrets};
use crate::sources::{self, Audience, Wanted};
use access::keys::{self, Kind, Stored};
use gateway::tls::Identity;
use market::Span;

/// The live sources, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    pub lines: Vec<String>,
    /// Whether at least one can start, where any are wanted.
    pub can_run: bool,
}

/// Which sources would start, and what the others need.
#[must_use]
pub fn sources(config: &Config, environment: &[(String, String)]) -> Sources {
    if !matches!(config.feed.kind, FeedKind::Live(_)) {
        return Sources {
            lines: Vec::new(),
            can_run: true,
        };
    }
    let wanted =
        Secrets::gather(config, environment).and_then(|secrets| sources::wanted(config, &secrets));
    match wanted {
        Ok(wanted) => Sources {
            lines: wanted
                .iter()
                .flat_map(|source| lines(source, config))
                .collect(),
            can_run: wanted.iter().any(|source| source.run.is_ok()),
        },
        Err(error) => Sources {
            lines: vec![format!("source       {error:#}")],
            can_run: false,
        },
    }
}

fn lines(source: &Wanted, config: &Config) -> Vec<String> {
    let catalog = config.catalog();
    let symbols: Vec<_> = source
        .symbols
        .iter()
        .map(|(id, theirs)| {
            let ours = catalog.instrument(id).symbol;
            if ours.as_str() == theirs {
                theirs.to_owned()
            } else {
                format!("{ours}={theirs}")
            }
        })
        .collect();
    let symbols = if symbols.is_empty() {
        "any symbol that is told".to_owned()
    } else {
        symbols.join(" ")
    };
    let head = format!("source       {}", source.name);
    let mut lines = vec![match (&source.run, &source.key) {
        (Ok(_), Some(origin)) => format!("{head}: starts with the key from {origin}; {symbols}"),
        (Ok(_), None) => format!("{head}: starts; {symbols}"),
        (Err(need), _) => format!("{head}: cannot start: {}; {}", need.reason, need.remedy),
    }];
    for (ours, theirs, why) in &source.symbols.unused {
        lines.push(format!(
            "             {ours} is not taken from {theirs}: {why}"
        ));
    }
    lines
}

/// The certificate that is shown to who comes by TLS: for whom, and until when; no line where there is none.
#[must_use]
pub fn certificate(config: &Config) -> Option<String> {
    let tls = &config.server.tls;
    if tls.is_ordered() {
        return Some(ordered(config));
    }
    let files = tls.files()?;
    let identity = files.read().ok()?;
    Some(format!(
        "tls          {}; valid until {} ({})",
        for_whom(&identity),
        identity.expires,
        files.certificate.display()
    ))
}

/// What is ordered, and what came of it so far.
fn ordered(config: &Config) -> String {
    let acme = &config.server.tls.acme;
    let until = match acme.files(&config.data.dir).read() {
        Ok(identity) => format!("valid until {}", identity.expires),
        Err(_) => "none is there yet".to_owned(),
    };
    format!(
        "tls          ordered for {} at {}; {until}",
        acme.domains.join(" "),
        acme.directory
    )
}

fn for_whom(identity: &Identity) -> String {
    if identity.names.is_empty() {
        "for no host by name, so browsers refuse it".to_owned()
    } else {
        format!("for {}", identity.names.join(" "))
    }
}

/// A certificate is renewed well before this.
const EXPIRES_SOON: Span = Span::from_minutes(14 * 24 * 60);

fn expiry_note(config: &Config) -> Option<String> {
    let files = config.server.tls.files()?;
    let expires = files.read().ok()?.expires;
    let left = expires - clock::Sources::system(&mut clock::Machine);
    let path = files.certificate.display();
    if left < Span::ZERO {
        Some(format!(
            "the certificate in {path} expired at {expires}: browsers refuse it; renew it, ORION takes the new files by itself"
        ))
    } else if left < EXPIRES_SOON {
        Some(format!(
            "the certificate in {path} expires at {expires}: renew it, ORION takes the new files by itself"
        ))
    } else {
        None
    }
}

/// What an operator should know before others do.
#[must_use]
pub fn notes(config: &Config) -> Vec<String> {
    let own_use = own_use_note(config);
    let open_file = config
        .secrets
        .file
        .as_deref()
        .filter(|path| secrets::is_open_to_others(path));
    let open_file = open_file.map(|path| {
        format!(
            "the secrets file {} can be read by others: chmod 600 it",
            path.display()
        )
    });
    own_use
        .into_iter()
        .chain(proxy_notes(config))
        .chain(open_file)
        .chain(tradingview_note(config))
        .chain(nobody_note(config))
        .chain(expiry_note(config))
        .chain(backlog_note(connects_that_may_wait()))
        .collect()
}

/// The system's own bound of connects that wait, where it says so.
fn connects_that_may_wait() -> Option<i32> {
    let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok()?;
    text.trim().parse().ok()
}

fn backlog_note(allowed: Option<i32>) -> Option<String> {
    let allowed = allowed.filter(|allowed| *allowed < BACKLOG)?;
    Some(format!(
        "the system lets {allowed} connects wait to be accepted, and ORION asks for {BACKLOG}: when very many clients come back at \
         once some wait for seconds; raise it with sysctl -w net.core.somaxconn={BACKLOG}"
    ))
}

/// In one sentence, who may see the prices; nothing where anybody may.
#[must_use]
pub fn own_use_note(config: &Config) -> Option<String> {
    let own = for_own_use(config)?;
    let address = config.server.listen;
    hides_own_use(config).then(|| {
        format!(
            "by their terms the prices of {own} are for your own use, and {address} can be reached by others, so dashboards are not \
             sent them: listen on 127.0.0.1 or a private address, let everybody say who he is (auth.mode = \"required\"), or, if your \
             contract allows it, set feed.may_show_to_others = true"
        )
    })
}

/// The sources whose prices are for the operator's own use, if there are any.
fn for_own_use(config: &Config) -> Option<String> {
    let FeedKind::Live(names) = &config.feed.kind else {
        return None;
    };
    let own: Vec<_> = names
        .iter()
        .filter(|name| sources::audience(name) == Audience::Own)
        .map(ToString::to_string)
        .collect();
    (!own.is_empty()).then(|| own.join(", "))
}

/// What to know where a proxy brings strangers to an address that only this machine or its network can reach, and at which the
/// rules for public addresses do not hold; nothing where they may come.
#[must_use]
pub fn stranger_notes(config: &Config) -> Vec<String> {
    let address = config.server.listen;
    if is_public(address.ip()) {
        return Vec::new();
    }
    let publishes = auth::open_to_publishers(config).map(|who| {
        format!(
            "a proxy brings others to {address}, {who} can publish, and auth.mode is \"off\", so that nobody has to say who he is to \
             read: set auth.mode to \"optional\" or \"required\" (docs/access.md), or say that it is meant so with \
             auth.allow_public = true"
        )
    });
    let asks_nobody = config.auth.mode != AuthMode::Required && !config.feed.may_show_to_others;
    let own_use = for_own_use(config).filter(|_| asks_nobody).map(|own| {
        format!(
            "by their terms the prices of {own} are for your own use, and a proxy brings others to {address}, who are sent them: let \
             everybody say who he is (auth.mode = \"required\"), or, if your contract allows it, set feed.may_show_to_others = true"
        )
    });
    publishes.into_iter().chain(own_use).collect()
}

/// The same, where `server.proxies` says that there is a proxy; of one on this machine it says nothing.
#[must_use]
pub fn proxy_notes(config: &Config) -> Vec<String> {
    if config.server.proxies.is_empty() {
        Vec::new()
    } else {
        stranger_notes(config)
    }
}

/// TradingView posts to two ports only.
fn tradingview_note(config: &Config) -> Option<String> {
    let keys = keys::list(&config.data.dir).ok()?;
    let is_used = keys.iter().any(|key| key.kind == Kind::TradingView);
    let port = config.server.listen.port();
    (is_used && port != 80 && port != 443).then(|| {
        format!(
            "TradingView posts to ports 80 and 443 only, and ORION listens on port {port}: put a proxy with your certificate in front \
             of it, or listen on 0.0.0.0:80 (docs/sources/tradingview.md)"
        )
    })
}

/// A server that lets in only who says who he is, and knows nobody.
fn nobody_note(config: &Config) -> Option<String> {
    let may_read = |key: &Stored| key.scopes().iter().next().is_some();
    let is_known = || keys::list(&config.data.dir).is_ok_and(|keys| keys.iter().any(may_read));
    let auth = &config.auth;
    (auth.mode == AuthMode::Required && auth.jwt.keys.is_none() && !is_known()).then(|| {
        "auth.mode is \"required\", and there is no key yet that anybody could come in with: make one with \
         orion key add NAME --for dashboard"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::keys::New;
    use market::Time;

    #[test]
    fn who_is_brought_by_a_proxy_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let mut behind = Config::default();
        behind.data.dir = folder.path().to_owned();
        behind.server.proxies = vec!["10.0.0.7".parse().unwrap()];
        behind.feed.kind = "oanda".parse().unwrap();
        let new = New::of("mybot", Kind::Bot);
        keys::add(folder.path(), &new, Time::from_secs(1)).unwrap();
        let check = |change: fn(&mut Config), expected: &[&str]| {
            let mut config = behind.clone();
            change(&mut config);
            let notes = proxy_notes(&config);
            assert_eq!(notes.len(), expected.len(), "{notes:?}");
            for (note, words) in notes.iter().zip(expected) {
                assert!(note.contains(words), "{note}");
            }
        };
        let (posts, shows) = ("the key mybot can publish", "the prices of oanda are for");
        check(|_| {}, &[posts, shows]);
        check(|config| config.auth.allow_public = true, &[shows]);
        check(|config| config.auth.mode = AuthMode::Optional, &[shows]);
        check(|config| config.auth.mode = AuthMode::Required, &[]);
        check(|config| config.feed.may_show_to_others = true, &[posts]);
        check(|config| config.feed.kind = "sim".parse().unwrap(), &[posts]);
        check(
            |config| config.feed.kind = "tape:day.csv".parse().unwrap(),
            &[],
        );
        check(|config| config.server.proxies = Vec::new(), &[]);
        // There the rules for public addresses hold.
        check(
            |config| config.server.listen = "0.0.0.0:8080".parse().unwrap(),
            &[],
        );
    }

    #[test]
    fn a_system_that_lets_too_few_connects_wait_is_told_of() {
        assert_eq!(backlog_note(None), None);
        assert_eq!(backlog_note(Some(4096)), None);
        let note = backlog_note(Some(128)).expect("a note");
        assert!(note.contains("net.core.somaxconn=4096"), "{note}");
    }
}
