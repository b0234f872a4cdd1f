//! Compression as it is agreed on in the handshake: what a client offers in `Sec-WebSocket-Extensions` (RFC 6455 section
//! 9.1), and which offer of permessage-deflate (RFC 7692 section 7.1) is taken.
//!
//! The client compresses each message by itself: the answer always has `client_no_context_takeover`, so that one inflater
//! serves every client. What the server compresses is made once for many, so it has the one window that is largest.

use hyper::header::HeaderValue;

/// How messages for a client may be compressed. What it sends is inflated in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deflate {
    /// A message may refer back to those before it.
    Shared,
    /// Each message by itself: the client asked for `server_no_context_takeover`.
    Alone,
    /// Each by itself, and no further back than two to the power of this: the client keeps a smaller window than ours, and
    /// what is compressed for others is of no use to it.
    Narrow(u8),
}

/// An offer that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub deflate: Deflate,
    /// The value of `Sec-WebSocket-Extensions` that tells the client.
    pub answer: HeaderValue,
}

/// The header is not what RFC 6455 lets it be: the handshake fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

const NAME: &str = "permessage-deflate";
/// A window of 32 KiB.
const WINDOW_BITS: u8 = 15;

/// The first offer that can be taken, of those in a header that may stand on several lines.
///
/// # Errors
/// When a line is malformed, whatever it offers.
pub fn agree<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Result<Option<Agreed>, Malformed> {
    let mut agreed = None;
    for line in lines {
        for extension in extensions(line)? {
            agreed = agreed.or_else(|| take(&extension));
        }
    }
    Ok(agreed)
}

/// One extension as it is offered.
#[derive(Debug)]
struct Extension<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, Option<String>)>,
}

/// `None` for another extension, and for an offer with a parameter that is unknown, is there twice, or has a value that it
/// cannot have: such an offer must be declined (RFC 7692 section 7).
fn take(extension: &Extension<'_>) -> Option<Agreed> {
    if extension.name != NAME {
        return None;
    }
    let mut answer = format!("{NAME}; client_no_context_takeover");
    let (mut is_alone, mut window_bits) = (false, WINDOW_BITS);
    for (place, (name, value)) in extension.parameters.iter().enumerate() {
        let before = &extension.parameters[..place];
        if before.iter().any(|(other, _)| other == name) {
            return None;
        }
        match (*name, value.as_deref()) {
            // Ours in any case.
            ("client_no_context_takeover", None) => {}
            // A hint that the client could do with a smaller window: it need not.
            ("client_max_window_bits", None) => {}
            ("client_max_window_bits", Some(bits)) => drop(read_bits(bits)?),
            ("server_no_context_takeover", None) => {
                is_alone = true;
                answer += "; server_no_context_takeover";
            }
            ("server_max_window_bits", Some(bits)) => {
                window_bits = read_bits(bits)?;
                answer += &format!("; server_max_window_bits={bits}");
            }
            _ => return None,
        }
    }
    let deflate = match (window_bits < WINDOW_BITS, is_alone) {
        (true, _) => Deflate::Narrow(window_bits),
        (false, true) => Deflate::Alone,
        (false, false) => Deflate::Shared,
    };
    let answer = HeaderValue::from_str(&answer).ok()?;
    Some(Agreed { deflate, answer })
}

/// 8 to 15, without a leading zero (RFC 7692 section 7.1.2).
fn read_bits(value: &str) -> Option<u8> {
    let bits = value.parse().ok().filter(|bits| (8..=15).contains(bits))?;
    (value == format!("{bits}")).then_some(bits)
}

/// Everything that one line offers.
fn extensions(line: &[u8]) -> Result<Vec<Extension<'_>>, Malformed> {
    let mut rest = Rest(std::str::from_utf8(line).map_err(|_| Malformed)?);
    let mut extensions = Vec::new();
    loop {
        // Elements of a list may be empty (RFC 9110 section 5.6.1.2).
        while rest.take(',') {}
        if rest.is_empty() {
            return Ok(extensions);
        }
        extensions.push(rest.extension()?);
        if !rest.is_empty() && !rest.take(',') {
            return Err(Malformed);
        }
    }
}

/// What is left of a line. White space may stand between any two words.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn is_empty(&mut self) -> bool {
        self.0 = self.0.trim_start_matches([' ', '\t']);
        self.0.is_empty()
    }

    fn take(&mut self, sign: char) -> bool {
        let _trimmed = self.is_empty();
        let after = self.0.strip_prefix(sign);
        self.0 = after.unwrap_or(self.0);
        after.is_some()
    }

    fn extension(&mut self) -> Result<Extension<'a>, Malformed> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.take(';') {
            let name = self.token()?;
            let value = if self.take('=') {
                Some(self.value()?)
            } else {
                None
            };
            parameters.push((name, value));
        }
        Ok(Extension { name, parameters })
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        let _trimmed = self.is_empty();
        let length = self.0.find(|sign| !is_of_token(sign));
        let (token, rest) = self.0.split_at(length.unwrap_or(self.0.len()));
        self.0 = rest;
        Some(token)
            .filter(|token| !token.is_empty())
            .ok_or(Malformed)
    }

    /// A token, or one in quotes.
    fn value(&mut self) -> Result<String, Malformed> {
        if !self.take('"') {
            return self.token().map(str::to_owned);
        }
        let mut value = String::new();
        let mut signs = self.0.chars();
        loop {
            match signs.next() {
                Some('"') if !value.is_empty() => break,
                Some('\\') => value.push(
                    signs
                        .next()
                        .filter(|&sign| is_of_token(sign))
                        .ok_or(Malformed)?,
                ),
                Some(sign) if is_of_token(sign) => value.push(sign),
                _ => return Err(Malformed),
            }
        }
        self.0 = signs.as_str();
        Ok(value)
    }
}

