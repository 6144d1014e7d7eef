//! Rows of bars, splits and dividends as batches of their contracts, and values out of batches.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type};
use arrow::util::display::array_value_to_string;
use chrono::NaiveDate;
use flate2::read::GzDecoder;
use quotelake_contract::{Contract, ContractText, Contracts, Preference};
use quotelake_core::time::date_from_days;
use quotelake_market::adjustment::{Actions, Inputs, Tables};
use quotelake_table::{ArrowSchema as _, RowDecoder};

use crate::wiki;

/// A row of a dataset as its JSON fields.
#[derive(Debug, Clone)]
pub(crate) struct Row(Vec<(String, String)>);

impl Row {
    fn new(fields: &[(&str, &str)]) -> Self {
        Self(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// The same with another text, or a number where it is one of those columns.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(other, _)| other != name);
        let value = if NUMBERS.contains(&name) { value.to_owned() } else { format!("{value:?}") };
        self.0.push((name.to_owned(), value));
        self
    }

    /// The same from another provider.
    pub(crate) fn of(self, provider: &str, symbol: &str) -> Self {
        self.with("provider", provider)
            .with("provider_symbol", symbol)
            .with("symbol", &format!("{symbol}.XNAS"))
    }

    fn line(&self) -> String {
        let fields: Vec<String> = self.0.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        format!("{{{}}}", fields.join(","))
    }
}

const NUMBERS: [&str; 9] =
    ["open", "high", "low", "close", "volume", "split_from", "split_to", "amount", "split_adjusted"];

const ORIGIN: [(&str, &str); 5] = [
    ("provider", "\"polygon\""),
    ("provider_symbol", "\"X\""),
    ("symbol", "\"X.XNAS\""),
    ("asset_class", "\"equity\""),
    ("exchange_mic", "\"XNAS\""),
];

/// A raw daily bar of X in dollars.
pub(crate) fn bar(date: &str, close: &str) -> Row {
    let mut row = Row::new(&ORIGIN);
    row.0.extend(
        Row::new(&[
            ("interval", "\"1d\""),
            ("adjustment", "\"raw\""),
            ("session", "\"regular\""),
            ("currency", "\"USD\""),
            ("fetched_at", "\"2030-01-01T00:00:00Z\""),
        ])
        .0,
    );
    let row = row.with("trading_date", date).with("bar_start", &format!("{date}T00:00:00Z"));
    row.with("open", close).with("high", close).with("low", close).with("close", close).with("volume", "1000")
}

/// A split of X.
pub(crate) fn split(date: &str, from: &str, to: &str) -> Row {
    let row = Row::new(&ORIGIN).with("execution_date", date).with("raw_sha256", "5p1");
    row.with("split_from", from).with("split_to", to).with("split_type", "split")
}

/// A cash dividend of X in dollars, not adjusted for splits.
pub(crate) fn dividend(date: &str, amount: &str) -> Row {
    let row = Row::new(&ORIGIN).with("ex_date", date).with("raw_sha256", "d1v").with("dividend_type", "cash");
    let row = row.with("amount", amount).with("currency", "USD").with("split_adjusted", "false");
    row.with("fetched_at", "2030-01-01T00:00:00Z")
}

/// The rows as a batch of a shipped contract.
pub(crate) fn batch(dataset: &str, rows: &[Row]) -> RecordBatch {
    let contracts = Contracts::built_in().unwrap();
    let mut decoder = RowDecoder::new(Arc::clone(&contracts.get(dataset).unwrap().contract));
    for row in rows {
        decoder.push(&row.line()).unwrap();
    }
    decoder.take_batch().unwrap()
}

/// What a lake has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) bars: Vec<Row>,
    pub(crate) splits: Vec<Row>,
    pub(crate) dividends: Vec<Row>,
}

impl Given {
    /// Raw bars of X with these closes.
    pub(crate) fn bars(closes: &[(&str, &str)]) -> Self {
        let bars = closes.iter().map(|(date, close)| bar(date, close)).collect();
        Self { bars, ..Self::default() }
    }

    pub(crate) fn split(mut self, row: Row) -> Self {
        self.splits.push(row);
        self
    }

