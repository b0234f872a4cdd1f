//! Who a client is, as far as it has said so: what it may hear and post, and when that ends.

use crate::address::{Place, Places};
use crate::keeper::{Auth, Holder, Mode, Pass};
use crate::moment::Moment;
use market::{Span, Symbol, Time};
use std::sync::Arc;
use std::time::Duration;
use wire::Subscribe;

/// A client's pass, and its place among those who hold the same.
#[derive(Debug)]
pub(crate) struct Identity {
    pass: Pass,
    place: Place<Box<str>>,
    /// The keeper's number when the pass was last known to hold.
    version: u64,
    is_warned: bool,
}

/// Why somebody who has a pass is not let in with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// As many hold the same key as may.
    TooMany,
    /// It was let in with one that allows more, which it may be using.
    Narrower,
}

/// What has become of a pass with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Nothing,
    /// It ends soon, at this time. Said once.
    Expiring(Time),
    Expired,
    Revoked,
}

impl Identity {
    /// `before` is who the client was until now.
    pub(crate) fn new(
        pass: Pass,
        before: Option<Self>,
        mode: Mode,
        places: &Places<Box<str>>,
        most: usize,
        version: u64,
    ) -> Result<Self, Unfit> {
        let is_narrower = |before: &Self| !pass.covers(&before.pass);
        if mode != Mode::Off && before.as_ref().is_some_and(is_narrower) {
            return Err(Unfit::Narrower);
        }
        let place = match before {
            Some(before) if *before.place.of() == pass.name => before.place,
            Some(_) | None => places.take(&pass.name, most).ok_or(Unfit::TooMany)?,
        };
        Ok(Self {
            pass,
            place,
            version,
            is_warned: false,
        })
    }

    /// Who posts, if it may.
    pub(crate) fn poster(&self) -> Option<Arc<dyn Holder>> {
        self.pass.may_post.then(|| Arc::clone(&self.pass.holder))
    }

    /// Whether it may do nothing at all here.
    pub(crate) fn is_idle(&self, mode: Mode) -> bool {
        mode != Mode::Off && !self.pass.may_post && self.pass.channels.is_empty()
    }

    /// When [`Identity::turn`] is to be asked again; whether it was taken back, the keeper's number tells at once.
    pub(crate) fn next_turn(&self, auth: &Auth, now: Moment) -> Option<Moment> {
        let exactness = (auth.grace.min(auth.expiring) / 8).min(Duration::from_secs(1));
        self.pass.expires.map(|_| now + exactness)
    }

    /// Looks at what depends on time, and at what was taken back. `version` is the keeper's number now.
    pub(crate) fn turn(&mut self, auth: &Auth, now: Time, version: u64) -> Turn {
        if self.version != version {
            if !self.pass.holder.holds() {
                return Turn::Revoked;
            }
            self.version = version;
        }
        let Some(expires) = self.pass.expires else {
            return Turn::Nothing;
        };
        if now >= expires + span(auth.grace) {
            Turn::Expired
        } else if now >= expires - span(auth.expiring) && !self.is_warned {
            self.is_warned = true;
            Turn::Expiring(expires)
        } else {
            Turn::Nothing
        }
    }
}

/// What a client may hear of what it asks for, and whether it named something that it may not. All symbols means all that it
/// may.
pub(crate) fn allowed(
    identity: Option<&Identity>,
    mode: Mode,
    asked: Subscribe,
) -> (Subscribe, bool) {
    let pass = match (identity, mode) {
        (_, Mode::Off) | (None, Mode::Optional) => return (asked, false),
        (None, Mode::Required) => return (Subscribe::default(), true),
        (Some(identity), Mode::Optional | Mode::Required) => &identity.pass,
    };
    let channels = asked.channels.within(pass.channels);
    let symbols = match (&asked.symbols, &pass.symbols) {
        (named, None) => named.clone(),
        (None, Some(open)) => Some(open.to_vec()),
        (Some(named), Some(open)) => {
            let open = named.iter().filter(|symbol| open.contains(symbol));
            Some(open.copied().collect())
        }
    };
    let count = |symbols: &Option<Vec<Symbol>>| symbols.as_ref().map(Vec::len);
    let is_cut = asked.symbols.is_some() && count(&symbols) < count(&asked.symbols);
    let is_narrowed = channels != asked.channels || is_cut;
    let allowed = Subscribe {
        channels,
        symbols,
        price_interval_ms: asked.price_interval_ms.max(pass.price_interval_ms),
        ..asked
    };
    (allowed, is_narrowed)
}