/// RFC 9110 section 5.6.2.
fn is_of_token(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Deflate::{Alone, Narrow, Shared};
    use proptest::prelude::*;

    fn agreed(lines: &[&str]) -> Result<Option<Agreed>, Malformed> {
        agree(lines.iter().map(|line| line.as_bytes()))
    }

    fn check(line: &str, deflate: Deflate, more: &str) {
        let answer = format!("permessage-deflate; client_no_context_takeover{more}");
        let agreed = agreed(&[line]).unwrap().unwrap();
        assert_eq!(
            (agreed.deflate, agreed.answer),
            (deflate, answer.parse().unwrap())
        );
    }

    #[test]
    fn offers_that_are_taken() {
        check("permessage-deflate", Shared, "");
        // Chromium, Firefox and Python's `websockets` offer this.
        check("permessage-deflate; client_max_window_bits", Shared, "");
        check("permessage-deflate;client_max_window_bits=9", Shared, "");
        check("permessage-deflate; client_no_context_takeover", Shared, "");
        check(
            "permessage-deflate; server_no_context_takeover; client_max_window_bits",
            Alone,
            "; server_no_context_takeover",
        );
        check(
            "permessage-deflate; server_max_window_bits=15",
            Shared,
            "; server_max_window_bits=15",
        );
        check(
            "permessage-deflate; server_max_window_bits = \"1\\0\"",
            Narrow(10),
            "; server_max_window_bits=10",
        );
        check(
            "permessage-deflate; server_max_window_bits=8; server_no_context_takeover",
            Narrow(8),
            "; server_max_window_bits=8; server_no_context_takeover",
        );
    }

    #[test]
    fn offers_that_are_declined() {
        for parameters in [
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=015",
            "server_max_window_bits=+9",
            "client_max_window_bits=\"16\"",
            "client_max_window_bits=x",
            "client_no_context_takeover=1",
            "server_no_context_takeover=true",
            "server_no_context_takeover; server_no_context_takeover",
            "client_max_window_bits; client_max_window_bits=10",
            "Server_No_Context_Takeover",
            "level=9",
        ] {
            let line = format!("permessage-deflate; {parameters}");
            assert_eq!(agreed(&[&line]), Ok(None), "{line}");
        }
        assert_eq!(
            agreed(&["x-webkit-deflate-frame, permessage-bzip2"]),
            Ok(None)
        );
        assert_eq!(agreed(&[]), Ok(None));
        assert_eq!(agreed(&["", " , ,"]), Ok(None));
    }

    #[test]
    fn the_first_that_can_be_taken_is_taken() {
        check(
            "other; a=b, permessage-deflate; level=9,, permessage-deflate; server_no_context_takeover, permessage-deflate",
            Alone,
            "; server_no_context_takeover",
        );
        let lines = [
            "other",
            "permessage-deflate; server_max_window_bits=9",
            "permessage-deflate",
        ];
        let deflate = agreed(&lines).map(|agreed| agreed.map(|agreed| agreed.deflate));
        assert_eq!(deflate, Ok(Some(Narrow(9))));
    }

    #[test]
    fn what_is_malformed_fails_whatever_is_offered_besides() {
        for line in [
            "permessage-deflate;",
            "permessage-deflate; =1",
            "permessage-deflate; a=",
            "permessage-deflate; a=\"",
            "permessage-deflate; a=\"\"",
            "permessage-deflate; a=\"b c\"",
            "permessage-deflate; a=\"b\\",
            "permessage-deflate other",
            "permessage-deflate; a b",
            "permessage deflate",
            "; a",
            "[x]",
            "permessage-deflate, \u{e4}",
        ] {
            assert_eq!(agreed(&[line]), Err(Malformed), "{line}");
            assert_eq!(
                agreed(&["permessage-deflate", line]),
                Err(Malformed),
                "{line}"
            );
        }
        assert_eq!(agree([&b"\xFF"[..]].into_iter()), Err(Malformed));
    }

    proptest! {
        /// Whatever is offered, the answer can be read as an offer, and asks for nothing that was not offered.
        #[test]
        fn the_answer_is_well_formed(line in "(permessage-deflate|[;,= \"\\\\a]|[sc][a-z]{5}_(max_window_bits|no_context_takeover)|(server|client)_(max_window_bits|no_context_takeover)|=(8|9|1[0-6])|; ){0,12}") {
            if let Ok(Some(agreed)) = agreed(&[&line]) {
                let answer = extensions(agreed.answer.as_bytes()).unwrap();
                prop_assert_eq!(answer.len(), 1);
                for (name, _) in &answer[0].parameters {
                    prop_assert!(*name == "client_no_context_takeover" || line.contains(name));
                }
            }
        }
    }
}
