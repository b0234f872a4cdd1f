//! Who may come in, and what he may do. Who they are, and what becomes of what they post, is for others to say
//! ([`Keeper`]); here is what the gateway needs to know of it.

use crate::bots::Posting;
use market::{Symbol, Time};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use wire::Channels;

/// Whether who reads must say who he is. Who posts must, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everybody may read everything.
    #[default]
    Off,
    /// Who says nothing may read everything; who says who he is may what he may.
    Optional,
    /// Before that nobody is told anything.
    Required,
}

/// How clients say who they are.
#[derive(Clone, Debug)]
pub struct Auth {
    pub mode: Mode,
    /// Without one no token is known.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// Whether `?key=` in the address counts.
    pub url_keys: bool,
    /// How long a client may take to say who he is, where he must.
    pub within: Duration,
    /// How long before its end a pass is said to end.
    pub expiring: Duration,
    /// How long after its end it still counts.
    pub grace: Duration,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            mode: Mode::Off,
            keeper: None,
            url_keys: false,
            within: Duration::from_secs(10),
            expiring: Duration::from_secs(60),
            grace: Duration::from_secs(30),
        }
    }
}

/// A token, and how it came. It can be printed: the token is not.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub token: &'a str,
    pub way: Way,
    /// The page it came from, where a browser sent it.
    pub origin: Option<&'a str>,
}

/// By which way a token came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Header,
    Message,
    Address,
}

/// Who knows the tokens. All clients wait meanwhile: look things up in memory.
pub trait Keeper: Send + Sync {
    /// Lets somebody in, or says for the log why not; no token is in it.
    ///
    /// # Errors
    /// Why he is not let in.
    fn admit(&self, shown: &Shown<'_>) -> Result<Pass, String>;

    /// Another number whenever some pass may not hold any more.
    fn version(&self) -> u64;

    /// Hears of each client that a proxy brings, from which address it is.
    fn brought(&self, _from: IpAddr) {}
}

/// Whoever a pass was given to.
pub trait Holder: Send + Sync {
    /// Whether the pass still holds, but for its end.
    fn holds(&self) -> bool;

    /// Takes the JSON text of one object, which is all that is known of it. It runs beside the clients and holds up nobody
    /// but the same client's next signal. It must come to an end by itself, also when the connection has.
    fn post(&self, data: Box<str>) -> Posting;
}

/// What somebody who was let in may do, and until when.
#[derive(Clone)]
pub struct Pass {
    /// Whose it is: logged, and counted by.
    pub name: Box<str>,
    /// What he may hear.
    pub channels: Channels,
    /// All, where there is no list.
    pub symbols: Option<Box<[Symbol]>>,
    /// The least time between two prices of one symbol.
    pub price_interval_ms: Option<u32>,
    pub may_post: bool,
    /// Never, where there is none.
    pub expires: Option<Time>,
    pub holder: Arc<dyn Holder>,
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pass({})", self.name)
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shown({:?} from {:?})", self.way, self.origin)
    }
}

impl fmt::Debug for dyn Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}
