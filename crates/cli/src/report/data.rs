//! What a report says, before it is a page.
//!
//! Everything here is finished: the caller read the lake, added up and sorted; the page only lays out.
//! Lists are shown in the order given, the newest first where they have dates. Dates are ISO 8601 (`2024-03-28`), months `2024-03`,
//! instants RFC 3339. A price, an average and a split's terms are exact decimals carried as text (`187.23000000`), because a
//! binary float cannot hold them; only what is drawn and returns in percent are floats.
//! Any text may come from a vendor. Nothing here is trusted: the page escapes all of it.

use dqdl::Severity;
use quotelake_check::Decision;
use serde::Serialize;

/// A whole report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportData {
    /// The page's title and first heading.
    pub title: String,
    /// The report's instant, RFC 3339. [`SeriesFreshness::sessions_behind`] is counted up to it.
    pub generated_at: String,
    /// Where the lake is, as the reader knows it: a folder or a URI.
    pub lake: String,
    /// First and last trading date of any bar; `None` where there are no bars.
    pub range: Option<DateRange>,
    /// The size of what was read.
    pub totals: Totals,
    /// One line a table that has rows.
    pub tables: Vec<TableFacts>,
    /// The daily bars of each symbol's preferred series, one entry a symbol. The first eight are drawn when the page opens.
    pub prices: Vec<PriceSeries>,
    /// The average close for each month and symbol.
    pub pivot: Pivot,
    /// One line a dataset: what its checks found.
    pub scorecard: Vec<DatasetScore>,
    /// One line a day and dataset: what its checks found.
    pub quality_days: Vec<QualityDay>,
    /// One line a table and flag: rows that are published and remarkable.
    pub flags: Vec<FlaggedRows>,
    /// Those rows.
    pub warned: Newest<WarnedRow>,
    /// One line a series of bars: how recent it is, the latest first.
    pub freshness: Vec<SeriesFreshness>,
    /// Sessions that are not there.
    pub gaps: Gaps,
    /// Rows in quarantine, one entry a dataset and reason.
    pub quarantine: Vec<QuarantineReason>,
    /// Those rows.
    pub refused: Newest<RefusedRow>,
    /// What the stages did.
    pub runs: Newest<Run>,
    /// One line a symbol: how many corporate actions are known.
    pub actions: Vec<ActionCounts>,
    /// Objects that could not be read, each with its reason: what they hold is missing on the page.
    pub unreadable: Vec<String>,
}

/// The newest of some rows, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Newest<T> {
    /// As many as are shown.
    pub rows: Vec<T>,
    /// As many as there are.
    pub all: u64,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), all: 0 }
    }
}

/// First and last day, both included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DateRange {
    /// First trading date, `YYYY-MM-DD`.
    pub first: String,
    /// Last trading date, `YYYY-MM-DD`.
    pub last: String,
}

/// The size of the lake's tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Rows in all tables.
    pub rows: u64,
    /// Distinct symbols.
    pub symbols: u64,
    /// Hive partitions.
    pub partitions: u64,
    /// Data files (Parquet).
    pub files: u64,
    /// Their size as stored, in bytes.
    pub bytes: u64,
}

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableFacts {
    /// The table.
    pub table: String,
    /// Rows.
    pub rows: u64,
    /// Distinct symbols; 0 of a table without symbols.
    pub symbols: u64,
    /// First and last date of the business key, where it has one.
    pub range: Option<DateRange>,
    /// Hive partitions, each of one file.
    pub partitions: u64,
    /// Their size as stored, in bytes.
    pub bytes: u64,
}

/// The daily bars of one symbol's preferred series: of one provider and one adjustment, never of two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriceSeries {
    /// The symbol as shown; unique in [`ReportData::prices`].
    pub symbol: String,
    /// Who sent the bars.
    pub provider: String,
    /// What the provider adjusted the prices for: `raw`, `split`, `split_dividend` or `unknown`.
    pub adjustment: String,
    /// ISO 4217 code of the unit of every price.
    pub currency: String,
    /// Trading dates, ascending, `YYYY-MM-DD`.
    pub dates: Vec<String>,
    /// The close of the date at the same index, in `currency`: a decimal as text.
    pub closes: Vec<String>,
    /// The rest of the newest bars, for candles: as many as fit the page, of the last of `dates`.
    pub candles: Vec<Candle>,
    /// What prices and volumes are multiplied by to be adjusted, ascending; empty where there are no factors.
    pub factors: Vec<FactorPeriod>,
    /// Splits, drawn as markers on a line of raw prices: it jumps there.
    pub splits: Vec<Split>,
    /// Returns by month in percent, ascending: on adjusted closes where there are factors, else on closes as they are.
    pub monthly_returns: Vec<(String, f64)>,
    /// The same by year, `YYYY`.
    pub yearly_returns: Vec<(String, f64)>,
    /// The other series of the symbol, `provider adjustment`, which are not shown.
    pub others: Vec<String>,
}

