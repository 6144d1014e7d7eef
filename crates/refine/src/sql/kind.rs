//! What comes out of an expression, as far as the linter has to know it.

use quotelake_contract::ColumnType;
use sqlparser::ast::{DataType, ExactNumberInfo};

/// A kind of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not known, or NULL.
    Unknown,
    Integer,
    /// With precision and scale, where they are known.
    Decimal(Option<(u64, u64)>),
    Float,
    Text,
    Date,
    Timestamp,
    Boolean,
    Interval,
}

impl Kind {
    pub(super) fn is_decimal(self) -> bool {
        matches!(self, Self::Decimal(_))
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal(_) | Self::Float)
    }

    pub(super) fn is_date(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp)
    }

    /// The digits that it has as a factor or an operand of a division.
    pub(super) fn digits(self) -> Option<(u64, u64)> {
        match self {
            Self::Decimal(digits) => digits,
            Self::Integer => Some((19, 0)),
            _ => None,
        }
    }

    /// Of a column of a contract.
    pub(super) fn of_column(ty: ColumnType) -> Self {
        match ty {
            ColumnType::String => Self::Text,
            ColumnType::Int | ColumnType::Bigint => Self::Integer,
            ColumnType::Double => Self::Float,
            ColumnType::Decimal { precision, scale } => Self::Decimal(Some((precision.into(), scale.into()))),
            ColumnType::Date => Self::Date,
            ColumnType::Timestamp => Self::Timestamp,
            ColumnType::Boolean => Self::Boolean,
        }
    }

    /// Of a type that is written in SQL; `None` of one that is not known everywhere.
    pub(super) fn of_type(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Decimal(info) | DataType::Numeric(info) => Self::Decimal(match info {
                ExactNumberInfo::PrecisionAndScale(precision, scale) => {
                    Some((*precision, u64::try_from(*scale).ok()?))
                }
                ExactNumberInfo::Precision(precision) => Some((*precision, 0)),
                ExactNumberInfo::None => None,
            }),
            DataType::Int(_) | DataType::Integer(_) | DataType::BigInt(_) | DataType::SmallInt(_) => {
                Self::Integer
            }
            DataType::Double(_) => Self::Float,
            DataType::Varchar(_) | DataType::Text | DataType::String(_) => Self::Text,
            DataType::Date => Self::Date,
            DataType::Timestamp(..) => Self::Timestamp,
            DataType::Boolean => Self::Boolean,
            _ => return None,
        })
    }
}

/// What is known of an expression's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) kind: Kind,
    /// Whether a value may be missing.
    pub(super) nullable: bool,
    /// Whether it went through floating point somewhere.
    pub(super) floated: bool,
}

impl Value {
    pub(super) const UNKNOWN: Self = Self { kind: Kind::Unknown, nullable: true, floated: false };

    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, nullable: false, floated: kind == Kind::Float }
    }

    /// What comes of these, with a kind of its own.
    pub(super) fn from(kind: Kind, values: &[Self]) -> Self {
        Self {
            kind,
            nullable: values.iter().any(|value| value.nullable),
            floated: kind == Kind::Float || values.iter().any(|value| value.floated),
        }
    }

    pub(super) fn or_null(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// One or the other: the kind that both fit.
    pub(super) fn either(values: &[Self]) -> Self {
        let kinds = values.iter().map(|value| value.kind).filter(|kind| *kind != Kind::Unknown);
        let kind = kinds.reduce(|a, b| match (a, b) {
            (a, b) if a == b => a,
            (Kind::Float, b) if b.is_number() => Kind::Float,
            (a, Kind::Float) if a.is_number() => Kind::Float,
            (a, b) if a.is_number() && b.is_number() => Kind::Decimal(wider(a.digits(), b.digits())),
            _ => Kind::Unknown,
        });
        Self::from(kind.unwrap_or(Kind::Unknown), values)
    }
}

/// Digits that hold both.
fn wider(a: Option<(u64, u64)>, b: Option<(u64, u64)>) -> Option<(u64, u64)> {
    let ((a, a_scale), (b, b_scale)) = (a?, b?);
    let scale = a_scale.max(b_scale);
    Some((((a - a_scale).max(b - b_scale) + scale).min(38), scale))
}
