//! What a request to come in says beside the handshake: from which page and address it is, and who makes it. What is
//! refused here is refused before the connection becomes a WebSocket.

use crate::address::{Place, Places, household};
use crate::config::Config;
use crate::dials::Limits;
use crate::keeper::{Mode, Pass, Shown, Way};
use crate::upgrade::Refusal;
use hyper::header::{AUTHORIZATION, HeaderMap, ORIGIN};
use hyper::{Request, StatusCode};
use std::net::IpAddr;

/// The pages that may open a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    /// As browsers write them; empty: any, `null` too.
    pub allowed: Vec<String>,
    /// Whether a request without an origin may: it is not a browser's.
    pub allow_none: bool,
}

impl Default for Origins {
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            allow_none: true,
        }
    }
}

/// Somebody who is to become a client.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) whence: Whence,
    pub(crate) standing: Standing,
}

/// Where somebody comes from; kept as long as it is connected.
#[derive(Debug)]
pub(crate) struct Whence {
    /// The address behind a proxy.
    pub(crate) client: Option<IpAddr>,
    /// The page.
    pub(crate) origin: Option<Box<str>>,
    /// Its place among those of its address; none where they are not counted.
    _place: Option<Place<IpAddr>>,
}

impl Whence {
    /// For as long as it is connected; nothing where nothing is known.
    pub(crate) fn kept(self) -> Option<Box<Self>> {
        let is_known = self.client.is_some() || self.origin.is_some() || self._place.is_some();
        is_known.then(|| Box::new(self))
    }
}

/// How somebody stands who comes.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It has said nothing yet.
    Unknown,
    Known(Pass),
    /// The key in its address opens nothing. It is told on the socket: pages take a refused upgrade for a lost server, and
    /// come back twice.
    Wrong,
    /// There are as many of its address already; told on the socket, for the same reason.
    TooMany,
}

/// Judges a request whose handshake is right.
pub(crate) fn judge<B>(
    request: &Request<B>,
    peer: IpAddr,
    config: &Config,
    limits: &Limits,
    places: &Places<IpAddr>,
) -> Result<Visitor, Refusal> {
    let headers = request.headers();
    let origin = check_origin(headers, &limits.origins)?;
    let standing = match bearer(headers)? {
        Some(token) => by_header(token, origin, config)?,
        None => by_address(request.uri().query(), origin, config),
    };
    let client = limits.proxies.client(peer, headers);
    let place =
        client.map(|client| places.take(&household(client), limits.connections_per_address));
    let standing = match place {
        Some(None) => Standing::TooMany,
        Some(Some(_)) | None => standing,
    };
    let reported = client.filter(|client| *client != peer.to_canonical());
    if let (Some(from), Some(keeper)) = (reported, &config.auth.keeper) {
        keeper.brought(from);
    }
    let whence = Whence {
        client: reported,
        origin: origin.map(Box::from),
        _place: place.flatten(),
    };
    Ok(Visitor { whence, standing })
}

const UNAUTHORIZED: Refusal = Refusal {
    status: StatusCode::UNAUTHORIZED,
    reason: "the token is not one of this server's, or it does not hold any more",
};

fn check_origin<'a>(headers: &'a HeaderMap, origins: &Origins) -> Result<Option<&'a str>, Refusal> {
    let refused = |reason| Refusal {
        status: StatusCode::FORBIDDEN,
        reason,
    };
    let mut given = headers.get_all(ORIGIN).iter();
    let Some(origin) = given.next() else {
        let is_allowed = origins.allow_none;
        let refusal = refused("a request without an Origin is not taken here");
        return if is_allowed { Ok(None) } else { Err(refusal) };
    };
    let origin = origin.to_str().ok().filter(|_| given.next().is_none());
    let origin = origin.ok_or(refused("send one Origin header"))?;
    let is_allowed = origins.allowed.is_empty() || origins.allowed.iter().any(|one| one == origin);
    if is_allowed {
        Ok(Some(origin))
    } else {
        Err(refused(
            "this page may not connect: its Origin is not one of server.origins",
        ))
    }
}

/// The token of an `Authorization` header. Other schemes are for whoever stands in front of us.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = given.next() else {
        return Ok(None);
    };
    if given.next().is_some() {
        return Err(Refusal {
            status: StatusCode::BAD_REQUEST,
            reason: "send one Authorization header",
        });
    }
    let text = header.to_str().unwrap_or_default();
    let token = text
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
    Ok(token.map(|(_, token)| token.trim()))
}

/// Where nobody has to say who he is, a header that says nothing to us is somebody else's, as of a proxy on the way.
fn by_header(token: &str, origin: Option<&str>, config: &Config) -> Result<Standing, Refusal> {
    match (admit(token, Way::Header, origin, config), config.auth.mode) {
        (Some(pass), _) => Ok(Standing::Known(pass)),
        (None, Mode::Off) => Ok(Standing::Unknown),
        (None, Mode::Optional | Mode::Required) => Err(UNAUTHORIZED),
    }
}

/// A `key` in the query, where such a key counts.
fn by_address(query: Option<&str>, origin: Option<&str>, config: &Config) -> Standing {
    if !config.auth.url_keys {
        return Standing::Unknown;
    }
    let mut pairs = query.unwrap_or_default().split('&');
    let Some(key) = pairs.find_map(|pair| pair.strip_prefix("key=")) else {
        return Standing::Unknown;
    };
    admit(key, Way::Address, origin, config).map_or(Standing::Wrong, Standing::Known)
}

fn admit(token: &str, way: Way, origin: Option<&str>, config: &Config) -> Option<Pass> {
    let keeper = config.auth.keeper.as_ref()?;
    let admitted = keeper.admit(&Shown { token, way, origin });
    admitted
        .inspect_err(|why| tracing::warn!(?way, why, "a token was not taken"))
        .ok()
}
