//! What a description's messages mean, prepared for reading: each name is a place in a list of names, so that a frame is read
//! in one pass, and only what a rule asks for is looked into.

use super::form::{Class, Is, Message, PathText, Wanted};
use super::path::{SLOTS, Slots, descend};
use super::time::{TimeForm, Unit};
use super::value::text;
use jiff::tz::TimeZone;
use std::time::Duration;

/// All rules, and the names that they look up in a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub names: Vec<String>,
    pub rules: Vec<Rule>,
    pub plain_life: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    pub when: Vec<Condition>,
    pub means: Means,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    at: Member,
    wanted: Literal,
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    /// The token as it stands, and the same as a text.
    Is {
        token: String,
        quoted: String,
    },
    Begins(String),
    Anything,
}

/// A name of the list, and the way on from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    slot: usize,
    rest: Vec<String>,
}

impl Member {
    pub(super) fn get<'a>(&self, slots: &Slots<'a>) -> Option<&'a str> {
        descend(slots[self.slot]?, &self.rest)
    }
}

/// Where a value stands, as seen from an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// In the message.
    Message(Member),
    /// In the element.
    Element(Member),
    /// The element itself, or below it without a name of its own: a place of a list.
    Whole(Vec<String>),
    /// The name of the element in its map.
    Name,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Means {
    Prices(Prices),
    Confirmed(Named),
    Refused {
        named: Named,
        reason: Option<Member>,
    },
    Welcome,
    Authenticated,
    Error(Failure),
    Life {
        answer: Option<String>,
    },
}

/// Where the elements are, and the names looked up in each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Elements {
    pub each: Option<Member>,
    pub names: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    pub elements: Elements,
    pub symbol: Option<At>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prices {
    pub named: Named,
    pub bid: Option<At>,
    pub ask: Option<At>,
    pub price: Option<At>,
    pub time: Option<At>,
    pub form: TimeForm,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub class: Class,
    pub reason: Option<Member>,
    pub remedy: String,
    pub pause: Duration,
}

impl Condition {
    pub(super) fn holds(&self, slots: &Slots<'_>) -> bool {
        let Some(found) = self.at.get(slots) else {
            return false;
        };
        match &self.wanted {
            Literal::Anything => true,
            Literal::Begins(beginning) => {
                text(found).is_some_and(|text| text.starts_with(beginning))
            }
            Literal::Is { token, quoted } => {
                found == quoted
                    || found == token
                    || found.contains('\\') && text(found).is_some_and(|text| text == *token)
            }
        }
    }
}

impl Plan {
    /// # Errors
    /// The place of a message and the key in it that cannot be used, and why.
    pub(super) fn new(
        messages: &[Message],
        plain_life: &[String],
    ) -> Result<Self, (usize, &'static str, String)> {
        let mut plan = Self {
            names: Vec::new(),
            rules: Vec::new(),
            plain_life: plain_life.to_vec(),
        };
        for (place, message) in messages.iter().enumerate() {
            let rule = plan.rule(message).map_err(|(key, why)| (place, key, why))?;
            plan.rules.push(rule);
        }
        Ok(plan)
    }

    fn rule(&mut self, message: &Message) -> Result<Rule, (&'static str, String)> {
        let mut when = Vec::new();
        for (path, wanted) in &message.when {
            self.conditions(path, wanted, &mut when)
                .map_err(|why| ("when", why))?;
        }
        // What lies at hand is compared first.
        when.sort_by_key(|condition| condition.at.rest.len());
        let means = match message.is {
            Is::Prices => Means::Prices(self.prices(message)?),
            Is::Confirmed => Means::Confirmed(self.named(message)?),
            Is::Refused => Means::Refused {
                named: self.named(message)?,
                reason: self.reason(message)?,
            },
            Is::Welcome => Means::Welcome,
            Is::Authenticated => Means::Authenticated,
            Is::Error => Means::Error(Failure {
                class: message.class.unwrap_or(Class::Transient),
                reason: self.reason(message)?,
                remedy: message.remedy.clone().unwrap_or_default(),
                pause: Duration::try_from_secs_f64(message.pause_s.unwrap_or(60.0))
                    .unwrap_or_default(),
            }),
            Is::Life => Means::Life {
                answer: message.answer.clone(),
            },
        };
        Ok(Rule { when, means })
    }

