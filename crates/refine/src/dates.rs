//! Dates that partitions hold, and partitions that hold dates.

use std::collections::BTreeMap;
use std::fmt;

use chrono::format::{Parsed, StrftimeItems, parse};
use chrono::{Days, NaiveDate};
use quotelake_contract::{ColumnType, Contract, Derivation};
use quotelake_core::Result;
use quotelake_table::PartitionKey;

/// Dates from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dates {
    /// The first.
    pub from: NaiveDate,
    /// The last.
    pub to: NaiveDate,
}

impl Dates {
    /// Every date.
    pub const ALL: Self = Self { from: NaiveDate::MIN, to: NaiveDate::MAX };

    /// Whether a date is among them.
    pub fn contains(&self, date: NaiveDate) -> bool {
        (self.from..=self.to).contains(&date)
    }

    /// Whether there is a date in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// Whether no day is between them, where the other does not begin earlier.
    pub fn touches(&self, later: &Self) -> bool {
        self.to.succ_opt().is_none_or(|next| later.from <= next)
    }

    /// The dates that are in both, if there are any.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        self.overlaps(other).then(|| Self { from: self.from.max(other.from), to: self.to.min(other.to) })
    }

    /// Both, and what is between them.
    #[must_use]
    pub fn hull(&self, other: &Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// The same with so many days before.
    #[must_use]
    pub fn with_days_before(self, days: u32) -> Self {
        let from = self.from.checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN);
        Self { from, ..self }
    }

    /// The same with so many days behind.
    #[must_use]
    pub fn with_days_after(self, days: u32) -> Self {
        let to = self.to.checked_add_days(Days::new(days.into())).unwrap_or(NaiveDate::MAX);
        Self { to, ..self }
    }
}

/// `2009-03-01..2009-03-31`, `..2009-03-31`, `2009-03-01..`, or `all`.
impl fmt::Display for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("all");
        }
        if self.from != NaiveDate::MIN {
            write!(f, "{}", self.from)?;
        }
        f.write_str("..")?;
        if self.to != NaiveDate::MAX {
            write!(f, "{}", self.to)?;
        }
        Ok(())
    }
}

/// The index of the date column that all partitions of a table follow from; `None` where they follow from none or several columns.
pub fn date_column(contract: &Contract) -> Option<usize> {
    let mut columns = contract.partitions.iter().map(|field| field.derivation.from());
    let first = columns.next()?;
    let is_date = contract.columns[first].ty == ColumnType::Date;
    (is_date && columns.all(|column| column == first)).then_some(first)
}

/// The dates that a partition can hold rows of; `None` where its table is not parted by dates, or its name is none of these parts.
///
/// ```
/// use quotelake_contract::Contracts;
/// let contracts = Contracts::built_in()?;
/// let bars = &contracts.get("daily_bars")?.contract;
/// let dates = quotelake_refine::dates::of_partition(bars, &"month=2009-02".parse()?).unwrap();
/// assert_eq!((dates.from.to_string(), dates.to.to_string()), ("2009-02-01".into(), "2009-02-28".into()));
/// # Ok::<(), quotelake_core::Error>(())
/// ```
pub fn of_partition(contract: &Contract, partition: &PartitionKey) -> Option<Dates> {
    date_column(contract)?;
    let mut parsed = Parsed::new();
    for (field, value) in contract.partitions.iter().zip(partition.values()) {
        let format = match &field.derivation {
            Derivation::Format { format, .. } => format.as_str(),
            Derivation::Copy { .. } | Derivation::Date { .. } => "%Y-%m-%d",
        };
        parse(&mut parsed, &value, StrftimeItems::new(format)).ok()?;
    }
    if let Ok(date) = parsed.to_naive_date() {
        return Some(Dates { from: date, to: date });
    }
    let year = parsed.year()?;
    let (first, last) = match parsed.month() {
        Some(month) => (month, month),
        None => (1, 12),
    };
    let from = NaiveDate::from_ymd_opt(year, first, 1)?;
    let next = if last == 12 { (year + 1, 1) } else { (year, last + 1) };
    Some(Dates { from, to: NaiveDate::from_ymd_opt(next.0, next.1, 1)?.pred_opt()? })
}

/// The partitions of these dates, each with its own dates. `None` where the table is not parted by dates.
///
/// Of a span without an end this is no list of use: ask [`of_partition`] of those that there are.
pub fn partitions_of(contract: &Contract, dates: Dates) -> Result<Option<BTreeMap<PartitionKey, Dates>>> {
    let Some(column) = date_column(contract) else { return Ok(None) };
    let mut found = BTreeMap::new();
    let mut date = dates.from;
    while date <= dates.to {
        let Some(partition) = PartitionKey::of_date(contract, column, date)? else { return Ok(None) };
        let Some(own) = of_partition(contract, &partition) else { return Ok(None) };
        found.insert(partition, own);
        match own.to.succ_opt() {
            Some(next) if next > date => date = next,
            _ => break,
        }
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quotelake_contract::Contracts;

    use super::*;

    fn contract(parts: &[(&str, &str)]) -> Contract {
        let parts: String = parts
            .iter()
            .enumerate()
            .map(|(at, (name, logic))| {
                format!("      - {{name: {name}, logicalType: string, physicalType: string, required: true, partitioned: true, partitionKeyPosition: {at}, transformLogic: \"{logic}\"}}\n")
            })
            .collect();
        let yaml = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: t\n    properties:\n      - {{name: day, logicalType: date, physicalType: date, required: true, primaryKey: true}}\n{parts}"
        );
        let mut contracts = Contracts::built_in().unwrap();
        contracts.add(&yaml, None).unwrap();
        Contract::clone(&contracts.get("t").unwrap().contract)
    }

    proptest! {
        /// Every date lies in the dates of its own partition, and the days beside those lie in others.
        #[test]
        fn a_partition_holds_its_dates_and_no_others(days in 0i32..40_000) {
            let date = NaiveDate::from_ymd_opt(1950, 1, 1).unwrap() + Days::new(days as u64);
            for parts in [
                &[("month", "strftime(day, '%Y-%m')")][..],
                &[("year", "strftime(day, '%Y')")],
                &[("year", "strftime(day, '%Y')"), ("month", "strftime(day, '%m')")],
                &[("d", "strftime(day, '%Y%m%d')")],
            ] {
                let contract = contract(parts);
                let key = |date| PartitionKey::of_date(&contract, 0, date).unwrap().unwrap();
                let dates = of_partition(&contract, &key(date)).unwrap();
                prop_assert!(dates.contains(date));
                prop_assert_eq!(key(dates.from), key(date));
                prop_assert_eq!(key(dates.to), key(date));
                prop_assert_ne!(key(dates.from.pred_opt().unwrap()), key(date));
                prop_assert_ne!(key(dates.to.succ_opt().unwrap()), key(date));
            }
        }
    }

    #[test]
    fn partitions_of_dates() {
        let month = contract(&[("month", "strftime(day, '%Y-%m')")]);
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let dates = Dates { from: date("2011-11-30"), to: date("2012-02-01") };
        let found = partitions_of(&month, dates).unwrap().unwrap();
        let names: Vec<String> = found.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["month=2011-11", "month=2011-12", "month=2012-01", "month=2012-02"]);
    }
}
