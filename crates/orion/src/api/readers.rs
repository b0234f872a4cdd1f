//! Who may read what, by what he shows; and that a browser lets any page read what its reader may.

use super::answer::Problem;
use crate::clock::Clock;
use access::{Access, Grant, Presented, Scope};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use market::Symbol;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;
use wire::Channel;

const ALLOWED: &str = "GET, OPTIONS";
const SHOW: &str =
    "send Authorization: Bearer KEY, of a key that orion key add NAME --for dashboard made";
const SHOW_ADMIN: &str = "send Authorization: Bearer KEY, of a key that orion key add NAME --for dashboard --scope admin made";

/// Who may read.
#[derive(Clone)]
pub(crate) enum Readers {
    /// Whoever reaches the server.
    All,
    /// The same; but who shows a key or token is judged by it.
    Any(Access, Arc<Clock>),
    /// Whoever shows a key or token that may.
    Known(Access, Arc<Clock>),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// What whoever reads anything may know.
    Anything,
    Signals,
    Prices,
    /// Signals of all symbols at once.
    EverySignal,
    /// What concerns only who keeps the server.
    Server,
}

/// What a reader may see of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    /// All, where there are none.
    symbols: Option<Vec<Symbol>>,
}

impl Sight {
    pub(crate) fn sees(&self, symbol: Symbol) -> bool {
        let seen = self.symbols.as_ref();
        seen.is_none_or(|symbols| symbols.contains(&symbol))
    }

    /// For whoever asks for one symbol by its name.
    pub(crate) fn ensure_sees(&self, symbol: Symbol) -> Result<(), Problem> {
        if self.sees(symbol) {
            return Ok(());
        }
        let error = format!("your key or token does not open the symbol {symbol}");
        Err(forbidden(error, SHOW))
    }
}

impl Readers {
    /// What whoever asked with these headers may see of it. `is_own` says that he asks from this machine for himself.
    pub(crate) fn admit(
        &self,
        wants: Wants,
        headers: &HeaderMap,
        is_own: bool,
    ) -> Result<Sight, Problem> {
        let Some(grant) = self.grant(headers, wants)? else {
            return self.unknown(wants, is_own);
        };
        judge(&grant, wants)
    }

    /// Who showed nothing.
    fn unknown(&self, wants: Wants, is_own: bool) -> Result<Sight, Problem> {
        match (self, wants) {
            (Self::Known(..), _) => Err(unauthorized(
                &"this server wants to know who reads",
                remedy(wants),
            )),
            (Self::All | Self::Any(..), Wants::Server) if !is_own => Err(forbidden(
                "how the server does is told to this machine only, or to who shows a key for it",
                "ask http://127.0.0.1 on the machine itself, or set auth.mode to optional and show a key that orion key add NAME --for dashboard --scope admin made",
            )),
            (
                Self::All | Self::Any(..),
                Wants::Anything
                | Wants::Signals
                | Wants::Prices
                | Wants::EverySignal
                | Wants::Server,
            ) => Ok(Sight::default()),
        }
    }

    /// What the key or token allows that is shown; `None` where none is, or none is asked for.
    fn grant(&self, headers: &HeaderMap, wants: Wants) -> Result<Option<Grant>, Problem> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (authorization, origin) = (text(header::AUTHORIZATION), text(header::ORIGIN));
        let presented = authorization.and_then(|text| Presented::by_header(text, origin));
        let (Self::Any(access, clock) | Self::Known(access, clock), Some(presented)) =
            (self, presented)
        else {
            return Ok(None);
        };
        let grant = access.grant(&presented, clock.now());
        grant
            .map(Some)
            .map_err(|denied| unauthorized(&denied, remedy(wants)))
    }
}

/// What somebody may see who is known.
fn judge(grant: &Grant, wants: Wants) -> Result<Sight, Problem> {
    let may = |scope| grant.may(scope);
    let refused = |why: &str| Err(forbidden(format!("{} {why}", grant.name()), remedy(wants)));
    match wants {
        Wants::Server if !may(Scope::Admin) => refused("may not look into the server"),
        Wants::Server => Ok(Sight::default()),
        Wants::Anything if !may(Scope::ReadSignals) && !may(Scope::ReadPrices) => {
            refused("may read neither signals nor prices")
        }
        Wants::Signals | Wants::EverySignal
            if !may(Scope::ReadSignals) || !opens(grant, Channel::Signals) =>
        {
            refused("may not read signals")
        }
        Wants::Prices if !may(Scope::ReadPrices) || !opens(grant, Channel::Prices) => {
            refused("may not read prices")
        }
        Wants::EverySignal if grant.limits.symbols.is_some() || grant.limits.channels.is_some() => {
            refused("may read some symbols or channels only, and the track record is of all")
        }
        Wants::Anything | Wants::Signals | Wants::Prices | Wants::EverySignal => Ok(Sight {
            symbols: grant.limits.symbols.clone(),
        }),
    }
}