    fn conditions(
        &mut self,
        path: &str,
        wanted: &Wanted,
        list: &mut Vec<Condition>,
    ) -> Result<(), String> {
        let exactly = |token: String| Literal::Is {
            quoted: serde_json::Value::from(token.as_str()).to_string(),
            token,
        };
        let wanted = match wanted {
            Wanted::Yes(yes) => exactly(yes.to_string()),
            Wanted::Number(number) => exactly(number.to_string()),
            Wanted::Text(text) if text == "*" => Literal::Anything,
            Wanted::Text(text) => match text.strip_suffix('*') {
                Some(beginning) => Literal::Begins(beginning.to_owned()),
                None => exactly(text.clone()),
            },
            Wanted::Inside(deeper) => {
                for (name, wanted) in deeper {
                    self.conditions(&format!("{path}.{name}"), wanted, list)?;
                }
                return Ok(());
            }
        };
        let at = member(steps(&PathText::Dotted(path.to_owned()))?, &mut self.names)?;
        list.push(Condition { at, wanted });
        Ok(())
    }

    fn reason(&mut self, message: &Message) -> Result<Option<Member>, (&'static str, String)> {
        let path = message.reason.as_ref();
        let read = path.map(|path| member(steps(path)?, &mut self.names));
        read.transpose().map_err(|why| ("reason", why))
    }

    fn elements(&mut self, message: &Message) -> Result<Elements, (&'static str, String)> {
        let each = message.each.as_ref();
        let each = each.map(|path| member(steps(path)?, &mut self.names));
        Ok(Elements {
            each: each.transpose().map_err(|why| ("each", why))?,
            names: Vec::new(),
        })
    }

    fn named(&mut self, message: &Message) -> Result<Named, (&'static str, String)> {
        let mut elements = self.elements(message)?;
        let symbol = self.at(message.symbol.as_ref(), &mut elements);
        Ok(Named {
            symbol: symbol.map_err(|why| ("symbol", why))?,
            elements,
        })
    }

    fn prices(&mut self, message: &Message) -> Result<Prices, (&'static str, String)> {
        let mut named = self.named(message)?;
        let elements = &mut named.elements;
        let mut at = |key, path: &Option<PathText>| {
            self.at(path.as_ref(), elements).map_err(|why| (key, why))
        };
        let (bid, ask) = (at("bid", &message.bid)?, at("ask", &message.ask)?);
        let (price, time) = (at("price", &message.price)?, at("time", &message.time)?);
        let form = time_form(message)?;
        Ok(Prices {
            named,
            bid,
            ask,
            price,
            time,
            form,
        })
    }

    /// A path as seen from an element: from the message where it begins with `$` or where the message is the element.
    fn at(
        &mut self,
        path: Option<&PathText>,
        elements: &mut Elements,
    ) -> Result<Option<At>, String> {
        let Some(path) = path else {
            return Ok(None);
        };
        let mut steps = steps(path)?;
        let at = match steps[0].as_str() {
            "@name" if steps.len() == 1 => At::Name,
            "$" if steps.len() > 1 => At::Message(member(steps.split_off(1), &mut self.names)?),
            _ if elements.each.is_none() => At::Message(member(steps, &mut self.names)?),
            "@" => At::Whole(steps.split_off(1)),
            // An element that is a list has places and no names; `descend` knows both.
            place if place.bytes().all(|b| b.is_ascii_digit()) => At::Whole(steps),
            _ => At::Element(member(steps, &mut elements.names)?),
        };
        Ok(Some(at))
    }
}

fn time_form(message: &Message) -> Result<TimeForm, (&'static str, String)> {
    let unit = message.unit.as_deref().unwrap_or("auto");
    let zone = message.zone.as_deref().unwrap_or("UTC");
    let unit = Unit::read(unit).ok_or_else(|| {
        let why =
            "it is none of auto, s, ms, us, ns, rfc3339, and no pattern such as %Y-%m-%d %H:%M:%S";
        ("unit", why.to_owned())
    })?;
    let zone = TimeZone::get(zone).map_err(|_| {
        (
            "zone",
            "it is no time zone such as America/New_York".to_owned(),
        )
    })?;
    Ok(TimeForm { unit, zone })
}

fn steps(path: &PathText) -> Result<Vec<String>, String> {
    let steps: Vec<String> = match path {
        PathText::Dotted(path) => path.split('.').map(str::to_owned).collect(),
        PathText::Names(names) => names.clone(),
    };
    if steps.is_empty() || steps.iter().any(String::is_empty) {
        return Err("a path is names divided by single points, such as data.bid".to_owned());
    }
    Ok(steps)
}

fn member(mut steps: Vec<String>, names: &mut Vec<String>) -> Result<Member, String> {
    let rest = steps.split_off(1);
    let first = steps.swap_remove(0);
    let known = names.iter().position(|name| *name == first);
    let slot = known.unwrap_or(names.len());
    if known.is_none() {
        if names.len() == SLOTS {
            return Err(format!(
                "all rules together look up more than {SLOTS} names of one object"
            ));
        }
        names.push(first);
    }
    Ok(Member { slot, rest })
}
