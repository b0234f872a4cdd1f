//! A small file of each format, made by hand: what is found out about it and what comes out of it.

use crate::files::{Folder, bi5_candles, bi5_ticks, shown, tape, zipped};
use feeds::tape::{Columns, DateOrder, Format, Side, Spec, Zone};
use market::{Symbol, Timeframe};

/// Reads one file and compares what was found out (without its path) and all items.
fn check(spec: &Spec, found: &str, items: &[&str]) {
    let mut tape = tape(std::slice::from_ref(spec));
    let described = tape.files()[0].to_string();
    let (_, described) = described.split_once(": ").unwrap();
    assert_eq!(described, found, "{}", spec.path.display());
    let shown = shown(&mut tape);
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(shown, items, "{}", spec.path.display());
    assert_eq!(
        tape.counts().iter().collect::<Vec<_>>(),
        [],
        "{:?}",
        tape.counts()
    );
    let progress = tape.progress();
    assert_eq!(progress.bytes, progress.bytes_total);
    assert_eq!(progress.items, items.len() as u64);
}

#[test]
fn lean_ticks_in_the_time_of_their_source() {
    let folder = Folder::new();
    let lines = "277,1.38694,1.38705\n45000000.5,1.38692,1.38706\n";
    let entry = "20140502_eurusd_tick_quote.csv";
    check(
        &folder.file(&format!("EURUSD_tick_oanda_20140502.zip!{entry}"), lines),
        "lean EURUSD ticks, zone utc, from 2014-05-02T00:00:00.277Z",
        &[
            "2014-05-02T00:00:00.277Z EURUSD 1.38694 1.38705",
            "2014-05-02T12:30:00.000Z EURUSD 1.38692 1.38706",
        ],
    );
    check(
        &folder.file(
            &format!("forex/fxcm/tick/eurusd/20140502_quote.zip!{entry}"),
            lines,
        ),
        "lean EURUSD ticks, zone -05:00, from 2014-05-02T05:00:00.277Z",
        &[
            "2014-05-02T05:00:00.277Z EURUSD 1.38694 1.38705",
            "2014-05-02T17:30:00.000Z EURUSD 1.38692 1.38706",
        ],
    );
}

#[test]
fn lean_trades_of_a_future_have_a_volume() {
    let folder = Folder::new();
    let lines = "45000000,1682.25,3\n45000001,1682.50,1\n";
    check(
        &folder.file("ES_cme.zip!20131006_es_tick_trade_201312.csv", lines),
        "lean ES ticks, zone utc, from 2013-10-06T12:30:00.000Z",
        &[
            "2013-10-06T12:30:00.000Z ES 1682.125 1682.375 v3",
            "2013-10-06T12:30:00.001Z ES 1682.375 1682.625 v1",
        ],
    );
}

#[test]
fn lean_minute_bars_may_lack_a_side() {
    let folder = Folder::new();
    let lines = "68400000,1681.5,1682,1681,1681.5,5,1682,1682.5,1681.5,1682,19\n\
                 75660000,,,,,0,1682.25,1682.25,1682.25,1682.25,39\n\
                 75720000,1682,1682,1682,1682,7,,,,,0\n";
    check(
        &folder.file("ES_1m_cme.zip!20131006_es_minute_quote_201312.csv", lines),
        "lean ES 1m bars, zone utc, from 2013-10-06T19:01:00.000Z",
        &[
            "2013-10-06T19:01:00.000Z ES 1m 2013-10-06T19:00:00.000Z 1681.5 1682 1681 1681.5 | 1682 1682.5 1681.5 1682",
            "2013-10-06T21:02:00.000Z ES 1m 2013-10-06T21:01:00.000Z 1682 1682 1682 1682 | 1682.25 1682.25 1682.25 1682.25",
            "2013-10-06T21:03:00.000Z ES 1m 2013-10-06T21:02:00.000Z 1682 1682 1682 1682 | 1682.25 1682.25 1682.25 1682.25",
        ],
    );
}

#[test]
fn lean_hour_and_day_bars_hold_their_dates() {
    let folder = Folder::new();
    let lines = "20070101 21:00,1.3,1.31,1.29,1.3,0,1.301,1.311,1.291,1.301,0\n";
    let bar = "1.3 1.31 1.29 1.3 | 1.301 1.311 1.291 1.301";
    check(
        &folder.file("EURUSD_1h_oanda.zip!eurusd.csv", lines),
        "lean EURUSD 1h bars, zone utc, from 2007-01-01T22:00:00.000Z",
        &[&format!(
            "2007-01-01T22:00:00.000Z EURUSD 1h 2007-01-01T21:00:00.000Z {bar}"
        )],
    );
    check(
        &folder.file("forex/fxcm/daily/eurusd.zip!eurusd.csv", lines),
        "lean EURUSD 1d bars, zone -05:00, from 2007-01-03T02:00:00.000Z",
        &[&format!(
            "2007-01-03T02:00:00.000Z EURUSD 1d 2007-01-02T02:00:00.000Z {bar}"
        )],
    );
}

