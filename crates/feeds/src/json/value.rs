//! What stands at a path, read: texts and prices, exactly.

use market::{ParsePriceError, Price};
use std::borrow::Cow;

/// The text that a JSON text or number says; nothing for null, lists and objects.
pub(super) fn text(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => unquoted(raw),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

fn unquoted(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A price from a JSON number or a text that holds one. Digits after the ninth decimal are the noise of a vendor's
/// floating-point numbers (1.0854200000000001) and rounded away; exponents and separators of thousands are no price.
pub(super) fn price(raw: &str) -> Result<Price, String> {
    let text = text(raw).ok_or_else(|| "it is no number".to_owned())?;
    match Price::parse(&text) {
        Err(ParsePriceError::TooPrecise) => rounded(&text).map_err(|error| error.to_string()),
        read => read.map_err(|error| error.to_string()),
    }
}

fn rounded(text: &str) -> Result<Price, ParsePriceError> {
    let kept = text.find('.').map_or(text.len(), |point| point + 10);
    let (kept, beyond) = text
        .split_at_checked(kept)
        .ok_or(ParsePriceError::Malformed)?;
    let price = Price::parse(kept)?;
    let up = i64::from(
        beyond
            .as_bytes()
            .first()
            .is_some_and(|&digit| digit >= b'5'),
    );
    let step = Price::from_units(if text.starts_with('-') { -up } else { up });
    Ok(price + step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prices_are_read_exactly_from_numbers_and_texts() {
        for (raw, shown) in [
            ("1.08542", "1.08542"),
            ("\"1.08542\"", "1.08542"),
            ("1.0854200000000001", "1.08542"),
            ("1.0854199999999999", "1.08542"),
            ("\"0.12345678951\"", "0.12345679"),
            ("158", "158"),
            ("-2.5", "-2.5"),
            ("-0.0000000005", "-0.000000001"),
        ] {
            assert_eq!(price(raw).unwrap().to_string(), shown, "{raw}");
        }
        for raw in [
            "null",
            "true",
            "[1]",
            "{}",
            "1e2",
            "1.5E-3",
            "\"\"",
            "\"NaN\"",
            "\"1,085.5\"",
            "\"1.2.3\"",
            "1.00000000001x",
            "\"1.000000000µ\"",
            "9300000000.00000000001",
            "",
        ] {
            assert!(price(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn texts_are_unescaped() {
        assert_eq!(text(r#""EUR\/USD""#).unwrap(), "EUR/USD");
        assert_eq!(text(r#""EUR/USD""#).unwrap(), "EUR/USD");
        assert_eq!(text("401").unwrap(), "401");
        assert!(
            text("null").is_none()
                && text("[]").is_none()
                && text("").is_none()
                && text("\"").is_none()
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(raw in ".{0,40}", digits in "[0-9.\"-]{0,30}") {
            for raw in [&raw, &digits] {
                let _ = (price(raw), text(raw));
            }
        }
    }
}
