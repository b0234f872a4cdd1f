//! The operator is told what goes wrong, by a webhook and by Telegram: `[operator]`. `watch.rs` sees it, `outbox.rs` keeps what is
//! to be told until it is, `channel.rs` sends it. Nothing else waits for any of them.

mod channel;
mod outbox;
mod watch;

pub(crate) use outbox::Outbox;

use crate::clock::Clock;
use crate::config::Config;
use crate::ops::Status;
use crate::secrets::Secrets;
use channel::Channel;
use market::Time;
use outbox::Patience;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use watch::Watch;

/// How often it is looked at what goes wrong.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Of what it is: newer words about the same take its place.
    pub(crate) key: String,
    pub(crate) event: &'static str,
    pub(crate) state: State,
    pub(crate) text: String,
    pub(crate) at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It began, and lasts.
    Begun,
    /// It still lasts.
    Lasts,
    Over,
    /// It has no length.
    Once,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Lasts => "lasts",
            Self::Over => "over",
            Self::Once => "once",
        }
    }
}

/// Watches and tells for as long as it lives.
#[derive(Debug)]
pub(crate) struct Operator {
    _running: JoinSet<()>,
}

impl Operator {
    /// Begins; nothing runs where nobody is to be told.
    pub(crate) fn begin(
        config: &Config,
        secrets: &Secrets,
        status: &Arc<Status>,
        clock: &Arc<Clock>,
        begun: &str,
    ) -> Self {
        let mut running = JoinSet::new();
        let channels = Channel::wanted(config, secrets);
        if channels.is_empty() {
            return Self { _running: running };
        }
        let outbox = Outbox::open(channels, Patience::default(), &mut running);
        status.attach_outbox(outbox.clone());
        if config.operator.starts {
            outbox.tell(&Note {
                key: "start".to_owned(),
                event: "start",
                state: State::Once,
                text: format!(
                    "ORION {} {begun} {}",
                    env!("CARGO_PKG_VERSION"),
                    config.market_name()
                ),
                at: clock.now(),
            });
        }
        let watch = Watch::new(config.operator.clone());
        running.spawn(look(watch, Arc::clone(status), Arc::clone(clock), outbox));
        Self { _running: running }
    }
}

async fn look(mut watch: Watch, status: Arc<Status>, clock: Arc<Clock>, outbox: Outbox) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let free = status.disk().map(crate::ops::Disk::free_percent);
        for note in watch.look(clock.now(), &status.health(), free) {
            tracing::warn!(
                event = note.event,
                state = note.state.as_str(),
                "{}",
                note.text
            );
            outbox.tell(&note);
        }
    }
}
