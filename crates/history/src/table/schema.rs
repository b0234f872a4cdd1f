//! What a column holds, what a cell may say, and how both are written down.

use crate::Error;
use market::Price;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};
use std::sync::Arc;

/// The most digits that a 64-bit decimal may promise (Parquet, logical types, `DECIMAL`).
const PRECISION: i32 = 18;
/// Places of a [`Price`].
const PRICE_PLACES: u8 = 9;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    /// Whether a cell may be empty.
    pub optional: bool,
    /// Whether whole numbers come again and again: then a dictionary packs them best. Texts have one in any case.
    pub repeats: bool,
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Float,
    Flag,
    Text,
    /// A number with so many places behind the point, at most 18.
    Decimal(u8),
    /// A moment, UTC.
    Time(Unit),
}

/// How finely a time is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Millis,
    Micros,
    Nanos,
}

/// What is written into a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing, in an optional column.
    None,
    Integer(i64),
    Float(f64),
    Flag(bool),
    Text(&'a str),
    /// Into a decimal column; one that keeps too few places for it is refused.
    Price(Price),
    /// The same; where it is written as text, with at least so many places instead of the column's.
    Exact(Price, u8),
    /// Into a column of texts: JSON, which JSON has as it is.
    Json(&'a str),
    /// Into a decimal column, in units of its last place.
    Units(i64),
    /// Into a column of times: nanoseconds since 1970. One that keeps a coarser unit than it needs is refused.
    Nanos(i64),
}

/// What a cell becomes on disk.
pub(super) enum Raw {
    None,
    Integer(i64),
    Float(f64),
    Flag(bool),
    Text(ByteArray),
}

impl Column {
    #[must_use]
    pub fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            optional: false,
            repeats: false,
        }
    }

    #[must_use]
    pub fn integer(name: &str) -> Self {
        Self::new(name, Kind::Integer)
    }

    #[must_use]
    pub fn float(name: &str) -> Self {
        Self::new(name, Kind::Float)
    }

    #[must_use]
    pub fn flag(name: &str) -> Self {
        Self::new(name, Kind::Flag)
    }

    #[must_use]
    pub fn text(name: &str) -> Self {
        Self::new(name, Kind::Text)
    }

    #[must_use]
    pub fn decimal(name: &str, places: u8) -> Self {
        Self::new(name, Kind::Decimal(places))
    }

    #[must_use]
    pub fn time(name: &str, unit: Unit) -> Self {
        Self::new(name, Kind::Time(unit))
    }

    /// The same column, whose cells may be empty.
    #[must_use]
    pub fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    /// The same column, whose whole numbers come again and again.
    #[must_use]
    pub fn repeating(self) -> Self {
        Self {
            repeats: true,
            ..self
        }
    }

    /// What `cell` becomes on disk.
    ///
    /// # Errors
    /// [`Error::Inexact`] when it would be rounded.
    ///
    /// # Panics
    /// When the cell is of another kind than the column: that is the caller's slip.
    pub(super) fn raw(&self, cell: Cell<'_>) -> Result<Raw, Error> {
        match (cell, self.kind) {
            (Cell::None, _) if self.optional => Ok(Raw::None),
            (Cell::Integer(value), Kind::Integer) | (Cell::Units(value), Kind::Decimal(_)) => {
                Ok(Raw::Integer(value))
            }
            (Cell::Float(value), Kind::Float) => Ok(Raw::Float(value)),
            (Cell::Flag(value), Kind::Flag) => Ok(Raw::Flag(value)),
            (Cell::Text(value) | Cell::Json(value), Kind::Text) => Ok(Raw::Text(value.into())),
            (Cell::Price(price) | Cell::Exact(price, _), Kind::Decimal(places)) => {
                self.price(price, places)
            }
            (Cell::Nanos(nanos), Kind::Time(unit)) => self.moment(nanos, unit),
            (cell, kind) => panic!("column {} holds {kind:?}, and never {cell:?}", self.name),
        }
    }

    fn price(&self, price: Price, places: u8) -> Result<Raw, Error> {
        let scaled = if places <= PRICE_PLACES {
            let step = 10_i64.pow(u32::from(PRICE_PLACES - places));
            (price.units() % step == 0).then(|| price.units() / step)
        } else {
            let times = 10_i64.checked_pow(u32::from(places - PRICE_PLACES));
            times.and_then(|times| price.units().checked_mul(times))
        };
        scaled.map(Raw::Integer).ok_or_else(|| Error::Inexact {
            column: self.name.clone(),
            value: price.to_string(),
            kept: format!("{places} places"),
        })
    }

    fn moment(&self, nanos: i64, unit: Unit) -> Result<Raw, Error> {
        if nanos % unit.nanos() == 0 {
            return Ok(Raw::Integer(nanos / unit.nanos()));
        }
        Err(Error::Inexact {
            column: self.name.clone(),
            value: format!("{nanos} ns"),
            kept: format!("{unit:?}").to_lowercase(),
        })
    }

    /// The column as Parquet has it.
    fn to_parquet(&self) -> Result<Type, ParquetError> {
        let (physical, logical) = match self.kind {
            Kind::Integer => (Physical::INT64, None),
            Kind::Float => (Physical::DOUBLE, None),
            Kind::Flag => (Physical::BOOLEAN, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Decimal(places) => {
                let logical = LogicalType::decimal(i32::from(places), PRECISION);
                (Physical::INT64, Some(logical))
            }
            Kind::Time(unit) => {
                let logical = LogicalType::timestamp(true, unit.to_parquet());
                (Physical::INT64, Some(logical))
            }
        };
        let repetition = if self.optional {
            Repetition::OPTIONAL
        } else {
            Repetition::REQUIRED
        };
        let mut builder = Type::primitive_type_builder(&self.name, physical)
            .with_repetition(repetition)
            .with_logical_type(logical);
        if let Kind::Decimal(places) = self.kind {
            builder = builder
                .with_precision(PRECISION)
                .with_scale(i32::from(places));
        }
        builder.build()
    }

    /// The column that Parquet has; `None` for one that this crate does not write.
    pub(super) fn from_parquet(column: &Type) -> Option<Self> {
        if !column.is_primitive() {
            return None;
        }
        let info = column.get_basic_info();
        let kind = match (column.get_physical_type(), info.logical_type_ref()) {
            (Physical::INT64, None) => Kind::Integer,
            (Physical::DOUBLE, None) => Kind::Float,
            (Physical::BOOLEAN, None) => Kind::Flag,
            (Physical::BYTE_ARRAY, Some(LogicalType::String)) => Kind::Text,
            (Physical::INT64, Some(LogicalType::Decimal(decimal))) => {
                Kind::Decimal(u8::try_from(decimal.scale).ok()?)
            }
            (Physical::INT64, Some(LogicalType::Timestamp(time))) if time.is_adjusted_to_u_t_c => {
                Kind::Time(Unit::from_parquet(&time.unit))
            }
            _ => return None,
        };
        let optional = match info.repetition() {
            Repetition::REQUIRED => false,
            Repetition::OPTIONAL => true,
            Repetition::REPEATED => return None,
        };
        Some(Self {
            optional,
            ..Self::new(info.name(), kind)
        })
    }
}

