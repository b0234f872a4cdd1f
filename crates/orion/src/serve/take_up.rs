//! Other settings for engine and sources, while the server runs: nobody is closed, and the tape has them exactly where they
//! begin to decide. `docs/decisions/0018`.

use super::Server;
use super::outlets::Outlets;
use crate::config::Config;
use crate::handover::Reloads;
use crate::posts::Posts;
use crate::recording;
use crate::secrets::Secrets;
use crate::sources;
use crate::switches::{Switches, Taken, Wanted};
use anyhow::{Result, ensure};
use engine::Settings;
use hub::Publication;
use market::{Answer, Event};
use std::future::pending;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The settings that the loop is to take up, and when.
#[derive(Debug)]
pub(super) struct Wants {
    queue: Option<mpsc::Receiver<Wanted>>,
    /// Taken off the queue, and not taken up yet.
    first: Option<Wanted>,
}

/// What changes.
struct Plan {
    /// What signals are decided by, where that is other than before.
    settings: Option<Arc<Settings>>,
    /// The sources, where those are.
    sources: Option<Vec<sources::Wanted>>,
}

impl Wants {
    pub(super) fn of(switches: &Switches) -> Self {
        Self {
            queue: switches.wanted(),
            first: None,
        }
    }

    /// Waits until settings lie here that did not before.
    pub(super) async fn wait(&mut self) {
        match (&self.first, &mut self.queue) {
            (None, Some(queue)) => match queue.recv().await {
                Some(wanted) => self.first = Some(wanted),
                None => pending().await,
            },
            (Some(_), _) | (_, None) => pending().await,
        }
    }

    /// What is to be taken up now. A process that is just being started to take over knows this one as it was.
    pub(super) fn now(&mut self, reloads: Option<&Reloads>) -> Option<Wanted> {
        if reloads.is_some_and(Reloads::is_starting) {
            return None;
        }
        self.first.take()
    }
}

impl Server {
    /// Goes on with other settings, or as before where it cannot, and tells whoever wanted them.
    ///
    /// # Errors
    /// When what is decided cannot be kept or shown any more.
    pub(super) async fn take_up(
        &mut self,
        wanted: Wanted,
        posts: Option<&mut Posts>,
        outlets: &mut Outlets,
        reloads: &mut Option<Reloads>,
    ) -> Result<()> {
        let Wanted {
            config,
            secrets,
            answer,
        } = wanted;
        let taken = match self.plan(&config, &secrets) {
            Ok(plan) => self.follow(plan, &config, posts, outlets, reloads).await?,
            Err(reason) => Err(reason),
        };
        // Whoever wanted it may have gone.
        let _told = answer.send(taken.map_err(|reason| format!("{reason:#}")));
        Ok(())
    }

    /// What changes with these settings; nothing is touched.
    fn plan(&self, config: &Config, secrets: &Secrets) -> Result<Plan> {
        let now = self.machine.engine().settings();
        let settings = Settings {
            // One that has failed since it was loaded is asked no less than before.
            models: now.models.clone(),
            ..recording::engine_settings(config)?
        };
        let stays = settings.market == now.market
            && settings.catalog.instruments == now.catalog.instruments
            && settings.features == now.features;
        ensure!(
            stays,
            "they are of another market, of other instruments or of other features: `orion reload` takes them"
        );
        let sources = match &self.room.live {
            None => None,
            Some(live) => {
                let wanted = sources::wanted(config, secrets)?;
                sources::ensure_one_starts(&wanted)?;
                ensure!(
                    live.shows_the_same(config, &wanted),
                    "dashboards would be shown prices of other symbols than until now, also of the past: `orion reload` takes them"
                );
                live.differs(&wanted).then_some(wanted)
            }
        };
        Ok(Plan {
            settings: (settings != **now).then(|| Arc::new(settings)),
            sources,
        })
    }

    /// The inner error is why everything is as before.
    async fn follow(
        &mut self,
        plan: Plan,
        config: &Config,
        mut posts: Option<&mut Posts>,
        outlets: &mut Outlets,
        reloads: &mut Option<Reloads>,
    ) -> Result<Result<Taken>> {
        let Plan { settings, sources } = plan;
        let taken = Taken {
            settings: settings.is_some(),
            sources: sources.is_some(),
        };
        // What was told until now is decided, and shown, as it was meant.
        self.hear_rest();
        let answers = self.commit(outlets).await?;
        answer(posts.as_deref_mut(), answers);
        if let Some(settings) = settings
            && let Err(reason) = self.adopt(settings, outlets, reloads).await?
        {
            return Ok(Err(reason));
        }
        if let (Some(wanted), Some(live)) = (sources, &mut self.room.live) {
            let begun = live.change(config, wanted, self.machine.engine()).await;
            self.room.status.attach_sources(live.outlets());
            for source in begun {
                if self.machine.engine().heard(source).is_some() {
                    let at = self.room.clock.stamp();
                    self.machine.tell(at, &Event::Gap(source));
                }
            }
        }
        self.lead_posts(config, posts.as_deref_mut());
        self.room.status.rename_feed(config.feed.kind.to_string());
        let answers = self.commit(outlets).await?;
        answer(posts, answers);
        Ok(Ok(taken))
    }

    async fn adopt(
        &mut self,
        settings: Arc<Settings>,
        outlets: &mut Outlets,
        reloads: &mut Option<Reloads>,
    ) -> Result<Result<()>> {
        if let Err(reason) = self.machine.adopt(Arc::clone(&settings)).await? {
            return Ok(Err(reason));
        }
        let sources = &settings.catalog.sources;
        if *sources != self.room.settings.catalog.sources {
            // Before any price that names one.
            let named = Publication {
                sources: Some(sources.as_slice().into()),
                now: self.room.clock.now(),
                ..Publication::default()
            };
            outlets.publish(named).await?;
        }
        if let Some(reloads) = reloads {
            reloads.set(&settings);
        }
        tracing::info!("signals are decided by other settings from here on");
        self.room.settings = settings;
        Ok(Ok(()))
    }

    /// Posts come in as these settings say. Prices that are posted go to the source that takes them now.
    fn lead_posts(&self, config: &Config, posts: Option<&mut Posts>) {
        let Some(posts) = posts else { return };
        let live = self.room.live.as_ref();
        let prices = live.and_then(|live| live.posted_prices());
        let mut router = posts.router(config, &self.room.access, prices);
        if let Some(live) = live {
            router = router.merge(live.router());
        }
        self.room.doorway.lead_to(router);
    }
}

/// Those whose posts were told before hear what came of them.
fn answer(posts: Option<&mut Posts>, answers: Vec<Answer>) {
    if let Some(posts) = posts {
        posts.answer(answers);
    }
}
