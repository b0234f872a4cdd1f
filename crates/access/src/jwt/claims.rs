//! What a token says, once its signature is known to be right.

use super::Rules;
use crate::door::Denied;
use crate::grant::{Grant, Holder, Limits, Scope};
use market::{Symbol, Time};
use serde::{Deserialize, Deserializer};

/// Longest `sub`, which becomes the sender of what is posted, and longest `jti`.
const SUBJECT_MAX: usize = 128;
const ID_MAX: usize = 256;
/// The last second that we can count to is in 2262; nothing is meant to hold longer.
const LAST_SECOND: f64 = 9.2e9;

/// The claims that are looked at; all others are somebody else's. A limit that is there and cannot be read makes the token
/// useless: a limit is never overlooked.
#[derive(Deserialize)]
pub(super) struct Claims {
    sub: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iss: Option<String>,
    aud: Option<OneOrMany>,
    jti: Option<String>,
    /// As OAuth writes scopes (RFC 8693 section 4.2) ...
    scope: Option<OneOrMany>,
    /// ... and as others do.
    scp: Option<OneOrMany>,
    #[serde(default, deserialize_with = "there")]
    symbols: Option<Vec<String>>,
    #[serde(default, deserialize_with = "there")]
    channels: Option<Vec<String>>,
    #[serde(default, deserialize_with = "there")]
    price_interval_ms: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

pub(super) fn read(claims: Claims, rules: &Rules, now: Time) -> Result<Grant, Denied> {
    let expires = claims.exp.map(moment).ok_or(Denied::Endless)?;
    if expires + rules.leeway <= now {
        return Err(Denied::Expired);
    }
    if claims
        .nbf
        .is_some_and(|nbf| moment(nbf) - rules.leeway > now)
    {
        return Err(Denied::Early);
    }
    if rules.issuer.is_some() && claims.iss != rules.issuer {
        return Err(Denied::Issuer);
    }
    if let Some(wanted) = &rules.audience
        && !claims
            .aud
            .is_some_and(|aud| aud.list().contains(&wanted.as_str()))
    {
        return Err(Denied::Audience);
    }
    let subject = claims.sub.filter(|sub| is_text(sub, SUBJECT_MAX));
    let id = claims.jti;
    if id.as_ref().is_some_and(|id| !is_text(id, ID_MAX)) {
        return Err(Denied::Malformed);
    }
    Ok(Grant {
        subject: subject.ok_or(Denied::Nameless)?,
        holder: Holder::Token { id },
        scopes: [claims.scope, claims.scp]
            .iter()
            .flatten()
            .flat_map(scopes)
            .collect(),
        limits: Limits {
            // A symbol that cannot exist allows nothing.
            symbols: claims.symbols.map(|names| {
                let symbols = names.iter().filter_map(|name| Symbol::new(name).ok());
                symbols.collect()
            }),
            channels: claims.channels,
            price_interval_ms: claims.price_interval_ms,
        },
        expires: Some(expires),
    })
}

impl OneOrMany {
    fn list(&self) -> Vec<&str> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many.iter().map(String::as_str).collect(),
        }
    }
}