    pub(crate) fn dividend(mut self, row: Row) -> Self {
        self.dividends.push(row);
        self
    }

    /// Every bar with another value.
    pub(crate) fn with_bars(mut self, name: &str, value: &str) -> Self {
        self.bars = self.bars.into_iter().map(|row| row.with(name, value)).collect();
        self
    }

    pub(crate) fn inputs(&self) -> Inputs {
        let mut actions = Actions::default();
        actions.add_splits(&batch("splits", &self.splits)).unwrap();
        actions.add_dividends(&batch("dividends", &self.dividends)).unwrap();
        let mut inputs = Inputs::new(actions, Preference::default());
        inputs.add_bars(&batch("daily_bars", &self.bars)).unwrap();
        inputs
    }

    pub(crate) fn tables(&self) -> Tables {
        self.inputs().tables().unwrap()
    }
}

/// A row of a batch as texts of these columns, decimals without zeros at the end, blanks between.
pub(crate) fn rows(batch: &RecordBatch, columns: &[&str]) -> Vec<String> {
    let text = |row: usize, name: &str| {
        let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
        if column.is_null(row) {
            return "-".to_owned();
        }
        let text = array_value_to_string(column, row).unwrap();
        let is_decimal = column.data_type().is_decimal() && text.contains('.');
        if is_decimal { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    let line = |row| columns.iter().map(|name| text(row, name)).collect::<Vec<_>>().join(" ");
    (0..batch.num_rows()).map(line).collect()
}

/// A decimal column as it is, its unscaled values.
pub(crate) fn unscaled(batch: &RecordBatch, name: &str) -> Vec<i128> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    column.as_primitive::<Decimal128Type>().values().to_vec()
}

/// A column of dates.
pub(crate) fn days(batch: &RecordBatch, name: &str) -> Vec<NaiveDate> {
    let column = batch.column_by_name(name).unwrap().as_primitive::<Date32Type>();
    column.values().iter().map(|days| date_from_days(*days).unwrap()).collect()
}

/// A column of texts.
pub(crate) fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
    column.as_string::<i32>().iter().map(|text| text.unwrap_or("-").to_owned()).collect()
}

/// The samples of 2000 to 2013 as a lake has them.
pub(crate) fn samples() -> Given {
    let mut given = Given::default();
    for ticker in wiki::TICKERS {
        for one in wiki::bars(ticker) {
            let date = one.date().to_string();
            let row = bar(&date, one.c.get()).of("polygon", ticker);
            let row = row.with("open", one.o.get()).with("high", one.h.get()).with("low", one.l.get());
            given.bars.push(row.with("volume", one.v.get()));
        }
        for one in wiki::splits(ticker) {
            let (from, to) = (one.split_from.to_string(), one.split_to.to_string());
            given.splits.push(split(&one.execution_date.to_string(), &from, &to).of("polygon", ticker));
        }
        for (nth, one) in wiki::dividends(ticker).into_iter().enumerate() {
            let row = dividend(&one.ex_dividend_date.to_string(), &one.cash_amount.to_string());
            let kind = if nth % 2 == 0 { "cash" } else { "special" };
            given.dividends.push(row.of("polygon", ticker).with("dividend_type", kind));
        }
    }
    given
}

/// The declaration of a native model's table.
pub(crate) fn contract(name: &str) -> Contract {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/models").join(format!("{name}.yaml"));
    ContractText::read_kept(&std::fs::read_to_string(path).unwrap()).unwrap().contract().clone()
}

/// The batch has the contract's columns, its key tells every row from the others, and texts are among those allowed.
pub(crate) fn fits(batch: &RecordBatch, contract: &Contract) {
    assert_eq!(batch.schema(), contract.schema());
    let key: Vec<&str> = contract.key.iter().map(|index| contract.columns[*index].name.as_str()).collect();
    let keys = rows(batch, &key);
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{}", contract.name);
    for column in contract.columns.iter().filter(|column| !column.allowed_values.is_empty()) {
        for value in texts(batch, &column.name).iter().filter(|value| *value != "-") {
            assert!(column.allowed_values.contains(value), "{}: {value}", column.name);
        }
    }
}

/// A file of `data/`, line by line without the first.
pub(crate) fn data_lines(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}