#[test]
fn lean_cash_indices_are_in_chicagos_time() {
    let folder = Folder::new();
    let lines = "30600000,3764.61,3769.99,3764.6,3766.63,59\n";
    for (date, open) in [("20210104", "2021-01-04T14"), ("20210707", "2021-07-07T13")] {
        let mut spec = folder.file(
            &format!("SPX_1m_cash.zip!{date}_spx_minute_trade.csv"),
            lines,
        );
        spec.symbol = Symbol::new("SPX500").ok();
        let bar = "3764.36 3769.74 3764.35 3766.38 | 3764.86 3770.24 3764.85 3766.88";
        check(
            &spec,
            &format!("lean SPX500 1m bars, zone chicago, from {open}:31:00.000Z"),
            &[&format!(
                "{open}:31:00.000Z SPX500 1m {open}:30:00.000Z {bar}"
            )],
        );
    }
}

#[test]
fn of_a_futures_contracts_the_busiest_is_read() {
    let folder = Folder::new();
    let line = |ms: u32, price: &str| format!("{ms},{price},{price},{price},{price},9\n");
    let near = line(0, "1676");
    let next = line(0, "1670") + &line(60_000, "1670");
    let far = line(0, "1660") + &line(120_000, "1660");
    let archive = zipped(&[
        ("20131007_es_minute_trade_201403.csv", next.as_bytes()),
        ("20131007_es_minute_trade_201312.csv", near.as_bytes()),
        ("20131007_es_minute_trade_201406.csv", far.as_bytes()),
    ]);
    let path = folder.path("ES_1m_cme_20131007_trade.zip");
    std::fs::write(&path, archive).unwrap();
    let mut spec = Spec::new(path);
    let entry = |spec: &Spec| {
        tape(std::slice::from_ref(spec)).files()[0]
            .entry
            .clone()
            .unwrap()
    };
    assert_eq!(entry(&spec), "20131007_es_minute_trade_201403.csv");
    spec.expiry = Some("201312".to_owned());
    assert_eq!(entry(&spec), "20131007_es_minute_trade_201312.csv");
}

#[test]
fn dukascopy_ticks_by_either_way_of_naming_them() {
    let folder = Folder::new();
    let bytes = bi5_ticks(&[[1_500, 114_570, 114_543], [3_599_999, 114_571, 114_544]]);
    let items = [
        "2019-02-04T13:00:01.500Z EURUSD 1.14543 1.1457",
        "2019-02-04T13:59:59.999Z EURUSD 1.14544 1.14571",
    ];
    for name in [
        "EURUSD_dukascopy_bi5_20190204/13h_ticks.bi5",
        "EURUSD/2019/01/04/13h_ticks.bi5",
    ] {
        let found = "dukascopy EURUSD ticks, zone utc, from 2019-02-04T13:00:00.000Z";
        check(&folder.file(name, &bytes), found, &items);
    }
    let mut named = folder.file("euro_ticks.bi5", &bytes);
    named.symbol = Symbol::new("EURUSD").ok();
    named.base = "2019-02-04T13:00".parse().ok();
    check(
        &named,
        "dukascopy EURUSD ticks, zone utc, from 2019-02-04T13:00:00.000Z",
        &items,
    );
}

#[test]
fn dukascopy_prices_of_indices_and_yen_have_three_decimals() {
    let folder = Folder::new();
    let bytes = bi5_ticks(&[[0, 12_345_678, 12_345_600]]);
    for (name, symbol) in [
        ("XAUUSD", "XAUUSD"),
        ("USDJPY", "USDJPY"),
        ("USA30IDXUSD", "US30"),
    ] {
        let spec = folder.file(&format!("{name}/2019/01/04/00h_ticks.bi5"), &bytes);
        let found = format!("dukascopy {symbol} ticks, zone utc, from 2019-02-04T00:00:00.000Z");
        check(
            &spec,
            &found,
            &[&format!(
                "2019-02-04T00:00:00.000Z {symbol} 12345.6 12345.678"
            )],
        );
    }
}

