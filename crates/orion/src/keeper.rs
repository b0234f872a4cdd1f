//! The gateway's keeper: what [`Access`] grants, made into what a client of the socket may do.

use crate::clock::Clock;
use crate::config::Config;
use crate::live::is_public;
use crate::survey;
use access::{Access, Grant, Scope};
use feeds::posted::Desk;
use gateway::{Keeper, Pass, Posting, Shown, Way};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wire::{Channel, Channels};

/// What somebody is told whose key or token is gone.
const REVOKED: &str = r#"{"type":"signal_result","success":false,"error":"your key or token does not hold any more; a key is made with orion key add NAME"}"#;
/// What whoever posts to a recorded market is told.
const RECORDED: &str = r#"{"type":"signal_result","success":false,"error":"this server plays a recorded market, to which nothing can be posted"}"#;

/// Who is asked at the door.
pub(crate) struct Porter {
    pub(crate) access: Access,
    pub(crate) clock: Arc<Clock>,
    /// Where signals are handed in, if any are taken.
    pub(crate) desk: Option<Desk>,
    pub(crate) strangers: Strangers,
}

/// What is warned of when a proxy first brings somebody from outside this machine and its network: a proxy on this machine
/// stands in no setting.
pub(crate) struct Strangers {
    config: Config,
    was_told: AtomicBool,
}

impl Strangers {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            was_told: AtomicBool::new(false),
        }
    }

    fn came(&self, from: IpAddr) {
        if !is_public(from) || self.was_told.swap(true, Ordering::Relaxed) {
            return;
        }
        for note in survey::stranger_notes(&self.config) {
            tracing::warn!(%from, "{note}");
        }
    }
}

/// Somebody who was let in.
struct Member {
    grant: Grant,
    access: Access,
    clock: Arc<Clock>,
    desk: Option<Desk>,
}

impl Keeper for Porter {
    fn admit(&self, shown: &Shown<'_>) -> Result<Pass, String> {
        let presented = access::Presented {
            token: shown.token,
            way: match shown.way {
                Way::Header => access::Way::Header,
                Way::Message => access::Way::Message,
                Way::Address => access::Way::Address,
            },
            origin: shown.origin,
        };
        let grant = self.access.grant(&presented, self.clock.now());
        let grant = grant.map_err(|denied| denied.to_string())?;
        Ok(self.pass(grant))
    }

    fn version(&self) -> u64 {
        self.access.version(self.clock.now())
    }

    fn brought(&self, from: IpAddr) {
        self.strangers.came(from);
    }
}

impl Porter {
    fn pass(&self, grant: Grant) -> Pass {
        Pass {
            name: grant.name().into(),
            channels: channels(&grant),
            symbols: grant.limits.symbols.clone().map(Vec::into_boxed_slice),
            price_interval_ms: grant.limits.price_interval_ms,
            may_post: grant.may(Scope::Publish),
            expires: grant.expires,
            holder: Arc::new(Member {
                grant,
                access: self.access.clone(),
                clock: Arc::clone(&self.clock),
                desk: self.desk.clone(),
            }),
        }
    }
}

impl gateway::Holder for Member {
    fn holds(&self) -> bool {
        self.access.holds(&self.grant, self.clock.now())
    }

    fn post(&self, data: Box<str>) -> Posting {
        let told = |text: &str| -> Posting { Box::pin(std::future::ready(text.to_owned())) };
        // It may have been taken back since the client came.
        if !self.holds() {
            return told(REVOKED);
        }
        let Some(desk) = self.desk.clone() else {
            return told(RECORDED);
        };
        let sender = self.grant.sender();
        Box::pin(async move { desk.post_json(&sender, data.as_bytes()).await })
    }
}

/// The channels that a grant opens.
fn channels(grant: &Grant) -> Channels {
    let limit = grant.limits.channels.as_ref();
    let is_within = |channel: &Channel| {
        limit.is_none_or(|names| names.iter().any(|name| name == channel.as_str()))
    };
    let open = Channel::EVERY.into_iter().filter(|channel| {
        let scopes = scopes(*channel);
        scopes.iter().any(|scope| grant.may(*scope)) && is_within(channel)
    });
    open.fold(Channels::NONE, Channels::with)
}

/// Each of these opens a channel. How feeds stand concerns whoever reads anything.
fn scopes(channel: Channel) -> &'static [Scope] {
    match channel {
        Channel::Signals | Channel::Outcomes | Channel::Features => &[Scope::ReadSignals],
        Channel::Prices | Channel::Bars => &[Scope::ReadPrices],
        Channel::Status => &[Scope::ReadSignals, Scope::ReadPrices],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::{Holder, Limits, Scopes};

    fn opened(scopes: Scopes, names: Option<&[&str]>) -> Vec<&'static str> {
        let grant = Grant {
            subject: "alice".to_owned(),
            holder: Holder::Token { id: None },
            scopes,
            limits: Limits {
                channels: names.map(|names| names.iter().map(ToString::to_string).collect()),
                ..Limits::default()
            },
            expires: None,
        };
        channels(&grant).iter().map(Channel::as_str).collect()
    }

    #[test]
    fn scopes_open_channels_and_limits_close_some() {
        let signals = Scopes::NONE.with(Scope::ReadSignals);
        let prices = Scopes::NONE.with(Scope::ReadPrices);
        assert_eq!(
            opened(signals, None),
            ["signals", "status", "outcomes", "features"]
        );
        assert_eq!(opened(prices, None), ["prices", "status", "bars"]);
        assert_eq!(
            opened(Scopes::READ, Some(&["prices", "weather"])),
            ["prices"]
        );
        let others = Scopes::NONE.with(Scope::Publish).with(Scope::Admin);
        assert_eq!(opened(others, None), Vec::<&str>::new());
    }
}
