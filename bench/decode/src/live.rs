//! What one tick of a live source costs to decode: the vendor's text in memory to prices and times, without sockets.

use crate::{Walk, catalog, cpu_nanos, decimal};
use feeds::json::decode::{Decoder, Found};
use feeds::massive::decode::Element;
use market::Catalog;
use std::error::Error;

/// A source's text of so many ticks, and what reads one of them and says how many prices it held.
struct Source {
    name: &'static str,
    frames: Vec<String>,
    read: Box<dyn Fn(&str) -> usize>,
}

/// Frames that are held in memory at a time; they are read again and again.
const FRAMES: usize = 10_000;

/// Reads so many ticks of each source and prints what one cost.
pub(crate) fn run(items: usize, runs: usize) -> Result<(), Box<dyn Error>> {
    println!(
        "\n{:<44} {:>9} {:>12} {:>9}",
        "live source", "ticks", "ticks/s", "ns/tick"
    );
    for source in sources()? {
        let best = (0..runs)
            .map(|_| measured(&source, items))
            .reduce(f64::min)
            .unwrap_or(0.0);
        println!(
            "{:<44} {items:>9} {:>12.0} {best:>9.1}",
            source.name,
            1e9 / best
        );
    }
    Ok(())
}

/// Nanoseconds of CPU for one tick.
fn measured(source: &Source, items: usize) -> f64 {
    let before = cpu_nanos();
    let frames = source.frames.iter().cycle();
    let read: usize = frames.take(items).map(|frame| (source.read)(frame)).sum();
    assert_eq!(read, items, "{}: every frame holds one tick", source.name);
    (cpu_nanos() - before) / items as f64
}

fn frames(frame: impl Fn(usize, &str, &str) -> String) -> Vec<String> {
    let mut walk = Walk::new();
    let one = |number| {
        let bid = walk.next();
        frame(number, &decimal(bid), &decimal(bid + 11))
    };
    (0..FRAMES).map(one).collect()
}

fn sources() -> Result<Vec<Source>, Box<dyn Error>> {
    let oanda = frames(|n, bid, ask| {
        format!(
            r#"{{"type":"PRICE","time":"2026-07-13T12:00:{:02}.{:03}000000Z","bids":[{{"price":"{bid}","liquidity":10000000}}],"asks":[{{"price":"{ask}","liquidity":10000000}}],"closeoutBid":"{bid}","closeoutAsk":"{ask}","status":"tradeable","tradeable":true,"instrument":"EUR_USD"}}"#,
            n / 1000 % 60,
            n % 1000
        )
    });
    let massive = frames(|n, bid, ask| {
        format!(
            r#"[{{"ev":"C","p":"EUR/USD","x":48,"a":{ask},"b":{bid},"t":{}}}]"#,
            1_783_944_000_000 + n
        )
    });
    let metatrader = frames(|n, bid, ask| {
        format!(
            r#"{{"v":1,"t":"tick","sym":"EURUSD.a","bid":{bid},"ask":{ask},"time_msc":{},"srv_offset_s":10800,"seq":{}}}"#,
            1_783_954_800_000_i64 + n as i64,
            n + 1
        )
    });
    let kraken = frames(|n, bid, ask| {
        format!(
            r#"{{"channel":"ticker","type":"update","data":[{{"symbol":"EUR/USD","bid":{bid},"bid_qty":1200.5,"ask":{ask},"ask_qty":800.0,"last":{bid},"volume":812345.1,"vwap":1.1421,"low":1.139,"high":1.1444,"change":0.0012,"change_pct":0.11,"timestamp":"2026-07-13T12:00:{:02}.{:03}000Z"}}]}}"#,
            n / 1000 % 60,
            n % 1000
        )
    });
    let finnhub = frames(|n, bid, _| {
        format!(
            r#"{{"data":[{{"c":null,"p":{bid},"s":"OANDA:EUR_USD","t":{},"v":0}}],"type":"trade"}}"#,
            1_783_944_000_000_i64 + n as i64
        )
    });
    let twelvedata = frames(|n, bid, ask| {
        format!(
            r#"{{"event":"price","symbol":"EUR/USD","currency_base":"Euro","currency_quote":"US Dollar","exchange":"","type":"Physical Currency","timestamp":{},"price":{bid},"bid":{bid},"ask":{ask}}}"#,
            1_783_944_000 + n / 100
        )
    });
    Ok(vec![
        Source {
            name: "OANDA, a line of its stream",
            frames: oanda,
            read: Box::new(|frame| {
                let line = feeds::oanda::decode::line(frame.as_bytes());
                usize::from(matches!(line, Ok(feeds::oanda::decode::Line::Price(_))))
            }),
        },
        Source {
            name: "Massive, a frame of one quote",
            frames: massive,
            read: Box::new(|frame| {
                let mut quotes = 0;
                feeds::massive::decode::decode(frame, |element| {
                    quotes += usize::from(matches!(element, Ok(Element::Quote { .. })));
                });
                quotes
            }),
        },
        Source {
            name: "MetaTrader, a line of the advisor",
            frames: metatrader,
            read: Box::new(|frame| {
                let line = feeds::metatrader::decode::line(frame.as_bytes());
                usize::from(matches!(line, Ok(feeds::metatrader::decode::Line::Tick(_))))
            }),
        },
        described("kraken", "Kraken, by its description", kraken)?,
        described("finnhub", "Finnhub, by its description", finnhub)?,
        described("twelvedata", "Twelve Data, by its description", twelvedata)?,
    ])
}

/// A source that a file describes.
fn described(
    name: &str,
    shown: &'static str,
    frames: Vec<String>,
) -> Result<Source, Box<dyn Error>> {
    let description = feeds::json::shipped(name).ok_or("it does not ship")?;
    let catalog: Catalog = catalog();
    let symbols = description.symbols(&catalog, &[])?;
    let decoder = Decoder::new(&description, &symbols, &catalog);
    let read = move |frame: &str| {
        let mut found = Vec::new();
        decoder.decode(frame, None, &mut found);
        found
            .iter()
            .filter(|one| matches!(one, Found::Quote { .. }))
            .count()
    };
    Ok(Source {
        name: shown,
        frames,
        read: Box::new(read),
    })
}
