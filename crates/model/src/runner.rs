//! Asks a model on a thread of its own. A question is never waited for: its answer is told when it comes, and why there is
//! none when there is none. What hangs, panics or fails is switched off for as long as the process runs.
//!
//! Two threads for each model: one asks it, the other waits for that one no longer than the limit. A thread that hangs in
//! somebody else's code cannot be ended; it is left alone, and nothing waits for it any more.

use crate::Model;
use crate::fault::{Fault, not_finite};
use market::Uuid;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

/// Questions that may wait for one model. More come only when it is far too slow.
const QUEUE_MAX: usize = 64;

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub question: Uuid,
    pub answer: Result<f64, Silence>,
}

/// Why a question stays without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// A feature was not a finite number: there is nothing to ask.
    NotFinite,
    /// Too many questions wait.
    Full,
    /// The model is switched off.
    Off,
    /// The model is switched off from now on, for this reason.
    SwitchedOff(String),
}

/// A model that is asked in the background. Ends with it.
pub struct Runner {
    questions: SyncSender<Asked>,
    shared: Arc<Shared>,
}

struct Asked {
    question: Uuid,
    features: Vec<f32>,
}

type Tell = Box<dyn Fn(Reply) + Send + Sync>;

struct Shared {
    tell: Tell,
    /// Why it is switched off, once it is.
    off: OnceLock<String>,
    answered: AtomicU64,
    silent: AtomicU64,
}

impl Runner {
    /// Begins to ask a model; no answer may take longer than `limit`. `tell` is called once for each question, from whatever
    /// thread knows what came of it, and must not block.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(
        name: &str,
        model: Box<dyn Model>,
        limit: Duration,
        tell: impl Fn(Reply) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            tell: Box::new(tell),
            off: OnceLock::new(),
            answered: AtomicU64::new(0),
            silent: AtomicU64::new(0),
        });
        let (questions, asked) = sync_channel(QUEUE_MAX);
        let (give, given) = sync_channel(1);
        let (answer, answers) = sync_channel(1);
        thread::Builder::new()
            .name(format!("model {name}"))
            .spawn(move || work(model, &given, &answer))?;
        let watched = Watched {
            give,
            answers,
            limit,
            shared: Arc::clone(&shared),
        };
        thread::Builder::new()
            .name(format!("model {name}, watched"))
            .spawn(move || watched.run(&asked))?;
        Ok(Self { questions, shared })
    }

    /// Asks, and returns at once.
    pub fn ask(&self, question: Uuid, features: Vec<f32>) {
        if self.shared.off.get().is_some() {
            return self.shared.tell(question, Err(Silence::Off));
        }
        if not_finite(&features).is_some() {
            return self.shared.tell(question, Err(Silence::NotFinite));
        }
        let asked = Asked { question, features };
        match self.questions.try_send(asked) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.shared.tell(question, Err(Silence::Full)),
            Err(TrySendError::Disconnected(_)) => self.shared.tell(question, Err(Silence::Off)),
        }
    }

    /// Why it is switched off; `None` while it is not.
    #[must_use]
    pub fn off(&self) -> Option<&str> {
        self.shared.off.get().map(String::as_str)
    }

    /// How many questions were answered.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// How many stayed without an answer.
    #[must_use]
    pub fn silent(&self) -> u64 {
        self.shared.silent.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("off", &self.off())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn tell(&self, question: Uuid, answer: Result<f64, Silence>) {
        let count = match &answer {
            Ok(_) => &self.answered,
            Err(_) => &self.silent,
        };
        count.fetch_add(1, Ordering::Relaxed);
        (self.tell)(Reply { question, answer });
    }
}

/// The model's own thread: asks it until nobody wants to know any more.
fn work(
    mut model: Box<dyn Model>,
    given: &Receiver<Vec<f32>>,
    answer: &SyncSender<Result<f64, Failure>>,
) {
    while let Ok(features) = given.recv() {
        // A model that panicked is never asked again, so that nobody sees what it left half done.
        let asked = catch_unwind(AssertUnwindSafe(|| model.ask(&features)));
        let result = match asked {
            Ok(answered) => answered.map_err(Failure::Fault),
            Err(panic) => Err(Failure::Panic(words(&*panic))),
        };
        let is_over = matches!(result, Err(Failure::Panic(_)));
        if answer.send(result).is_err() || is_over {
            return;
        }
    }
}

enum Failure {
    Fault(Fault),
    Panic(String),
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without words".to_owned())
}

/// The thread that waits for the model's.
struct Watched {
    give: SyncSender<Vec<f32>>,
    answers: Receiver<Result<f64, Failure>>,
    limit: Duration,
    shared: Arc<Shared>,
}

impl Watched {
    fn run(self, asked: &Receiver<Asked>) {
        while let Ok(Asked { question, features }) = asked.recv() {
            let answer = if self.shared.off.get().is_some() {
                Err(Silence::Off)
            } else {
                self.ask(features)
            };
            self.shared.tell(question, answer);
        }
    }

