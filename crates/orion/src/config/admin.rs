//! The address for whoever keeps the server.

use super::{Config, value};
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};

/// Health, metrics, operations and the log, for who keeps the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    #[serde(deserialize_with = "value::listen")]
    pub listen: SocketAddr,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9464)),
        }
    }
}

/// Which address is listened on for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminAddress {
    /// Nobody asked for it: where it is taken, any free port does.
    Usual(SocketAddr),
    /// This one or none.
    Wanted(SocketAddr),
}

impl Config {
    /// That of `admin.listen`, or of its older name.
    #[must_use]
    pub fn admin_address(&self) -> AdminAddress {
        let listen = self.server.admin.unwrap_or(self.admin.listen);
        if listen == Admin::default().listen && self.server.admin.is_none() {
            AdminAddress::Usual(listen)
        } else {
            AdminAddress::Wanted(listen)
        }
    }
}
