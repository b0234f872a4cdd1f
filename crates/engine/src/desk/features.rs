//! Rows of features of a desk, where somebody wants them.

use super::{Context, Desk};
use crate::features::{AtSignal, Facts, FeatureRow, Moment, Occasion, SCORE, at_signal};
use crate::rules::Settings;
use market::{Signal, SourceTime, Timeframe};

impl Desk {
    /// Takes up which features are wanted of the charts there are.
    pub(super) fn want_features(&mut self, settings: &Settings) {
        let charts = &self.charts;
        let has_chart = |timeframe: Timeframe| charts[timeframe.index()].is_some();
        let of_models = settings.models.features();
        let rows = settings.features.names.iter().copied();
        let names: Vec<_> = rows.chain(of_models).collect();
        self.features.want(&names, has_chart);
    }

    /// Reads the features at the close of a bar of the setups' timeframe.
    pub(super) fn read_bar(&self, end_time: SourceTime, context: &mut Context) {
        self.read_row(Occasion::Bar, end_time, None, context);
    }

    /// Reads the features of a signal that is born now.
    pub(crate) fn read_signal(&self, signal: &Signal, now: SourceTime, context: &mut Context) {
        let occasion = Occasion::Signal(signal.id);
        self.read_row(occasion, now, Facts::of(signal), context);
    }

    /// What a raw score is made of, of a signal that is about to be born; the names are [`SCORE`]'s.
    pub(super) fn score_features(
        &self,
        facts: Facts,
        now: SourceTime,
        settings: &Settings,
    ) -> Option<[f64; SCORE.len()]> {
        let rules = self.rules(settings);
        at_signal(&AtSignal {
            moment: self.moment(now, Some(facts), settings),
            chart: self.charts[rules.setup_tf.index()].as_deref(),
            htf: self.charts[rules.htf.index()].as_deref(),
        })
    }

    fn read_row(
        &self,
        occasion: Occasion,
        time: SourceTime,
        facts: Option<Facts>,
        context: &mut Context,
    ) {
        let settings = context.settings;
        if settings.features.is_empty() {
            return;
        }
        let moment = self.moment(time, facts, settings);
        context.shared.rows.push(FeatureRow {
            instrument: self.id,
            occasion,
            timeframe: settings.rules.setup_tf,
            time,
            values: self.features.read(&settings.features.names, &moment),
        });
    }

    pub(super) fn moment(
        &self,
        time: SourceTime,
        facts: Option<Facts>,
        settings: &Settings,
    ) -> Moment {
        Moment {
            time,
            calendar: settings.catalog.instrument(self.id).calendar,
            spread: self.spreads.median(),
            usual_spread: self.spreads.usual(),
            atr: self.atr(self.rules(settings)),
            facts,
        }
    }
}