#[test]
fn dukascopy_candles_without_volume_are_no_bars() {
    let folder = Folder::new();
    let bytes = bi5_candles(&[
        ([0, 114_543, 114_569, 114_542, 114_570], 293.76),
        ([60, 114_569, 114_569, 114_569, 114_569], 0.0),
        ([120, 114_575, 114_563, 114_562, 114_581], 386.5),
    ]);
    check(
        &folder.file("EURUSD_1m_bid_dukascopy_20190204.bi5", &bytes),
        "dukascopy EURUSD 1m bars, zone utc, from 2019-02-04T00:00:00.000Z",
        &[
            "2019-02-04T00:01:00.000Z EURUSD 1m 2019-02-04T00:00:00.000Z 1.14543 1.1457 1.14542 1.14569 | 1.14555 1.14582 1.14554 1.14581",
            "2019-02-04T00:03:00.000Z EURUSD 1m 2019-02-04T00:02:00.000Z 1.14575 1.14581 1.14562 1.14563 | 1.14587 1.14593 1.14574 1.14575",
        ],
    );
}

#[test]
fn histdata_is_in_new_yorks_winter_time_all_year() {
    let folder = Folder::new();
    check(
        &folder.file(
            "DAT_ASCII_EURUSD_T_201207.csv.gz",
            "20120702 000003660,1.306600,1.306770,0\n",
        ),
        "histdata EURUSD ticks, zone -05:00, from 2012-07-02T05:00:03.660Z",
        &["2012-07-02T05:00:03.660Z EURUSD 1.3066 1.30677"],
    );
    let bar = "1.3066 1.3067 1.3065 1.3066 | 1.30672 1.30682 1.30662 1.30672";
    let item = format!("2012-02-01T05:01:00.000Z EURUSD 1m 2012-02-01T05:00:00.000Z {bar}");
    let found = "histdata EURUSD 1m bars, zone -05:00, from 2012-02-01T05:01:00.000Z";
    let ascii = "20120201 000000;1.306600;1.306700;1.306500;1.306600;0\r\n";
    check(
        &folder.file("DAT_ASCII_EURUSD_M1_201202.csv", ascii),
        found,
        &[&item],
    );
    let metatrader = "2012.02.01,00:00,1.306600,1.306700,1.306500,1.306600,0\r\n";
    check(
        &folder.file("DAT_MT_EURUSD_M1_201202.csv", metatrader),
        found,
        &[&item],
    );
}

#[test]
fn the_status_report_in_histdatas_zip_is_no_data() {
    let folder = Folder::new();
    let path = folder.path("HISTDATA_COM_ASCII_EURUSD_M1_201202.zip");
    let bars = b"20120201 000000;1.3;1.3;1.3;1.3;0\n20120201 000100;1.3;1.3;1.3;1.3;0\n";
    let archive = zipped(&[
        (
            "DAT_ASCII_EURUSD_M1_201202.txt",
            b"Status Report, gaps found: 12",
        ),
        ("DAT_ASCII_EURUSD_M1_201202.csv", bars),
    ]);
    std::fs::write(&path, archive).unwrap();
    assert_eq!(tape(&[Spec::new(path)]).count(), 2);
}

#[test]
fn metatrader_5_bars_in_the_brokers_time() {
    let folder = Folder::new();
    let header = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\r\n";
    let prices = "1.1\t1.2\t1.0\t1.15\t55\t0\t3\r\n";
    // Between the dates of change in March the two kinds of broker differ by an hour.
    for (day, zone, open) in [
        ("2019.02.04", Zone::EetUs, "2019-02-04T10"),
        ("2019.02.04", Zone::EetEu, "2019-02-04T10"),
        ("2019.03.20", Zone::EetUs, "2019-03-20T09"),
        ("2019.03.20", Zone::EetEu, "2019-03-20T10"),
        ("2019.07.04", Zone::EetUs, "2019-07-04T09"),
        ("2019.07.04", Zone::EetEu, "2019-07-04T09"),
    ] {
        let mut spec = folder.file(
            "EURUSD_M15.csv",
            format!("{header}{day}\t12:00:00\t{prices}"),
        );
        spec.zone = Some(zone);
        check(
            &spec,
            &format!("metatrader EURUSD 15m bars, zone {zone}, from {open}:15:00.000Z"),
            &[&format!(
                "{open}:15:00.000Z EURUSD 15m {open}:00:00.000Z 1.1 1.2 1 1.15 | 1.10012 1.20012 1.00012 1.15012"
            )],
        );
    }
}

