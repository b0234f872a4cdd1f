//! What fell due while ORION was not running is decided at the start, before the first client is served.

use engine::Rules;
use hub::Publication;
use journal::Local;
use lab::market::SimMarket;
use market::{Cause, Epoch, Event, Signal, SourceId, Span, Status, Time};
use orion::config::{self, Layers};
use orion::machine::Machine;
use std::path::Path;
use std::sync::Arc;

fn settings() -> engine::Settings {
    let rules = Rules {
        killzone_gate: false,
        setup_tf: market::Timeframe::M1,
        symbol_cooldown_s: 0,
        ..Rules::default()
    };
    let settings = config::load(&Layers::default())
        .expect("the defaults")
        .config
        .engine_settings();
    engine::Settings { rules, ..settings }
}

async fn open(dir: &Path) -> Machine<Local> {
    let journal = Local::open(dir, || Epoch(7)).expect("open the journal");
    Machine::open(dir, Arc::new(settings()), journal)
        .await
        .expect("open the machine")
}

fn signals(publication: &Publication) -> Vec<&Signal> {
    publication
        .signals
        .iter()
        .map(|(_, signal)| signal)
        .collect()
}

/// Tells the simulated market until a signal is pending; returns it and when that was.
async fn until_pending(machine: &mut Machine<Local>) -> (Signal, Time) {
    let settings = settings();
    let anchor = market::SourceTime::parse("2026-03-04T12:00:00Z").expect("a time");
    machine.tell((anchor - Span::from_hours(1)).as_stamp(), &Event::Start);
    for tick in
        SimMarket::new(1, anchor, &settings.catalog, None).ticks_from(anchor - Span::from_hours(1))
    {
        let at = machine.engine().now().max(tick.time.as_stamp()) + Span::from_nanos(1);
        machine.tell(at, &Event::Tick(tick));
        let told = machine.commit().await.expect("commit").publication;
        if let Some(signal) = signals(&told)
            .into_iter()
            .find(|signal| signal.status == Status::Pending)
        {
            return (signal.clone(), at);
        }
    }
    unreachable!("the simulated market never ends")
}

/// Restarts `away` after a signal became pending; what the first commit after the start decides about it.
async fn restart_after(away: Span) -> (Option<Signal>, Time) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut machine = open(folder.path()).await;
    let (pending, at) = until_pending(&mut machine).await;
    // No clean end: what was told since the last sync is as it is after `kill -9`.
    machine.write_tape().await.expect("write");
    drop(machine);
    let mut machine = open(folder.path()).await;
    let start = at + away;
    machine.tell(start, &Event::Start);
    machine.tell(start + Span::from_nanos(1), &Event::Gap(SourceId(0)));
    let told = machine.commit().await.expect("commit").publication;
    let decided = signals(&told)
        .into_iter()
        .find(|signal| signal.id == pending.id)
        .cloned();
    assert_eq!(machine.end().epoch, Epoch(7));
    (decided, start)
}

#[tokio::test]
async fn what_is_overdue_is_decided_at_the_start() {
    let (decided, start) = restart_after(Span::from_secs(400)).await;
    let decided = decided.expect("a verdict");
    assert_eq!(
        (decided.status, decided.cause),
        (Status::Invalidated, Some(Cause::Restart))
    );
    assert_eq!(decided.decided_at, Some(start));
}

#[tokio::test]
async fn what_is_not_overdue_goes_on() {
    let (decided, _) = restart_after(Span::from_secs(20)).await;
    assert_eq!(decided, None);
}
