//! What the service manager is told (systemd's `sd_notify`). Without one nothing happens.

use sd_notify::NotifyState;

/// Clients are let in.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The server ends, and no other takes its place.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Another process is the service's main one from now on. Only this one can say so: the other is not listened to yet.
pub(crate) fn succeeded_by(pid: u32) {
    tell(&[NotifyState::MainPid(pid)]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, ?state, "the service manager could not be told");
    }
}