#[test]
fn metatrader_5_ticks_write_only_what_changed() {
    let folder = Folder::new();
    let text = "<DATE>,<TIME>,<BID>,<ASK>,<LAST>,<VOLUME>,<FLAGS>\n\
                2019.02.04,00:00:00.100,1.1,1.2,,,6\n\
                2019.02.04,00:00:00.200,1.11,,,,2\n\
                2019.02.04,00:00:00.300,,1.19,,,4\n";
    let mut spec = folder.file(
        "EURUSD_ticks.csv",
        text.replace("1.2,", "1.102,")
            .replace("1.19", "1.112")
            .replace("1.11,", "1.101,"),
    );
    spec.zone = Some(Zone::EetUs);
    check(
        &spec,
        "metatrader EURUSD ticks, zone eet_us, from 2019-02-03T22:00:00.100Z",
        &[
            "2019-02-03T22:00:00.100Z EURUSD 1.1 1.102",
            "2019-02-03T22:00:00.200Z EURUSD 1.101 1.102",
            "2019-02-03T22:00:00.300Z EURUSD 1.101 1.112",
        ],
    );
}

#[test]
fn metatrader_4_bars_need_no_header() {
    let folder = Folder::new();
    let text = "2019.02.04,12:00,1.1,1.2,1.0,1.15,55\n2019.02.04,12:05,1.15,1.2,1.1,1.15,55\n";
    let mut spec = folder.file("EURUSD5.csv", text);
    spec.side = Some(Side::Mid);
    check(
        &spec,
        "metatrader EURUSD 5m bars, zone eet_us, from 2019-02-04T10:05:00.000Z; assumed: zone eet_us, as most brokers use",
        &[
            "2019-02-04T10:05:00.000Z EURUSD 5m 2019-02-04T10:00:00.000Z 1.09994 1.19994 0.99994 1.14994 | 1.10006 1.20006 1.00006 1.15006",
            "2019-02-04T10:10:00.000Z EURUSD 5m 2019-02-04T10:05:00.000Z 1.14994 1.19994 1.09994 1.14994 | 1.15006 1.20006 1.10006 1.15006",
        ],
    );
}

#[test]
fn integer_points_are_scaled_and_half_an_odd_spread_keeps_the_mid() {
    let folder = Folder::new();
    let text = "Date,open,high,low,close,tick_volume\r\n2019-03-20 12:00:00,158611.0,158618.0,158572.0,158599.0,1032\r\n";
    let mut spec = folder.file("GBPUSD_1h_points.csv.gz", text);
    spec.columns = Some(Columns {
        price_scale: Some(100_000),
        ..Columns::default()
    });
    spec.side = Some(Side::Mid);
    check(
        &spec,
        "metatrader GBPUSD 1h bars, zone eet_eu, from 2019-03-20T11:00:00.000Z; assumed: zone eet_eu, as measured in two data sets of this form",
        &[
            "2019-03-20T11:00:00.000Z GBPUSD 1h 2019-03-20T10:00:00.000Z 1.586035 1.586105 1.585645 1.585915 | 1.586185 1.586255 1.585795 1.586065",
        ],
    );
}

#[test]
fn csv_with_a_header_finds_its_columns_and_timeframe() {
    let folder = Folder::new();
    let text = "Time\tOpen\tHigh\tLow\tClose\tVolume\n\
                2013-05-23 00:00:00\t15343\t15353\t15322\t15328\t60\n\
                2013-05-23 04:00:00\t15328\t15341\t15322\t15324\t60";
    let bars = [
        "2013-05-23T04:00:00.000Z US30 4h 2013-05-23T00:00:00.000Z 15341.75 15351.75 15320.75 15326.75 | 15344.25 15354.25 15323.25 15329.25",
        "2013-05-23T08:00:00.000Z US30 4h 2013-05-23T04:00:00.000Z 15326.75 15339.75 15320.75 15322.75 | 15329.25 15342.25 15323.25 15325.25",
    ];
    check(
        &folder.file("US30.csv", text),
        "csv US30 4h bars, zone utc, from 2013-05-23T04:00:00.000Z; assumed: zone utc, since nothing says another",
        &bars,
    );
    check(
        &folder.file("US30_dukascopy.csv", text),
        "csv US30 4h bars, zone utc, from 2013-05-23T04:00:00.000Z",
        &bars,
    );
    check(
        &folder.file(
            "USDJPY_tick_truefx.csv.gz",
            "timestamp,bid,ask\n2013-01-01 22:00:00.295000+00:00,86.655,86.728\n",
        ),
        "csv USDJPY ticks, zone utc, from 2013-01-01T22:00:00.295Z",
        &["2013-01-01T22:00:00.295Z USDJPY 86.655 86.728"],
    );
}

