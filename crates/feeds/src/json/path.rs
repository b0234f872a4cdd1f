//! Where in a message something is: names and places, looked up without building the message. Each frame is checked once by
//! serde_json, to its end; what is looked up after that walks over text that is known to be valid, and copies nothing.

use serde::Deserializer as _;
use serde::de::IgnoredAny;
use serde_json::{Deserializer, Error};

/// Most names that the rules of one description may look up in one object.
pub(super) const SLOTS: usize = 24;

/// The texts found under a list of names, by the names' places in it.
pub(super) type Slots<'a> = [Option<&'a str>; SLOTS];

/// Whether `text` is one JSON value and nothing more.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn check(text: &str) -> Result<(), Error> {
    let mut reader = Deserializer::from_str(text);
    reader.deserialize_ignored_any(IgnoredAny)?;
    reader.end()
}

/// Looks up `names` in the object that a valid text is; nothing where it is no object. Of a name that is there twice the last
/// counts.
pub(super) fn members<'a>(text: &'a str, names: &[String]) -> Option<Slots<'a>> {
    let mut found = [None; SLOTS];
    Walk { text, at: 0 }.members(names, &mut found)?;
    Some(found)
}

/// Follows names (of objects) and places (of lists, from 0) into a valid text. Null is as if nothing were there.
pub(super) fn descend<'a>(text: &'a str, steps: &[String]) -> Option<&'a str> {
    let mut text = text;
    for step in steps {
        text = match text.as_bytes().first()? {
            b'{' => members(text, std::slice::from_ref(step))?[0]?,
            b'[' => nth(text, step.parse().ok()?)?,
            _ => return None,
        };
    }
    (text != "null").then_some(text)
}

fn nth(list: &str, place: usize) -> Option<&str> {
    let mut walk = Walk { text: list, at: 0 };
    let mut at = 0;
    let mut found = None;
    walk.list(|walk| {
        let element = walk.value()?;
        found = (at == place).then_some(element).or(found);
        at += 1;
        Some(())
    })?;
    found
}

/// One element of a list, or of a map with its name there as it is written, and what was looked up in it.
#[derive(Default)]
pub(super) struct Element<'a> {
    pub name: Option<&'a str>,
    pub text: &'a str,
    pub slots: Slots<'a>,
}

/// Calls `tell` with each element of the list or map that a valid text is, `names` looked up in those that are objects.
/// Nothing, where it is neither.
pub(super) fn elements<'a>(
    text: &'a str,
    names: &[String],
    mut tell: impl FnMut(Element<'a>),
) -> Option<()> {
    let mut walk = Walk { text, at: 0 };
    let mut one = |walk: &mut Walk<'a>, name| {
        let start = walk.at;
        let mut slots = [None; SLOTS];
        if names.is_empty() || walk.peek()? != b'{' {
            walk.skip()?;
        } else {
            walk.members(names, &mut slots)?;
        }
        let text = walk.since(start)?;
        tell(Element { name, text, slots });
        Some(())
    };
    match walk.peek()? {
        b'[' => walk.list(|walk| one(walk, None)),
        b'{' => walk.object(|walk, name| one(walk, Some(name))),
        _ => None,
    }
}

/// A place in a valid text. In one that is not valid it finds wrong things, and never goes beyond the end.
struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn since(&self, start: usize) -> Option<&'a str> {
        self.text.get(start..self.at)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// The text of the next value.
    fn value(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        self.since(start)
    }

    fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => self.nested(),
            _ => {
                let rest = &self.text.as_bytes()[self.at..];
                let is_end = |byte: &u8| {
                    matches!(
                        byte,
                        b',' | b'}' | b']' | b':' | b' ' | b'\n' | b'\r' | b'\t'
                    )
                };
                self.at += rest.iter().position(is_end).unwrap_or(rest.len());
                Some(())
            }
        }
    }

    /// A text with its quotation marks.
    fn string(&mut self) -> Option<&'a str> {
        let (start, bytes) = (self.at, self.text.as_bytes());
        let mut at = start + 1;
        loop {
            match bytes.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        self.since(start)
    }

    /// Over an object or a list, however deep it goes.
    fn nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.text.as_bytes().get(self.at)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn list(&mut self, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(b'[')?;
        if self.peek()? == b']' {
            return self.take(b']');
        }
        loop {
            self.peek()?;
            each(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.take(b']'),
            }
        }
    }

    /// Calls `each` with every name, without its quotation marks and as it is written, at the beginning of its value.
    fn object(&mut self, mut each: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            return self.take(b'}');
        }
        loop {
            self.peek()?;
            let quoted = self.string()?;
            let name = quoted.get(1..quoted.len() - 1)?;
            self.take(b':')?;
            self.peek()?;
            each(self, name)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.take(b'}'),
            }
        }
    }

    fn members(&mut self, names: &[String], found: &mut Slots<'a>) -> Option<()> {
        self.object(|walk, name| {
            match place_of(name, names) {
                Some(place) => found[place] = Some(walk.value()?),
                None => walk.skip()?,
            }
            Some(())
        })
    }
}