    fn ask(&self, features: Vec<f32>) -> Result<f64, Silence> {
        if self.give.send(features).is_err() {
            return Err(self.switch_off("its thread is gone".to_owned()));
        }
        match self.answers.recv_timeout(self.limit) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Failure::Fault(Fault::NotFinite { .. }))) => Err(Silence::NotFinite),
            Ok(Err(Failure::Fault(fault))) => Err(self.switch_off(fault.to_string())),
            Ok(Err(Failure::Panic(said))) => Err(self.switch_off(format!("it panicked: {said}"))),
            Err(RecvTimeoutError::Timeout) => {
                let limit = self.limit.as_millis();
                Err(self.switch_off(format!("it gave no answer within {limit} ms")))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(self.switch_off("its thread is gone".to_owned()))
            }
        }
    }

    fn switch_off(&self, reason: String) -> Silence {
        Silence::SwitchedOff(self.shared.off.get_or_init(|| reason).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    /// Never too slow for these.
    const LONG: Duration = Duration::from_secs(60);

    /// A model that does what the first feature says.
    struct Made {
        /// It hangs for as long as somebody holds the other end.
        hang: Receiver<()>,
    }

    impl Model for Made {
        fn ask(&mut self, features: &[f32]) -> Result<f64, Fault> {
            match features[0] as i32 {
                1 => panic!("I am made of glass"),
                2 => self.hang.recv().map_or(Ok(0.2), |()| Ok(0.2)),
                3 => Err(Fault::Answer("NaN, which is no number".to_owned())),
                _ => Ok(f64::from(features[0])),
            }
        }
    }

    fn runner(limit: Duration) -> (Runner, Receiver<Reply>, Sender<()>) {
        let (free, hang) = channel();
        let (told, replies) = channel();
        let tell = move |reply| drop(told.send(reply));
        let runner = Runner::start("made", Box::new(Made { hang }), limit, tell).unwrap();
        (runner, replies, free)
    }

    fn check(runner: &Runner, replies: &Receiver<Reply>, first: f32, expected: &str) {
        let question = Uuid::from_u128(u128::from(first.to_bits()));
        runner.ask(question, vec![first, 0.0]);
        let reply = replies.recv().unwrap();
        assert_eq!(reply.question, question);
        let shown = match reply.answer {
            Ok(answer) => answer.to_string(),
            Err(silence) => format!("{silence:?}"),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn questions_are_answered_in_their_order() {
        let (runner, replies, _free) = runner(LONG);
        for question in 0..10 {
            runner.ask(Uuid::from_u128(question), vec![0.5]);
        }
        for question in 0..10 {
            let reply = replies.recv().unwrap();
            assert_eq!(
                reply,
                Reply {
                    question: Uuid::from_u128(question),
                    answer: Ok(0.5)
                }
            );
        }
        assert_eq!(
            (runner.answered(), runner.silent(), runner.off()),
            (10, 0, None)
        );
    }

    #[test]
    fn nothing_is_asked_with_a_number_that_is_none() {
        let (runner, replies, _free) = runner(LONG);
        check(&runner, &replies, f32::NAN, "NotFinite");
        check(&runner, &replies, f32::INFINITY, "NotFinite");
        check(&runner, &replies, 0.25, "0.25");
        assert_eq!((runner.silent(), runner.off()), (2, None));
    }

    #[test]
    fn a_panic_a_fault_and_a_hang_switch_it_off_once() {
        let cases = [
            (1.0, LONG, "it panicked: I am made of glass"),
            (
                2.0,
                Duration::from_millis(20),
                "it gave no answer within 20 ms",
            ),
            (3.0, LONG, "it answered NaN, which is no number"),
        ];
        for (first, limit, reason) in cases {
            let (runner, replies, _free) = runner(limit);
            check(
                &runner,
                &replies,
                first,
                &format!("SwitchedOff({reason:?})"),
            );
            assert_eq!(runner.off(), Some(reason));
            check(&runner, &replies, 0.5, "Off");
        }
    }

    #[test]
    fn who_asks_too_much_is_told_at_once() {
        let (runner, replies, free) = runner(LONG);
        // One is being asked or waits to be, and the rest fills the queue.
        let more = QUEUE_MAX as u128 + 3;
        for question in 0..more {
            runner.ask(Uuid::from_u128(question), vec![2.0]);
        }
        let reply = replies.recv().unwrap();
        assert_eq!(reply.answer, Err(Silence::Full));
        drop(free);
        let rest: Vec<Reply> = (1..more).map(|_| replies.recv().unwrap()).collect();
        assert!(rest.iter().any(|reply| reply.answer == Ok(0.2)));
        assert_eq!(runner.off(), None);
    }
}
