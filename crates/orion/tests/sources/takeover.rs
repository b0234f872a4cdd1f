//! Two sources of one symbol: the second takes over when the first is cut or stalls, and gives it back.

use crate::support::slow;
use crate::world::{World, health, until_health, until_pounds, until_source};
use journal::tape::{TapeItem, TapeReader};
use market::Event;
use standin::oanda::{Fault, Refuse};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn another_source_takes_over_and_the_better_one_returns_when_it_is_steady() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new();
    let server = world.serve(folder.path());
    let mut client = server.subscribe_to(&["prices", "status"]);
    until_source(&mut client, "EURUSD", "oanda");
    until_pounds(&mut client, 1);

    // Cut, and down for a while: Kraken takes the euro over.
    world
        .oanda
        .fault(Fault::Refuse(Refuse::next(2, 503, "down")));
    world.oanda.fault(Fault::Cut);
    until_source(&mut client, "EURUSD", "kraken");
    until_pounds(&mut client, 3);
    let cut = health(&server, "oanda");
    assert_ne!(cut["state"], "live", "{cut}");
    assert!(cut["reason"].is_string(), "{cut}");
    // It is up again, and connected to after a wait.
    world.runtime.block_on(world.oanda.until_begun(2));
    until_health(&mut client, &server, "oanda", |it| it["state"] == "live");
    let is_slow = slow("the return after half a minute of proof, and a stall");
    if is_slow {
        until_source(&mut client, "EURUSD", "oanda");
    }

    // Stalled: the connection is up, and nothing comes.
    world.oanda.fault(Fault::Stall);
    world
        .kraken
        .send("{\"channel\":\"ticker\",\"data\":[{\"symbol\":");
    // Prices that were on their way say nothing of what Kraken's thread has read by now.
    until_health(&mut client, &server, "kraken", |it| it["unreadable"] == 1);
    if is_slow {
        until_source(&mut client, "EURUSD", "kraken");
    }
    world.oanda.fault(Fault::Heal);
    if is_slow {
        until_source(&mut client, "EURUSD", "oanda");
    }
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    check_ticks(&folder.path().join("live").join("tape"));
}

/// No tick is on the tape twice, whichever source it was taken from.
fn check_ticks(tape: &Path) {
    let mut seen = BTreeSet::new();
    let mut switches = 0;
    for item in TapeReader::open(tape, None).expect("open the tape") {
        match item.expect("a whole tape") {
            TapeItem::Event(_, Event::Tick(tick)) => {
                let key = (tick.instrument, tick.time, tick.bid);
                assert!(seen.insert(key), "{tick:?} is there twice");
            }
            TapeItem::Event(_, Event::Switch(..)) => switches += 1,
            TapeItem::Event(..) | TapeItem::Settings(_) => {}
        }
    }
    assert!(seen.len() > 100, "{} ticks", seen.len());
    assert!(switches >= 3, "{switches} switches");
}
