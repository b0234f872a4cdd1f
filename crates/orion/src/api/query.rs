//! What is asked for behind the `?`: each parameter once, none that is not known, each what it may be.

use super::answer::Problem;
use axum::extract::Query as Parsed;
use axum::http::Uri;
use market::{SourceTime, Symbol, Time};
use std::str::FromStr;

/// The parameters of one question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Those of an address, if they are some of `known` and none stands there twice.
    pub(crate) fn of(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let parsed = Parsed::<Vec<(String, String)>>::try_from_uri(uri);
        let Parsed(given) = parsed.map_err(|error| {
            Problem::parameter(
                format!("what stands behind the ? cannot be read: {error}"),
                "send name=value pairs with & between them",
            )
        })?;
        for (place, (name, _)) in given.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(Problem::parameter(
                    format!("`{name}` is no parameter of {}", uri.path()),
                    allowed(known),
                ));
            }
            if given[..place].iter().any(|(before, _)| before == name) {
                return Err(Problem::parameter(
                    format!("`{name}` stands there twice"),
                    "send it once",
                ));
            }
        }
        Ok(Self(given))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn number(
        &self,
        name: &str,
        usual: usize,
        (least, most): (usize, usize),
    ) -> Result<usize, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(usual);
        };
        let number = text.parse::<usize>().ok();
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| {
                wrong(
                    name,
                    text,
                    &format!("a whole number from {least} to {most}"),
                )
            })
    }

    /// One of these words.
    pub(crate) fn word<'a>(
        &'a self,
        name: &str,
        allowed: &[&str],
    ) -> Result<Option<&'a str>, Problem> {
        match self.text(name) {
            Some(text) if !allowed.contains(&text) => {
                Err(wrong(name, text, &format!("one of {}", allowed.join(", "))))
            }
            found => Ok(found),
        }
    }

    pub(crate) fn symbol(&self, name: &str) -> Result<Option<Symbol>, Problem> {
        let symbol = |text| {
            Symbol::new(text)
                .map_err(|_| wrong(name, text, "a symbol, as /api/v1/symbols lists them"))
        };
        self.text(name).map(symbol).transpose()
    }

    /// A stamp of ours: RFC 3339, or milliseconds since 1970.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Time>, Problem> {
        let time = |text: &str| {
            let read = match i64::from_str(text) {
                Ok(millis) if millis.unsigned_abs() < MILLIS_MAX => Some(Time::from_millis(millis)),
                Ok(_) => None,
                Err(_) => Time::parse(text).ok(),
            };
            read.ok_or_else(|| {
                wrong(
                    name,
                    text,
                    "a time such as 2026-11-23T14:05:00.000Z, or milliseconds since 1970",
                )
            })
        };
        self.text(name).map(time).transpose()
    }

    /// A source's time, in the same forms.
    pub(crate) fn source_time(&self, name: &str) -> Result<Option<SourceTime>, Problem> {
        Ok(self.time(name)?.map(Time::as_source))
    }
}

/// More milliseconds than a time has.
const MILLIS_MAX: u64 = 9_000_000_000_000;

fn wrong(name: &str, value: &str, allowed: &str) -> Problem {
    Problem::parameter(
        format!("`{name}` is `{value}`"),
        format!("`{name}` is {allowed}"),
    )
}

fn allowed(known: &[&str]) -> String {
    if known.is_empty() {
        "it has none".to_owned()
    } else {
        format!("its parameters are: {}", known.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query, Problem> {
        let uri: Uri = format!("/api/v1/signals?{text}").parse().unwrap();
        Query::of(&uri, &["limit", "from", "status", "symbol"])
    }

    #[test]
    fn what_is_asked_is_read() {
        let query = query("limit=7&from=2026-11-23T14:05:00%2B01:00&symbol=EURUSD").unwrap();
        assert_eq!(query.number("limit", 50, (1, 500)), Ok(7));
        assert_eq!(
            query.time("from"),
            Ok(Some(Time::parse("2026-11-23T13:05:00Z").unwrap()))
        );
        assert_eq!(query.symbol("symbol"), Ok(Symbol::new("EURUSD").ok()));
        assert_eq!(query.word("status", &["pending"]), Ok(None));
        let millis = Query::of(&"/x?from=1763906700000".parse().unwrap(), &["from"]);
        assert_eq!(
            millis.unwrap().time("from"),
            Ok(Some(Time::from_millis(1_763_906_700_000)))
        );
    }

    #[test]
    fn what_cannot_be_is_named_with_what_may() {
        let of = |text: &str| query(text).unwrap_err();
        let problem = of("colour=red");
        assert!(
            problem
                .error
                .contains("`colour` is no parameter of /api/v1/signals")
        );
        assert!(problem.remedy.contains("limit, from, status, symbol"));
        assert!(of("limit=1&limit=2").error.contains("twice"));
        let query = query("limit=501&from=yesterday&status=red&symbol=EUR/USD").unwrap();
        let limit = query.number("limit", 50, (1, 500)).unwrap_err();
        assert_eq!(limit.error, "`limit` is `501`");
        assert_eq!(limit.remedy, "`limit` is a whole number from 1 to 500");
        assert!(query.time("from").is_err());
        assert!(query.word("status", &["pending"]).is_err());
        assert!(query.symbol("symbol").is_err());
        assert_eq!(limit.status, 400);
    }
}