/// A daily bar without its close. Decimals as text; `None` where the bar has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Candle {
    /// The open.
    pub open: Option<String>,
    /// The high.
    pub high: Option<String>,
    /// The low.
    pub low: Option<String>,
    /// Shares traded.
    pub volume: Option<String>,
}

/// The dates for which factors hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FactorPeriod {
    /// The first date, `YYYY-MM-DD`.
    pub from: String,
    /// The last date, included; `None` where it has no end.
    pub to: Option<String>,
    /// Of prices, for splits and dividends: a decimal as text.
    pub price: String,
    /// Of volumes: a decimal as text.
    pub volume: String,
}

/// A split or a reverse split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Split {
    /// The first date that trades at the new count of shares, `YYYY-MM-DD`.
    pub ex_date: String,
    /// Shares held after, for every `old_shares`: a decimal as text. `4` in a 4-for-1 split.
    pub new_shares: String,
    /// Shares held before: a decimal as text. `1` in a 4-for-1 split.
    pub old_shares: String,
}

/// Average close for each month (row) and symbol (column).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pivot {
    /// The columns.
    pub symbols: Vec<PivotSymbol>,
    /// The rows, the newest month first.
    pub months: Vec<PivotMonth>,
}

/// A column of the pivot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PivotSymbol {
    /// The symbol as shown.
    pub symbol: String,
    /// Provider and adjustment of the closes.
    pub series: String,
    /// ISO 4217 code of the unit of the averages below.
    pub currency: String,
}

/// A row of the pivot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PivotMonth {
    /// `YYYY-MM`.
    pub month: String,
    /// One average for each of [`Pivot::symbols`], in that order: a decimal as text, `None` in a month with no bar.
    /// The page shows two decimal places and keeps the exact text as the cell's tooltip.
    pub averages: Vec<Option<String>>,
}

/// What the checks of one dataset found, over all objects checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatasetScore {
    /// Name of the dataset.
    pub dataset: String,
    /// Landing objects checked.
    pub objects: u64,
    /// Rows read from them.
    pub rows_in: u64,
    /// Rows that passed and were staged.
    pub staged: u64,
    /// Rows set aside.
    pub quarantined: u64,
    /// Rows dropped as copies of a row in the same object.
    pub duplicates: u64,
    /// Share of rules that passed, from 0 to 1; `None` where no rule ran.
    pub score: Option<f64>,
    /// The newest decision; `None` where nothing was checked.
    pub last_decision: Option<Decision>,
    /// Rules that failed at least once.
    pub failing_rules: Vec<FailingRule>,
}

/// A rule that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailingRule {
    /// The short name that it gives as its reason.
    pub reason: Option<String>,
    /// The rule as written (DQDL).
    pub rule: String,
    /// When it failed last, RFC 3339.
    pub last: Option<String>,
    /// Rows that failed it; 0 where it judges no rows.
    pub rows: u64,
    /// Checks in which it failed.
    pub runs: u64,
    /// What a failure does.
    pub severity: Severity,
}

/// What the checks of one dataset found on one day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityDay {
    /// The UTC day on which they ended, `YYYY-MM-DD`.
    pub day: String,
    /// Name of the dataset.
    pub dataset: String,
    /// Objects checked.
    pub checks: u64,
    /// Of those, the blocked ones.
    pub blocked: u64,
    /// Rows read from them.
    pub rows_in: u64,
    /// Rows set aside.
    pub quarantined: u64,
    /// Share of rules that passed, from 0 to 1; `None` where no rule ran.
    pub score: Option<f64>,
}

