//! A frame or an answer of a described source to what it means. Pure: the connection it came on is somebody else's.

use super::Description;
use super::form::Class;
use super::path::{self, Element, Slots, members};
use super::plan::{At, Elements, Failure, Means, Named, Plan, Prices};
use super::time::time;
use super::value::{price, text};
use crate::symbols::Symbols;
use market::{Catalog, InstrumentId, Price, SourceTime};
use std::borrow::Cow;
use std::time::Duration;

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A quote; `time` is the vendor's, absent where it tells none.
    Quote {
        instrument: InstrumentId,
        bid: Price,
        ask: Price,
        time: Option<SourceTime>,
    },
    Confirmed(InstrumentId),
    /// The vendor will not send a symbol; none of ours where its message names none.
    Refused {
        instrument: Option<InstrumentId>,
        reason: String,
    },
    Welcome,
    Authenticated,
    Failed(Failed),
    /// A sign of life, and what the vendor wants to hear back.
    Life {
        answer: Option<String>,
    },
    /// It is JSON, and no rule speaks of it.
    Unknown,
    Malformed {
        instrument: Option<InstrumentId>,
        why: String,
    },
}

/// An error that the vendor told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub(super) class: Class,
    pub reason: String,
    pub remedy: String,
    pub pause: Duration,
}

/// Reads one source's frames.
#[derive(Clone, Debug)]
pub struct Decoder {
    plan: Plan,
    symbols: Symbols,
    /// Half the ordinary spread of each symbol, by its place in the catalog.
    half_spreads: Vec<Price>,
}

/// What a rule is applied to.
struct Context<'a, 'f> {
    slots: &'f Slots<'a>,
    /// The symbol that was asked for, where a request is for one.
    asked: Option<InstrumentId>,
}

impl Decoder {
    #[must_use]
    pub fn new(description: &Description, symbols: &Symbols, catalog: &Catalog) -> Self {
        let half = |instrument: &market::Instrument| Price::ZERO.mid(instrument.spread_default);
        Self {
            plan: description.plan.clone(),
            symbols: symbols.clone(),
            half_spreads: catalog.instruments.iter().map(half).collect(),
        }
    }

    /// Reads a frame and adds what it says to `found`; `asked` is the symbol that it answers for, where there is one.
    /// Nothing of a frame that is not valid to its end is taken.
    pub fn decode(&self, frame: &str, asked: Option<InstrumentId>, found: &mut Vec<Found>) {
        let frame = frame.trim_ascii();
        if self.plan.plain_life.iter().any(|plain| plain == frame) {
            found.push(Found::Life { answer: None });
            return;
        }
        if let Err(error) = path::check(frame) {
            found.push(malformed(None, error.to_string()));
        } else if frame.starts_with('[') {
            // Several messages in one frame.
            path::elements(frame, &[], |message| {
                self.message(message.text, asked, found)
            });
        } else {
            self.message(frame, asked, found);
        }
    }

    fn message(&self, message: &str, asked: Option<InstrumentId>, found: &mut Vec<Found>) {
        let Some(slots) = members(message, &self.plan.names) else {
            return found.push(malformed(None, "it is no object"));
        };
        let context = Context {
            slots: &slots,
            asked,
        };
        let before = found.len();
        let mut fits = false;
        for rule in &self.plan.rules {
            if rule.when.iter().all(|condition| condition.holds(&slots)) {
                fits = true;
                self.apply(&rule.means, &context, found);
            }
        }
        if !fits {
            found.push(Found::Unknown);
        } else if found.len() == before {
            // Prices of symbols that are not ours, a list that was empty.
            found.push(Found::Life { answer: None });
        }
    }

    fn apply(&self, means: &Means, context: &Context<'_, '_>, found: &mut Vec<Found>) {
        match means {
            Means::Prices(prices) => self.prices(prices, context, found),
            Means::Confirmed(named) => {
                self.each(&named.elements, context, found, |element, found| {
                    let instrument = self.instrument(named, element, context);
                    found.extend(instrument.ok().flatten().map(Found::Confirmed));
                });
            }
            Means::Refused { named, reason } => {
                let reason = reason.as_ref().and_then(|member| member.get(context.slots));
                let reason = said(reason, "the source refuses it");
                self.refused(named, &reason, context, found);
            }
            Means::Welcome => found.push(Found::Welcome),
            Means::Authenticated => found.push(Found::Authenticated),
            Means::Error(failure) => found.push(Found::Failed(failed(failure, context.slots))),
            Means::Life { answer } => found.push(Found::Life {
                answer: answer.clone(),
            }),
        }
    }

    fn prices(&self, prices: &Prices, context: &Context<'_, '_>, found: &mut Vec<Found>) {
        self.each(&prices.named.elements, context, found, |element, found| {
            match self.instrument(&prices.named, element, context) {
                Ok(Some(instrument)) => {
                    let quote = self.quote(instrument, prices, element, context);
                    found.push(quote.unwrap_or_else(|why| malformed(Some(instrument), why)));
                }
                // A symbol that nobody asked for.
                Ok(None) => {}
                Err(why) => found.push(malformed(None, why)),
            }
        });
    }

