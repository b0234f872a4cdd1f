//! What brokers call the instruments: prefixes and suffixes are taken off, then the name must be one that is known. A name
//! that is not known is nobody's: it is never guessed.

/// Names of the same thing, as seen at brokers. Names of futures (`NQ`, `ES`, `YM`) stand for futures and are not here.
const ALIASES: &[(&str, &[&str])] = &[
    ("EURUSD", &["EURUSD", "EUR/USD"]),
    ("GBPUSD", &["GBPUSD", "GBP/USD"]),
    ("USDJPY", &["USDJPY", "USD/JPY"]),
    ("XAUUSD", &["XAUUSD", "XAU/USD", "GOLD"]),
    (
        "US30",
        &[
            "US30",
            "DJ30",
            "DJI30",
            "WS30",
            "WALLSTREET30",
            "USA30",
            "[DJI30]",
        ],
    ),
    (
        "NAS100",
        &[
            "NAS100", "USTEC", "US100", "NDX100", "USTECH", "NQ100", "UT100", "[NQ100]",
        ],
    ),
    (
        "SPX500",
        &["SPX500", "US500", "SP500", "USA500", "SPXUSD", "[SP500]"],
    ),
];

/// Suffixes of account types; letter case matters only for those of one letter.
const SUFFIXES: &[&str] = &[
    ".a", ".r", ".m", ".c", ".i", ".z", ".pro", ".ecn", ".raw", ".std", ".fx", ".cash", ".micro",
    "-pro", "_pro", "-ecn", "_ecn", "-raw", "pro", "ecn", "raw", "cash", "micro", "+", ".", "m",
    "c", "z", "r", "i",
];

const PREFIXES: &[&str] = &["#", "_", ".", "m"];

/// Our name for a broker's symbol; `further` are suffixes of the operator's broker.
#[must_use]
pub fn ours(theirs: &str, further: &[String]) -> Option<&'static str> {
    let theirs = theirs.trim();
    let bare = PREFIXES
        .iter()
        .filter_map(|prefix| theirs.strip_prefix(prefix));
    std::iter::once(theirs)
        .chain(bare)
        .find_map(|name| known(name, further, 2))
}

/// A name, with up to so many suffixes: `US30Cash.a` has two.
fn known(name: &str, further: &[String], suffixes: u8) -> Option<&'static str> {
    exact(name).or_else(|| {
        let fewer = suffixes.checked_sub(1)?;
        let further_ones = further.iter().map(|suffix| suffix.trim());
        (SUFFIXES.iter().copied().chain(further_ones))
            .filter_map(|suffix| without(name, suffix))
            .find_map(|rest| known(rest, further, fewer))
    })
}

fn exact(name: &str) -> Option<&'static str> {
    ALIASES
        .iter()
        .find(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
        .map(|(ours, _)| *ours)
}

/// What stands before a suffix.
fn without<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(suffix.len())?;
    if suffix.is_empty() || !name.is_char_boundary(at) {
        return None;
    }
    let (rest, tail) = name.split_at(at);
    let same = if suffix.len() == 1 {
        tail == suffix
    } else {
        tail.eq_ignore_ascii_case(suffix)
    };
    same.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(expected: Option<&str>, names: &[&str]) {
        for name in names {
            assert_eq!(ours(name, &[]), expected, "{name}");
        }
    }

    #[test]
    fn the_names_seen_at_brokers() {
        check(
            Some("EURUSD"),
            &[
                "EURUSD",
                "EUR/USD",
                "eurusd",
                "EURUSD.a",
                "EURUSDm",
                "EURUSDc",
                "EURUSDz",
                "EURUSDr",
                "EURUSDi",
                "EURUSD.r",
                "EURUSD.m",
                "EURUSD.c",
                "EURUSD.pro",
                "EURUSD.PRO",
                "EURUSD.ecn",
                "EURUSD.raw",
                "EURUSD.fx",
                "EURUSD.micro",
                "EURUSD+",
                "EURUSD-Pro",
                "EURUSD.",
                "mEURUSD",
                "#EURUSD",
                "_EURUSD",
                "#EURUSDm",
                "EURUSDm.",
            ],
        );
        check(Some("GBPUSD"), &["GBPUSD", "GBPUSD.a", "GBPUSDm"]);
        check(Some("USDJPY"), &["USDJPY", "USD/JPY", "USDJPYc"]);
        check(
            Some("XAUUSD"),
            &[
                "XAUUSD",
                "GOLD",
                "GOLD.",
                "XAUUSD.r",
                "XAUUSDm",
                "GOLDmicro",
                "#GOLD",
                "Gold",
            ],
        );
        check(
            Some("US30"),
            &[
                "US30",
                "US30.cash",
                "DJ30",
                "DJI30",
                "WS30",
                "WallStreet30",
                "USA30",
                "US30Cash",
                "[DJI30]",
                "US30m",
                "#US30",
                "US30Cash.a",
            ],
        );
        check(
            Some("NAS100"),
            &[
                "NAS100",
                "USTEC",
                "US100",
                "US100.cash",
                "NDX100",
                "USTECH",
                "NQ100",
                "UT100",
                "US100Cash",
                "USTECm",
                "[NQ100]",
            ],
        );
        check(
            Some("SPX500"),
            &[
                "US500",
                "SPX500",
                "SP500",
                "US500.cash",
                "USA500",
                "US500Cash",
                "SPXUSD",
                "US500m",
            ],
        );
    }

    /// What looks alike and is another thing: gold in euros, futures and their contracts, other pairs.
    #[test]
    fn what_is_not_known_is_not_guessed() {
        check(
            None,
            &[
                "",
                "m",
                ".",
                "XAUEUR",
                "GOLD.eur",
                "GOLDEUR",
                "NQ",
                "ES",
                "YM",
                "MNQ",
                "NQZ26",
                "US30_Z6",
                "US30-DEC26",
                "USTEC.f",
                "EURUSD.vip",
                "EURUSDM",
                "EURGBP",
                "EURUSDJPY",
                "US2000",
                "Gold Silver",
                "\u{e9}URUSD",
                "EURUSD\u{e9}",
            ],
        );
        let further = [".vip".to_owned()];
        assert_eq!(ours("EURUSD.vip", &further), Some("EURUSD"));
        assert_eq!(ours("EURUSDm.VIP", &further), Some("EURUSD"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_not(text in any::<String>()) {
            let _ = ours(&text, std::slice::from_ref(&text));
        }
    }
}
