//! Recorded minutes with a weekend, a holiday and lost hours between them: what was closed makes neighbours, what was lost
//! makes no structure. Found in `ORION_TEST_DATA`, skipped by name where they are absent; `crafted` has a small case of each.

use crate::desk::settings;
use crate::shared::shared;
use engine::structure::{Chart, Finding, PoolKind};
use engine::{Engine, Rules};
use feeds::tape::{Recorded, Spec};
use market::Timeframe;
use market::{
    Bar, Direction, Event, FeedState, InstrumentId, QuoteBar, SourceId, SourceTime, Span, Time,
};
use std::sync::Arc;

const EURUSD: InstrumentId = InstrumentId(0);

/// The minutes of some days of May 2014.
fn minutes(days: &[&str]) -> Option<Vec<QuoteBar>> {
    let mut specs = Vec::new();
    for day in days {
        let file = format!("data/bars/EURUSD_1m_oanda_201405{day}.zip");
        specs.push(Spec::new(shared(&file)?));
    }
    let tape = feeds::tape::open(&specs, &settings().catalog).unwrap();
    let bar = |item: feeds::tape::Item| match item.event {
        Recorded::Bar(bar) => bar,
        Recorded::Tick(tick) => panic!("a tick: {tick:?}"),
    };
    Some(tape.map(|item| bar(item.unwrap())).collect())
}

/// The machine, and the bars of one timeframe that it has closed.
struct Run {
    engine: Engine,
    timeframe: Timeframe,
    closed: Vec<Bar>,
}

impl Run {
    fn new(timeframe: Timeframe) -> Self {
        Self {
            engine: Engine::new(Arc::new(settings())),
            timeframe,
            closed: Vec::new(),
        }
    }

    fn minutes(&mut self, minutes: &[QuoteBar]) {
        for bar in minutes {
            let end_time = bar.open_time + Span::from_minutes(1);
            self.handle(end_time.as_stamp(), &Event::Bar(bar.clone()));
        }
    }

    /// The source was cut.
    fn cut(&mut self) {
        let at = self.engine.now() + Span::from_nanos(1);
        self.handle(at, &Event::Gap(SourceId(0)));
    }

    fn handle(&mut self, at: Time, event: &Event) {
        self.engine.handle(at, event, &mut Vec::new());
        let closed = self.engine.just_closed().iter();
        let ours = closed.filter(|one| one.instrument == EURUSD && one.timeframe == self.timeframe);
        self.closed.extend(ours.map(|one| one.bar));
    }
}

/// What a chart says of bars, but for levels of days, weeks and sessions.
fn findings(bars: &[Bar]) -> Vec<(usize, Finding)> {
    let rules = Rules::default();
    let mut chart = Chart::new(&rules, 17);
    let close = |(t, bar): (usize, &Bar)| {
        let mut findings = Vec::new();
        chart.close(bar, &rules, &mut findings);
        findings.retain(|found| !is_of_days(found));
        findings
            .into_iter()
            .map(move |found| (t, found))
            .collect::<Vec<_>>()
    };
    bars.iter().enumerate().flat_map(close).collect()
}

fn is_of_days(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::Sweep { pool, .. } | Finding::Run { pool, .. }
            if matches!(pool.kind, PoolKind::PreviousDay | PoolKind::PreviousWeek | PoolKind::Session(_))
    )
}

/// The same bars as if nothing lay between them: what a reader of rows sees.
fn rows(bars: &[Bar]) -> Vec<Bar> {
    let row = |(place, bar): (usize, &Bar)| {
        let span = bar.end_time - bar.open_time;
        let open_time = SourceTime::from_nanos(place as i64 * span.nanos());
        Bar {
            open_time,
            end_time: open_time + span,
            holed: false,
            ..*bar
        }
    };
    bars.iter().enumerate().map(row).collect()
}

/// How many gaps and swings lie across the bar that came first after `place` others.
fn across(findings: &[(usize, Finding)], place: usize) -> [usize; 2] {
    let gaps = |(t, found): &&(usize, Finding)| {
        matches!(found, Finding::Gap(_)) && (place..place + 2).contains(t)
    };
    let right = Rules::default().swing_right as usize;
    let swings = |(t, found): &&(usize, Finding)| {
        matches!(found, Finding::Swing { .. }) && (place..place + 2 * right).contains(t)
    };
    [
        findings.iter().filter(gaps).count(),
        findings.iter().filter(swings).count(),
    ]
}

