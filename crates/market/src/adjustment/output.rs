//! Events and intervals as batches of their contracts.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use quotelake_core::Result;

use super::events::{Event, Stated, Steps};
use super::factors::{Interval, Rounded};
use super::ratio::Ratio;
use crate::daily::DailySeries;
use crate::daily::columns::{coded_texts, decimal_array, decimal_type, text_type};
use crate::daily::decimals::SCALE;

/// One series with what was found for it.
pub(super) struct Found<'a> {
    pub(super) series: &'a DailySeries,
    pub(super) symbol: &'a str,
    pub(super) events: Vec<Event<'a>>,
    /// None of a series that is refused.
    pub(super) intervals: Vec<Interval>,
    /// Days since 1970.
    pub(super) base_date: Option<i32>,
}

/// The columns of a batch one after the other: name, type, whether a value may be missing, values.
#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn push(&mut self, name: &str, data_type: DataType, nullable: bool, array: ArrayRef) {
        self.fields.push(Field::new(name, data_type, nullable));
        self.arrays.push(array);
    }

    fn text<'t>(&mut self, name: &str, texts: impl Iterator<Item = &'t str>) {
        self.push(name, text_type(), false, coded_texts(texts.map(Some)));
    }

    fn optional_text<'t>(&mut self, name: &str, texts: impl Iterator<Item = Option<&'t str>>) {
        self.push(name, text_type(), true, coded_texts(texts));
    }

    fn date(&mut self, name: &str, days: impl Iterator<Item = i32>) {
        self.push(name, DataType::Date32, false, Arc::new(Date32Array::from_iter_values(days)));
    }

    fn optional_date(&mut self, name: &str, days: impl Iterator<Item = Option<i32>>) {
        self.push(name, DataType::Date32, true, Arc::new(Date32Array::from_iter(days)));
    }

    fn decimal(&mut self, name: &str, numbers: impl Iterator<Item = i128>) -> Result<()> {
        let array = decimal_array(numbers.map(Some).collect(), SCALE)?;
        self.push(name, decimal_type(SCALE), false, array);
        Ok(())
    }

    fn optional_decimal(&mut self, name: &str, numbers: impl Iterator<Item = Option<i128>>) -> Result<()> {
        let array = decimal_array(numbers.collect(), SCALE)?;
        self.push(name, decimal_type(SCALE), true, array);
        Ok(())
    }

    fn series<'t>(&mut self, series: impl Iterator<Item = (&'t DailySeries, &'t str)> + Clone) {
        self.text("provider", series.clone().map(|(series, _)| series.provider.as_str()));
        self.text("provider_symbol", series.clone().map(|(series, _)| series.provider_symbol.as_str()));
        self.text("symbol", series.clone().map(|(_, symbol)| symbol));
        self.text("adjustment", series.clone().map(|(series, _)| series.adjustment.as_str()));
        self.text("session", series.map(|(series, _)| series.session.as_str()));
    }

    fn batch(self) -> Result<RecordBatch> {
        Ok(RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)?)
    }
}

/// The rows of `adjustment_events`.
pub(super) fn events(found: &[Found<'_>]) -> Result<RecordBatch> {
    let rows = || found.iter().flat_map(|found| found.events.iter().map(move |event| (found, event)));
    let events = || rows().map(|(_, event)| event);
    let of_split = |event: &Event<'_>| match event.stated {
        Stated::Split(split) => Some((split.from, split.to)),
        Stated::Dividend(_) => None,
    };
    let of_dividend = |event: &Event<'_>| match event.stated {
        Stated::Split(_) => None,
        Stated::Dividend(dividend) => Some(dividend.amount),
    };
    let rounded = |ratio: Option<&Ratio>| ratio.and_then(Ratio::rounded);
    let applied = |event: &Event<'_>| event.reason.is_none();
    let mut columns = Columns::default();
    columns.series(rows().map(|(found, _)| (found.series, found.symbol)));
    columns.date("event_date", events().map(Event::date));
    columns.optional_date("effective_date", events().map(|event| event.effective.map(|close| close.date)));
    columns.text("kind", events().map(|event| if event.is_split() { "split" } else { "dividend" }));
    let ordinals = Int32Array::from_iter_values(events().map(|event| event.ordinal));
    columns.push("ordinal", DataType::Int32, false, Arc::new(ordinals));
    columns.optional_decimal("split_from", events().map(|event| of_split(event).map(|(from, _)| from)))?;
    columns.optional_decimal("split_to", events().map(|event| of_split(event).map(|(_, to)| to)))?;
    columns.optional_decimal("amount", events().map(of_dividend))?;
    columns.optional_text("currency", events().map(currency));
    columns.optional_decimal("amount_in_bar_basis", events().map(|event| rounded(quantity(event, false))))?;
    columns
        .optional_decimal("previous_close", events().map(|event| event.previous.map(|close| close.price)))?;
    columns.optional_decimal("ex_close", events().map(|event| event.effective.map(|close| close.price)))?;
    columns.optional_decimal("split_ratio", events().map(|event| rounded(quantity(event, true))))?;
    let steps = || events().map(|event| event.steps.as_ref().filter(|_| applied(event)));
    let step = |steps: Option<&Steps>| rounded(steps.map(|steps| &steps.previous_close));
    columns.optional_decimal("step_previous_close", steps().map(step))?;
    let step = |steps: Option<&Steps>| rounded(steps.map(|steps| &steps.ex_close));
    columns.optional_decimal("step_ex_close", steps().map(step))?;
    columns.text("status", events().map(|event| if applied(event) { "applied" } else { "skipped" }));
    columns.optional_text("reason", events().map(|event| event.reason.map(|reason| reason.name())));
    columns.text("stated_by", events().map(|event| &*event.stated.origin().provider));
    columns.optional_text("action_sha256", events().map(|event| event.stated.origin().sha256.as_deref()));
    columns.batch()
}

/// New shares for an old one of a split, the amount of a dividend.
fn quantity<'e>(event: &'e Event<'_>, of_split: bool) -> Option<&'e Ratio> {
    event.quantity.as_ref().filter(|_| event.is_split() == of_split)
}

fn currency<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    match event.stated {
        Stated::Split(_) => None,
        Stated::Dividend(dividend) => Some(&dividend.currency),
    }
}

/// The rows of `adjustment_factors`.
pub(super) fn factors(found: &[Found<'_>]) -> Result<RecordBatch> {
    let rows =
        || found.iter().flat_map(|found| found.intervals.iter().map(move |interval| (found, interval)));
    let number = |pick: fn(&Rounded) -> i128| rows().map(move |(_, interval)| pick(&interval.factors));
    let mut columns = Columns::default();
    columns.series(rows().map(|(found, _)| (found.series, found.symbol)));
    columns.date("valid_from", rows().map(|(_, interval)| interval.from));
    columns.optional_date("valid_to", rows().map(|(_, interval)| interval.to));
    columns.optional_date("base_date", rows().map(|(found, _)| found.base_date));
    columns.decimal("split_factor", number(|factors| factors.split))?;
    columns.decimal("volume_factor", number(|factors| factors.volume))?;
    columns.decimal("dividend_factor_previous_close", number(|factors| factors.dividend_previous_close))?;
    columns.decimal("dividend_factor_ex_close", number(|factors| factors.dividend_ex_close))?;
    columns.decimal("price_factor_previous_close", number(|factors| factors.price_previous_close))?;
    columns.decimal("price_factor_ex_close", number(|factors| factors.price_ex_close))?;
    columns.batch()
}
