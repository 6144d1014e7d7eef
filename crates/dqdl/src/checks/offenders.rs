//! The values that fail a rule, to be named in its message.
//!
//! Only rows that fail are looked at, and few of them: a rule that holds costs nothing here.

use arrow::array::{Array as _, ArrayRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

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
    let options = FormatOptions::new();
    let text = ArrayFormatter::try_new(&array, &options)
        .and_then(|formatter| formatter.value(0).try_to_string())
        .unwrap_or_else(|_| format!("a {}", array.data_type()));
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    if is_text(array.data_type()) { format!("\"{short}\"") } else { short }
}

/// The values of several columns in a row.
pub(super) fn shown_key(arrays: &[ArrayRef], row: usize) -> String {
    let values: Vec<String> = arrays.iter().map(|array| shown(array, row)).collect();
    values.join(" ")
}