impl Unit {
    /// How many nanoseconds it has.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        match self {
            Self::Millis => 1_000_000,
            Self::Micros => 1_000,
            Self::Nanos => 1,
        }
    }

    /// The coarsest unit that keeps this time exactly.
    #[must_use]
    pub fn of(nanos: i64) -> Self {
        let exact = |unit: &Self| nanos % unit.nanos() == 0;
        let units = [Self::Millis, Self::Micros];
        units.into_iter().find(exact).unwrap_or(Self::Nanos)
    }

    fn to_parquet(self) -> TimeUnit {
        match self {
            Self::Millis => TimeUnit::MILLIS,
            Self::Micros => TimeUnit::MICROS,
            Self::Nanos => TimeUnit::NANOS,
        }
    }

    fn from_parquet(unit: &TimeUnit) -> Self {
        match unit {
            TimeUnit::MILLIS => Self::Millis,
            TimeUnit::MICROS => Self::Micros,
            TimeUnit::NANOS => Self::Nanos,
        }
    }
}

/// The schema of these columns.
pub(super) fn schema(columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let fields = columns
        .iter()
        .map(|column| column.to_parquet().map(Arc::new));
    let fields = fields.collect::<Result<Vec<TypePtr>, _>>()?;
    let builder = Type::group_type_builder("schema").with_fields(fields);
    builder.build().map(Arc::new)
}
