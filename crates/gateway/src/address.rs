//! From which address a client comes, behind proxies too, and how many come from one.

use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::{FORWARDED, HeaderMap, HeaderName};

/// The addresses whose reports are believed: those of the operator's proxies, and this machine's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(pub Vec<IpNet>);

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl Proxies {
    /// Whom a connection is counted as: a client by its address, and nobody where a proxy, or this machine, speaks for
    /// itself. What a proxy reports and cannot be read, or contradicts itself, is counted as the proxy: nobody gets out of
    /// a count by writing a header.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if !self.is_ours(peer) {
            return Some(peer);
        }
        let plain = reported(headers, &X_FORWARDED_FOR, plain_address);
        let standard = reported(headers, &FORWARDED, forwarded_address);
        match (plain, standard) {
            (Reported::Nothing, Reported::Nothing) => None,
            (Reported::Unreadable, _) | (_, Reported::Unreadable) => Some(peer),
            (Reported::Path(path), Reported::Nothing)
            | (Reported::Nothing, Reported::Path(path)) => self.last_stranger(&path),
            (Reported::Path(plain), Reported::Path(standard)) => {
                let (one, other) = (self.last_stranger(&plain), self.last_stranger(&standard));
                if one == other { one } else { Some(peer) }
            }
        }
    }

    /// The right-most address that is not ours: what stands left of it, anybody may have written.
    fn last_stranger(&self, path: &[IpAddr]) -> Option<IpAddr> {
        path.iter()
            .copied()
            .rfind(|address| !self.is_ours(*address))
    }

    fn is_ours(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.0.iter().any(|net| net.contains(&address))
    }
}

/// The addresses that one kind of header lists, from the client to the last proxy.
enum Reported {
    Nothing,
    Path(Vec<IpAddr>),
    Unreadable,
}

fn reported(
    headers: &HeaderMap,
    name: &HeaderName,
    address: fn(&str) -> Option<IpAddr>,
) -> Reported {
    let mut lines = headers.get_all(name).iter().peekable();
    if lines.peek().is_none() {
        return Reported::Nothing;
    }
    let words = lines.flat_map(|line| line.to_str().unwrap_or("?").split(','));
    let path: Option<Vec<_>> = words
        .map(|word| address(word.trim()).map(|address| address.to_canonical()))
        .collect();
    path.map_or(Reported::Unreadable, Reported::Path)
}

fn plain_address(word: &str) -> Option<IpAddr> {
    let with_port = |word: &str| word.parse::<SocketAddr>().ok().map(|peer| peer.ip());
    word.parse().ok().or_else(|| with_port(word))
}

/// An element of `Forwarded` (RFC 7239 section 4): `for=192.0.2.60;proto=http`, `For="[2001:db8::1]:4711"`.
fn forwarded_address(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let node = node.trim().trim_matches('"');
    let bare = node
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    plain_address(bare.unwrap_or(node))
}

/// How many connections there are of each: of an address, or of a key. Copies count together.
#[derive(Clone)]
pub(crate) struct Places<K: Ord>(Arc<Mutex<BTreeMap<K, usize>>>);

/// One connection that is counted, until this is dropped.
pub(crate) struct Place<K: Ord> {
    of: K,
    places: Places<K>,
}

impl<K: Ord + Clone> Places<K> {
    /// One more, if that is not more than `most`.
    pub(crate) fn take(&self, of: &K, most: usize) -> Option<Place<K>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(of.clone()).or_default();
        if *count >= most {
            // With room for none it was entered just now.
            if *count == 0 {
                counts.remove(of);
            }
            return None;
        }
        *count += 1;
        Some(Place {
            of: of.clone(),
            places: self.clone(),
        })
    }
}

impl<K: Ord> Place<K> {
    pub(crate) fn of(&self) -> &K {
        &self.of
    }
}

impl<K: Ord> Drop for Place<K> {
    fn drop(&mut self) {
        let mut counts = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.of);
            }
        }
    }
}

impl<K: Ord> Default for Places<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Ord> fmt::Debug for Places<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Places({} taken)", counts.values().sum::<usize>())
    }
}

impl<K: Ord + fmt::Debug> fmt::Debug for Place<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.of).finish()
    }
}