/// Ours among them; tokens hold the scopes of others too.
fn scopes(claim: &OneOrMany) -> Vec<Scope> {
    let words = claim
        .list()
        .into_iter()
        .flat_map(str::split_ascii_whitespace);
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Seconds since 1970, which may have decimals (RFC 7519, `NumericDate`).
fn moment(seconds: f64) -> Time {
    // The conversion takes what is out of bounds, or no number, to a bound.
    Time::from_millis((seconds.clamp(-LAST_SECOND, LAST_SECOND) * 1000.0) as i64)
}

fn is_text(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// What is there must be of its type: a `null` is not.
fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Span;
    use serde_json::json;

    const NOW: Time = Time::from_secs(1_790_000_000);

    fn rules() -> Rules {
        Rules {
            issuer: Some("https://id.example.org/".to_owned()),
            audience: Some("orion".to_owned()),
            leeway: Span::from_secs(30),
        }
    }

    /// What becomes of good claims with these laid over them; null takes one out.
    fn check(over: &serde_json::Value) -> Result<Grant, Denied> {
        let mut claims = json!({
            "sub": "alice", "exp": 1_790_000_060, "iss": "https://id.example.org/", "aud": "orion",
        });
        for (name, value) in over.as_object().unwrap() {
            match value.as_str() {
                Some("-") => drop(claims.as_object_mut().unwrap().remove(name)),
                _ => claims[name] = value.clone(),
            }
        }
        let claims = serde_json::from_value(claims).map_err(|_| Denied::Malformed)?;
        read(claims, &rules(), NOW)
    }

    #[test]
    fn time_counts_with_a_leeway_on_both_sides() {
        for (over, expected) in [
            (json!({"exp": 1_790_000_000}), Ok(())),
            (json!({"exp": 1_789_999_971}), Ok(())),
            (json!({"exp": 1_789_999_970}), Err(Denied::Expired)),
            (json!({"exp": 1_789_999_970.9}), Ok(())),
            (json!({"exp": 0}), Err(Denied::Expired)),
            (json!({"exp": -1e300}), Err(Denied::Expired)),
            (json!({"exp": 1e300}), Ok(())),
            (json!({"exp": "-"}), Err(Denied::Endless)),
            (json!({"exp": "1790000060"}), Err(Denied::Malformed)),
            (json!({"nbf": 1_790_000_030}), Ok(())),
            (json!({"nbf": 1_790_000_031}), Err(Denied::Early)),
        ] {
            assert_eq!(check(&over).map(|_| ()), expected, "{over}");
        }
        let grant = check(&json!({})).unwrap();
        assert_eq!(grant.expires, Some(Time::from_secs(1_790_000_060)));
    }

    #[test]
    fn issuer_audience_and_subject_are_checked() {
        for (over, expected) in [
            (
                json!({"iss": "https://id.example.org"}),
                Err(Denied::Issuer),
            ),
            (json!({"iss": "-"}), Err(Denied::Issuer)),
            (json!({"aud": ["other", "orion"]}), Ok(())),
            (json!({"aud": ["other"]}), Err(Denied::Audience)),
            (json!({"aud": "-"}), Err(Denied::Audience)),
            (json!({"sub": "-"}), Err(Denied::Nameless)),
            (json!({"sub": ""}), Err(Denied::Nameless)),
            (json!({"sub": "a\nb"}), Err(Denied::Nameless)),
            (json!({"sub": "a".repeat(129)}), Err(Denied::Nameless)),
            (json!({"jti": "a".repeat(257)}), Err(Denied::Malformed)),
        ] {
            assert_eq!(check(&over).map(|_| ()), expected, "{over}");
        }
    }

    #[test]
    fn scopes_come_in_either_claim_and_those_of_others_are_left_out() {
        for (over, expected) in [
            (json!({}), ""),
            (
                json!({"scope": "openid read:signals  publish"}),
                "read:signals publish",
            ),
            (json!({"scp": ["read:prices", "mail"]}), "read:prices"),
            (
                json!({"scope": "admin", "scp": "read:prices"}),
                "read:prices admin",
            ),
            (json!({"scope": "Publish read:"}), ""),
        ] {
            assert_eq!(check(&over).unwrap().scopes.to_string(), expected, "{over}");
        }
    }

    #[test]
    fn a_limit_is_never_overlooked() {
        let grant = check(&json!({
            "symbols": ["EURUSD", "not a symbol, and far too long for one"], "channels": ["prices"], "price_interval_ms": 5000,
        }));
        let limits = grant.unwrap().limits;
        assert_eq!(limits.symbols, Some(vec![Symbol::new("EURUSD").unwrap()]));
        assert_eq!(limits.channels, Some(vec!["prices".to_owned()]));
        assert_eq!(limits.price_interval_ms, Some(5000));
        let nothing = check(&json!({"symbols": []})).unwrap();
        assert_eq!(nothing.limits.symbols, Some(Vec::new()));
        for over in [
            json!({"symbols": "EURUSD"}),
            json!({"symbols": null}),
            json!({"channels": {"prices": true}}),
            json!({"price_interval_ms": -1}),
            json!({"price_interval_ms": "5000"}),
        ] {
            assert_eq!(check(&over), Err(Denied::Malformed), "{over}");
        }
    }
}
