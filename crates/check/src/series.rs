//! The gate, series by series: what is wrong with one series holds back its own rows, never its neighbours'.
//!
//! A contract names the columns that tell series apart; without them the rows of an object are one series. Rows that could not
//! be decoded count to their series where its columns could be read; a row that nobody asked for counts to none.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use quotelake_contract::Contract;
use quotelake_core::Result;

use crate::result::BlockedSeries;

/// A series' values of the contract's series columns.
type Name = Vec<String>;

/// Rows that could not be decoded, by series.
#[derive(Debug, Clone, Default)]
pub(crate) struct Undecoded {
    of_series: BTreeMap<Name, u64>,
    /// Rows whose series could not be read either.
    pub(crate) of_none: u64,
}

impl Undecoded {
    /// Counts a row.
    pub(crate) fn add(&mut self, series: Option<Vec<&str>>) {
        match series {
            Some(name) => {
                let name = name.into_iter().map(str::to_owned).collect();
                *self.of_series.entry(name).or_default() += 1;
            }
            None => self.of_none += 1,
        }
    }
}

/// The rows of some windows by series.
#[derive(Debug)]
pub(crate) struct SeriesRows {
    /// Each row's series, for each window.
    of_rows: Vec<Vec<u32>>,
    counts: Vec<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    name: Name,
    rows_in: u64,
    quarantined: u64,
    reasons: Vec<String>,
}

impl SeriesRows {
    /// Sorts rows by series; `quarantined` says for each window which of its rows are in quarantine.
    pub(crate) fn of(
        contract: &Contract,
        windows: &[RecordBatch],
        quarantined: &[BooleanBuffer],
        undecoded: &Undecoded,
    ) -> Result<Self> {
        let mut numbering = Numbering::default();
        let of_rows = windows.iter().map(|window| numbering.of_rows(contract, window));
        let of_rows: Vec<Vec<u32>> = of_rows.collect::<Result<_>>()?;
        let mut all = Self { of_rows, counts: Vec::new() };
        all.counts.extend(numbering.names.into_iter().map(|name| Counts { name, ..Counts::default() }));
        for (rows, quarantined) in all.of_rows.iter().zip(quarantined) {
            for (series, quarantined) in rows.iter().zip(quarantined) {
                let counts = &mut all.counts[*series as usize];
                counts.rows_in += 1;
                counts.quarantined += u64::from(quarantined);
            }
        }
        let mut places: HashMap<Name, usize> =
            all.counts.iter().enumerate().map(|(at, counts)| (counts.name.clone(), at)).collect();
        for (name, rows) in &undecoded.of_series {
            let at = *places.entry(name.clone()).or_insert(all.counts.len());
            if at == all.counts.len() {
                all.counts.push(Counts { name: name.clone(), ..Counts::default() });
            }
            all.counts[at].rows_in += rows;
            all.counts[at].quarantined += rows;
        }
        Ok(all)
    }

    /// Blocks the series of which more is in quarantine than the contract allows.
    pub(crate) fn block_by_ratio(&mut self, contract: &Contract) {
        for counts in &mut self.counts {
            counts.reasons.extend(too_much_quarantine(contract, counts.quarantined, counts.rows_in));
        }
    }

    /// Blocks the series of these rows (window and row).
    pub(crate) fn block_rows(&mut self, rows: impl Iterator<Item = (usize, usize)>, reason: &str) {
        for (window, row) in rows {
            let reasons = &mut self.counts[self.of_rows[window][row] as usize].reasons;
            if reasons.last().is_none_or(|last| last != reason) {
                reasons.push(reason.to_owned());
            }
        }
    }

    /// Why a row's series is blocked; `None` where it is not.
    pub(crate) fn blocked(&self, window: usize, row: usize) -> Option<&[String]> {
        let reasons = &self.counts[self.of_rows[window][row] as usize].reasons;
        (!reasons.is_empty()).then_some(reasons)
    }

    /// The blocked series, by name.
    pub(crate) fn into_blocked(self) -> Vec<BlockedSeries> {
        let mut blocked: Vec<BlockedSeries> = self
            .counts
            .into_iter()
            .filter(|counts| !counts.reasons.is_empty())
            .map(|Counts { name, rows_in, reasons, .. }| BlockedSeries {
                series: name.join(" "),
                rows: rows_in,
                reasons,
            })
            .collect();
        blocked.sort_by(|a, b| a.series.cmp(&b.series));
        blocked
    }
}

/// More rows in quarantine than the contract allows, in words.
pub(crate) fn too_much_quarantine(contract: &Contract, quarantined: u64, rows_in: u64) -> Option<String> {
    let limit = contract.max_quarantine_ratio?;
    let ratio = quarantined as f64 / rows_in.max(1) as f64;
    (ratio > limit).then(|| {
        format!("{quarantined} of {rows_in} rows would be quarantined, more than maxQuarantineRatio {limit} allows")
    })
}

/// Numbers series in the order in which they are met.
#[derive(Debug, Default)]
struct Numbering {
    /// The number of a series' first columns and the next column's text, to the number of both.
    longer: HashMap<(u32, usize, String), u32>,
    prefixes: Vec<Name>,
    whole: HashMap<u32, u32>,
    names: Vec<Name>,
}

impl Numbering {
    fn of_rows(&mut self, contract: &Contract, window: &RecordBatch) -> Result<Vec<u32>> {
        if self.prefixes.is_empty() {
            self.prefixes.push(Name::new());
        }
        let mut prefixes = vec![0; window.num_rows()];
        for (depth, index) in contract.series.iter().enumerate() {
            self.lengthen(depth, window.column(*index), &mut prefixes)?;
        }
        Ok(prefixes.into_iter().map(|prefix| self.number(prefix)).collect())
    }

    /// Goes from the number of a row's first columns to that of one column more.
    fn lengthen(&mut self, depth: usize, column: &ArrayRef, prefixes: &mut [u32]) -> Result<()> {
        let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let column = cast(column, &coded)?;
        let column = column.as_dictionary::<Int32Type>();
        let texts = column.values().as_string::<i32>();
        // Texts are looked up once for each pair of numbers, not for each row.
        let mut known: HashMap<(u32, Option<usize>), u32> = HashMap::new();
        for (row, prefix) in prefixes.iter_mut().enumerate() {
            let code = column.key(row);
            *prefix = match known.get(&(*prefix, code)) {
                Some(number) => *number,
                None => {
                    // A row without a value fails for that, among its like.
                    let text = code.map_or("", |code| texts.value(code));
                    let number = self.prefix(*prefix, depth, text);
                    known.insert((*prefix, code), number);
                    number
                }
            };
        }
        Ok(())
    }

    fn prefix(&mut self, before: u32, depth: usize, text: &str) -> u32 {
        let next = self.prefixes.len() as u32;
        let number = *self.longer.entry((before, depth, text.to_owned())).or_insert(next);
        if number == next {
            let mut name = self.prefixes[before as usize].clone();
            name.push(text.to_owned());
            self.prefixes.push(name);
        }
        number
    }

    fn number(&mut self, prefix: u32) -> u32 {
        let next = self.names.len() as u32;
        let number = *self.whole.entry(prefix).or_insert(next);
        if number == next {
            self.names.push(self.prefixes[prefix as usize].clone());
        }
        number
    }
}
