//! The public dashboard's page, modelled, on real sockets.

mod model;
mod timetable;
mod visit;

use crate::line::Line;
use crate::support::{Server, recording, serve, serve_at};
use crate::{SYMBOLS, simulated, start};
use market::{Span, Time};
use model::Page;
use std::collections::BTreeMap;
use std::path::Path;
pub(crate) use visit::Visit;

/// How long prices are watched.
const WATCHED: Span = Span::from_secs(12);
/// How much later than meant a message may be read on a busy machine.
const LATE: Span = Span::from_millis(800);

/// Until the page has a price of every symbol: the last thing that a snapshot brings.
pub(crate) async fn loaded(visit: &mut Visit) {
    visit
        .until("the snapshot", |page| page.prices.len() == 11)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_sees_signals_and_every_price_each_1_to_5_seconds() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = simulated(folder.path());
    let mut visit = Visit::load(&server.address);
    loaded(&mut visit).await;
    let page = visit.page();
    assert!(
        page.cards.len() > 1,
        "a newcomer sees only {} signals",
        page.cards.len()
    );
    let entries: Vec<_> = page
        .cards
        .iter()
        .map(|card| card.signal["entry_time"].to_string())
        .collect();
    assert!(
        entries.is_sorted_by(|above, below| above >= below),
        "the newest is not on top: {entries:?}"
    );
    for card in &page.cards {
        let reason = card.signal["reason"].as_str().unwrap_or_default();
        assert!(reason.ends_with("(SIMULATED)"), "{reason}");
    }
    let from = visit.now();
    visit.listen(WATCHED).await;
    check_rhythm(&visit, from);
    visit.check_health();
}

/// From `from` on: no symbol is silent for more than five seconds, none is shown more than once a second.
fn check_rhythm(visit: &Visit, from: Time) {
    let mut arrivals: BTreeMap<&str, Vec<Time>> =
        SYMBOLS.iter().map(|symbol| (*symbol, vec![from])).collect();
    for heard in visit
        .heard
        .iter()
        .filter(|heard| heard.at >= from && heard.message["type"] == "price_update")
    {
        let symbol = heard.message["payload"]["symbol"]
            .as_str()
            .unwrap_or_default();
        if let Some(times) = arrivals.get_mut(symbol) {
            times.push(heard.at);
        }
    }
    for (symbol, times) in arrivals {
        let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max();
        let longest = longest
            .unwrap_or(WATCHED)
            .max(visit.now() - times[times.len() - 1]);
        assert!(
            longest <= Span::from_secs(5) + LATE,
            "{symbol} was silent for {longest:?}"
        );
        // Single gaps shrink when this machine reads late; the count over all of the time does not.
        let most = usize::try_from((visit.now() - from + LATE).millis() / 1000)
            .expect("a small number")
            + 1;
        assert!(
            (3..=most + 1).contains(&times.len()),
            "{symbol} came {} times",
            times.len() - 1
        );
    }
}

/// Starts a server at the address of one before, on its data.
async fn again(address: &str, data: &Path) -> Server {
    let command = serve_at(address, data, &[]);
    tokio::task::spawn_blocking(|| start(command))
        .await
        .expect("start again")
}

/// The ids in the page's list, from the top.
fn list(visit: &Visit) -> Vec<String> {
    visit
        .page()
        .cards
        .iter()
        .map(|card| card.id.clone())
        .collect()
}

