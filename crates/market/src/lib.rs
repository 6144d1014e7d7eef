//! What a bar looks like beside its neighbours: columns that a ruleset can judge and that no single row can show.
//!
//! [`market_columns`] is a pure function of a batch of bars, the bars published before it ([`LookBack`]), the splits and
//! dividends on record ([`CorporateActions`]), the venues' sessions ([`calendar`]) and an instant. Bars belong to one
//! series when provider, provider's symbol, interval, adjustment and session agree; a series is walked in time order,
//! whatever the order of the batch, so that the batch's order changes nothing.
//!
//! | column | type | meaning |
//! |---|---|---|
//! | `dq_ret_1` | double | ln(close / close of the bar before, carried over splits and dividends) |
//! | `dq_ret_mad_z` | double | 0.6745 · (return − median) / max(MAD, floor) over the returns before |
//! | `dq_adj_diff` | double | |log return of the adjusted close − `dq_ret_1`'s| against the bar before of the same fetch, less what rounding makes |
//! | `dq_unexplained_split` | int 0/1 | the jump is a split's ratio, and no split on record accounts for it |
//! | `dq_unit_jump` | int 0/1/2 | the close is about 100 or 1/100 of the median before, or in another currency; 2 where the answer contradicts itself by it |
//! | `dq_flat_run` | int | bars in a row, this one included, that do not move |
//! | `dq_is_session` | int 0/1 | the venue trades on that date; regular intraday bars: at that time |
//! | `dq_missing_sessions` | int | sessions strictly between the bar before and this one |
//! | `dq_other_basis` | int 0/1 | adjusted prices only: the bar lies in a stretch that a split on record was not applied to, or applied twice |
//! | `dq_sessions_behind` | int | sessions closed by `now` since the series' newest bar; on that bar only |
//!
//! `NULL` means that it cannot be told: history too short, venue or date not in a calendar, a value missing. A rule on
//! these columns carries `where "... is not null"`. `docs/concepts/market-checks.md` has the limits and what they miss.

mod actions;
pub mod adjustment;
mod bars;
mod basis;
pub mod calendar;
mod daily;
pub mod daily_stats;
mod derived;
mod dividends;
mod limits;
mod series;
mod spans;
mod stats;
mod unit;
mod walk_state;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::{DateTime, Utc};

pub use actions::{CorporateActions, Dividend, Split};
pub use bars::{Bar, LookBack, SeriesKey};
pub use daily::DailySeries;
pub use derived::DerivedColumns;
pub use dividends::{Closes, DividendColumns, DividendContext, dividend_columns};
pub use limits::MarketLimits;
pub use spans::SeriesSpans;

use bars::{BarColumns, texts};
use calendar::Calendar;
use quotelake_core::Result;
use series::walk;
use walk_state::{Findings, Member};

/// The columns of published bars that [`LookBack`] and [`Closes`] read, where the table has them.
pub const BAR_COLUMNS: [&str; 17] = [
    "provider",
    "provider_symbol",
    "interval",
    "adjustment",
    "session",
    "symbol",
    "asset_class",
    "exchange_mic",
    "currency",
    "trading_date",
    "bar_start",
    "fetched_at",
    "open",
    "high",
    "low",
    "close",
    "volume",
];

/// The columns of published splits that [`CorporateActions`] reads, where the table has them.
pub const SPLIT_COLUMNS: [&str; 5] = ["symbol", "execution_date", "split_from", "split_to", "provider"];

/// The columns of published dividends that [`CorporateActions`] reads, where the table has them.
pub const DIVIDEND_COLUMNS: [&str; 6] =
    ["symbol", "ex_date", "amount", "currency", "split_adjusted", "provider"];

/// What the columns of a batch are computed against.
#[derive(Debug, Clone, Copy)]
pub struct MarketContext<'a> {
    /// The newest published bars of each series that lie before the batch's. Those at a time that the batch has too are
    /// superseded by it.
    pub look_back: &'a LookBack,
    /// Splits and dividends by canonical symbol.
    pub actions: &'a CorporateActions,
    /// Windows and tolerances.
    pub limits: &'a MarketLimits,
    /// The instant against which lateness is measured.
    pub now: DateTime<Utc>,
}

/// The derived columns of one batch, in its row order.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketColumns {
    /// Log return against the bar before.
    pub ret_1: Float64Array,
    /// Robust z-score of the return.
    pub ret_mad_z: Float64Array,
    /// How far the provider's adjusted close moved away from the splits and dividends on record.
    pub adj_diff: Float64Array,
    /// 1 where a jump looks like a split that nobody recorded.
    pub unexplained_split: Int32Array,
    /// 1 where price or currency seem to have changed their unit, 2 where the answer contradicts itself by it.
    pub unit_jump: Int32Array,
    /// Length of the run of bars that do not move; 0 for a bar that does.
    pub flat_run: Int32Array,
    /// 1 where the venue trades at that time, 0 where it does not.
    pub is_session: Int32Array,
    /// Sessions without a bar just before this one.
    pub missing_sessions: Int32Array,
    /// Sessions closed since the newest bar of the series.
    pub sessions_behind: Int32Array,
    /// 1 where adjusted prices are not in the shares of their neighbours.
    pub other_basis: Int32Array,
}

