//! What every dialect of a posted signal is read into, and the rules that hold for all of them: levels on the right side of
//! each other, parts that sum to 100, ids that stay.

use super::refusal::Refusal;
use access::keys::Key;
use market::{
    Alert, Catalog, Direction, Instrument, InstrumentId, Killzone, Price, Probability, SourceTime,
    Span, Status, Target, Time, Timeframe, Uuid,
};
use std::fmt::Write as _;

/// Our own namespace for the ids of those who post, drawn once; another one would rename every signal.
pub(crate) const NAMESPACE: Uuid = Uuid::from_u128(0x6f0c_3d9e_51b2_5a7c_9d3e_8a41_c2f7_60b5);
pub(crate) const TARGETS_MAX: usize = 4;
/// Longest id and reason, in bytes. A reason is sent to every dashboard, which sets the bound of its length.
pub(crate) const ID_MAX: usize = 128;
pub(crate) const REASON_MAX: usize = 480;
/// Longest of all other texts.
pub(crate) const TEXT_MAX: usize = 64;
/// A sender's clock may be ahead of ours by this.
pub(crate) const AHEAD: Span = Span::from_secs(60);
/// A level this many times above or below the entry is no price of the instrument but a count of pips or points.
const FAR: i64 = 2;

/// A signal as somebody sent it, its fields read and named.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// The sender's own id.
    pub(crate) id: String,
    pub(crate) status: Status,
    pub(crate) instrument: InstrumentId,
    pub(crate) direction: Direction,
    pub(crate) entry_time: Option<Stamp>,
    pub(crate) entry: Option<Level>,
    pub(crate) stop: Option<Level>,
    pub(crate) targets: Option<Targets>,
    pub(crate) reason: String,
    pub(crate) confidence: Option<Probability>,
    pub(crate) killzone: Option<Killzone>,
    pub(crate) timeframe: Option<Timeframe>,
    /// `bot`, `tradingview`.
    pub(crate) setup: &'static str,
    pub(crate) dry_run: bool,
}

/// A time, and whether it is part of what is said: the time of sending is another one at each repetition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) name: &'static str,
    pub(crate) time: SourceTime,
    pub(crate) is_content: bool,
}

/// A price under the name it was sent under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) name: &'static str,
    pub(crate) price: Price,
}

/// Prices to take profits at, and the words that say how much at each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    pub(crate) name: &'static str,
    pub(crate) prices: Vec<Price>,
    pub(crate) modes: Vec<String>,
}

impl Draft {
    /// The alert, if it is right in itself. Whether the market bears it out is for the engine to say.
    pub(crate) fn finish(
        self,
        sender: &Key,
        catalog: &Catalog,
        now: Time,
    ) -> Result<Alert, Refusal> {
        let instrument = catalog.instrument(self.instrument);
        check_ahead(self.entry_time, now)?;
        self.check_levels()?;
        let targets = self.targets.as_ref().map(Targets::split).transpose()?;
        let targets = targets.unwrap_or_default();
        Ok(Alert {
            id: shown_id(&sender.name, &self.id),
            digest: self.digest(&sender.name, instrument, &targets),
            sender: sender.name.clone(),
            status: self.status,
            instrument: self.instrument,
            direction: self.direction,
            entry_time: self.entry_time.map(|stamp| stamp.time),
            entry: self.entry.map(|level| level.price),
            stop: self.stop.map(|level| level.price),
            targets,
            reason: self.reason,
            confidence: self.confidence,
            killzone: self.killzone,
            timeframe: self.timeframe,
            setup: self.setup.to_owned(),
            dry_run: self.dry_run,
        })
    }

    /// Stop, entry and targets follow each other in the direction of the trade.
    fn check_levels(&self) -> Result<(), Refusal> {
        let mut before = self
            .entry
            .map(|entry| ("the entry".to_owned(), entry.price));
        if let Some(stop) = self.stop {
            self.check_scale(stop.name, stop.price)?;
            if let Some((_, entry)) = &before {
                self.check_side(stop.name.to_owned(), stop.price, "the entry", *entry, false)?;
            }
            before = before.or_else(|| Some(("the stop".to_owned(), stop.price)));
        }
        let Some(targets) = &self.targets else {
            return Ok(());
        };
        for (place, &price) in targets.prices.iter().enumerate() {
            let name = format!("{}[{place}]", targets.name);
            self.check_scale(&name, price)?;
            if let Some((what, level)) = &before {
                self.check_side(name, price, what, *level, true)?;
            }
            before = Some((format!("target {}", place + 1), price));
        }
        Ok(())
    }

    /// Whether a level lies on the winning side of another one, or, if it should not, on the losing side.
    fn check_side(
        &self,
        name: String,
        price: Price,
        what: &str,
        level: Price,
        winning: bool,
    ) -> Result<(), Refusal> {
        let above = (self.direction == Direction::Long) == winning;
        if price != level && (price > level) == above {
            return Ok(());
        }
        let side = if above { "above" } else { "below" };
        let direction = self.direction;
        Err(Refusal::wrong(
            name,
            format!("{price} has to lie {side} {what} {level} for a {direction}"),
        ))
    }

    fn check_scale(&self, name: &str, price: Price) -> Result<(), Refusal> {
        let is_far = |entry: &Price| price > entry.times(FAR) || price.times(FAR) < *entry;
        match self.entry.map(|entry| entry.price).filter(is_far) {
            Some(entry) => Err(Refusal::wrong(
                name,
                format!("{price} is no price near the entry {entry}"),
            )
            .remedy("levels are prices; pips, points and percent are not understood")),
            None => Ok(()),
        }
    }

