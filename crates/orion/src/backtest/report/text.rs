//! Words and numbers as the page shows them. Whatever comes from outside (names of files, reasons of signals) goes through
//! [`safe`]: it is shown, never obeyed.

use engine::setup::SetupKind;
use market::{NewYork, SourceTime, Span};
use std::fmt::Write as _;

/// Stands where there is nothing to say.
pub(super) const NOTHING: &str = "\u{2013}";
const MINUS: &str = "\u{2212}";

/// A text that is no markup, neither between tags nor in a quoted attribute.
pub(super) fn safe(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for one in raw.chars() {
        match one {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // No other control character may stand in HTML.
            one if one.is_control() && !matches!(one, '\n' | '\t') => safe.push('\u{fffd}'),
            one => safe.push(one),
        }
    }
    safe
}

/// The first letter large.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// With as many decimals.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    let text = format!("{:.decimals$}", value.abs());
    let is_zero = !text.contains(|digit: char| ('1'..='9').contains(&digit));
    if value < 0.0 && !is_zero {
        format!("{MINUS}{text}")
    } else {
        text
    }
}

/// With its sign, unless it is shown as zero.
pub(super) fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    let is_plus = value > 0.0 && text.contains(|digit: char| ('1'..='9').contains(&digit));
    if is_plus { format!("+{text}") } else { text }
}

/// A result: `+1.25 R`.
pub(super) fn r(value: f64) -> String {
    format!("{} R", signed(value, 2))
}

/// A part of one: `57.1 %`.
pub(super) fn percent(part: f64) -> String {
    format!("{} %", fixed(part * 100.0, 1))
}

/// A difference of two parts, in points of a hundred: `+1.2 %`.
pub(super) fn points(part: f64) -> String {
    format!("{} %", signed(part * 100.0, 1))
}

/// `[50.3, 63.1]`, in points of a hundred.
pub(super) fn percents(low: f64, high: f64) -> String {
    format!("[{}, {}]", fixed(low * 100.0, 1), fixed(high * 100.0, 1))
}

/// `[−0.12, +0.34]`
pub(super) fn between((low, high): (f64, f64), decimals: usize) -> String {
    format!("[{}, {}]", signed(low, decimals), signed(high, decimals))
}

/// What is shown of a value that may be unknown.
pub(super) fn known<T>(value: Option<T>, shown: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| NOTHING.to_owned(), shown)
}

/// A count: `5,000`.
pub(super) fn count(count: impl Into<u64>) -> String {
    let digits = count.into().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 trade`, `5,000 trades`
pub(super) fn counted(n: impl Into<u64>, noun: &str) -> String {
    let n = n.into();
    let ending = if n == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(n))
}

/// Good above zero, bad below: a class of the style.
pub(super) fn tone(value: f64) -> &'static str {
    if value > 0.0 {
        "good"
    } else if value < 0.0 {
        "bad"
    } else {
        ""
    }
}

/// A time by New York's clock and in UTC; what is no time as it was written.
pub(super) fn both_clocks(text: &str) -> String {
    let Ok(time) = SourceTime::parse(text) else {
        return safe(text);
    };
    let local = NewYork::at(time);
    let minute = local.second / 60;
    let utc = time.to_string();
    let mut shown = date(local.day);
    // A `String` takes all that is written to it.
    let _ = write!(
        shown,
        " {:02}:{:02} New York ({} {} UTC)",
        minute / 60,
        minute % 60,
        utc.get(..10).unwrap_or_default(),
        utc.get(11..16).unwrap_or_default(),
    );
    shown
}

/// Days since 1970 of `2025-03-04`.
pub(super) fn day_number(date: &str) -> Option<i32> {
    let midnight = SourceTime::parse(&format!("{date}T00:00:00Z")).ok()?;
    i32::try_from(midnight.nanos().div_euclid(Span::from_hours(24).nanos())).ok()
}

/// The date of a day since 1970: `2025-03-04`.
pub(super) fn date(day: i32) -> String {
    let midnight = SourceTime::from_secs(i64::from(day) * 86_400).to_string();
    midnight.get(..10).unwrap_or_default().to_owned()
}

/// `Mar 2025` of `2025-03` or `2025-03-04`.
pub(super) fn month_name(date: &str) -> String {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = date.get(5..7).and_then(|month| month.parse::<usize>().ok());
    let name = month.and_then(|month| NAMES.get(month.wrapping_sub(1)));
    match (name, date.get(..4)) {
        (Some(name), Some(year)) => format!("{name} {}", safe(year)),
        (None, _) | (_, None) => safe(date),
    }
}

/// A setup as clients see it; one of somebody else's as it came.
pub(super) fn setup(name: &str) -> String {
    let is_it = |kind: &SetupKind| kind.as_str() == name;
    let own = SetupKind::ALL.into_iter().find(is_it);
    own.map_or_else(|| safe(name), |kind| safe(kind.reason()))
}

/// A killzone as people say it.
pub(super) fn killzone(name: &str) -> String {
    match name {
        "asia" => "Asia".to_owned(),
        "london" => "London".to_owned(),
        "ny_am" => "New York morning".to_owned(),
        "lunch" => "New York lunch".to_owned(),
        "pm" => "New York afternoon".to_owned(),
        other => safe(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(
            safe("</script><img onerror='a' x=\"&\">\u{0}"),
            "&lt;/script&gt;&lt;img onerror=&#39;a&#39; x=&quot;&amp;&quot;&gt;\u{fffd}"
        );
    }

    #[test]
    fn numbers_are_shown() {
        for (shown, expected) in [
            (r(1.254), "+1.25 R"),
            (r(-0.5), "\u{2212}0.50 R"),
            (r(-0.001), "0.00 R"),
            (r(0.001), "0.00 R"),
            (r(f64::NAN), "\u{2013} R"),
            (percent(0.5714), "57.1 %"),
            (points(0.0123), "+1.2 %"),
            (percents(0.5, 0.631), "[50.0, 63.1]"),
            (between((-0.12, 0.344), 2), "[\u{2212}0.12, +0.34]"),
            (count(5_u32), "5"),
            (count(1_234_567_u64), "1,234,567"),
            (counted(1_u32, "trade"), "1 trade"),
            (counted(5000_u32, "trade"), "5,000 trades"),
            (capital("no edge"), "No edge"),
            (known(None, percent), "\u{2013}"),
        ] {
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn times_are_told_by_both_clocks() {
        for (text, expected) in [
            (
                "2014-05-02T07:06:30.357Z",
                "2014-05-02 03:06 New York (2014-05-02 07:06 UTC)",
            ),
            (
                "2014-01-02T03:06:30.357Z",
                "2014-01-01 22:06 New York (2014-01-02 03:06 UTC)",
            ),
            ("<soon>", "&lt;soon&gt;"),
        ] {
            assert_eq!(both_clocks(text), expected);
        }
    }

    #[test]
    fn setups_are_called_as_clients_see_them() {
        assert_eq!(setup("mss_fvg"), "MSS+FVG setup");
        assert_eq!(setup("<mine>"), "&lt;mine&gt;");
    }

    #[test]
    fn days_are_counted() {
        assert_eq!(day_number("1970-01-02"), Some(1));
        assert_eq!(day_number("2024-12-31"), Some(20_088));
        assert_eq!(day_number("soon"), None);
        assert_eq!(date(20_088), "2024-12-31");
        assert_eq!(month_name("2025-03-04"), "Mar 2025");
        assert_eq!(month_name("<b>"), "&lt;b&gt;");
    }
}
