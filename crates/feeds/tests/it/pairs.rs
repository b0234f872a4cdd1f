//! Bids in one file and asks in another.

use crate::files::{Folder, bi5_candles, shown, tape};
use feeds::tape::Spec;

#[test]
fn bids_and_asks_of_the_same_bars_are_joined() {
    let folder = Folder::new();
    let bids = "timestamp,open,high,low,close\n\
                2012-02-01 00:00:00+00:00,1.50,1.52,1.49,1.51\n\
                2012-02-01 00:01:00+00:00,1.51,1.52,1.49,1.51\n\
                2012-02-01 00:03:00+00:00,1.51,1.52,1.49,1.51\n";
    let asks = "timestamp,open,high,low,close\n\
                2012-02-01 00:00:00+00:00,1.501,1.521,1.491,1.511\n\
                2012-02-01 00:02:00+00:00,1.511,1.521,1.491,1.511\n\
                2012-02-01 00:03:00+00:00,1.511,1.521,1.491,1.511\n";
    let asks = folder.file("tasks/GBPUSD_1m_ask_fxcm_2012-02.csv.gz", asks);
    let bids = folder.file("tasks/GBPUSD_1m_bid_fxcm_2012-02.csv.gz", bids);
    let mut tape = tape(&[asks, bids]);
    let shown = shown(&mut tape);
    let quotes: Vec<&str> = shown.lines().map(|line| &line[60..]).collect();
    let joined = "1.51 1.52 1.49 1.51 | 1.511 1.521 1.491 1.511";
    assert_eq!(
        quotes,
        [
            "1.5 1.52 1.49 1.51 | 1.501 1.521 1.491 1.511",
            "1.51 1.52 1.49 1.51 | 1.51015 1.52015 1.49015 1.51015",
            "1.51085 1.52085 1.49085 1.51085 | 1.511 1.521 1.491 1.511",
            joined,
        ]
    );
    assert_eq!(tape.progress().bytes, tape.progress().bytes_total);
}

#[test]
fn dukascopys_candles_are_joined_day_by_day() {
    let folder = Folder::new();
    for (day, side, price) in [
        ("04", "BID", 110_000),
        ("04", "ASK", 110_007),
        ("05", "BID", 110_000),
    ] {
        let name = format!("EURUSD/2019/01/{day}/{side}_candles_min_1.bi5");
        folder.file(
            &name,
            bi5_candles(&[([0, price, price, price, price], 1.0)]),
        );
    }
    let shown = shown(&mut tape(&[Spec::new(folder.path("EURUSD"))]));
    let quotes: Vec<&str> = shown.lines().map(|line| &line[60..]).collect();
    assert_eq!(
        quotes,
        [
            "1.1 1.1 1.1 1.1 | 1.10007 1.10007 1.10007 1.10007",
            "1.1 1.1 1.1 1.1 | 1.10012 1.10012 1.10012 1.10012"
        ]
    );
}

#[test]
fn bids_and_asks_that_are_not_named_alike_are_series_of_their_own() {
    let folder = Folder::new();
    let bar = "timestamp,open,high,low,close\n2012-02-01T00:00Z,1.5,1.5,1.5,1.5\n";
    let specs = [
        "GBPUSD_1m_bid_2012-02.csv",
        "GBPUSD_1m_ask_2012-03.csv",
        "other/GBPUSD_1m_bid_2012-03.csv",
    ]
    .map(|name| folder.file(name, bar));
    let shown = shown(&mut tape(&specs));
    let quotes: Vec<&str> = shown.lines().map(|line| &line[60..]).collect();
    let (bid, ask) = (
        "1.5 1.5 1.5 1.5 | 1.50015 1.50015 1.50015 1.50015",
        "1.49985 1.49985 1.49985 1.49985 | 1.5 1.5 1.5 1.5",
    );
    assert_eq!(quotes, [bid, ask, bid]);
}