    /// A name for everything that is said, but for when it is sent and whether it is a trial: the same words under the same
    /// id are a repetition, others are not. Upper case, quotes and other spellings of a number are the same words.
    fn digest(&self, sender: &str, instrument: &Instrument, targets: &[Target]) -> Uuid {
        let time = self.entry_time.filter(|stamp| stamp.is_content);
        let mut text = format!(
            "alert|{sender}|{}|{}|{}|{}|{:?}|{:?}|{:?}|",
            self.id,
            self.status,
            instrument.symbol,
            self.direction,
            time.map(|stamp| stamp.time.nanos()),
            self.entry.map(|entry| entry.price.units()),
            self.stop.map(|stop| stop.price.units()),
        );
        for target in targets {
            let Target {
                price,
                percent,
                runner,
            } = target;
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{}:{percent}:{runner},", price.units());
        }
        let confidence = self.confidence.map(Probability::steps);
        let _ = write!(
            text,
            "|{confidence:?}|{:?}|{:?}|{}|{:?}",
            self.killzone, self.timeframe, self.setup, self.reason
        );
        Uuid::new_v5(&NAMESPACE, text.as_bytes())
    }
}

impl Targets {
    /// The parts of the position. Percentages that are given have to fit; without any, the parts are equal and the first
    /// one takes what is left over.
    fn split(&self) -> Result<Vec<Target>, Refusal> {
        let count = self.prices.len();
        let percents = match self.percents()? {
            Some(percents) => percents,
            None => equal_parts(count),
        };
        let is_runner = |place: usize| {
            let mode = self.modes.get(place).filter(|_| place + 1 == count);
            mode.is_some_and(|mode| mode.to_lowercase().contains("runner"))
        };
        let targets = self.prices.iter().zip(percents).enumerate();
        Ok(targets
            .map(|(place, (&price, percent))| Target {
                price,
                percent,
                runner: is_runner(place),
            })
            .collect())
    }

    /// What the modes say in percent: of each target, or of none.
    fn percents(&self) -> Result<Option<Vec<u8>>, Refusal> {
        let named: Vec<Option<u8>> = self.modes.iter().map(|mode| percent_of(mode)).collect();
        if named.iter().all(Option::is_none) {
            return Ok(None);
        }
        let wrong = |what: String| Err(Refusal::wrong("tp_modes", what));
        if named.len() != self.prices.len() {
            return wrong(format!(
                "it has {} entries, and there are {} targets",
                named.len(),
                self.prices.len()
            ));
        }
        let Some(percents) = named.into_iter().collect::<Option<Vec<u8>>>() else {
            return wrong(
                "some entries have a percentage of 1 to 100 and some have none: give it to all, or to none"
                    .to_owned(),
            );
        };
        let sum: u32 = percents.iter().map(|&percent| u32::from(percent)).sum();
        if sum == 100 {
            Ok(Some(percents))
        } else {
            wrong(format!(
                "its parts are {sum} percent together, and have to be 100"
            ))
        }
    }
}

/// The whole number in front of the `%`, if it is 1 to 100: 30 of `TP1 30%`.
fn percent_of(mode: &str) -> Option<u8> {
    let (before, _) = mode.split_once('%')?;
    let before = before.trim_end();
    let digits = before.trim_end_matches(|c: char| c.is_ascii_digit());
    let percent = before[digits.len()..].parse().ok()?;
    let is_whole = !digits.ends_with(['.', ',', '-']);
    (is_whole && (1..=100).contains(&percent)).then_some(percent)
}

fn equal_parts(count: usize) -> Vec<u8> {
    let count = count.clamp(1, TARGETS_MAX) as u8;
    let (part, rest) = (100 / count, 100 % count);
    (0..count)
        .map(|place| if place == 0 { part + rest } else { part })
        .collect()
}

/// A UUID stays what it is; every other id gets one that is the same each time, and is this sender's alone.
pub(crate) fn shown_id(sender: &str, id: &str) -> Uuid {
    let theirs = Uuid::parse_str(id).ok().filter(|id| !id.is_nil());
    theirs.unwrap_or_else(|| Uuid::new_v5(&NAMESPACE, format!("{sender}|{id}").as_bytes()))
}

fn check_ahead(stamp: Option<Stamp>, now: Time) -> Result<(), Refusal> {
    match stamp {
        Some(Stamp { name, time, .. }) if time > now.as_source() + AHEAD => {
            let ahead = (time - now.as_source()).millis() / 1000;
            Err(Refusal::wrong(
                name,
                format!("it lies {ahead} s ahead of ORION's clock, which says {now}"),
            )
            .remedy("set the sender's clock, or leave the field out"))
        }
        Some(_) | None => Ok(()),
    }
}

/// A reason on one line: what breaks lines becomes a space.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// A probability out of 0 to 1, or out of more than 1 to 100.
pub(crate) fn probability(name: &str, number: Price) -> Result<Probability, Refusal> {
    const ONE: i64 = 1_000_000_000;
    let units = number.units();
    let steps = if (0..=ONE).contains(&units) {
        (units + ONE / 20_000) / (ONE / 10_000)
    } else if (ONE..=100 * ONE).contains(&units) {
        (units + ONE / 200) / (ONE / 100)
    } else {
        let what = format!("{number} is neither in 0 to 1 nor a percentage up to 100");
        return Err(Refusal::wrong(name, what));
    };
    Ok(Probability::from_steps(
        u16::try_from(steps).unwrap_or(u16::MAX),
    ))
}
