//! The SQL of values: the text of a value as it goes to the lake, and its spelling for a comparison.

use chrono_tz::Tz;
use quotelake_contract::cell::{Epoch, EpochUnit};
use quotelake_contract::{Column, ColumnType, Contract};
use quotelake_core::Decimal;
use quotelake_core::time::parse_date;

use crate::cast::Kind;
use crate::cell;
use crate::mapping::{Origin, Piece, Value};
use crate::quoting::{literal, quoted};
use crate::relation::Relation;

/// A number as the contract's reader takes it.
const NUMBER: &str = r"'^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?$'";
/// An instant with an offset.
const INSTANT: &str =
    r"'^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$'";

/// One column of the contract that comes from the table.
#[derive(Debug)]
pub(crate) struct Expression<'c> {
    pub(crate) column: &'c Column,
    /// Its text, null where it is missing.
    pub(crate) text: String,
    /// Whether people wrote it: the contract's formats hold for it.
    pub(crate) written: bool,
    /// The text as everybody spells a value of the contract's type. None where the server cannot: the contract's formats are ours.
    pub(crate) spelled: Option<String>,
}

impl<'c> Expression<'c> {
    /// Of a column that is no constant.
    pub(crate) fn new(
        relation: &Relation,
        contract: &'c Contract,
        name: &str,
        origin: &Origin,
    ) -> Option<Self> {
        let column = &contract.columns[contract.index_of(name)?];
        let (text, kind) = match origin {
            Origin::Column(value) => (text(relation, value, Some(column)), relation.kind(value)),
            Origin::Template(pieces) => (template(relation, pieces), Kind::Text),
            Origin::Constant(_) => return None,
        };
        let text = without_nulls(&text, column, kind);
        let written = kind.is_text() && matches!(origin, Origin::Column(_));
        let ours = kind.is_text() && !cell::is_plain(column);
        let spelled = (!ours).then(|| spelled(relation, &text, column, kind));
        Some(Self { column, text, written, spelled })
    }
}

/// A value's text: by the digits and the ISO 8601 dates that PostgreSQL writes. What no date or instant of the years 1 to 9999
/// is, or does not exist in its zone, is left in a spelling that no contract takes.
pub(crate) fn text(relation: &Relation, value: &Value, column: Option<&Column>) -> String {
    let raw = format!("t.{}", quoted(&value.column));
    let (cast, kind) = (&value.cast, relation.kind(value));
    let value_sql = match (cast, value.zone, relation.uncast(value)) {
        (None, ..) => raw,
        // The date, or the wall clock's time, in the zone that the mapping names.
        (Some(cast), Some(zone), Kind::Instant) if matches!(kind, Kind::Date | Kind::Timestamp) => {
            format!("({raw} AT TIME ZONE '{zone}')::{}", cast.sql())
        }
        (Some(cast), Some(zone), Kind::Timestamp) if kind == Kind::Instant => {
            format!("({raw} AT TIME ZONE '{zone}')::{}", cast.sql())
        }
        (Some(cast), ..) => format!("({raw})::{}", cast.sql()),
    };
    let placeholders = column.map(|column| placeholder(&value_sql, kind, column)).unwrap_or_default();
    let text = match kind {
        Kind::Money => format!("({value_sql})::numeric::text"),
        Kind::Instant => instant(&value_sql, None, column.and_then(|column| column.epoch)),
        Kind::Timestamp => instant(&value_sql, value.zone, column.and_then(|column| column.epoch)),
        // The text of a char(n) comes without its padding.
        _ => format!("({value_sql})::text"),
    };
    format!("({placeholders}{text}{}) COLLATE \"C\"", if placeholders.is_empty() { "" } else { " END" })
}

/// `CASE WHEN` it is a date that stands for none `THEN NULL ELSE`, or nothing.
fn placeholder(value: &str, kind: Kind, column: &Column) -> String {
    if !matches!(kind, Kind::Date | Kind::Timestamp | Kind::Instant) {
        return String::new();
    }
    // Only what is a date can be the date of a row.
    let dates: Vec<String> = column
        .cell
        .formats()
        .placeholder_dates
        .iter()
        .filter(|date| parse_date(date.as_bytes()).is_some())
        .map(|date| literal(date))
        .collect();
    if dates.is_empty() {
        return String::new();
    }
    format!("CASE WHEN ({value})::date IN ({}) THEN NULL ELSE ", dates.join(", "))
}

