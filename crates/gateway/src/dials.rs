//! Limits that may change while clients stay: the door and every shard look them up when they need them.

use crate::address::Proxies;
use crate::config::Config;
use crate::visit::Origins;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// What may change; [`Config`] says what each is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub messages_per_s: u16,
    pub messages_burst: u16,
    pub errors: usize,
    pub errors_within: Duration,
    pub connections_per_address: usize,
    pub connections_per_key: usize,
    pub origins: Origins,
    pub proxies: Proxies,
}

impl Limits {
    /// Those of `config`.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            messages_per_s: config.messages_per_s,
            messages_burst: config.messages_burst,
            errors: config.errors,
            errors_within: config.errors_within,
            connections_per_address: config.connections_per_address,
            connections_per_key: config.connections_per_key,
            origins: config.origins.clone(),
            proxies: config.proxies.clone(),
        }
    }
}

/// Where a running gateway's limits are read, and set.
#[derive(Clone, Debug)]
pub struct Dials(Arc<RwLock<Arc<Limits>>>);

impl Dials {
    pub(crate) fn new(config: &Config) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(Limits::of(config)))))
    }

    /// What holds now.
    #[must_use]
    pub fn now(&self) -> Arc<Limits> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Holds from now on: for who comes, and for what clients do next. Nobody is closed for having come before.
    pub fn set(&self, limits: Limits) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(limits);
    }
}
