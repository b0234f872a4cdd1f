//! What a desk asks models, and what it does with their answers.
//!
//! A model that proposes is shown each closed bar; its answer may become an alert, which meets the market as anybody's does.
//! A model that re-scores is asked about each triggered setup; the signal waits for the answer, never longer than the time
//! limit, and is born with it or without it. What waits is not sent, so nothing is promised: a restart drops it, and so does
//! a stop that trades meanwhile.

use super::own::Moment;
use super::{Context, Desk};
use crate::engine::Output;
use crate::features::Facts;
use crate::lifecycle::Reach;
use crate::models::{ModelRole, ModelRule};
use crate::risk::Idea;
use crate::rules::Settings;
use crate::setup::Pattern;
use market::{
    Alert, Direction, InstrumentId, Measure, Opinion, Question, Rated, Signal, SourceTime, Status,
    Time, Timeframe, Uuid,
};
use serde::{Deserialize, Serialize};

/// ORION's namespace for the ids of questions (version 5 UUIDs), and of what a model proposes.
const NAMESPACE: Uuid = Uuid::from_u128(0x4f52_494f_4e00_5369_a67e_616c_7300_0002);

/// The questions of a desk that have no answer yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Questions {
    /// At most one of each model: the next bar takes the place of the one before.
    bars: Vec<OfBar>,
    setups: Vec<OfSetup>,
}

/// What a model would do at a bar's close.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OfBar {
    id: Uuid,
    model: String,
    timeframe: Timeframe,
    end_time: SourceTime,
    until: Time,
}

/// A triggered setup that waits for its score.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OfSetup {
    id: Uuid,
    model: String,
    until: Time,
    pattern: Pattern,
    idea: Idea,
    moment: Moment,
}

/// A proposal, and the model behind it.
pub(crate) struct Proposal {
    pub alert: Alert,
    pub rated: Rated,
}

impl Desk {
    /// Shows a closed bar to the models that propose.
    pub(super) fn ask_of_bar(
        &mut self,
        timeframe: Timeframe,
        end_time: SourceTime,
        context: &mut Context,
    ) {
        let settings = context.settings;
        for model in settings.models.proposers(self.symbol, timeframe) {
            let moment = self.moment(end_time, None, settings);
            let Some(features) = finite(self.features.read(&model.features, &moment).values())
            else {
                continue;
            };
            let (symbol, name) = (self.symbol, &model.name);
            let id = named(&format!("{name}|{symbol}|{timeframe}|{end_time}"));
            let until = context.at + settings.models.timeout();
            self.questions.bars.retain(|asked| asked.model != *name);
            self.questions.bars.push(OfBar {
                id,
                model: name.clone(),
                timeframe,
                end_time,
                until,
            });
            put(id, name, features, until, context);
        }
    }

    /// Asks for the score of a triggered setup; then its signal waits. Gives the trigger back where nobody is asked.
    pub(super) fn ask_of_setup(
        &mut self,
        pattern: &Pattern,
        idea: &Idea,
        moment: Moment,
        context: &mut Context,
    ) -> Result<(), Moment> {
        let settings = context.settings;
        let Some(model) = settings.models.rescorer(self.symbol, pattern.setup) else {
            return Err(moment);
        };
        let Some(features) = self.features_of(model, pattern, idea, &moment, context) else {
            return Err(moment);
        };
        let (symbol, name) = (self.symbol, &model.name);
        let Pattern {
            setup,
            direction,
            armed_open,
            ..
        } = pattern;
        let setup = setup.as_str();
        let id = named(&format!("{name}|{symbol}|{setup}|{direction}|{armed_open}"));
        let until = context.at + settings.models.timeout();
        self.questions.setups.push(OfSetup {
            id,
            model: name.clone(),
            until,
            pattern: pattern.clone(),
            idea: *idea,
            moment,
        });
        put(id, name, features, until, context);
        Ok(())
    }

    /// What a model is asked with about a triggered setup, if that may become a signal and all of it is known.
    fn features_of(
        &self,
        model: &ModelRule,
        pattern: &Pattern,
        idea: &Idea,
        moment: &Moment,
        context: &Context,
    ) -> Option<Vec<f32>> {
        let time = moment.entry_time;
        self.check_gates(pattern, time, context).ok()?;
        let plan = self.plan(pattern, idea, context).ok()?;
        let (first, last) = (plan.targets.first()?, plan.targets.last()?);
        let facts = Facts {
            direction: pattern.direction,
            entry: plan.entry,
            stop: plan.stop,
            first: first.price,
            last: last.price,
        };
        let moment = self.moment(time, Some(facts), context.settings);
        finite(self.features.read(&model.features, &moment).values())
    }

    /// Hears an answer, if its question was asked here and still waits: a signal is born with it, or a proposal is given back.
    pub(crate) fn hear_opinion(
        &mut self,
        opinion: &Opinion,
        context: &mut Context,
    ) -> Option<Proposal> {
        let of_setup = |asked: &OfSetup| asked.id == opinion.question;
        if let Some(place) = self.questions.setups.iter().position(of_setup) {
            let asked = self.questions.setups.remove(place);
            self.born_of(asked, opinion.answer, context);
            return None;
        }
        let of_bar = |asked: &OfBar| asked.id == opinion.question;
        let place = self.questions.bars.iter().position(of_bar)?;
        let asked = self.questions.bars.remove(place);
        let in_time = context.at < asked.until;
        let answer = opinion.answer.filter(|_| in_time)?;
        self.proposal(&asked, answer, context.settings)
    }