    fn quote(
        &self,
        instrument: InstrumentId,
        prices: &Prices,
        element: &Element<'_>,
        context: &Context<'_, '_>,
    ) -> Result<Found, String> {
        let read = |name, at: &Option<At>| {
            let raw = at.as_ref().and_then(|at| look(at, element, context.slots));
            raw.map(|raw| price(raw).map_err(|why| wrong(name, raw, &why)))
                .transpose()
        };
        let (bid, ask) = match (read("bid", &prices.bid)?, read("ask", &prices.ask)?) {
            (Some(bid), Some(ask)) => (bid, ask),
            (Some(_), None) | (None, Some(_)) | (None, None) => {
                let price = read("price", &prices.price)?;
                let price = price.ok_or("it has neither bid and ask nor a price")?;
                let half = self
                    .half_spreads
                    .get(instrument.index())
                    .copied()
                    .unwrap_or_default();
                (price - half, price + half)
            }
        };
        let raw = prices
            .time
            .as_ref()
            .and_then(|at| look(at, element, context.slots));
        let time = raw.map(|raw| time(raw, &prices.form).map_err(|why| wrong("time", raw, &why)));
        Ok(Found::Quote {
            instrument,
            bid,
            ask,
            time: time.transpose()?,
        })
    }

    fn refused(
        &self,
        named: &Named,
        reason: &str,
        context: &Context<'_, '_>,
        found: &mut Vec<Found>,
    ) {
        self.each(&named.elements, context, found, |element, found| {
            let text = self.symbol_text(named, element, context);
            let instrument = text.map_or(context.asked, |text| self.spoken_of(&text));
            found.push(Found::Refused {
                instrument,
                reason: reason.to_owned(),
            });
        });
    }

    /// Calls `tell` for every element of the message.
    fn each<'a>(
        &self,
        elements: &Elements,
        context: &Context<'a, '_>,
        found: &mut Vec<Found>,
        mut tell: impl FnMut(&Element<'a>, &mut Vec<Found>),
    ) {
        let Some(each) = &elements.each else {
            return tell(&Element::default(), found);
        };
        let Some(list) = each.get(context.slots) else {
            return;
        };
        let told = path::elements(list, &elements.names, |element| tell(&element, found));
        if told.is_none() {
            found.push(malformed(
                None,
                "where its elements should be is neither a list nor a map",
            ));
        }
    }

    fn symbol_text<'a>(
        &self,
        named: &Named,
        element: &Element<'a>,
        context: &Context<'a, '_>,
    ) -> Option<Cow<'a, str>> {
        let at = named.symbol.as_ref()?;
        if *at == At::Name {
            let name = element.name?;
            return if name.contains('\\') {
                path::unescaped(name).map(Cow::Owned)
            } else {
                Some(Cow::Borrowed(name))
            };
        }
        text(look(at, element, context.slots)?)
    }

    /// Ours, where it is one of ours.
    fn instrument(
        &self,
        named: &Named,
        element: &Element<'_>,
        context: &Context<'_, '_>,
    ) -> Result<Option<InstrumentId>, String> {
        if named.symbol.is_none() {
            return Ok(context.asked);
        }
        let theirs = self.symbol_text(named, element, context);
        Ok(self.symbols.find(&theirs.ok_or("it names no symbol")?))
    }

    /// The symbol that a sentence such as `Invalid symbol OANDA:EUR_USD` speaks of; the longest, where one name holds another.
    fn spoken_of(&self, sentence: &str) -> Option<InstrumentId> {
        let held = self
            .symbols
            .iter()
            .filter(|(_, theirs)| sentence.contains(theirs));
        held.max_by_key(|(_, theirs)| theirs.len())
            .map(|(id, _)| id)
    }
}

/// What stands at a place, as seen from an element.
fn look<'a>(at: &At, element: &Element<'a>, message: &Slots<'a>) -> Option<&'a str> {
    match at {
        At::Message(member) => member.get(message),
        At::Element(member) => member.get(&element.slots),
        At::Whole(steps) => path::descend(element.text, steps),
        At::Name => None,
    }
}

fn failed(failure: &Failure, slots: &Slots<'_>) -> Failed {
    let reason = failure.reason.as_ref().and_then(|member| member.get(slots));
    Failed {
        class: failure.class,
        reason: said(reason, "the source told an error"),
        remedy: failure.remedy.clone(),
        pause: failure.pause,
    }
}

/// A vendor's words, shortened; lists and objects as they stand.
fn said(raw: Option<&str>, otherwise: &str) -> String {
    let Some(raw) = raw else {
        return otherwise.to_owned();
    };
    let words = text(raw).unwrap_or(Cow::Borrowed(raw));
    words
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect()
}

fn wrong(name: &str, raw: &str, why: &str) -> String {
    format!(
        "{name} {}: {why}",
        crate::quarantine::shorten(raw.as_bytes())
    )
}

fn malformed(instrument: Option<InstrumentId>, why: impl std::convert::Into<String>) -> Found {
    let why = why.into();
    Found::Malformed { instrument, why }
}

#[cfg(test)]
mod tests;
