//! What a certificate says about itself: for whom it is, from when and until when. Whether it is sound is for rustls to say.

use market::Time;
use std::net::IpAddr;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

/// For whom, from when and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) names: Vec<String>,
    pub(crate) begins: Time,
    pub(crate) expires: Time,
}

/// Later than this is for ever: our clock ends in 2262.
const LAST_SECOND: i64 = 9_223_372_036;

/// The facts of a certificate in DER; nothing where it is none.
pub(crate) fn facts(der: &[u8]) -> Option<Facts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    let names = certificate.subject_alternative_name().ok()?;
    let names = names.map_or(Vec::new(), |names| shown(&names.value.general_names));
    Some(Facts {
        names,
        begins: time(validity.not_before.timestamp()),
        expires: time(validity.not_after.timestamp()),
    })
}

fn time(seconds: i64) -> Time {
    if seconds > LAST_SECOND {
        Time::MAX
    } else {
        Time::from_secs(seconds)
    }
}

fn shown(names: &[GeneralName]) -> Vec<String> {
    let shown = |name: &GeneralName| {
        if let GeneralName::DNSName(name) = name {
            Some((*name).to_owned())
        } else if let GeneralName::IPAddress(bytes) = name {
            address(bytes).map(|address| address.to_string())
        } else {
            None
        }
    };
    names.iter().filter_map(shown).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4().or_else(|_| v6()).ok()
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