fn opens(grant: &Grant, channel: Channel) -> bool {
    let named = grant.limits.channels.as_ref();
    named.is_none_or(|names| names.iter().any(|name| name == channel.as_str()))
}

const fn remedy(wants: Wants) -> &'static str {
    match wants {
        Wants::Server => SHOW_ADMIN,
        Wants::Anything | Wants::Signals | Wants::Prices | Wants::EverySignal => SHOW,
    }
}

fn unauthorized(why: &dyn Display, remedy: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, why.to_string(), remedy)
}

fn forbidden(why: impl Into<String>, remedy: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, why, remedy)
}

/// Whether somebody asks from this machine for himself: a proxy on it speaks for others, and a page from elsewhere may
/// have a browser ask under a name that leads here.
pub(crate) fn is_own(peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
    const OTHERS: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_here = peer.is_some_and(|peer| peer.to_canonical().is_loopback());
    let (host, page) = (text(header::HOST), headers.get(header::ORIGIN));
    let is_own_page = match (page.map(HeaderValue::to_str), host) {
        (None, _) => true,
        (Some(Ok(page)), Some(host)) => {
            page.split_once("://").is_some_and(|(_, from)| from == host)
        }
        (Some(_), _) => false,
    };
    is_here
        && is_own_page
        && host.is_none_or(names_this_machine)
        && !OTHERS.iter().any(|name| headers.contains_key(*name))
}

fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Any page may read what its reader may: what he may is said by what he shows, which no page does without knowing it.
pub(crate) fn with_cors(mut response: Response) -> Response {
    let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    say(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED);
    say(header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization");
    say(header::ACCESS_CONTROL_EXPOSE_HEADERS, "ETag");
    say(header::CACHE_CONTROL, "no-cache");
    say(header::VARY, "Authorization");
    if is_unauthorized {
        say(header::WWW_AUTHENTICATE, "Bearer");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::{Holder, Limits, Scopes};

    fn judged(scopes: Scopes, limits: Limits, wants: Wants) -> Result<Sight, String> {
        let grant = Grant {
            subject: "alice".to_owned(),
            holder: Holder::Token { id: None },
            scopes,
            limits,
            expires: None,
        };
        judge(&grant, wants).map_err(|problem| problem.error)
    }

    #[test]
    fn a_token_for_some_symbols_sees_those_and_one_for_some_channels_what_they_tell() {
        let [euro, pound] = ["EURUSD", "GBPUSD"].map(|symbol| Symbol::new(symbol).unwrap());
        let some = Limits {
            symbols: Some(vec![euro]),
            ..Limits::default()
        };
        for wants in [Wants::Anything, Wants::Signals, Wants::Prices] {
            let sight = judged(Scopes::READ, some.clone(), wants).unwrap();
            assert!(sight.sees(euro) && !sight.sees(pound), "{wants:?}");
            assert_eq!(sight.ensure_sees(pound).unwrap_err().status, 403);
            let all = judged(Scopes::READ, Limits::default(), wants).unwrap();
            assert!(all.sees(pound), "{wants:?}");
        }
        let of_all = judged(Scopes::READ, some, Wants::EverySignal).unwrap_err();
        assert!(
            of_all.contains("jwt:alice may read some symbols"),
            "{of_all}"
        );
        let prices = Limits {
            channels: Some(vec!["prices".to_owned()]),
            ..Limits::default()
        };
        for (wants, expected) in [
            (Wants::Anything, true),
            (Wants::Prices, true),
            (Wants::Signals, false),
            (Wants::EverySignal, false),
            (Wants::Server, false),
        ] {
            let sight = judged(Scopes::READ, prices.clone(), wants);
            assert_eq!(sight.is_ok(), expected, "{wants:?}");
        }
        let admin = Scopes::NONE.with(Scope::Admin);
        assert!(judged(admin, Limits::default(), Wants::Server).is_ok());
        assert!(judged(admin, Limits::default(), Wants::Anything).is_err());
    }

    #[test]
    fn a_request_is_this_machines_own_only_when_nothing_says_otherwise() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let there: IpAddr = "203.0.113.9".parse().unwrap();
        for (peer, headers, expected) in [
            (Some(here), vec![("host", "127.0.0.1:8080")], true),
            (Some(here), vec![("host", "localhost")], true),
            (Some(here), vec![("host", "[::1]:8080")], true),
            (Some(here), vec![], true),
            (Some(here), vec![("host", "evil.example:8080")], false),
            (Some(here), vec![("host", "localhost.evil.example")], false),
            (
                Some(here),
                vec![("host", "127.0.0.1"), ("via", "1.1 p")],
                false,
            ),
            (
                Some(here),
                vec![("host", "127.0.0.1"), ("origin", "https://evil.example")],
                false,
            ),
            (
                Some(here),
                vec![("host", "127.0.0.1"), ("origin", "http://127.0.0.1")],
                true,
            ),
            (Some(there), vec![("host", "127.0.0.1")], false),
            (None, vec![("host", "127.0.0.1")], false),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_own(peer, &map), expected, "{peer:?} {headers:?}");
        }
    }
}