impl MarketColumns {
    /// The names, in the order of [`MarketColumns::arrays`].
    pub const NAMES: [&'static str; 10] = [
        "dq_ret_1",
        "dq_ret_mad_z",
        "dq_adj_diff",
        "dq_unexplained_split",
        "dq_unit_jump",
        "dq_flat_run",
        "dq_is_session",
        "dq_missing_sessions",
        "dq_sessions_behind",
        "dq_other_basis",
    ];

    /// The columns' fields: the first three are doubles, the others 32-bit integers, all nullable.
    pub fn fields() -> Vec<Field> {
        let types = std::iter::repeat_n(DataType::Float64, 3).chain(std::iter::repeat(DataType::Int32));
        Self::NAMES
            .into_iter()
            .zip(types)
            .map(|(name, data_type)| Field::new(name, data_type, true))
            .collect()
    }

    /// The columns, in the order of [`MarketColumns::fields`].
    pub fn arrays(&self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.ret_1.clone()),
            Arc::new(self.ret_mad_z.clone()),
            Arc::new(self.adj_diff.clone()),
            Arc::new(self.unexplained_split.clone()),
            Arc::new(self.unit_jump.clone()),
            Arc::new(self.flat_run.clone()),
            Arc::new(self.is_session.clone()),
            Arc::new(self.missing_sessions.clone()),
            Arc::new(self.sessions_behind.clone()),
            Arc::new(self.other_basis.clone()),
        ]
    }

    /// The batch with these columns behind its own.
    pub fn append_to(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let schema = batch.schema();
        let own = schema.fields().iter().map(Arc::clone);
        let fields: Vec<_> = own.chain(Self::fields().into_iter().map(Arc::new)).collect();
        let columns = batch.columns().iter().cloned().chain(self.arrays()).collect();
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }

    fn of(findings: &[Findings]) -> Self {
        let ints = |value: fn(&Findings) -> Option<i32>| findings.iter().map(value).collect();
        Self {
            ret_1: findings.iter().map(|row| row.ret_1).collect(),
            ret_mad_z: findings.iter().map(|row| row.ret_mad_z).collect(),
            adj_diff: findings.iter().map(|row| row.adj_diff).collect(),
            unexplained_split: ints(|row| row.unexplained_split.map(i32::from)),
            unit_jump: ints(|row| if row.unit_fault { Some(2) } else { row.unit_jump.map(i32::from) }),
            flat_run: ints(|row| row.flat_run),
            is_session: ints(|row| row.is_session.map(i32::from)),
            missing_sessions: ints(|row| row.missing_sessions),
            sessions_behind: ints(|row| row.sessions_behind),
            other_basis: ints(|row| row.other_basis.map(i32::from)),
        }
    }
}

/// Computes the derived columns of a batch of daily or intraday bars. A row without a date, a start or a part of its key
/// gets `NULL` throughout. `InvalidInput` when the batch lacks a column of the bar contracts.
pub fn market_columns(batch: &RecordBatch, context: &MarketContext<'_>) -> Result<MarketColumns> {
    let columns = BarColumns::of(batch)?;
    let mut index: HashMap<[&str; 5], usize> = HashMap::new();
    let mut members: Vec<([&str; 5], Vec<Member<'_>>)> = Vec::new();
    for row in 0..batch.num_rows() {
        let (Some(key), Some(bar)) = (columns.key(row), columns.bar(row)) else { continue };
        let series = *index.entry(key).or_insert(members.len());
        if series == members.len() {
            members.push((key, Vec::new()));
        }
        let symbol = columns.symbol(row);
        members[series].1.push(Member {
            row,
            bar,
            revision_ms: columns.fetched_at(row),
            adj_close: columns.adj_close(row),
            currency: columns.currency(row),
            asset_class: columns.asset_class(row),
            calendar: Calendar::of_instrument(columns.asset_class(row), columns.exchange_mic(row)),
            actions: symbol.and_then(|symbol| context.actions.of(symbol, key[0])),
        });
    }
    let mut findings = vec![Findings::default(); batch.num_rows()];
    // Read for the few series that need it.
    let answers = OnceCell::new();
    let answer = |row| {
        let answers: &Option<StringArray> = answers.get_or_init(|| texts(batch, "raw_sha256").ok());
        answers.as_ref().filter(|answers| answers.is_valid(row)).map(|answers| answers.value(row))
    };
    for (key, members) in members {
        let key = SeriesKey::from(key);
        walk(&key, members, context, &answer, &mut findings);
    }
    Ok(MarketColumns::of(&findings))
}

#[cfg(test)]
mod tests;
