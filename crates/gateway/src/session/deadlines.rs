//! What depends on time in a client's life: pings and their answers, heartbeats, and how long it may be behind or silent.

use super::{Quiet, Session, State};
use crate::config::Config;
use crate::keeper::Mode;
use crate::moment::Moment;
use crate::shard::Shard;
use crate::spread;
use hub::frame;
use std::rc::Rc;
use std::time::Duration;
use wire::tell;

/// How long a client is behind before it is told, and told again.
const SLOW_EVERY: Duration = Duration::from_secs(1);

enum Overdue {
    Nothing,
    Ping,
    Heartbeat,
    /// Bytes have waited for so long.
    Slow(Duration),
    Silent,
    Stalled,
    End,
}

impl Session {
    /// Looks at everything that depends on time.
    pub(crate) fn tick(self: &Rc<Self>, shard: &Rc<Shard>, now: Moment) {
        self.watch_identity(shard, now);
        self.state.borrow_mut().note_quiet(now);
        match self.overdue(shard, now) {
            Overdue::Nothing => return,
            Overdue::End => return self.cut(shard),
            Overdue::Ping => self.ping(shard, now),
            Overdue::Heartbeat => self.heartbeat(shard, now),
            Overdue::Slow(behind) => self.tell_slow(shard, behind, now),
            Overdue::Stalled => self.close(shard, 4409, "slow"),
            Overdue::Silent => self.close(shard, 4408, "no pong"),
        }
        self.flush(shard);
    }

    /// When its deadlines are to be looked at again. Who is being ended or is behind is looked at each time, and whoever says
    /// something.
    pub(crate) fn next_look(&self, shard: &Shard, now: Moment) -> Moment {
        let (config, state) = (&shard.config, self.state.borrow());
        if state.is_ending() || state.stalled_since.is_some() {
            return now;
        }
        let mut next = state.ping_at.min(state.heard_at + config.silent_for);
        if shard.hub.borrow().is_extended(self.id) {
            // Since when it has heard nothing is known only from such looks.
            next = next.min(now + config.heartbeat_every / 8);
        }
        if let Some(identity) = &state.identity {
            next = next.min(identity.next_turn(&config.auth, now).unwrap_or(next));
        } else if config.auth.mode == Mode::Required {
            next = next.min(self.began + config.auth.within);
        }
        next
    }

    fn overdue(&self, shard: &Shard, now: Moment) -> Overdue {
        let (config, state) = (&shard.config, self.state.borrow());
        let is_over = |since: Moment, span: Duration| now - since >= span;
        match (state.ending(), state.stalled_since) {
            (Some(ending), _) if now >= ending.until => Overdue::End,
            (Some(_), _) => Overdue::Nothing,
            (None, Some(since)) if is_over(since, config.stalled_for) => Overdue::Stalled,
            (None, _) if is_over(state.heard_at, config.silent_for) => Overdue::Silent,
            // Behind bytes that wait, a ping would only be one more.
            (None, None) if now >= state.ping_at => Overdue::Ping,
            (None, None)
                if is_over(state.quiet.since, config.heartbeat_every)
                    && shard.hub.borrow().is_extended(self.id) =>
            {
                Overdue::Heartbeat
            }
            (None, Some(since)) if is_over(since, SLOW_EVERY) && state.may_be_told_slow(now) => {
                Overdue::Slow(now - since)
            }
            (None, _) => Overdue::Nothing,
        }
    }

    /// Says that nothing is missing, to an extended client that has heard nothing for a while. Something that is due to it
    /// would say more.
    fn heartbeat(&self, shard: &Shard, now: Moment) {
        let hub = shard.hub.borrow();
        if hub.is_due(self.id) {
            return;
        }
        let heartbeat = tell::heartbeat(hub.position_of(self.id), shard.config.clock.now());
        drop(hub);
        self.state.borrow_mut().quiet.since = now;
        self.answer(shard, frame::text(&heartbeat));
    }

    /// Tells an extended client that it is behind. It will read it late, but in time to know why prices were left out.
    fn tell_slow(&self, shard: &Shard, behind: Duration, now: Moment) {
        self.state.borrow_mut().rare().slow_at = Some(now + SLOW_EVERY);
        let mut hub = shard.hub.borrow_mut();
        if hub.is_extended(self.id) && !hub.has_answers(self.id) {
            let millis = u64::try_from(behind.as_millis()).unwrap_or(u64::MAX);
            let slow = tell::slow(millis, hub.folded_for(self.id));
            // There is room: it has no answer.
            let _queued = hub.answer(self.id, frame::text(&slow));
        }
    }

    fn ping(&self, shard: &Shard, now: Moment) {
        let interval = ping_interval(&shard.config, self.number);
        self.state.borrow_mut().ping_at = now + interval;
        self.answer(shard, frame::ping(b""));
    }
}

impl State {
    fn may_be_told_slow(&self, now: Moment) -> bool {
        let rare = self.rare.as_ref();
        rare.and_then(|rare| rare.slow_at)
            .is_none_or(|at| now >= at)
    }

    fn note_quiet(&mut self, now: Moment) {
        if self.quiet.messages_out != self.messages_out {
            self.quiet = Quiet {
                since: now,
                messages_out: self.messages_out,
            };
        }
    }
}

/// Each client's own interval, up to a fifth off, so that those who came together are not pinged together.
pub(super) fn ping_interval(config: &Config, number: u64) -> Duration {
    spread::around(config.ping_every, 0.2, number)
}
