//! Texts with places to fill: `{key}`, `{symbol}`, `{symbols}`. Braces of JSON stand as they are: a brace, lower-case letters
//! and a brace is no JSON, so that a misspelt place is found.

use std::fmt::Write as _;

/// The places a text may have.
pub(super) const KEY: &str = "{key}";
pub(super) const SYMBOL: &str = "{symbol}";
pub(super) const SYMBOLS: &str = "{symbols}";

/// How values are written into a text, so that they can end nothing that they stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Into {
    /// A message: as inside a JSON text.
    Json,
    /// An address: percent-encoded.
    Address,
    /// A header: as it is.
    Header,
}

/// The first thing that looks like a place and is none.
pub(super) fn unknown_place(text: &str) -> Option<&str> {
    let opening = text.match_indices('{').map(|(at, _)| &text[at..]);
    opening
        .filter_map(|rest| {
            let end = rest.find('}')?;
            let name = &rest[1..end];
            let is_place =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            is_place.then(|| &rest[..=end])
        })
        .find(|place| ![KEY, SYMBOL, SYMBOLS].contains(place))
}

/// What the places are filled with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling<'a> {
    pub key: &'a str,
    pub names: &'a [&'a str],
    /// What one name becomes in `{symbols}`, and what stands between two.
    pub each: &'a str,
    pub join: &'a str,
}

impl Filling<'_> {
    /// The texts that a template becomes: one for each name where it holds `{symbol}`, else one.
    pub(super) fn texts(&self, template: &str, into: Into) -> Vec<String> {
        if template.contains(SYMBOL) {
            let one = |name: &&str| self.fill(template, Some(name), into);
            self.names.iter().map(one).collect()
        } else {
            vec![self.fill(template, None, into)]
        }
    }

    pub(super) fn fill(&self, template: &str, name: Option<&str>, into: Into) -> String {
        let mut text = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            rest = if let Some(after) = rest.strip_prefix(KEY) {
                text.push_str(&written(self.key, into));
                after
            } else if let Some(after) = rest.strip_prefix(SYMBOL) {
                text.push_str(&written(name.unwrap_or_default(), into));
                after
            } else if let Some(after) = rest.strip_prefix(SYMBOLS) {
                text.push_str(&self.joined(into));
                after
            } else {
                text.push('{');
                &rest[1..]
            };
        }
        text.push_str(rest);
        text
    }

    fn joined(&self, into: Into) -> String {
        let one = |name: &&str| self.each.replace(SYMBOL, &written(name, into));
        let names: Vec<_> = self.names.iter().map(one).collect();
        names.join(self.join)
    }
}

fn written(value: &str, into: Into) -> String {
    match into {
        Into::Header => value.to_owned(),
        Into::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        Into::Address => percent_encoded(value),
    }
}

/// RFC 3986, section 2.3: all but the unreserved characters, so that a name or key cannot end the part it stands in.
fn percent_encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a String takes everything");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILLING: Filling<'_> = Filling {
        key: "a\"b&c",
        names: &["EUR/USD", "X{key}"],
        each: "'{symbol}'",
        join: "|",
    };

    #[test]
    fn places_are_filled_and_values_cannot_break_out() {
        for (template, into, texts) in [
            (r#"{"k":"{key}"}"#, Into::Json, vec![r#"{"k":"a\"b&c"}"#]),
            (
                "?t={key}&x={symbols}",
                Into::Address,
                vec!["?t=a%22b%26c&x='EUR%2FUSD'|'X%7Bkey%7D'"],
            ),
            ("{symbol}!", Into::Json, vec!["EUR/USD!", "X{key}!"]),
            ("Bearer {key}", Into::Header, vec!["Bearer a\"b&c"]),
            (r#"{"a":{"b":1}}"#, Into::Json, vec![r#"{"a":{"b":1}}"#]),
            ("{", Into::Json, vec!["{"]),
        ] {
            assert_eq!(FILLING.texts(template, into), texts, "{template}");
        }
    }

    #[test]
    fn misspelt_places_are_found_and_json_is_none() {
        for (text, place) in [
            ("{symbol}{symbols}{key}", None),
            (r#"{"a":{}}"#, None),
            (r#"{"a":"{sybmol}"}"#, Some("{sybmol}")),
            ("{api_key}", Some("{api_key}")),
            ("{{key}}", None),
            ("{", None),
        ] {
            assert_eq!(unknown_place(text), place, "{text}");
        }
    }
}
