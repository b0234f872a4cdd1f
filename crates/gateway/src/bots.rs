//! Those who post on the dashboards' endpoint: the turn each of their signals waits for. What becomes of a signal is for
//! others to say ([`Holder`]).

use crate::keeper::Holder;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// What becomes of a posted signal: the JSON text of one object with a string `type`, to be answered as it is.
pub type Posting = Pin<Box<dyn Future<Output = String> + Send>>;

/// A client's signals that wait for their turn. They are posted one after another: a verdict never overtakes the signal it
/// is about.
#[derive(Default)]
pub(crate) struct Bot {
    waiting: VecDeque<Post>,
    /// Those that wait, and the one under way.
    unanswered: usize,
}

/// A signal, and who sent it: the client may have become another since.
struct Post {
    holder: Arc<dyn Holder>,
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
    pub(crate) fn push(&mut self, holder: Arc<dyn Holder>, data: Box<str>) -> Turn {
        if self.unanswered >= POSTS_MAX {
            return Turn::Never;
        }
        self.unanswered += 1;
        self.waiting.push_back(Post { holder, data });
        if self.unanswered == 1 {
            Turn::Now
        } else {
            Turn::Later
        }
    }

    /// The next one that waits. When it is done, say [`Bot::answered`], and ask again until there is none.
    pub(crate) fn next(&mut self) -> Option<Posting> {
        let Post { holder, data } = self.waiting.pop_front()?;
        Some(Box::pin(async move { holder.post(data).await }))
    }

    pub(crate) fn answered(&mut self) {
        self.unanswered -= 1;
    }
}

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bot({} unanswered)", self.unanswered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells its name, and what was posted.
    struct Echo(&'static str);

    impl Holder for Echo {
        fn holds(&self) -> bool {
            true
        }
        fn post(&self, data: Box<str>) -> Posting {
            let told = format!("{} {data}", self.0);
            Box::pin(std::future::ready(told))
        }
    }

    fn push(bot: &mut Bot, name: &'static str, data: &str) -> Turn {
        bot.push(Arc::new(Echo(name)), data.into())
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
        let mut bot = Bot::default();
        assert_eq!(push(&mut bot, "nq-bot", "1"), Turn::Now);
        assert_eq!(push(&mut bot, "nq-bot", "2"), Turn::Later);
        assert_eq!(push(&mut bot, "other", "3"), Turn::Later);
        for told in ["nq-bot 1", "nq-bot 2", "other 3"] {
            assert_eq!(next(&mut bot).as_deref(), Some(told));
        }
        assert_eq!(next(&mut bot), None);
        assert_eq!(
            push(&mut bot, "nq-bot", "4"),
            Turn::Now,
            "and again from the start"
        );
    }

    #[test]
    fn sixteen_may_be_without_an_answer() {
        let mut bot = Bot::default();
        let taken = (0..20).filter(|_| push(&mut bot, "nq-bot", "{}") != Turn::Never);
        assert_eq!(taken.count(), 16);
        let _under_way = bot.next();
        assert_eq!(
            push(&mut bot, "nq-bot", "{}"),
            Turn::Never,
            "it has no answer yet"
        );
        bot.answered();
        assert_eq!(push(&mut bot, "nq-bot", "{}"), Turn::Later);
        assert_eq!(push(&mut bot, "nq-bot", "{}"), Turn::Never);
    }
}