/// How recent one series of bars is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeriesFreshness {
    /// The table.
    pub table: String,
    /// The symbol as shown.
    pub symbol: String,
    /// Provider, adjustment and interval.
    pub series: String,
    /// Newest session that is there, `YYYY-MM-DD`.
    pub last: String,
    /// Sessions that are there.
    pub sessions: u64,
    /// The newest session that has closed; `None` where no calendar knows it.
    pub expected: Option<String>,
    /// Sessions from `last` to `expected`; `None` where no calendar knows it.
    pub sessions_behind: Option<u64>,
}

impl SeriesFreshness {
    /// Whether it is behind its exchange.
    pub fn is_late(&self) -> bool {
        self.sessions_behind.is_some_and(|behind| behind > 0)
    }
}

/// Sessions of the exchanges' calendars that are not in the tables of bars.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Gaps {
    /// Series that were looked at.
    pub series: u64,
    /// Of those, the ones that no calendar covers.
    pub without_calendar: u64,
    /// Missing sessions, over all series.
    pub missing: u64,
    /// Sessions whose rows are in quarantine.
    pub quarantined: u64,
    /// Where they are.
    pub windows: Newest<GapWindow>,
}

/// Sessions one after the other that a series lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapWindow {
    /// The first, `YYYY-MM-DD`.
    pub from: String,
    /// The last.
    pub to: String,
    /// How many.
    pub sessions: u64,
    /// The table.
    pub table: String,
    /// The symbol as shown.
    pub symbol: String,
    /// Provider, adjustment and interval.
    pub series: String,
    /// Why the row is in quarantine; `None` of a session that never came.
    pub quarantined: Option<String>,
}

/// What one run of a stage did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// When it began, RFC 3339.
    pub started_at: String,
    /// How long it took.
    pub millis: u64,
    /// `fetch`, `transform`, `ingest`, `check`, `publish` or `refine`.
    pub stage: String,
    /// What was worked on.
    pub subject: String,
    /// The dataset; `None` where a run had several.
    pub dataset: Option<String>,
    /// `succeeded`, `partial`, `skipped` or `failed`.
    pub outcome: String,
    /// Rows that came in.
    pub rows_in: Option<u64>,
    /// Rows that went on.
    pub rows_out: Option<u64>,
    /// Rows that were set aside.
    pub quarantined: Option<u64>,
    /// The size of what was worked on.
    pub bytes: Option<u64>,
    /// The error of a run that did not succeed.
    pub error: Option<String>,
}

/// A published row that has flags.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct WarnedRow {
    /// The date of its key, `YYYY-MM-DD`.
    pub date: Option<String>,
    /// The symbol as shown.
    pub symbol: Option<String>,
    /// The table.
    pub table: String,
    /// Who sent it.
    pub provider: Option<String>,
    /// Its close: a decimal as text.
    pub close: Option<String>,
    /// Its flags.
    pub flags: Vec<String>,
    /// The values that the flags are about, `column = value`, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<String>,
    /// The file that it was loaded from, else the unit that fetched it, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A row in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedRow {
    /// When its check ended, RFC 3339, where that is known.
    pub at: Option<String>,
    /// The dataset that it was meant for.
    pub dataset: String,
    /// Its symbol, or else its business key, where it can be read.
    pub subject: Option<String>,
    /// Who sent it, where it says so.
    pub provider: Option<String>,
    /// The date of its business key, else the first of its dates, where it can be read.
    pub date: Option<String>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    /// The file and line of a person, else the landing object and its line.
    pub place: String,
}

/// One thing that is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// A short name.
    pub reason: String,
    /// The value at fault, `column = value`, where it can be told.
    pub value: Option<String>,
    /// More about it.
    pub detail: Option<String>,
}

/// Published rows that have one flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlaggedRows {
    /// The table.
    pub table: String,
    /// The flag, as it is in the column `flags`.
    pub flag: String,
    /// How many rows.
    pub rows: u64,
    /// Date and symbol of the newest.
    pub newest: Option<(chrono::NaiveDate, String)>,
}

/// Rows in quarantine for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineReason {
    /// Name of the dataset the rows were meant for.
    pub dataset: String,
    /// Why, as the check wrote it.
    pub reason: String,
    /// How many rows.
    pub rows: u64,
}

/// Corporate actions of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActionCounts {
    /// The symbol as shown.
    pub symbol: String,
    /// Splits and reverse splits known.
    pub splits: u64,
    /// Dividends known.
    pub dividends: u64,
    /// Ex-date of the newest action of either kind, `YYYY-MM-DD`.
    pub last_ex_date: Option<String>,
}
