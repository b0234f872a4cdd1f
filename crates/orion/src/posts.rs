//! What is posted to a running server: the paths it comes in on, and the queue from there to the loop and back. An answer
//! leaves only after what it speaks of is kept.

use crate::clock::Clock;
use crate::config::Config;
use access::Access;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use feeds::inbox::Outlet;
use feeds::posted::{Desk, Posting};
use market::{Alert, Answer};
use serde_json::json;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Alerts taken in one turn of the loop.
const TURN_MAX: usize = 1024;

/// The loop's end of the queue.
#[derive(Debug)]
pub struct Posts {
    desk: Desk,
    /// TradingView's path, and what it was set to.
    hook: Option<(feeds::tradingview::Settings, Router)>,
    queue: mpsc::Receiver<Posting>,
    /// Taken off the queue while waiting, and not told yet.
    first: Option<Posting>,
    /// Whom the next answers are for, in their order.
    waiting: VecDeque<oneshot::Sender<Answer>>,
}

/// Where posts come in.
pub struct Rooms {
    pub router: Router,
    /// For those who post over the socket.
    pub desk: Option<Desk>,
}

impl Posts {
    /// Opens the paths. `prices` is where posted prices go, if they are wanted.
    pub fn open(
        config: &Config,
        access: &Access,
        clock: &Arc<Clock>,
        prices: Option<Outlet>,
    ) -> (Self, Rooms) {
        let clock = {
            let clock = Arc::clone(clock);
            feeds::clock::Clock::new(move || clock.now())
        };
        let catalog = Arc::new(config.catalog());
        let (desk, queue) = Desk::new(catalog, &config.feed.bots, clock);
        let mut posts = Self {
            desk,
            hook: None,
            queue,
            first: None,
            waiting: VecDeque::new(),
        };
        let rooms = Rooms {
            router: posts.router(config, access, prices),
            desk: Some(posts.desk.clone()),
        };
        (posts, rooms)
    }

    /// The paths that lead here, also when settings or the source of posted prices are others than at the start.
    pub fn router(&mut self, config: &Config, access: &Access, prices: Option<Outlet>) -> Router {
        feeds::bots::router(self.desk.clone(), access.clone(), prices)
            .merge(self.hook(&config.feed.tradingview, access))
    }

    /// It knows which alerts came lately, and must not forget them without need.
    fn hook(&mut self, settings: &feeds::tradingview::Settings, access: &Access) -> Router {
        if let Some((known, router)) = &self.hook
            && known == settings
        {
            return router.clone();
        }
        let keys = access.keys().clone();
        let router = feeds::tradingview::router(self.desk.clone(), keys, settings);
        self.hook = Some((settings.clone(), router.clone()));
        router
    }

    /// Waits until something is posted.
    pub async fn wait(&mut self) {
        if self.first.is_some() {
            return;
        }
        match self.queue.recv().await {
            Some(post) => self.first = Some(post),
            None => std::future::pending().await,
        }
    }

    /// The next alert to be told in this turn.
    pub fn next_alert(&mut self) -> Option<Alert> {
        if self.waiting.len() >= TURN_MAX {
            return None;
        }
        let post = self.first.take().or_else(|| self.queue.try_recv().ok())?;
        self.waiting.push_back(post.answer);
        Some(post.alert)
    }

    /// Hands out the answers of this turn.
    ///
    /// # Panics
    /// When there are not as many answers as alerts were told: each alert gets exactly one.
    pub fn answer(&mut self, answers: Vec<Answer>) {
        assert_eq!(
            answers.len(),
            self.waiting.len(),
            "each alert gets exactly one answer"
        );
        for (to, answer) in self.waiting.drain(..).zip(answers) {
            // Who posted may have gone.
            let _gone = to.send(answer);
        }
    }
}

impl Rooms {
    /// Under a recorded market nothing can be posted: whoever tries is told.
    #[must_use]
    pub fn closed() -> Self {
        let told = || async {
            let error = "this server plays a recorded market, to which nothing can be posted; post to one that runs with --feed sim or with live sources";
            (
                StatusCode::SERVICE_UNAVAILABLE,
                axum::Json(json!({"error": error})),
            )
        };
        let router = Router::new()
            .route("/api/signals", any(told))
            .route("/api/prices", any(told))
            .route("/hooks/tradingview/{secret}", any(told));
        Self { router, desk: None }
    }
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rooms")
    }
}