/// What is counted together: an IPv4 address, or the network of an IPv6 address, of which each customer has all.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> Proxies {
        let nets = ["10.0.0.0/8", "192.0.2.1/32", "2001:db8:1::/48"];
        Proxies(nets.iter().map(|net| net.parse().unwrap()).collect())
    }

    /// Whom a request from `peer` with these headers is counted as.
    fn check(peer: &str, headers: &[(&'static str, &str)], expected: Option<&str>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let client = proxies().client(peer.parse().unwrap(), &map);
        let expected = expected.map(|address| address.parse().unwrap());
        assert_eq!(client, expected, "{peer} {headers:?}");
    }

    #[test]
    fn a_stranger_is_himself_whatever_he_reports() {
        let lie = [
            ("x-forwarded-for", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9"),
        ];
        check("198.51.100.7", &lie, Some("198.51.100.7"));
        check("::ffff:198.51.100.7", &[], Some("198.51.100.7"));
    }

    #[test]
    fn behind_our_proxies_the_last_stranger_counts() {
        const XFF: &str = "x-forwarded-for";
        for peer in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "192.0.2.1",
            "::ffff:10.0.0.1",
            "2001:db8:1::9",
        ] {
            check(peer, &[], None);
            check(peer, &[(XFF, "203.0.113.9")], Some("203.0.113.9"));
            check(
                peer,
                &[(XFF, "198.51.100.1, 203.0.113.9, 10.0.0.7")],
                Some("203.0.113.9"),
            );
            check(
                peer,
                &[(XFF, "198.51.100.1"), (XFF, "203.0.113.9")],
                Some("203.0.113.9"),
            );
        }
        check("10.0.0.1", &[(XFF, "10.0.0.2, 127.0.0.1")], None);
        check(
            "10.0.0.1",
            &[(XFF, "203.0.113.9:4711")],
            Some("203.0.113.9"),
        );
        check(
            "10.0.0.1",
            &[(XFF, "[2001:db8::9]:4711")],
            Some("2001:db8::9"),
        );
    }

    #[test]
    fn the_standard_header_is_read_too() {
        for (header, client) in [
            ("for=203.0.113.9;proto=https", "203.0.113.9"),
            (r#"by=10.0.0.1; For="203.0.113.9:4711""#, "203.0.113.9"),
            (r#"for="[2001:db8::9]""#, "2001:db8::9"),
            (
                r#"for=198.51.100.1, for="[2001:db8::9]:80", for=10.0.0.3"#,
                "2001:db8::9",
            ),
        ] {
            check("10.0.0.1", &[("forwarded", header)], Some(client));
            let agreed = [("forwarded", header), ("x-forwarded-for", client)];
            check("10.0.0.1", &agreed, Some(client));
        }
    }

    #[test]
    fn what_cannot_be_read_or_contradicts_itself_is_the_proxys() {
        for headers in [
            &[("x-forwarded-for", "unknown")][..],
            &[("x-forwarded-for", "")],
            &[("x-forwarded-for", "203.0.113.9, ")],
            &[("forwarded", "for=_hidden")],
            &[("forwarded", "proto=https")],
            &[
                ("x-forwarded-for", "203.0.113.9"),
                ("forwarded", "for=198.51.100.1"),
            ],
            &[
                ("x-forwarded-for", "203.0.113.9"),
                ("forwarded", "for=unknown"),
            ],
        ] {
            check("10.0.0.1", headers, Some("10.0.0.1"));
        }
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let places = Places::default();
        let first = places.take(&"a", 2).unwrap();
        let second = places.take(&"a", 2).unwrap();
        assert!(places.take(&"a", 2).is_none());
        assert!(places.take(&"b", 2).is_some());
        drop(first);
        let third = places.take(&"a", 2);
        assert!(third.is_some());
        drop((second, third));
        assert!(places.take(&"a", 0).is_none());
        assert!(
            places.0.lock().unwrap().is_empty(),
            "what is gone takes no memory"
        );
    }

    #[test]
    fn a_network_of_ipv6_is_one_household() {
        let of = |address: &str| household(address.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:0:7:1:2:3:4"), "2001:db8:0:7::");
        assert_eq!(of("203.0.113.9"), "203.0.113.9");
    }
}
