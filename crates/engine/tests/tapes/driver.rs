//! Turns an engine as the server does: between two events it is woken exactly when it asked to be.

use engine::{Engine, Output, Settings};
use market::{Event, Time};
use std::sync::Arc;

/// One event, and what the engine made of it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub at: Time,
    pub event: Event,
    /// It was too late for its bar.
    pub dropped: bool,
    /// How much had been said before it.
    pub said: usize,
}

/// An engine, all that it answered, and all that it was told.
#[derive(Clone, Debug)]
pub(crate) struct Driver {
    pub engine: Engine,
    /// No process runs: nothing wakes the engine.
    pub down: bool,
    pub said: Vec<(Time, Output)>,
    pub told: Vec<Told>,
}

impl Driver {
    pub(crate) fn new(settings: Settings) -> Self {
        Self::on(Engine::new(Arc::new(settings)))
    }

    pub(crate) fn on(engine: Engine) -> Self {
        let (said, told) = (Vec::new(), Vec::new());
        Self {
            engine,
            down: false,
            said,
            told,
        }
    }

    /// Wakes the engine at each time it asked for before `at`, then tells it the event.
    pub(crate) fn tell(&mut self, at: Time, event: Event) {
        if !self.down {
            self.wake_until(at);
        }
        self.handle(at, event);
    }

    /// Wakes the engine at each time it asked for before `at`.
    pub(crate) fn wake_until(&mut self, at: Time) {
        while let Some(wake) = self.engine.wake_at().filter(|wake| *wake < at) {
            self.handle(wake, Event::Wake);
            let next = self.engine.wake_at();
            assert!(
                next.is_none_or(|next| next > wake),
                "a wake at {wake} asks for {next:?}"
            );
        }
    }

    /// The process ends without a word.
    pub(crate) fn kill(&mut self) {
        self.down = true;
    }

    /// Another one begins.
    pub(crate) fn start(&mut self, at: Time) {
        self.tell(at, Event::Start);
        self.down = false;
    }

    /// A new process goes on from the state of the one before.
    pub(crate) fn restart(&mut self) {
        let snapshot = self.engine.snapshot();
        self.engine = Engine::restore(self.engine.settings().clone(), &snapshot).unwrap();
        assert_eq!(self.engine.snapshot(), snapshot, "a snapshot is exact");
    }

    /// A new process goes on under other settings.
    pub(crate) fn adopt(&mut self, settings: Settings) {
        let mut out = Vec::new();
        self.engine.adopt(Arc::new(settings), &mut out);
        let at = self.engine.now();
        self.said.extend(out.into_iter().map(|output| (at, output)));
    }

    /// Tells an event without any wake before it.
    pub(crate) fn handle(&mut self, at: Time, event: Event) {
        let (mut out, late) = (Vec::new(), self.engine.counts().late);
        self.engine.handle(at, &event, &mut out);
        let dropped = self.engine.counts().late > late;
        let said = self.said.len();
        self.told.push(Told {
            at,
            event,
            dropped,
            said,
        });
        self.said.extend(out.into_iter().map(|output| (at, output)));
    }
}
