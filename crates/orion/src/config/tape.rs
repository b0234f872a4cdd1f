//! How recorded files are played and, where they do not tell it themselves, what they are.

use super::value::{Speed, Written, text_option};
use feeds::tape::{Columns, Format, LocalTime, Side, Spec, Zone};
use market::{Symbol, Timeframe};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::str::FromStr;

/// Recorded ticks and bars. All but the speed is found out from each file; what is given here holds for all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TapeFeed {
    pub speed: Speed,
    pub format: Option<Written<Format>>,
    pub symbol: Option<Symbol>,
    /// Of bars.
    pub timeframe: Option<Timeframe>,
    /// Of times that say none themselves.
    pub zone: Option<Written<Zone>>,
    /// Which side of the quote a file with one price per moment holds.
    pub side: Option<Written<Side>>,
    /// What the times of a file count from, where its name does not tell.
    pub base: Option<Written<LocalTime>>,
    /// Which contract of an archive of futures.
    #[serde(with = "text_option")]
    pub expiry: Option<String>,
    /// What each column of a text holds, from the left.
    pub columns: Option<Written<Columns>>,
    pub separator: Option<Written<Separator>>,
    /// Prices in the file are this many times too large.
    pub price_scale: Option<u32>,
    /// Of dates such as `5/11/2019`.
    pub date_order: Option<DateOrder>,
}

/// Which number of `5/11/2019` is the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    MonthFirst,
    DayFirst,
}

/// What stands between two columns: one character of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Separator(u8);

impl FromStr for Separator {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes() {
            b"tab" => Ok(Self(b'\t')),
            [byte]
                if byte.is_ascii()
                    && !byte.is_ascii_alphanumeric()
                    && !b".-\r\n".contains(byte) =>
            {
                Ok(Self(*byte))
            }
            _ => Err("a separator is one character, such as `,` or `;`, or `tab`".to_owned()),
        }
    }
}

impl TapeFeed {
    /// What the settings say of a recorded file.
    #[must_use]
    pub fn spec(&self, path: &Path) -> Spec {
        Spec {
            format: self.format.as_ref().map(|format| format.value),
            symbol: self.symbol,
            timeframe: self.timeframe,
            zone: self.zone.as_ref().map(|zone| zone.value),
            side: self.side.as_ref().map(|side| side.value),
            columns: self.columns(),
            base: self.base.as_ref().map(|base| base.value),
            expiry: self.expiry.clone(),
            ..Spec::new(path)
        }
    }

    /// Takes the prices of files that hold one per moment as they are, whichever side they are of, unless the settings say
    /// which.
    pub fn keep_prices(&mut self) {
        self.side.get_or_insert_with(|| Written::of(Side::Mid));
    }

    fn columns(&self) -> Option<Columns> {
        let columns = Columns {
            roles: self
                .columns
                .as_ref()
                .and_then(|columns| columns.value.roles.clone()),
            separator: self.separator.as_ref().map(|separator| separator.value.0),
            price_scale: self.price_scale,
            date_order: self.date_order.map(|order| match order {
                DateOrder::MonthFirst => feeds::tape::DateOrder::MonthFirst,
                DateOrder::DayFirst => feeds::tape::DateOrder::DayFirst,
            }),
        };
        (columns != Columns::default()).then_some(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use feeds::tape::Role;

    #[test]
    fn a_separator_is_one_character() {
        assert_eq!("tab".parse(), Ok(Separator(b'\t')));
        assert_eq!(";".parse(), Ok(Separator(b';')));
        for text in ["", "ab", "a", "5", ".", "-", "\n", "§"] {
            assert!(text.parse::<Separator>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_given_stands_in_the_spec() {
        let feed: TapeFeed = toml::from_str(
            "format = 'csv'\nsymbol = 'EURUSD'\ntimeframe = '5m'\nzone = '-05:00'\nside = 'bid'\nbase = '2019-02-04'\n\
             expiry = 201312\ncolumns = 'time,bid,ask,-'\nseparator = 'tab'\nprice_scale = 1000\ndate_order = 'day_first'",
        )
        .unwrap();
        let spec = feed.spec(Path::new("x"));
        assert_eq!(
            (spec.path.as_path(), spec.format),
            (Path::new("x"), Some(Format::Csv))
        );
        assert_eq!(
            spec.symbol.map(|symbol| symbol.to_string()).as_deref(),
            Some("EURUSD")
        );
        assert_eq!(
            (spec.timeframe, spec.side),
            (Some(Timeframe::M5), Some(Side::Bid))
        );
        assert_eq!(
            (spec.zone, spec.base),
            (Some(Zone::EST_FIXED), LocalTime::date(2019, 2, 4))
        );
        assert_eq!(spec.expiry.as_deref(), Some("201312"));
        let columns = Columns {
            roles: Some(vec![Role::Time, Role::Bid, Role::Ask, Role::Ignored]),
            separator: Some(b'\t'),
            price_scale: Some(1000),
            date_order: Some(feeds::tape::DateOrder::DayFirst),
        };
        assert_eq!(spec.columns, Some(columns));

        let written = toml::to_string(&feed).unwrap();
        assert_eq!(toml::from_str::<TapeFeed>(&written).unwrap(), feed);
        assert_eq!(TapeFeed::default().spec(Path::new("x")), Spec::new("x"));
    }
}