    /// Lets the signals be born whose score has not come in time.
    pub(crate) fn stop_waiting(&mut self, context: &mut Context) {
        let at = context.at;
        let over: Vec<_> = self
            .questions
            .setups
            .extract_if(.., |asked| asked.until <= at)
            .collect();
        for asked in over {
            self.born_of(asked, None, context);
        }
    }

    fn born_of(&mut self, asked: OfSetup, answer: Option<Measure>, context: &mut Context) {
        let models = &context.settings.models;
        let rated = answer.and_then(|answer| rated(models.find(&asked.model)?, answer));
        self.open_or_refuse(&asked.pattern, &asked.idea, asked.moment, rated, context);
    }

    /// What an answer proposes: nothing below the model's threshold, or while its last signal of that direction is open.
    fn proposal(&self, asked: &OfBar, answer: Measure, settings: &Settings) -> Option<Proposal> {
        let model = settings.models.find(&asked.model)?;
        let ModelRole::Propose { threshold } = model.role else {
            return None;
        };
        let rated = rated(model, answer)?;
        if rated.score.to_f64() < threshold {
            return None;
        }
        let direction = if answer.millionths() > 0 {
            Direction::Long
        } else {
            Direction::Short
        };
        let sender = format!("model:{}", model.name);
        let is_open = self.open_of(&sender).any(|open| open == direction);
        (!is_open).then(|| Proposal {
            alert: alert(self.id, asked, direction, sender, settings),
            rated,
        })
    }

    /// The directions of a model's signals that are pending or run.
    fn open_of<'a>(&'a self, setup: &'a str) -> impl Iterator<Item = Direction> + 'a {
        let pending = self.pending.iter().map(|one| &one.signal);
        let running = self.running.iter().map(|one| &one.signal);
        let own = move |signal: &&Signal| signal.setup == setup;
        pending
            .chain(running)
            .filter(own)
            .map(|signal| signal.direction)
    }

    /// A setup whose stop trades is over, also while it waits for its score.
    pub(super) fn drop_stopped(&mut self, reach: &Reach, settings: &Settings) {
        let rules = settings.rules_of(self.symbol);
        let stopped =
            |asked: &OfSetup| reach.stops(asked.pattern.direction, asked.idea.stop(rules));
        self.questions.setups.retain(|asked| !stopped(asked));
    }

    /// Whether a triggered setup waits for its score.
    pub(super) fn waits_for_score(&self) -> bool {
        !self.questions.setups.is_empty()
    }

    /// Nobody answers any more: what waits was never sent.
    pub(crate) fn forget_questions(&mut self) {
        self.questions = Questions::default();
    }

    /// When the first signal is born without its score; `MAX` where none waits.
    pub(super) fn waits_until(&self) -> Time {
        let waits = self.questions.setups.iter().map(|asked| asked.until);
        waits.fold(Time::MAX, Time::min)
    }
}

/// The alert that a proposal is: at the market, with stop and targets as ORION plans them.
fn alert(
    instrument: InstrumentId,
    asked: &OfBar,
    direction: Direction,
    sender: String,
    settings: &Settings,
) -> Alert {
    let (market, id, OfBar { end_time, .. }) = (&settings.market, asked.id, asked);
    let id = named(&format!("{market}|{sender}|{id}|{direction}|{end_time}"));
    Alert {
        id,
        digest: id,
        status: Status::Pending,
        instrument,
        direction,
        entry_time: Some(asked.end_time),
        entry: None,
        stop: None,
        targets: Vec::new(),
        reason: format!("Model {}", asked.model),
        confidence: None,
        killzone: None,
        timeframe: Some(asked.timeframe),
        setup: sender.clone(),
        dry_run: false,
        sender,
    }
}

fn rated(model: &ModelRule, answer: Measure) -> Option<Rated> {
    let score = Measure::from_millionths(answer.millionths().checked_abs()?);
    // Whoever told it may be wrong: a likelihood lies between 0 and 1.
    let is_one = (1..1_000_000).contains(&score.millionths());
    is_one.then(|| Rated {
        model: model.name.clone(),
        version: model.version.clone(),
        score,
        counts_from: model.counts_from,
    })
}

fn named(name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

/// The features as models take them, if all of them are known.
fn finite(features: &[f64]) -> Option<Vec<f32>> {
    let narrow = |value: &f64| Some(*value as f32).filter(|value| value.is_finite());
    features.iter().map(narrow).collect()
}

fn put(id: Uuid, model: &str, features: Vec<f32>, until: Time, context: &mut Context) {
    context.shared.counts.questions += 1;
    context.out.push(Output::Question(Box::new(Question {
        id,
        model: model.to_owned(),
        features,
        until,
    })));
}