/// An instant to the millisecond, to the microsecond where it has any, `2020-01-02T03:04:05.678Z`.
fn instant(value: &str, zone: Option<Tz>, epoch: Option<Epoch>) -> String {
    let utc = match zone {
        Some(zone) => format!("(({value} AT TIME ZONE '{zone}') AT TIME ZONE 'UTC')"),
        None => format!("({value} AT TIME ZONE 'UTC')"),
    };
    let outside = match zone {
        Some(zone) => format!("({value})::text || ' {zone}'"),
        None => format!("({value})::text"),
    };
    // Outside these years the calendar would lose BC, or a digit.
    let mut cases = format!(
        "CASE WHEN {value} < '0001-01-01' OR {value} >= '10000-01-01' OR {value} IS NULL THEN {outside} "
    );
    if let Some(zone) = zone {
        // An hour that the clocks left out would become another hour's.
        cases.push_str(&format!(
            "WHEN {utc} < '0001-01-01' OR {utc} >= '10000-01-01' \
             OR ({value} AT TIME ZONE '{zone}') AT TIME ZONE '{zone}' <> {value} THEN {outside} "
        ));
    }
    let written = if let Some(epoch) = epoch {
        // Whole counts without a point, and with one they are none.
        let micros = format!("round((extract(epoch from {utc}) * 1000000)::numeric)");
        match epoch.unit {
            EpochUnit::Nanoseconds => format!("ELSE ({micros} * 1000)::text"),
            EpochUnit::Microseconds => format!("ELSE ({micros})::text"),
            unit => {
                let size = if unit == EpochUnit::Seconds { 1_000_000 } else { 1000 };
                format!(
                    "ELSE CASE WHEN {micros} % {size} = 0 THEN div({micros}, {size})::text \
                     ELSE ({micros} / {size})::text END"
                )
            }
        }
    } else {
        let form = |fraction: &str| format!("to_char({utc}, 'YYYY-MM-DD\"T\"HH24:MI:SS.{fraction}\"Z\"')");
        format!("WHEN date_trunc('milliseconds', {utc}) = {utc} THEN {} ELSE {}", form("MS"), form("US"))
    };
    format!("{cases}{written} END")
}

/// A template of which a column is missing is missing.
fn template(relation: &Relation, pieces: &[Piece]) -> String {
    let pieces: Vec<String> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => format!("{}::text", literal(text)),
            Piece::Column(column) => text(relation, &Value::plain(column), None),
        })
        .collect();
    format!("({}) COLLATE \"C\"", pieces.join(" || "))
}

/// Texts that stand for a missing value are one.
fn without_nulls(text: &str, column: &Column, kind: Kind) -> String {
    let text = match (kind, column.ty) {
        (Kind::Text, ty) if ty != ColumnType::String => format!("btrim({text}, E' \\t\\r\\n')"),
        _ => text.to_owned(),
    };
    let mut nulls: Vec<String> = column.cell.formats().null_texts.iter().map(|null| literal(null)).collect();
    let mut day = text.clone();
    if kind.is_text() && !column.cell.formats().placeholder_dates.is_empty() {
        // Of an instant the date alone counts: `1900-01-01 00:00:00`.
        day = format!("split_part(replace({text}, 'T', ' '), ' ', 1)");
        nulls.extend(column.cell.formats().placeholder_dates.iter().map(|date| literal(date)));
    }
    if nulls.is_empty() {
        return text;
    }
    let listed = nulls.join(", ");
    let mut missing = format!("{text} IN ({listed}) OR {day} IN ({listed})");
    if matches!(kind, Kind::Integer | Kind::Numeric | Kind::Money) {
        // `-999` stands for -999.000 too.
        let numbers: Vec<&str> = column
            .cell
            .formats()
            .null_texts
            .iter()
            .filter(|null| null.parse::<Decimal>().is_ok())
            .map(String::as_str)
            .collect();
        if !numbers.is_empty() {
            missing.push_str(&format!(" OR ({text})::numeric IN ({})", numbers.join(", ")));
        }
    }
    format!("(CASE WHEN {missing} THEN NULL ELSE {text} END) COLLATE \"C\"")
}

/// A text in the one spelling of a value of the contract's type: see `spelling.rs`, which spells the lake's values
/// alike. A text that is no such value stays as it is.
fn spelled(relation: &Relation, text: &str, column: &Column, kind: Kind) -> String {
    match column.ty {
        ColumnType::String | ColumnType::Date => text.to_owned(),
        ColumnType::Timestamp if kind.is_text() && column.epoch.is_none() => format!(
            "CASE WHEN {text} ~ {INSTANT} \
             THEN to_char(({text})::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') ELSE {text} END"
        ),
        ColumnType::Timestamp if column.epoch.is_none() => text.to_owned(),
        ColumnType::Boolean if kind == Kind::Boolean => text.to_owned(),
        ColumnType::Boolean => format!("lower({text})"),
        ColumnType::Double => {
            // The same float on both sides, and a number that no float holds is none.
            let exact = format!("(({text})::float8)::text::numeric = ({text})::numeric");
            format!(
                "CASE WHEN {text} ~ {NUMBER} THEN CASE WHEN {exact} THEN encode(float8send(({text})::float8), 'hex') \
                 ELSE {text} END ELSE {text} END"
            )
        }
        ColumnType::Int | ColumnType::Bigint | ColumnType::Decimal { .. } | ColumnType::Timestamp => {
            let shortest = |number: &str| match relation.trims_scale {
                true => format!("trim_scale({number})::text"),
                false => format!(
                    "CASE WHEN strpos(({number})::text, '.') > 0 \
                     THEN rtrim(rtrim(({number})::text, '0'), '.') ELSE ({number})::text END"
                ),
            };
            match kind {
                Kind::Integer => text.to_owned(),
                Kind::Numeric | Kind::Money => shortest(&format!("({text})::numeric")),
                _ => format!(
                    "CASE WHEN {text} ~ {NUMBER} THEN {} ELSE {text} END",
                    shortest(&format!("({text})::numeric"))
                ),
            }
        }
    }
}
