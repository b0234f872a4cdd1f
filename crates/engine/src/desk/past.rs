//! Bars of the past at a desk: they warm charts, levels and the reference of changes, and nothing else. No signal is made,
//! judged or followed by them, and no price is shown.

use super::{Context, Desk};
use crate::bars::{self, TooLate};
use crate::engine::Told;
use crate::lifecycle::Reach;
use crate::pulse::Stated;
use crate::readings::Reader;
use crate::rules::Settings;
use crate::structure::Finding;
use market::{Bar, PreviousClose, QuoteBar, Timeframe};

impl Desk {
    /// Takes a closed bar of the past, if it is newer than what is known, and leaves in `closed` what closed with it;
    /// `findings` is room to work in.
    pub(crate) fn past(
        &mut self,
        quote: &QuoteBar,
        closed: &mut Vec<(Timeframe, Bar)>,
        findings: &mut Vec<Finding>,
        reader: &mut Reader,
        told: &mut Told,
        context: &mut Context,
    ) -> Result<(), TooLate> {
        self.bars.fill(quote, closed)?;
        self.spend(quote, context);
        for &(timeframe, ref bar) in closed.iter() {
            if timeframe == quote.timeframe {
                let (instrument, close) = (self.instrument(context), bar.price.close);
                self.pulse
                    .close(bar.end_time, close, Stated::Bar, instrument);
            }
            let rules = self.rules(context.settings);
            let t = self.read(timeframe, bar, findings, reader, told, context.settings);
            self.set_up(timeframe, bar, t, findings, rules);
        }
        Ok(())
    }

    /// The last price before a trading day, as a source states it.
    pub(crate) fn previous_close(&mut self, close: &PreviousClose, settings: &Settings) {
        let instrument = settings.catalog.instrument(self.id);
        self.pulse
            .close(close.time, close.price, Stated::Official, instrument);
    }

