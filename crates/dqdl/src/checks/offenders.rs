//! The values that fail a rule, to be named in its message.
//!
//! Only rows that fail are looked at, and few of them: a rule that holds costs nothing here.

use arrow::array::{Array as _, ArrayRef, make_array};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::array_value_to_string;

use crate::check::{Goal, Totals, Verdict, unmet};
use crate::column::{Numbers, Rows, Values, is_text};

/// How many values are named.
const NAMED: usize = 3;
/// How many failing rows are looked at for different ones.
const LOOKED_AT: usize = 64;
/// Characters of a value that are shown.
const SHOWN: usize = 60;

/// Some different values of failing rows, as text.
#[derive(Debug, Clone, Default)]
pub(super) struct Offenders {
    texts: Vec<String>,
    looked_at: usize,
    lowest: Option<(f64, String)>,
    highest: Option<(f64, String)>,
}

/// A number and its row.
type Extreme = Option<(f64, usize)>;

/// Which of several failing numbers says most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// Under `>` and `>=`.
    Lowest,
    /// Under `<` and `<=`.
    Highest,
    /// Under everything else.
    Both,
}

impl Offenders {
    /// Looks at the failing rows of a batch; `describe` makes a text of a row.
    pub(super) fn see(&mut self, failing: Option<&Rows>, mut describe: impl FnMut(usize) -> String) {
        let Some(failing) = failing else { return };
        if self.texts.len() == NAMED || self.looked_at == LOOKED_AT {
            return;
        }
        for row in failing.first(LOOKED_AT - self.looked_at) {
            self.looked_at += 1;
            let text = describe(row);
            if !self.texts.contains(&text) {
                self.texts.push(text);
            }
            if self.texts.len() == NAMED {
                return;
            }
        }
    }

    /// Looks at the failing rows of a batch; a row is its value of a column.
    pub(super) fn see_values(&mut self, failing: Option<&Rows>, array: &ArrayRef) {
        self.see(failing, |row| shown(array, row));
    }

    /// Looks at all failing numbers of a batch for the smallest and the largest.
    pub(super) fn see_numbers(&mut self, failing: Option<&Rows>, array: &ArrayRef, numbers: &Numbers) {
        let Some(failing) = failing else { return };
        self.see_values(Some(failing), array);
        let (mut low, mut high) = (Extreme::default(), Extreme::default());
        failing.and(numbers.valid.as_ref()).for_each(|row| {
            let value = match &numbers.values {
                Values::I64(values) => values.get(row).map(|value| *value as f64),
                Values::I128(values) => values.get(row).map(|value| *value as f64),
                Values::F64(values) => values.get(row).copied(),
            };
            let Some(value) = value else { return };
            if low.is_none_or(|(least, _)| value < least) {
                low = Some((value, row));
            }
            if high.is_none_or(|(most, _)| value > most) {
                high = Some((value, row));
            }
        });
        if let Some((value, row)) = low
            && self.lowest.as_ref().is_none_or(|known| value < known.0)
        {
            self.lowest = Some((value, shown(array, row)));
        }
        if let Some((value, row)) = high
            && self.highest.as_ref().is_none_or(|known| value > known.0)
        {
            self.highest = Some((value, shown(array, row)));
        }
    }

    /// The values to name, the most telling one first.
    fn values(self, telling: Telling) -> Vec<String> {
        let lowest = self.lowest.map(|(_, text)| text);
        let highest = self.highest.map(|(_, text)| text);
        let extremes = match telling {
            Telling::Lowest => [lowest, None],
            Telling::Highest => [highest, None],
            Telling::Both => [highest, lowest],
        };
        let mut values: Vec<String> = Vec::new();
        for text in extremes.into_iter().flatten().chain(self.texts) {
            if values.len() < NAMED && !values.contains(&text) {
                values.push(text);
            }
        }
        values
    }

    /// The values to name, in the order of their rows.
    pub(super) fn into_values(self) -> Vec<String> {
        self.values(Telling::Both)
    }

    /// The verdict of a rule on single rows: it says which values fail, and in how many rows.
    pub(super) fn judge(self, goal: &Goal, totals: &Totals, telling: Telling) -> Verdict {
        let Verdict::Fail(message) = goal.judge(totals.compliance()) else {
            return Verdict::Pass;
        };
        if totals.failed == 0 {
            return Verdict::Fail(message);
        }
        let rows = format!("{} of {} rows fail", totals.failed, totals.considered());
        let values = self.values(telling);
        Verdict::Fail(match (goal, &values[..]) {
            (_, []) => format!("{message} {rows}"),
            (Goal::Whole, [value]) => format!("{} {rows}", unmet(value)),
            (Goal::Whole, [value, more @ ..]) => {
                format!("{} {rows}; others are {}", unmet(value), more.join(", "))
            }
            (_, values) => format!("{message} {rows}: {}", values.join(", ")),
        })
    }
}

