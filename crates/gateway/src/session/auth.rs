//! How a client says who it is, what that allows it, and how it ends.

use super::Session;
use crate::identity::{self, Identity, Turn, Unfit};
use crate::keeper::{Holder, Mode, Pass, Shown, Way};
use crate::moment::Moment;
use crate::shard::Shard;
use crate::visit::Standing;
use hub::frame;
use market::Time;
use std::rc::Rc;
use std::sync::Arc;
use wire::{Refusal, Subscribe, Token, tell};

impl Session {
    /// What the request said of who comes.
    pub(super) async fn welcome(self: &Rc<Self>, shard: &Rc<Shard>, standing: Standing) {
        if matches!(standing, Standing::Unknown) {
            return;
        }
        // A socket that is new here takes nothing until it is known to be writable, and what lies behind a Close is not sent.
        // One that is broken is found out by reading.
        let _broken = self.stream.writable().await;
        if !shard.has(self) {
            return;
        }
        match standing {
            Standing::Unknown => {}
            // What it came with may have been taken back on its way here.
            Standing::Known(pass) if !pass.holder.holds() => self.turn_away(shard),
            Standing::Known(pass) => self.let_in(shard, pass),
            Standing::Wrong => self.turn_away(shard),
            Standing::TooMany => self.close(shard, 1013, "too many connections retry=30000"),
        }
        self.flush(shard);
    }

    pub(super) fn authenticate(self: &Rc<Self>, shard: &Rc<Shard>, token: &Token) {
        let shown = Shown {
            token: token.expose(),
            way: Way::Message,
            origin: self
                .whence
                .as_ref()
                .and_then(|whence| whence.origin.as_deref()),
        };
        let keeper = shard.config.auth.keeper.as_ref();
        match keeper.map(|keeper| keeper.admit(&shown)) {
            Some(Ok(pass)) => self.let_in(shard, pass),
            Some(Err(why)) => {
                tracing::warn!(client = self.number, peer = %self.peer, why, "a client's token is not taken");
                self.turn_away(shard);
            }
            None => self.turn_away(shard),
        }
    }

    fn let_in(self: &Rc<Self>, shard: &Rc<Shard>, pass: Pass) {
        let config = &shard.config;
        tracing::info!(client = self.number, peer = %self.peer, key = &*pass.name, "client authenticated");
        let authenticated = tell::authenticated(pass.expires);
        let before = self.state.borrow_mut().identity.take();
        let identity = Identity::new(
            pass,
            before.map(|before| *before),
            config.auth.mode,
            &shard.holders,
            shard.dials.now().connections_per_key,
            shard.keeper_version.get(),
        );
        let identity = match identity {
            Ok(identity) => identity,
            Err(Unfit::TooMany) => {
                return self.close(shard, 1013, "too many connections of this key retry=30000");
            }
            Err(Unfit::Narrower) => {
                return self.end_after(shard, Refusal::Forbidden, 4403, "allows less than before");
            }
        };
        let is_idle = identity.is_idle(config.auth.mode);
        self.state.borrow_mut().identity = Some(Box::new(identity));
        self.answer(shard, frame::text(&authenticated));
        if is_idle {
            self.end_after(shard, Refusal::Forbidden, 4403, "not allowed");
        }
    }

    /// Its token is not taken.
    fn turn_away(self: &Rc<Self>, shard: &Rc<Shard>) {
        shard.stats.auth_failed.add(1);
        self.end_after(shard, Refusal::AuthFailed, 4401, "auth failed");
    }

    /// Tells an error, and closes.
    fn end_after(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        refusal: Refusal,
        code: u16,
        reason: &'static str,
    ) {
        self.tell_error(shard, refusal, None);
        // Answers that lie behind a Close are not sent.
        self.flush(shard);
        self.close(shard, code, reason);
    }

    pub(super) fn must_say_who_it_is(&self, shard: &Shard) -> bool {
        shard.config.auth.mode == Mode::Required && self.state.borrow().identity.is_none()
    }

    /// What it may hear of this; that it named more it is told as an error.
    pub(super) fn allowed(&self, shard: &Shard, asked: Subscribe) -> Subscribe {
        let (allowed, is_narrowed) = {
            let state = self.state.borrow();
            identity::allowed(state.identity.as_deref(), shard.config.auth.mode, asked)
        };
        if is_narrowed {
            self.tell_error(shard, Refusal::Forbidden, allowed.id.as_ref());
        }
        allowed
    }

    /// Whose the signals are that it posts.
    pub(super) fn poster(&self) -> Result<Arc<dyn Holder>, Refusal> {
        let state = self.state.borrow();
        let identity = state.identity.as_ref().ok_or(Refusal::AuthRequired)?;
        identity.poster().ok_or(Refusal::Forbidden)
    }

    /// Looks at what depends on who it is.
    pub(super) fn watch_identity(self: &Rc<Self>, shard: &Rc<Shard>, now: Moment) {
        if self.state.borrow().is_ending() {
            return;
        }
        match self.identity_turn(shard, now) {
            Due::Nothing => return,
            Due::Close(code, reason) => self.close(shard, code, reason),
            Due::Expiring(expires) => self.tell_expiring(shard, expires),
        }
        self.flush(shard);
    }

    fn identity_turn(&self, shard: &Shard, now: Moment) -> Due {
        let auth = &shard.config.auth;
        if self.must_say_who_it_is(shard) {
            let is_late = now - self.began >= auth.within;
            return if is_late {
                Due::Close(4408, "no auth")
            } else {
                Due::Nothing
            };
        }
        let mut state = self.state.borrow_mut();
        let Some(identity) = &mut state.identity else {
            return Due::Nothing;
        };
        match identity.turn(auth, shard.config.clock.now(), shard.keeper_version.get()) {
            Turn::Nothing => Due::Nothing,
            Turn::Expiring(expires) => Due::Expiring(expires),
            Turn::Expired => Due::Close(4401, "expired"),
            Turn::Revoked => Due::Close(4401, "revoked"),
        }
    }

    /// Who has not asked for more than the product's messages is sent nothing else.
    fn tell_expiring(&self, shard: &Shard, expires: Time) {
        if shard.hub.borrow().is_extended(self.id) {
            self.answer(shard, frame::text(&tell::auth_expiring(expires)));
        }
    }
}

/// What is due to a client because of who it is.
enum Due {
    Nothing,
    Close(u16, &'static str),
    Expiring(Time),
}