    /// Ends the armed setups that a past bar triggers or stops: their moment is over.
    fn spend(&mut self, quote: &QuoteBar, context: &Context) {
        let Some(ground) = self.ground(context) else {
            return;
        };
        let (reach, mid) = (Reach::of_bar(quote), bars::mid(quote));
        let rules = self.rules(context.settings);
        self.setups.take_if(|armed| {
            armed.is_reached(mid.low)
                || armed.is_reached(mid.high)
                || reach.stops(
                    armed.pattern.direction,
                    ground.idea(&armed.pattern).stop(rules),
                )
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::{Engine, Known};
    use crate::rules::{PriceRules, Rules, Settings};
    use crate::structure::{Chart, PoolKind};
    use market::{
        Calendar, Catalog, Event, Instrument, InstrumentId, Ohlc, Price, PriceKind, QuoteBar,
        Source, SourceId, SourceTime, Span, Symbol, Tick, Timeframe,
    };
    use std::sync::Arc;

    fn engine() -> Engine {
        let instrument = Instrument {
            symbol: Symbol::new("EURUSD").unwrap(),
            digits: 5,
            tick_size: Price::parse("0.00001").unwrap(),
            pip_size: Price::parse("0.0001").unwrap(),
            kind: PriceKind::Cfd,
            calendar: Calendar::Fx,
            spread_default: Price::parse("0.0001").unwrap(),
            source: SourceId(0),
            signals: true,
            prices: true,
            contract: None,
            slippage_pips: None,
        };
        let source = Source {
            name: "live".into(),
            heartbeats: true,
            simulated: false,
            always_open: false,
        };
        Engine::new(Arc::new(Settings {
            market: "test".into(),
            catalog: Catalog {
                sources: vec![source],
                instruments: vec![instrument],
            },
            rules: Rules::default(),
            own_rules: crate::RuleBook::default(),
            prices: PriceRules::default(),
            account: crate::Account::default(),
            portfolio: crate::portfolio::Limits::default(),
            news: crate::portfolio::News::default(),
            features: crate::features::FeatureRules::default(),
            models: crate::models::ModelRules::default(),
        }))
    }

    /// A day and a half of minutes that wander, some of them absent.
    fn minutes() -> Vec<QuoteBar> {
        let start = SourceTime::parse("2026-07-06T06:00:00Z").unwrap();
        let (mut seed, mut mid, mut bars) = (7_u64, 1_085_000_i64, Vec::new());
        for minute in 0..2160 {
            let mut draw = |most: u64| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) % most
            };
            let (close, up, down) = (mid + draw(41) as i64 - 20, draw(12) as i64, draw(12) as i64);
            let present = draw(10) > 0;
            let side = |by: i64| Ohlc {
                open: Price::from_units((mid + by) * 1000),
                high: Price::from_units((mid.max(close) + up + by) * 1000),
                low: Price::from_units((mid.min(close) - down + by) * 1000),
                close: Price::from_units((close + by) * 1000),
            };
            if present {
                bars.push(QuoteBar {
                    instrument: InstrumentId(0),
                    timeframe: Timeframe::M1,
                    open_time: start + Span::from_minutes(minute),
                    bid: side(-5),
                    ask: side(5),
                    volume: None,
                });
            }
            mid = close;
        }
        bars
    }

    /// The charts, to the bit, and what is armed.
    fn charts(engine: &Engine) -> (Vec<u8>, usize) {
        let desk = engine.desk_of(InstrumentId(0));
        let bytes = postcard::to_stdvec(&desk.charts).unwrap();
        (bytes, desk.setups.armed().len())
    }

    #[test]
    fn charts_filled_from_the_past_equal_those_of_the_same_bars_live() {
        let (mut live, mut filled) = (engine(), engine());
        let bars = minutes();
        let end = |bar: &QuoteBar| (bar.open_time + Span::from_minutes(1)).as_stamp();
        let (mut said, mut out) = (0, Vec::new());
        let last = bars.last().map(end).unwrap();
        for (place, bar) in bars.iter().enumerate() {
            live.handle(end(bar), &Event::Bar(bar.clone()), &mut Vec::new());
            // The past comes in one piece, but for the first third, which is told minute by minute.
            let at = if place < 700 { end(bar) } else { last };
            filled.handle(at, &Event::Past(bar.clone()), &mut out);
            said += out.drain(..).count();
            if place < 700 && place % 50 == 0 {
                assert_eq!(charts(&live).0, charts(&filled).0, "minute {place}");
            }
        }
        assert_eq!(said, 0, "the past says nothing");
        assert_eq!(charts(&live).0, charts(&filled).0);
        let chart = live.desk_of(InstrumentId(0)).charts[Timeframe::M5.index()].as_ref();
        let chart = chart.unwrap();
        assert!(chart.atr().is_some() && chart.levels().previous_day().is_some());
    }

    #[test]
    fn what_was_found_is_told_with_the_bars_it_was_found_on_also_of_the_past() {
        for is_past in [false, true] {
            let mut engine = engine();
            let mut charts = Timeframe::ALL.map(|_| Chart::new(&Rules::default(), 17));
            let (mut told, mut levels, mut gaps, mut blocks, mut pools) = (0, 0, 0, 0, 0);
            for bar in minutes() {
                let at = (bar.open_time + Span::from_minutes(1)).as_stamp();
                let event = if is_past {
                    Event::Past(bar)
                } else {
                    Event::Bar(bar)
                };
                engine.handle(at, &event, &mut Vec::new());
                let mut expected = Vec::new();
                for closed in engine.just_closed() {
                    let chart = &mut charts[closed.timeframe.index()];
                    let mut findings = Vec::new();
                    let place = chart.close(&closed.bar, &Rules::default(), &mut findings);
                    assert_eq!(closed.place, Some(place));
                    expected.extend(findings.into_iter().map(|one| (closed.bar, place, one)));
                }
                let found = engine.just_found().iter();
                let findings: Vec<_> = found
                    .filter_map(|found| match &found.what {
                        Known::Finding(one) => Some((found.bar, found.place, *one)),
                        Known::Level(pool) => {
                            assert_eq!(pool.bar, found.place);
                            levels += 1;
                            None
                        }
                        Known::GapExpired(gap) => {
                            let age = found.place - gap.born;
                            assert_eq!(age, Rules::default().fvg_max_age.into());
                            gaps += 1;
                            None
                        }
                        Known::BlockExpired(block) => {
                            assert!(block.bar < found.place);
                            blocks += 1;
                            None
                        }
                        Known::PoolExpired(pool) => {
                            assert!(pool.kind == PoolKind::Equal && pool.bar < found.place);
                            pools += 1;
                            None
                        }
                    })
                    .collect();
                assert_eq!(findings, expected);
                told += findings.len();
            }
            assert!(told > 500 && levels > 10, "{told} {levels}");
            assert!(
                gaps > 5 && blocks > 5 && pools > 2,
                "{gaps} {blocks} {pools}"
            );
            let now = engine.now();
            engine.handle(now, &Event::Wake, &mut Vec::new());
            assert!(engine.just_found().is_empty() && engine.just_closed().is_empty());
        }
    }

    #[test]
    fn a_hole_in_the_middle_is_filled_as_if_it_had_never_been() {
        // Live minutes as ticks at their four prices, a hole of some hours, and the same again from the past.
        let bars = minutes();
        let ticks = |bar: &QuoteBar| {
            let one = |after: i64, bid: Price, ask: Price| Tick {
                instrument: bar.instrument,
                bid,
                ask,
                volume: None,
                time: bar.open_time + Span::from_secs(after),
                received: None,
            };
            [
                one(1, bar.bid.open, bar.ask.open),
                one(10, bar.bid.low, bar.ask.low),
                one(20, bar.bid.high, bar.ask.high),
                one(30, bar.bid.close, bar.ask.close),
            ]
        };
        let tell = |engine: &mut Engine, bar: &QuoteBar, count: usize| {
            for tick in ticks(bar).into_iter().take(count) {
                engine.handle(tick.time.as_stamp(), &Event::Tick(tick), &mut Vec::new());
            }
        };
        let (mut whole, mut holed) = (engine(), engine());
        bars.iter().for_each(|bar| tell(&mut whole, bar, 4));
        let (first, rest) = bars.split_at(801);
        let (past, last) = rest.split_at(400);
        let (cut, first) = first.split_last().unwrap();
        first.iter().for_each(|bar| tell(&mut holed, bar, 4));
        // The line is cut in the middle of a minute, of which the past then knows all.
        tell(&mut holed, cut, 2);
        let at = holed.now();
        holed.handle(at, &Event::Gap(SourceId(0)), &mut Vec::new());
        let back = last[0].open_time.as_stamp();
        while let Some(wake) = holed.wake_at().filter(|wake| *wake < back) {
            holed.handle(wake, &Event::Wake, &mut Vec::new());
        }
        // The list begins with minutes that are known.
        let mut taken = 0;
        for bar in first[first.len() - 3..].iter().chain([cut]).chain(past) {
            let before = holed.counts().past;
            holed.handle(back, &Event::Past(bar.clone()), &mut Vec::new());
            taken += holed.counts().past - before;
        }
        assert_eq!(taken, 401);
        for bar in last {
            for mut tick in ticks(bar) {
                // The first one comes just when the last past minute ends.
                if tick.time == last[0].open_time + Span::from_secs(1) {
                    tick.time = last[0].open_time;
                }
                holed.handle(
                    (tick.time.as_stamp()).max(holed.now()),
                    &Event::Tick(tick),
                    &mut Vec::new(),
                );
            }
        }
        assert_eq!(charts(&whole).0, charts(&holed).0);
    }
}