/// A value as people write it: texts in quotes, decimals with all their digits, the beginning of what is long.
pub(super) fn shown(array: &ArrayRef, row: usize) -> String {
    if row >= array.len() {
        return "NULL".to_owned();
    }
    let array = array.slice(row, 1);
    if array.logical_null_count() > 0 {
        return "NULL".to_owned();
    }
    // With a zone in UTC always, whatever tables of zones Arrow is built with.
    let text = match array.data_type() {
        DataType::Timestamp(_, Some(_)) => instant(&array),
        _ => formatted(&array).or_else(|| instant(&array)),
    };
    let text = text.unwrap_or_else(|| format!("a {}", array.data_type()));
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    if is_text(array.data_type()) { format!("\"{short}\"") } else { short }
}

/// The first value as Arrow formats it, where it can.
fn formatted(array: &ArrayRef) -> Option<String> {
    array_value_to_string(array, 0).ok()
}

/// The first instant, in UTC: Arrow knows no zones by name without the tables of all of them. One that is on no calendar is its
/// distance from 1970.
fn instant(array: &ArrayRef) -> Option<String> {
    let as_type = |data_type: DataType| {
        let data = array.to_data().into_builder().data_type(data_type).build().ok()?;
        formatted(&make_array(data))
    };
    match array.data_type() {
        DataType::Timestamp(unit, zone) => {
            let plain = as_type(DataType::Timestamp(*unit, None));
            let zulu = if zone.is_some() { "Z" } else { "" };
            plain.map(|text| format!("{text}{zulu}")).or_else(|| {
                let unit = match unit {
                    TimeUnit::Second => "s",
                    TimeUnit::Millisecond => "ms",
                    TimeUnit::Microsecond => "us",
                    TimeUnit::Nanosecond => "ns",
                };
                as_type(DataType::Int64).map(|raw| format!("{raw} {unit} from 1970-01-01"))
            })
        }
        DataType::Date32 => as_type(DataType::Int32).map(|raw| format!("{raw} days from 1970-01-01")),
        DataType::Date64 => as_type(DataType::Int64).map(|raw| format!("{raw} ms from 1970-01-01")),
        _ => None,
    }
}

/// The values of several columns in a row.
pub(super) fn shown_key(arrays: &[ArrayRef], row: usize) -> String {
    let values: Vec<String> = arrays.iter().map(|array| shown(array, row)).collect();
    values.join(" ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
        TimestampSecondArray,
    };

    use super::shown;
    use crate::Outcome::Fail;
    use crate::testing::{assert_outcome, batch};

    /// 2024-05-06T07:08:09Z in every unit and kind of zone.
    #[test]
    fn an_instant_is_shown_whatever_its_unit_and_zone() {
        let second = 1_714_979_289;
        for zone in
            [None, Some("UTC"), Some("Etc/UTC"), Some("Europe/Berlin"), Some("+00:00"), Some("+01:00")]
        {
            let arrays: [ArrayRef; 4] = [
                Arc::new(TimestampSecondArray::from(vec![second]).with_timezone_opt(zone)),
                Arc::new(TimestampMillisecondArray::from(vec![second * 1_000]).with_timezone_opt(zone)),
                Arc::new(TimestampMicrosecondArray::from(vec![second * 1_000_000]).with_timezone_opt(zone)),
                Arc::new(
                    TimestampNanosecondArray::from(vec![second * 1_000_000_000]).with_timezone_opt(zone),
                ),
            ];
            let wanted = match zone {
                None => "2024-05-06T07:08:09",
                Some(_) => "2024-05-06T07:08:09Z",
            };
            for array in &arrays {
                assert_eq!(shown(array, 0), wanted, "{}", array.data_type());
            }
        }
        let beyond: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]).with_timezone("UTC"));
        assert_eq!(shown(&beyond, 0), "9223372036854775807 s from 1970-01-01");
    }

    #[test]
    fn messages_name_instants() {
        for (rule, value) in [
            (r#"DataFreshness "at" < 0 minutes"#, "of 2026-11-20T21:00:00Z"),
            (r#"ColumnValues "at" > now()"#, "Value: 1970-01-01T00:00:00Z "),
            (r#"IsUnique "flag""#, "true"),
        ] {
            assert_outcome(rule, &batch(), Fail, value);
        }
    }
}