/// Sweeps and runs told from `place` on for levels that price was beyond before it.
fn ends_across(findings: &[(usize, Finding)], bars: &[Bar], place: usize) -> usize {
    let last = &bars[place - 1].price;
    let is_across = |(t, found): &&(usize, Finding)| {
        let (Finding::Sweep { pool, .. } | Finding::Run { pool, .. }) = found else {
            return false;
        };
        let is_beyond = match pool.side {
            Direction::Long => last.high > pool.level,
            Direction::Short => last.low < pool.level,
        };
        let known = pool.bar as usize + Rules::default().swing_right as usize;
        (place..place + 3).contains(t) && known + 1 < place && is_beyond
    };
    findings.iter().filter(is_across).count()
}

#[test]
fn nothing_lies_across_lost_hours_of_a_recorded_day() {
    let Some(day) = minutes(&["08"]) else {
        return;
    };
    let mut naive = [0, 0, 0];
    for begin in (200..1_200).step_by(20) {
        let mut run = Run::new(Timeframe::M1);
        run.minutes(&day[..begin]);
        run.cut();
        run.minutes(&day[begin + 50..]);
        let bars = &run.closed;
        assert!(bars[begin].holed && !bars[begin - 1].holed && !bars[begin + 1].holed);
        let seen = findings(bars);
        assert_eq!(across(&seen, begin), [0, 0], "lost from minute {begin}");
        assert_eq!(
            ends_across(&seen, bars, begin),
            0,
            "lost from minute {begin}"
        );
        // Whoever takes the rows as they come sees what never was.
        let seen = findings(&rows(bars));
        let [gaps, swings] = across(&seen, begin);
        let ends = ends_across(&seen, bars, begin);
        naive = [naive[0] + gaps, naive[1] + swings, naive[2] + ends];
    }
    assert!(naive.iter().all(|count| *count > 5), "{naive:?}");
}

#[test]
fn bars_before_and_after_a_weekend_are_neighbours() {
    let (Some(friday), Some(sunday)) = (minutes(&["02"]), minutes(&["04", "05"])) else {
        return;
    };
    for timeframe in [Timeframe::M1, Timeframe::M5, Timeframe::M15, Timeframe::H1] {
        let mut run = Run::new(timeframe);
        run.minutes(&friday);
        run.minutes(&sunday);
        check_neighbours(&run.closed, timeframe);
    }
}

/// But for the first one, no bar has a hole, and rows say the same.
fn check_neighbours(bars: &[Bar], timeframe: Timeframe) {
    assert!(bars[1..].iter().all(|bar| !bar.holed));
    let apart = |pair: &[Bar]| pair[1].open_time - pair[0].end_time > Span::from_hours(12);
    let shut = 1 + bars.windows(2).position(apart).unwrap();
    let seen = findings(bars);
    assert_eq!(seen, findings(&rows(bars)), "{timeframe}");
    let [_, swings] = across(&seen, shut);
    assert!(swings > 0, "{timeframe}: no swing near the weekend");
}

#[test]
fn bars_before_and_after_a_holiday_are_neighbours_unless_the_source_was_cut() {
    // That weekend moved to Christmas of 2025, from the evening of the 24th to that of the 25th in New York.
    let (Some(friday), Some(sunday)) = (minutes(&["02"]), minutes(&["04", "05"])) else {
        return;
    };
    let moved = |minutes: &[QuoteBar], from: &str, to: &str| -> Vec<QuoteBar> {
        let by = SourceTime::parse(to).unwrap() - SourceTime::parse(from).unwrap();
        let moved = |bar: &QuoteBar| QuoteBar {
            open_time: bar.open_time + by,
            ..bar.clone()
        };
        minutes.iter().map(moved).collect()
    };
    let eve = moved(&friday, "2014-05-02T21:00:00Z", "2025-12-24T22:00:00Z");
    let after = moved(&sunday, "2014-05-04T21:00:00Z", "2025-12-25T22:00:00Z");
    let mut run = Run::new(Timeframe::M5);
    run.minutes(&eve);
    let christmas = SourceTime::parse("2025-12-25T15:00:00Z").unwrap();
    let (state, _) = run.engine.feed(christmas.as_stamp(), EURUSD);
    assert_eq!(state, FeedState::Closed);
    run.minutes(&after);
    check_neighbours(&run.closed, Timeframe::M5);
    // Nobody knows whether that was all before it closed, or the first after it opened.
    let mut cut = Run::new(Timeframe::M5);
    cut.minutes(&eve);
    let place = cut.closed.len();
    cut.cut();
    cut.minutes(&after);
    assert!(cut.closed[place].holed);
    assert_eq!(across(&findings(&cut.closed), place), [0, 0]);
}
