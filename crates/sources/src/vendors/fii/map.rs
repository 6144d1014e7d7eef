//! A sealed page to canonical records. Pure: the same envelope gives the same records.

use quotelake_core::{Decimal, Envelope, Error, Result};

use super::table::{Table, Value, decode};
use super::{Column, ColumnKind, NAME, Profile, TableProfile, value};
use crate::origin::Origin;
use crate::read::{Reader, kind_of_distribution};
use crate::record::Cell;
use crate::{DatasetName, Mapped, Record};

pub(super) fn transform(profile: &Profile, table: &TableProfile, envelope: &Envelope) -> Result<Mapped> {
    let unit = &envelope.unit;
    let bad = |what: String| Error::invalid(format!("unit {}: {what}", unit.id));
    if envelope.status != 200 {
        return Err(bad(format!("the answer's status is {}", envelope.status)));
    }
    let page = decode(profile, envelope.content_type.as_deref(), &envelope.body_bytes()?);
    let read = page.and_then(|page| Table::read(table, unit, &page)).map_err(bad)?;
    let origin = Origin::of(NAME, envelope, None)?;
    let mut rows = Rows { profile, table, origin: &origin, reader: Reader::default(), records: Vec::new() };
    for (index, row) in read.rows.iter().enumerate() {
        rows.reader.at(format!("row {}", index + 1));
        match table.dataset {
            DatasetName::FundSnapshots => rows.fund(row),
            _ => rows.dividend(row),
        }
    }
    Ok(rows.reader.into_mapped(rows.records))
}

/// The rows of one page on their way.
struct Rows<'a> {
    profile: &'a Profile,
    table: &'a TableProfile,
    origin: &'a Origin,
    reader: Reader,
    records: Vec<Record>,
}

impl Rows<'_> {
    /// The column that becomes `to`, with its cell; `None` where the profile has none, or the cell says nothing.
    fn cell<'r>(&self, row: &'r [Value], to: &str) -> Option<(&Column, &'r str)> {
        let place = self.table.columns.iter().position(|column| column.to == to)?;
        let text = row[place].text.as_str();
        (!matches!(text, "" | "-")).then(|| (&self.table.columns[place], text))
    }

    fn read<T>(
        &mut self,
        row: &[Value],
        to: &str,
        read: impl Fn(ColumnKind, &str) -> Option<T>,
    ) -> Option<Cell<T>> {
        let (column, text) = self.cell(row, to)?;
        let (header, kind) = (column.header.clone(), column.read);
        Some(match read(kind, text) {
            Some(value) => Cell::Value(value),
            None => {
                let reason = match kind {
                    ColumnKind::Percent => "is no percentage as 8,63% is one",
                    ColumnKind::Number => "is no number as 1.234,56 is one",
                    _ => "cannot be read",
                };
                self.reader.warn(&header, reason);
                Cell::refused(text, reason)
            }
        })
    }

    fn text(&mut self, row: &[Value], to: &str) -> Option<Cell<String>> {
        self.read(row, to, |_, text| Some(text.to_owned()))
    }

    /// A number, or nothing where it is a zero that means nothing.
    fn number(&mut self, row: &[Value], to: &str) -> Option<Cell<Decimal>> {
        let number = self.read(row, to, decimal)?;
        let column = self.table.columns.iter().find(|column| column.to == to)?;
        let zero = number.value().is_some_and(|number| number.is_zero());
        let without = column.zero_is_null_without.clone();
        let nothing =
            zero && (column.zero_is_null || without.is_some_and(|other| self.number(row, &other).is_none()));
        (!nothing).then_some(number)
    }

    /// A row of the table of all funds, where the watchlist has it.
    fn fund(&mut self, row: &[Value]) {
        let Some((_, symbol)) = self.cell(row, "symbol") else {
            self.reader.note("names no fund");
            return;
        };
        let Some(named) = self.origin.instrument(symbol) else {
            // The page is of all funds.
            self.reader.skip(1);
            return;
        };
        let mut fund = self.origin.fund(named);
        let titled = self.table.columns.iter().position(|column| column.title_to.is_some());
        fund.name = match titled.and_then(|place| row[place].title.clone()).filter(|title| !title.is_empty())
        {
            Some(title) => Some(Cell::Value(title)),
            None => self.text(row, "name"),
        };
        fund.as_of_date =
            self.origin.last_opened_session(named.mic.as_deref().unwrap_or_default()).map(Cell::Value);
        fund.as_of_date_source = "derived_from_fetched_at";
        fund.segment = self.text(row, "segment");
        fund.price = self.number(row, "price");
        fund.ffo_yield = self.number(row, "ffo_yield");
        fund.dividend_yield_12m = self.number(row, "dividend_yield_12m");
        fund.price_to_nav = self.number(row, "price_to_nav");
        fund.market_cap = self.number(row, "market_cap");
        fund.avg_daily_liquidity = self.number(row, "avg_daily_liquidity");
        fund.properties_count = whole(self.number(row, "properties_count"));
        fund.price_per_m2 = self.number(row, "price_per_m2");
        fund.rent_per_m2 = self.number(row, "rent_per_m2");
        fund.cap_rate = self.number(row, "cap_rate");
        fund.vacancy_rate = self.number(row, "vacancy_rate");
        fund.layout_version = Some(self.profile.id());
        self.records.push(Record::FundSnapshots(Box::new(fund)));
    }

    /// A distribution. One without an amount is announced only; it is kept, for `check` to set aside.
    fn dividend(&mut self, row: &[Value]) {
        let Some(named) = self.origin.instruments().first() else { return };
        let mut dividend = self.origin.dividend(named);
        dividend.dividend_type = self.read(row, "dividend_type", |_, text| kind_of_distribution(text));
        dividend.last_date_prior = self.read(row, "last_date_prior", |_, text| value::date(text));
        dividend.pay_date = self.read(row, "pay_date", |_, text| value::date(text));
        dividend.amount = self.number(row, "amount");
        dividend.ex_date =
            self.origin.session_after(named, dividend.last_date_prior.as_ref(), &mut self.reader);
        dividend.ex_date_source = "derived_from_last_date_prior";
        dividend.split_adjusted = None;
        for (missing, header) in
            [(dividend.amount.is_none(), "amount"), (dividend.last_date_prior.is_none(), "last_date_prior")]
        {
            if missing {
                self.reader.warn(header, "is missing");
            }
        }
        self.records.push(Record::Dividends(dividend));
    }
}

fn decimal(kind: ColumnKind, text: &str) -> Option<Decimal> {
    match kind {
        ColumnKind::Percent => value::percent(text),
        _ => value::number(text),
    }
}

/// A count; one with a fraction stays as it was.
fn whole(number: Option<Cell<Decimal>>) -> Option<Cell<i64>> {
    Some(match number? {
        Cell::Value(number) => {
            let text = number.to_string();
            text.parse().map_or_else(|_| unreadable(&text), Cell::Value)
        }
        Cell::Refused(refusal) => Cell::Refused(refusal),
    })
}

/// A cell's text, which is no value as Brazilian pages write them.
fn unreadable<T>(text: &str) -> Cell<T> {
    Cell::refused(text, "cannot be read")
}