impl Pass {
    /// Whether it lets its holder hear all that another one does.
    fn covers(&self, other: &Self) -> bool {
        let has_channels = other.channels.within(self.channels) == other.channels;
        let has_symbols = match (&self.symbols, &other.symbols) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(ours), Some(theirs)) => theirs.iter().all(|symbol| ours.contains(symbol)),
        };
        has_channels && has_symbols && self.price_interval_ms <= other.price_interval_ms
    }
}

fn span(duration: Duration) -> Span {
    Span::from_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bots::Posting;
    use std::sync::atomic::{AtomicBool, Ordering};
    use wire::{Channel, Channels};

    const NOW: Time = Time::from_secs(1_790_000_000);

    #[derive(Default)]
    struct Someone(AtomicBool);

    impl Holder for Someone {
        fn holds(&self) -> bool {
            !self.0.load(Ordering::Relaxed)
        }
        fn post(&self, _: Box<str>) -> Posting {
            Box::pin(std::future::ready(String::new()))
        }
    }

    fn pass(name: &str, expires: Option<i64>) -> (Pass, Arc<Someone>) {
        let holder = Arc::new(Someone::default());
        let pass = Pass {
            name: name.into(),
            channels: Channels::NONE.with(Channel::Prices),
            symbols: None,
            price_interval_ms: None,
            may_post: false,
            expires: expires.map(|secs| NOW + Span::from_secs(secs)),
            holder: Arc::clone(&holder) as Arc<dyn Holder>,
        };
        (pass, holder)
    }

    fn identity(name: &str, expires: Option<i64>) -> (Identity, Arc<Someone>) {
        let (pass, holder) = pass(name, expires);
        (of(pass), holder)
    }

    fn of(pass: Pass) -> Identity {
        let places = Places::default();
        Identity::new(pass, None, Mode::Required, &places, 1, 0).unwrap()
    }

    #[test]
    fn a_pass_is_said_to_end_once_and_ends_after_its_grace() {
        let (mut identity, _) = identity("alice", Some(100));
        let auth = Auth::default();
        let mut at = |secs| identity.turn(&auth, NOW + Span::from_secs(secs), 0);
        assert_eq!(at(39), Turn::Nothing);
        assert_eq!(at(40), Turn::Expiring(NOW + Span::from_secs(100)));
        assert_eq!(at(41), Turn::Nothing);
        assert_eq!(at(129), Turn::Nothing);
        assert_eq!(at(130), Turn::Expired);
    }

    #[test]
    fn a_pass_without_an_end_is_asked_about_only_when_something_was_taken_back() {
        let (mut identity, holder) = identity("alice", None);
        let auth = Auth::default();
        let far = NOW + Span::from_hours(1_000_000);
        holder.0.store(true, Ordering::Relaxed);
        assert_eq!(identity.turn(&auth, far, 0), Turn::Nothing);
        assert_eq!(identity.turn(&auth, far, 1), Turn::Revoked);
        holder.0.store(false, Ordering::Relaxed);
        assert_eq!(identity.turn(&auth, far, 1), Turn::Nothing);
        holder.0.store(true, Ordering::Relaxed);
        assert_eq!(identity.turn(&auth, far, 1), Turn::Nothing, "it was asked");
    }

    #[test]
    fn connections_of_one_key_are_counted_and_a_renewal_is_none() {
        let places = Places::default();
        let new = |name, before| {
            let pass = pass(name, None).0;
            Identity::new(pass, before, Mode::Required, &places, 1, 0).ok()
        };
        let alice = new("alice", None).unwrap();
        assert!(new("alice", None).is_none(), "as many as may");
        let alice = new("alice", Some(alice)).unwrap();
        let bob = new("bob", Some(alice)).unwrap();
        assert!(new("alice", None).is_some(), "her place is free");
        assert!(new("bob", None).is_none());
        drop(bob);
        assert!(new("bob", None).is_some());
    }

    fn symbols(names: &[&str]) -> Vec<Symbol> {
        names
            .iter()
            .map(|name| Symbol::new(name).unwrap())
            .collect()
    }

    /// A pass for prices of these symbols, that often.
    fn narrow(names: &[&str], interval: u32) -> Pass {
        Pass {
            symbols: Some(symbols(names).into_boxed_slice()),
            price_interval_ms: Some(interval),
            ..pass("alice", None).0
        }
    }

    fn asked(names: Option<&[&str]>, interval: Option<u32>) -> Subscribe {
        Subscribe {
            channels: Channels::ALL.with(Channel::Status),
            symbols: names.map(symbols),
            price_interval_ms: interval,
            ..Subscribe::default()
        }
    }

    #[test]
    fn what_may_be_heard_depends_on_who_must_say_who_he_is() {
        let (known, _) = identity("alice", None);
        let prices = Channels::NONE.with(Channel::Prices);
        let all = asked(None, None).channels;
        for (identity, mode, expected) in [
            (None, Mode::Off, all),
            (None, Mode::Optional, all),
            (None, Mode::Required, Channels::NONE),
            (Some(&known), Mode::Off, all),
            (Some(&known), Mode::Optional, prices),
            (Some(&known), Mode::Required, prices),
        ] {
            let (allowed, is_narrowed) = allowed(identity, mode, asked(None, None));
            assert_eq!(allowed.channels, expected, "{mode:?}");
            assert_eq!(is_narrowed, expected != all);
        }
        assert!(!known.is_idle(Mode::Required));
    }

    #[test]
    fn limits_are_laid_over_what_is_asked_for() {
        let known = of(narrow(&["EURUSD", "XAUUSD"], 5000));
        let prices = Channels::NONE.with(Channel::Prices);
        for (names, interval, left, used, is_cut) in [
            (None, None, &["EURUSD", "XAUUSD"][..], 5000, false),
            (Some(&["XAUUSD"][..]), Some(1000), &["XAUUSD"], 5000, false),
            (
                Some(&["US30", "EURUSD"]),
                Some(9000),
                &["EURUSD"],
                9000,
                true,
            ),
            (Some(&["US30"]), None, &[], 5000, true),
        ] {
            let ask = Subscribe {
                channels: prices,
                ..asked(names, interval)
            };
            let (allowed, is_narrowed) = allowed(Some(&known), Mode::Required, ask);
            assert_eq!(allowed.symbols, Some(symbols(left)), "{names:?}");
            assert_eq!(allowed.price_interval_ms, Some(used), "{names:?}");
            assert_eq!(is_narrowed, is_cut, "{names:?}");
        }
    }

    #[test]
    fn a_pass_that_allows_less_does_not_follow_one_that_allows_more() {
        let wide = || pass("alice", None).0;
        let follows = |mode, before: Pass, pass: Pass| {
            let before = Some(of(before));
            let places = Places::default();
            let identity = Identity::new(pass, before, mode, &places, 1, 0);
            identity.map(|_| ()).err()
        };
        let eur = || narrow(&["EURUSD"], 5000);
        let both = || narrow(&["EURUSD", "XAUUSD"], 5000);
        for (before, after, unfit) in [
            (wide(), wide(), None),
            (eur(), wide(), None),
            (eur(), both(), None),
            (wide(), eur(), Some(Unfit::Narrower)),
            (both(), eur(), Some(Unfit::Narrower)),
            (eur(), narrow(&["EURUSD"], 6000), Some(Unfit::Narrower)),
            (eur(), narrow(&["EURUSD"], 4000), None),
        ] {
            assert_eq!(follows(Mode::Required, before, after), unfit);
        }
        let silent = Pass {
            channels: Channels::NONE,
            ..wide()
        };
        let narrower = Some(Unfit::Narrower);
        assert_eq!(follows(Mode::Optional, wide(), silent.clone()), narrower);
        assert_eq!(
            follows(Mode::Off, wide(), silent),
            None,
            "nothing is narrowed there"
        );
    }
}
