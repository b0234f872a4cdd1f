//! A year of minutes of a simulated symbol, in the hours in which its market is open, as two files: bids and asks.

use anyhow::{Context as _, Result};
use engine::session;
use lab::market::SimMarket;
use market::{
    Calendar, Catalog, Instrument, Ohlc, Price, PriceKind, Source, SourceId, SourceTime, Span,
    Symbol, Tick,
};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const MINUTE: Span = Span::from_minutes(1);

/// A minute of both sides.
struct Minute {
    open_time: SourceTime,
    bid: Ohlc,
    ask: Ohlc,
}

/// Writes the files, unless they are there; which they are, and how many minutes they hold.
pub(crate) fn make(folder: &Path, days: i64) -> Result<([PathBuf; 2], u64)> {
    let paths = ["bid", "ask"].map(|side| folder.join(format!("XAUUSD_1m_{side}_2025_{days}.csv")));
    if let [Ok(bids), Ok(_)] = paths.each_ref().map(fs::read_to_string) {
        return Ok((paths, bids.lines().count() as u64 - 1));
    }
    fs::create_dir_all(folder).context("make the folder of the year")?;
    let (mut bids, mut asks) = (side(&paths[0])?, side(&paths[1])?);
    let mut minutes = 0;
    let mut write = |minute: &Minute| -> Result<()> {
        minutes += 1;
        row(&mut bids, minute.open_time, &minute.bid)?;
        row(&mut asks, minute.open_time, &minute.ask)
    };
    let catalog = catalog();
    let anchor = SourceTime::parse("2025-01-06T00:00:00Z").context("a time")?;
    let market = SimMarket::new(11, anchor, &catalog, None);
    let end = anchor + Span::from_hours(24 * days);
    let mut open: Option<Minute> = None;
    for tick in market.ticks_from(anchor).take_while(|tick| tick.time < end) {
        let open_time = tick.time.floor(MINUTE);
        match &mut open {
            Some(minute) if minute.open_time == open_time => {
                minute.bid.add(tick.bid);
                minute.ask.add(tick.ask);
            }
            _ => {
                if let Some(minute) = open.replace(begin(open_time, &tick))
                    && is_open(&catalog, minute.open_time)
                {
                    write(&minute)?;
                }
            }
        }
    }
    bids.flush().context("write the bids")?;
    asks.flush().context("write the asks")?;
    Ok((paths, minutes))
}

fn begin(open_time: SourceTime, tick: &Tick) -> Minute {
    Minute {
        open_time,
        bid: Ohlc::of(tick.bid),
        ask: Ohlc::of(tick.ask),
    }
}

fn is_open(catalog: &Catalog, time: SourceTime) -> bool {
    let closes = Source {
        always_open: false,
        ..catalog.sources[0].clone()
    };
    session::is_open(&catalog.instruments[0], &closes, time)
}

fn side(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
    let mut file = BufWriter::new(file);
    writeln!(file, "timestamp,open,high,low,close").context("write a header")?;
    Ok(file)
}

fn row(file: &mut impl Write, time: SourceTime, bar: &Ohlc) -> Result<()> {
    let Ohlc {
        open,
        high,
        low,
        close,
    } = bar;
    writeln!(file, "{time},{open},{high},{low},{close}").context("write a minute")
}

fn catalog() -> Catalog {
    Catalog {
        sources: vec![Source {
            name: "sim".to_owned(),
            heartbeats: true,
            simulated: true,
            always_open: true,
        }],
        instruments: vec![Instrument {
            symbol: Symbol::new("XAUUSD").expect("a symbol"),
            digits: 2,
            tick_size: Price::from_units(10_000_000),
            pip_size: Price::from_units(100_000_000),
            kind: PriceKind::Cfd,
            calendar: Calendar::Metal,
            spread_default: Price::from_units(300_000_000),
            source: SourceId(0),
            signals: true,
            prices: true,
            contract: None,
            slippage_pips: None,
        }],
    }
}
