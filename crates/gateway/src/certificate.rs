//! What a certificate says about itself: for whom it is, and until when. Only this is read of it (RFC 5280 section 4.1);
//! whether it is sound is for rustls to say.

use market::Time;
use std::net::IpAddr;

/// For whom, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) names: Vec<String>,
    pub(crate) expires: Time,
}

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xA0;
const EXTENSIONS: u8 = 0xA3;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
/// 2.5.29.17
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1D, 0x11];
/// Later than this is for ever: our clock ends in 2262.
const LAST_YEAR: u16 = 2200;

/// The facts of a certificate in DER; nothing where it is none.
pub(crate) fn facts(der: &[u8]) -> Option<Facts> {
    let mut certificate = Der(Der(der).take(SEQUENCE)?);
    let mut signed = Der(certificate.take(SEQUENCE)?);
    if signed.peek() == Some(VERSION) {
        signed.next()?;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        signed.next()?;
    }
    let mut validity = Der(signed.take(SEQUENCE)?);
    let _not_before = validity.next()?;
    let (tag, text) = validity.next()?;
    let expires = time(tag, text)?;
    let mut names = Vec::new();
    while let Some((tag, content)) = signed.next() {
        if tag == EXTENSIONS {
            names = alt_names(content)?;
        }
    }
    Some(Facts { names, expires })
}

fn alt_names(extensions: &[u8]) -> Option<Vec<String>> {
    let mut extensions = Der(Der(extensions).take(SEQUENCE)?);
    while let Some((_, extension)) = extensions.next() {
        let mut extension = Der(extension);
        if extension.take(OBJECT_ID)? != SUBJECT_ALT_NAME {
            continue;
        }
        while let Some((tag, content)) = extension.next() {
            if tag == OCTETS {
                return Some(general_names(Der(content).take(SEQUENCE)?));
            }
        }
    }
    Some(Vec::new())
}

fn general_names(content: &[u8]) -> Vec<String> {
    let mut entries = Der(content);
    let mut names = Vec::new();
    while let Some((tag, name)) = entries.next() {
        match tag {
            DNS_NAME => names.push(String::from_utf8_lossy(name).into_owned()),
            IP_ADDRESS => names.extend(address(name).map(|address| address.to_string())),
            _ => {}
        }
    }
    names
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4().or_else(|_| v6()).ok()
}

/// `YYMMDDhhmmssZ`, from 1950 to 2049, or `YYYYMMDDhhmmssZ` (RFC 5280 section 4.1.2.5).
fn time(tag: u8, text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.is_ascii())?;
    let (year, rest) = match tag {
        UTC_TIME if text.len() == 13 => {
            let year: u16 = text[..2].parse().ok()?;
            (
                if year < 50 { 2000 + year } else { 1900 + year },
                &text[2..],
            )
        }
        GENERALIZED_TIME if text.len() == 15 => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    if year > LAST_YEAR {
        return Some(Time::MAX);
    }
    let part = |place: usize| &rest[2 * place..2 * place + 2];
    let written = format!(
        "{year:04}-{}-{}T{}:{}:{}Z",
        part(0),
        part(1),
        part(2),
        part(3),
        part(4)
    );
    Time::parse(&written).ok()
}

/// Tagged values, one behind another.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            short @ 0..0x80 => (usize::from(short), rest),
            long => {
                let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7F))?;
                (number(bytes)?, rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next value, if it is of this kind.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next()
            .and_then(|(found, content)| (found == tag).then_some(content))
    }
}

fn number(bytes: &[u8]) -> Option<usize> {
    (bytes.len() <= 4).then(|| {
        bytes
            .iter()
            .fold(0, |all, &byte| all << 8 | usize::from(byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, SanType, date_time_ymd};

    fn made(expires: (i32, u8, u8)) -> Vec<u8> {
        let names = ["orion.example.com".to_owned(), "*.example.org".to_owned()];
        let mut params = CertificateParams::new(names).expect("names");
        for address in ["203.0.113.9", "2001:db8::9"] {
            let address = address.parse().expect("an address");
            params.subject_alt_names.push(SanType::IpAddress(address));
        }
        params.not_after = date_time_ymd(expires.0, expires.1, expires.2);
        let key = KeyPair::generate().expect("a key");
        params
            .self_signed(&key)
            .expect("a certificate")
            .der()
            .to_vec()
    }

    #[test]
    fn names_and_expiry_are_read() {
        for (given, expires) in [
            ((2027, 3, 9), Time::parse("2027-03-09T00:00:00Z")),
            ((2051, 12, 31), Time::parse("2051-12-31T00:00:00Z")),
            ((4096, 1, 1), Ok(Time::MAX)),
        ] {
            let facts = facts(&made(given)).expect("facts");
            assert_eq!(Ok(facts.expires), expires);
            let names = [
                "orion.example.com",
                "*.example.org",
                "203.0.113.9",
                "2001:db8::9",
            ];
            assert_eq!(facts.names, names);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(
            start in 0_usize..400,
            junk in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut der = made((2027, 3, 9));
            for (byte, new) in der.iter_mut().skip(start).zip(junk) {
                *byte = new;
            }
            let _whatever = facts(&der);
            let _whatever = facts(&der[..start.min(der.len())]);
        }
    }
}
