//! Where in a message something is: names and places, looked up without building the message. A frame is read once by
//! serde_json, which also checks all of it; what lies deeper is looked up only when a rule needs it.

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Deserializer, Error};
use std::fmt;

/// Most names that the rules of one description may look up in one object.
pub(super) const SLOTS: usize = 24;

/// The texts found under a list of names, by the names' places in it.
pub(super) type Slots<'a> = [Option<&'a str>; SLOTS];

/// Looks up `names` in the object that `text` is. Of a name that is there twice the last counts.
pub(super) fn members<'a>(text: &'a str, names: &[String]) -> Result<Slots<'a>, Error> {
    let mut found = [None; SLOTS];
    let mut reader = Deserializer::from_str(text);
    let members = Members {
        names,
        found: &mut found,
    };
    reader.deserialize_map(members)?;
    reader.end()?;
    Ok(found)
}

/// Follows names (of objects) and places (of lists, from 0) into a valid text. Null is as if nothing were there.
pub(super) fn descend<'a>(text: &'a str, steps: &[String]) -> Option<&'a str> {
    let mut text = text;
    for step in steps {
        text = match text.as_bytes().first()? {
            b'{' => members(text, std::slice::from_ref(step)).ok()?[0]?,
            b'[' => nth(text, step.parse().ok()?)?,
            _ => return None,
        };
    }
    (text != "null").then_some(text)
}

fn nth(list: &str, place: usize) -> Option<&str> {
    let (mut at, mut found) = (0, None);
    let look = |_: Option<&str>, text| {
        if at == place {
            found = Some(text);
        }
        at += 1;
    };
    elements(list, look).ok()?;
    found
}

/// Calls `tell` with each element of a list, or with the name and value of each member of an object.
pub(super) fn elements<'a>(
    text: &'a str,
    tell: impl FnMut(Option<&str>, &'a str),
) -> Result<(), Error> {
    let mut reader = Deserializer::from_str(text);
    reader.deserialize_any(Elements(tell))?;
    reader.end()
}

struct Members<'n, 'f, 'a> {
    names: &'n [String],
    found: &'f mut Slots<'a>,
}

impl<'a> Visitor<'a> for Members<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(place) = map.next_key_seed(Place(self.names))? {
            if let Some(place) = place {
                self.found[place] = Some(map.next_value::<&RawValue>()?.get());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Reads a name and says which of the wanted it is.
struct Place<'n>(&'n [String]);

impl<'a> DeserializeSeed<'a> for Place<'_> {
    type Value = Option<usize>;
    fn deserialize<D: serde::Deserializer<'a>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|wanted| wanted == name))
    }
}

struct Elements<F>(F);

impl<'a, F: FnMut(Option<&str>, &'a str)> Visitor<'a> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_seq<S: SeqAccess<'a>>(mut self, mut list: S) -> Result<(), S::Error> {
        while let Some(text) = list.next_element::<&RawValue>()? {
            (self.0)(None, text.get());
        }
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<std::borrow::Cow<'a, str>>()? {
            let text = map.next_value::<&RawValue>()?;
            (self.0)(Some(&name), text.get());
        }
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Err(E::custom("null instead of a list"))
    }
}

/// Whether all of `text` is JSON; for what no rule looks into.
pub(super) fn is_json(text: &str) -> Result<(), Error> {
    let mut reader = Deserializer::from_str(text);
    reader.deserialize_ignored_any(IgnoredAny)?;
    reader.end().map_err(Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steps(path: &str) -> Vec<String> {
        path.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn finds_names_and_places_at_any_depth() {
        let text = r#"{"a":{"b":[10,{"c":"x"}],"2":7},"d":null,"a\u0062":1,"e":5,"e":6}"#;
        for (path, found) in [
            ("a.b.0", Some("10")),
            ("a.b.1.c", Some("\"x\"")),
            ("a.2", Some("7")),
            ("ab", Some("1")),
            ("e", Some("6")),
            ("d", None),
            ("a.b.2", None),
            ("a.b.c", None),
            ("a.2.x", None),
            ("z", None),
        ] {
            assert_eq!(descend(text, &steps(path)), found, "{path}");
        }
    }

    #[test]
    fn a_frame_that_ends_early_or_goes_on_is_an_error() {
        let names = steps("a");
        for text in [
            r#"{"a":1"#,
            r#"{"a":1} x"#,
            r#"{"a":}"#,
            "[1]",
            "7",
            "",
            r#"{"a":1}{"#,
        ] {
            assert!(members(text, &names).is_err(), "{text}");
        }
        assert_eq!(
            members(r#" {"b":{},"a":1} "#, &names).unwrap()[0],
            Some("1")
        );
    }

    #[test]
    fn elements_are_those_of_a_list_or_of_an_object_with_their_names() {
        let mut seen = Vec::new();
        let mut look = |text: &'static str| {
            elements(text, |name, value| {
                seen.push(format!("{}={value}", name.unwrap_or("-")));
            })
        };
        look(r#"[1,{"a":2}]"#).unwrap();
        look(r#"{"x":1,"y\n":[]}"#).unwrap();
        for text in ["7", "null", "[1", "true"] {
            assert!(look(text).is_err(), "{text}");
        }
        assert_eq!(seen, ["-=1", "-={\"a\":2}", "x=1", "y\n=[]", "-=1"]);
    }

    proptest! {
        #[test]
        fn any_text_is_looked_into_without_panic(text in ".{0,80}", path in "[a-c0-2.]{0,6}") {
            let _ = descend(&text, &steps(&path));
            let _ = members(&text, &steps(&path));
            let _ = elements(&text, |_, _| ());
        }
    }
}