/// What was in the list stands in it as before, below what is new.
fn check_intact(before: &[String], visit: &Visit) {
    let after = list(visit);
    let new = after.len().saturating_sub(before.len());
    assert!(
        after.len() >= before.len() && after[new..] == *before,
        "{before:?} became {after:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_restart_costs_no_failed_attempt() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = simulated(folder.path());
    let address = server.address.clone();
    let mut visit = Visit::load(&address);
    loaded(&mut visit).await;
    let before = list(&visit);

    let data = folder.path().to_owned();
    let restarting = tokio::spawn(async move {
        let ended = tokio::task::spawn_blocking(move || {
            server.terminate();
            server.wait()
        });
        assert_eq!(ended.await.expect("wait for the server"), Some(0));
        again(&address, &data).await
    });
    visit
        .until("the end of its connection", |page| page.sockets() == 0)
        .await;
    assert_eq!(visit.codes, [1012]);
    let lost = visit.now();
    let heard = visit.heard.len();
    visit
        .until("its connection again", |page| page.sockets() > 0)
        .await;
    let _server = restarting.await.expect("restart");
    assert_eq!(
        (visit.page().failures, visit.page().sockets()),
        (0, 1),
        "back after {:?}",
        visit.now() - lost
    );
    visit
        .until_heard("prices again", heard, |message| {
            message["type"] == "price_update"
        })
        .await;
    check_intact(&before, &visit);
    visit.check_health();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_in_a_row_leave_a_page_with_one_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let mut line = Line::start(data, serve(data, &[]));
    let mut visit = Visit::load(&line.first.address);
    loaded(&mut visit).await;
    let before = list(&visit);
    for round in 1..=3 {
        let reloading = tokio::task::spawn_blocking(move || {
            let reloaded = line.reload();
            (line, reloaded)
        });
        let ends = |page: &Page| page.sockets() == 0;
        visit.until("the end of its connection", ends).await;
        visit
            .until("its connection again", |page| page.sockets() > 0)
            .await;
        let reloaded;
        (line, reloaded) = reloading.await.expect("reload");
        reloaded.expect("the new process serves");
        let heard = visit.heard.len();
        visit
            .until_heard("prices again", heard, |message| {
                message["type"] == "price_update"
            })
            .await;
        assert_eq!(visit.codes, vec![1012; round]);
        assert_eq!((visit.page().failures, visit.page().sockets()), (0, 1));
    }
    check_intact(&before, &visit);
    visit.check_health();
    line.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_with_several_sockets_after_a_crash_is_served_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = simulated(folder.path());
    let address = server.address.clone();
    let mut visit = Visit::load(&address);
    loaded(&mut visit).await;
    let before = list(&visit);
    server.kill();
    visit
        .until("one attempt in vain", |page| page.failures == 1)
        .await;
    assert_eq!(visit.codes, [model::CUT]);
    let heard = visit.heard.len();
    let _server = again(&address, folder.path()).await;
    visit
        .until("both of its sockets", |page| page.sockets() == 2)
        .await;
    visit
        .until_heard("signals again", heard, |message| {
            message["type"] == "signal"
        })
        .await;
    visit
        .until_heard("prices again", heard, |message| {
            message["type"] == "price_update"
        })
        .await;
    // Whichever of its sockets the page speaks on, none is closed for saying nothing, or for saying it twice.
    visit.listen(Span::from_secs(2)).await;
    assert_eq!((visit.page().sockets(), visit.page().failures), (2, 1));
    check_intact(&before, &visit);
    visit.check_health();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tape_decides_its_signals_within_five_minutes_of_its_own_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = recording::make(folder.path(), Span::from_hours(1));
    // An hour in 12 seconds; the page's five minutes are the tape's.
    let server = start(recording::command(
        &folder.path().join("data"),
        &files,
        "300",
    ));
    let mut visit = Visit::load_on_tape_time(&server.address);
    let is_pending = |message: &serde_json::Value| {
        message["type"] == "signal" && message["payload"]["status"] == "pending"
    };
    visit.until_heard("a pending signal", 0, is_pending).await;
    let shown = visit.now();
    let id = visit.page().cards[0].id.clone();
    let is_decided = |page: &model::Page| {
        page.cards
            .iter()
            .any(|card| card.id == id && card.status != "pending")
    };
    visit.until("its verdict", is_decided).await;
    let took = visit.now() - shown;
    assert!(
        took > Span::ZERO && took < Span::from_minutes(5),
        "{took:?}"
    );
    visit.check_health();
}
