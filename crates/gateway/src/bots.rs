//! Bots on the dashboards' endpoint: a client says who it is, and may post signals from then on. Who they are and what
//! becomes of a signal is for others to say ([`Bots`]); here is the turn each signal waits for.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// What becomes of a posted signal: the JSON text of one object with a string `type`, to be answered as it is.
pub type Posting = Pin<Box<dyn Future<Output = String> + Send>>;

/// Who knows the tokens and takes the signals.
pub trait Bots: Send + Sync {
    /// The name of the key that this token opens, if it is one. All clients wait meanwhile: look it up in memory. The name
    /// is logged, the token never.
    fn authenticate(&self, token: &str) -> Option<String>;

    /// Takes the JSON text of one object, which is all that is known of it, from the holder of this key: one that was
    /// known when the client came, and may have been taken back since. It runs beside the clients and holds up nobody but
    /// the same client's next signal. It must come to an end by itself, also when the connection has.
    fn post(&self, key: &str, data: Box<str>) -> Posting;
}

impl fmt::Debug for dyn Bots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bots")
    }
}

/// A client that has said who it is, and its signals that wait for their turn. They are posted one after another: a
/// verdict never overtakes the signal it is about.
#[derive(Debug)]
pub(crate) struct Bot {
    bots: Arc<dyn Bots>,
    key: Arc<str>,
    waiting: VecDeque<Post>,
    /// Those that wait, and the one under way.
    unanswered: usize,
}

#[derive(Debug)]
struct Post {
    key: Arc<str>,
    data: Box<str>,
}

/// Where a signal stands that a bot has just sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// None was under way: begin.
    Now,
    /// It follows those before it.
    Later,
    /// As many as are allowed have no answer yet, and this one was not taken.
    Never,
}

/// Signals of one client that may be without an answer.
const POSTS_MAX: usize = 16;

impl Bot {
    pub(crate) fn new(bots: Arc<dyn Bots>, key: &str) -> Self {
        Self {
            bots,
            key: key.into(),
            waiting: VecDeque::new(),
            unanswered: 0,
        }
    }

    /// What is sent from now on comes from another key; what waits does not.
    pub(crate) fn set_key(&mut self, key: &str) {
        self.key = key.into();
    }

    pub(crate) fn push(&mut self, data: Box<str>) -> Turn {
        if self.unanswered >= POSTS_MAX {
            return Turn::Never;
        }
        self.unanswered += 1;
        let key = Arc::clone(&self.key);
        self.waiting.push_back(Post { key, data });
        if self.unanswered == 1 {
            Turn::Now
        } else {
            Turn::Later
        }
    }

    /// The next one that waits. When it is done, say [`Bot::answered`], and ask again until there is none.
    pub(crate) fn next(&mut self) -> Option<Posting> {
        let Post { key, data } = self.waiting.pop_front()?;
        let bots = Arc::clone(&self.bots);
        Some(Box::pin(async move { bots.post(&key, data).await }))
    }

    pub(crate) fn answered(&mut self) {
        self.unanswered -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo;

    impl Bots for Echo {
        fn authenticate(&self, token: &str) -> Option<String> {
            Some(token.to_owned())
        }
        fn post(&self, key: &str, data: Box<str>) -> Pin<Box<dyn Future<Output = String> + Send>> {
            let told = format!("{key} {data}");
            Box::pin(std::future::ready(told))
        }
    }

    fn next(bot: &mut Bot) -> Option<String> {
        let mut posting = bot.next()?;
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match posting.as_mut().poll(&mut context) {
            std::task::Poll::Ready(told) => {
                bot.answered();
                Some(told)
            }
            std::task::Poll::Pending => panic!("an echo is ready at once"),
        }
    }

    #[test]
    fn one_after_another_each_under_the_key_it_came_with() {
        let mut bot = Bot::new(Arc::new(Echo), "nq-bot");
        assert_eq!(bot.push("1".into()), Turn::Now);
        assert_eq!(bot.push("2".into()), Turn::Later);
        bot.set_key("other");
        assert_eq!(bot.push("3".into()), Turn::Later);
        assert_eq!(next(&mut bot).as_deref(), Some("nq-bot 1"));
        for told in ["nq-bot 2", "other 3"] {
            assert_eq!(next(&mut bot).as_deref(), Some(told));
        }
        assert_eq!(next(&mut bot), None);
        assert_eq!(bot.push("4".into()), Turn::Now, "and again from the start");
    }

    #[test]
    fn sixteen_may_be_without_an_answer() {
        let mut bot = Bot::new(Arc::new(Echo), "nq-bot");
        let taken = (0..20).filter(|_| bot.push("{}".into()) != Turn::Never);
        assert_eq!(taken.count(), 16);
        let _under_way = bot.next();
        assert_eq!(bot.push("{}".into()), Turn::Never, "it has no answer yet");
        bot.answered();
        assert_eq!(bot.push("{}".into()), Turn::Later);
        assert_eq!(bot.push("{}".into()), Turn::Never);
    }
}