#[test]
fn volumes_are_kept_where_they_are_traded() {
    let folder = Folder::new();
    let text = "timestamp_utc,open,high,low,close,volume\n2024-01-01 23:01:00,1.1076,1.10785,1.1076,1.1078,205\n";
    check(
        &folder.file("6EH4_1m_cme_2024-01.csv", text),
        "csv 6E 1m bars, zone utc, from 2024-01-01T23:02:00.000Z",
        &[
            "2024-01-01T23:02:00.000Z 6E 1m 2024-01-01T23:01:00.000Z 1.107575 1.107825 1.107575 1.107775 | 1.107625 1.107875 1.107625 1.107825 v205",
        ],
    );
    check(
        &folder.file(
            "EURUSD_last.csv",
            "time,last,volume\n2019-02-04T12:00Z,1.1,7\n",
        ),
        "csv EURUSD ticks, zone utc, from 2019-02-04T12:00:00.000Z",
        &["2019-02-04T12:00:00.000Z EURUSD 1.09994 1.10006"],
    );
}

#[test]
fn a_mapping_reads_what_no_format_describes() {
    let folder = Folder::new();
    let mut spec = folder.file(
        "quotes.txt",
        "x|5/11/2019 9:30|86655|86728\nx|5/11/2019 9:31|86656|86729\n",
    );
    spec.symbol = Symbol::new("USDJPY").ok();
    spec.zone = Some(Zone::NewYork);
    spec.columns = Some(Columns {
        price_scale: Some(1000),
        date_order: Some(DateOrder::DayFirst),
        ..("-,time,bid,ask".parse().unwrap())
    });
    check(
        &spec,
        "csv USDJPY ticks, zone new_york, from 2019-11-05T14:30:00.000Z",
        &[
            "2019-11-05T14:30:00.000Z USDJPY 86.655 86.728",
            "2019-11-05T14:31:00.000Z USDJPY 86.656 86.729",
        ],
    );
}

#[test]
fn one_side_is_completed_with_the_default_spread() {
    let folder = Folder::new();
    let text = "time,open,high,low,close\n2019-02-04T12:00Z,1.1,1.1,1.1,1.1\n";
    let item =
        |quote| format!("2019-02-04T13:00:00.000Z EURUSD 1h 2019-02-04T12:00:00.000Z {quote}");
    let found = "csv EURUSD 1h bars, zone utc, from 2019-02-04T13:00:00.000Z";
    for (name, side, quote) in [
        (
            "EURUSD_1h_bid.csv",
            None,
            "1.1 1.1 1.1 1.1 | 1.10012 1.10012 1.10012 1.10012",
        ),
        (
            "EURUSD_1h_ask.csv",
            None,
            "1.09988 1.09988 1.09988 1.09988 | 1.1 1.1 1.1 1.1",
        ),
        (
            "EURUSD_1h.csv",
            None,
            "1.09994 1.09994 1.09994 1.09994 | 1.10006 1.10006 1.10006 1.10006",
        ),
        (
            "EURUSD_1h.csv",
            Some(Side::Ask),
            "1.09988 1.09988 1.09988 1.09988 | 1.1 1.1 1.1 1.1",
        ),
    ] {
        let mut spec = folder.file(name, text);
        spec.side = side;
        check(&spec, found, &[&item(quote)]);
    }
    check(
        &folder.file("EURUSD_bid_only.csv", "time,bid\n2019-02-04T12:00Z,1.1\n"),
        "csv EURUSD ticks, zone utc, from 2019-02-04T12:00:00.000Z",
        &["2019-02-04T12:00:00.000Z EURUSD 1.1 1.10012"],
    );
    check(
        &folder.file("EURUSD_last.csv", "time,last\n1549281600,1.1\n"),
        "csv EURUSD ticks, zone utc, from 2019-02-04T12:00:00.000Z",
        &["2019-02-04T12:00:00.000Z EURUSD 1.09994 1.10006"],
    );
}

#[test]
fn settings_overrule_what_is_found_out() {
    let folder = Folder::new();
    let mut spec = folder.file(
        "EURUSD_1m.csv",
        "time,open,high,low,close\n2019-02-04 12:00,1.1,1.1,1.1,1.1\n",
    );
    spec.symbol = Symbol::new("GBPUSD").ok();
    spec.timeframe = Some(Timeframe::M5);
    spec.zone = Some(Zone::Fixed(3600));
    spec.format = Some(Format::MetaTrader);
    check(
        &spec,
        "metatrader GBPUSD 5m bars, zone +01:00, from 2019-02-04T11:05:00.000Z",
        &[
            "2019-02-04T11:05:00.000Z GBPUSD 5m 2019-02-04T11:00:00.000Z 1.1 1.1 1.1 1.1 | 1.10015 1.10015 1.10015 1.10015",
        ],
    );
}