/// Which of the names is meant by one as it is written.
fn place_of(written: &str, names: &[String]) -> Option<usize> {
    let place = names.iter().position(|wanted| wanted == written);
    if place.is_none() && written.contains('\\') {
        let name = unescaped(written)?;
        return names.iter().position(|wanted| *wanted == name);
    }
    place
}

/// What is meant by a name as it is written.
pub(super) fn unescaped(written: &str) -> Option<String> {
    serde_json::from_str(&format!("\"{written}\"")).ok()
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
        for text in [
            r#"{"a":1"#,
            r#"{"a":1} x"#,
            r#"{"a":}"#,
            "",
            r#"{"a":1}{"#,
            "[1,]",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
        let names = steps("a");
        assert_eq!(
            members(r#" { "b" : {"a":2} , "a" : 1 } "#, &names).unwrap()[0],
            Some("1")
        );
        assert!(members("[1]", &names).is_none() && members("7", &names).is_none());
    }

    #[test]
    fn elements_are_those_of_a_list_or_of_an_object_with_their_names() {
        let mut seen = Vec::new();
        let mut look = |text: &'static str| {
            elements(text, &steps("a"), |element| {
                let (name, found) = (element.name.unwrap_or("-"), element.slots[0].unwrap_or("-"));
                seen.push(format!("{name} {} {found}", element.text));
            })
        };
        look(r#"[ 1 , {"a":[2]} ,"x,]"]"#).unwrap();
        look(r#"{"x": 1,"y\n":[ ] , "z":{"b":{"a":1},"a":null}}"#).unwrap();
        look("[]").unwrap();
        look("{}").unwrap();
        for text in ["7", "null", "\"[1]\"", "true"] {
            assert!(look(text).is_none(), "{text}");
        }
        let expected = [
            "- 1 -",
            r#"- {"a":[2]} [2]"#,
            r#"- "x,]" -"#,
            "x 1 -",
            r#"y\n [ ] -"#,
            r#"z {"b":{"a":1},"a":null} null"#,
        ];
        assert_eq!(seen, expected);
    }

    /// Everything that serde_json finds at a path, found by it.
    fn by_serde(text: &str, path: &[String]) -> Option<serde_json::Value> {
        use serde_json::Value;
        let mut value: Value = serde_json::from_str(text).ok()?;
        for step in path {
            value = match value {
                Value::Object(mut object) => object.remove(step)?,
                Value::Array(mut list) => {
                    let place = step.parse().ok()?;
                    (place < list.len()).then(|| list.swap_remove(place))?
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
            };
        }
        (!value.is_null()).then_some(value)
    }

    /// Values of any form, with names that paths of the test speak of.
    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c\"\\\\\\[{}\n,é:]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-c\"\\\\]{1,2}|[0-2]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_looked_into_without_panic(text in ".{0,80}", path in "[a-c0-2.]{0,6}") {
            let _ = descend(&text, &steps(&path));
            let _ = members(&text, &steps(&path));
            let _ = elements(&text, &steps(&path), |_| ());
        }

        #[test]
        fn what_is_found_is_what_serde_json_finds(value in any_value(), path in proptest::collection::vec("[a-c]{1,2}|[0-2]", 1..4), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let found = descend(&text, &path).map(|text| serde_json::from_str(text).unwrap());
            prop_assert_eq!(found, by_serde(&text, &path), "{} {:?}", text, path);
        }
    }
}
