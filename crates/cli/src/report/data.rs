//! What a report says, before it is a page.
//!
//! Everything here is finished: the caller read the lake, added up and sorted; the page only lays out.
//! Lists are shown in the order given. Dates are ISO 8601 (`2024-03-28`), months `2024-03`, instants RFC 3339.
//! A price, an average and a split's terms are exact decimals carried as text (`187.23000000`), because a
//! binary float cannot hold them; only the drawn line goes through a float.
//! Any text may come from a vendor. Nothing here is trusted: the page escapes all of it.

use dqdl::Severity;
use quotelake_check::Decision;
use serde::Serialize;

/// A whole report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportData {
    /// The page's title and first heading.
    pub title: String,
    /// The report's instant, RFC 3339. [`Freshness::days_behind`] is counted up to it.
    pub generated_at: String,
    /// Where the lake is, as the reader knows it: a folder or a URI.
    pub lake: String,
    /// First and last trading date of any bar; `None` where there are no bars.
    pub range: Option<DateRange>,
    /// The size of what was read.
    pub totals: Totals,
    /// Daily closes, one entry a symbol. The first eight are drawn when the page opens.
    pub closes: Vec<SymbolCloses>,
    /// The average close for each month and symbol.
    pub pivot: Pivot,
    /// One line a dataset: what its checks found.
    pub scorecard: Vec<DatasetScore>,
    /// One line a table and flag: rows that are published and remarkable.
    pub flags: Vec<FlaggedRows>,
    /// One line a dataset and symbol: how recent the data is.
    pub freshness: Vec<Freshness>,
    /// A series more calendar days behind than this is marked late. Four covers a long weekend.
    pub late_after_days: u32,
    /// Quarantined rows, one entry a dataset and reason.
    pub quarantine: Vec<QuarantineReason>,
    /// One line a symbol: how many corporate actions are known.
    pub actions: Vec<ActionCounts>,
    /// Objects that could not be read, each with its reason: what they hold is missing on the page.
    pub unreadable: Vec<String>,
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

/// One symbol's daily closes, as traded: not adjusted for splits or dividends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SymbolCloses {
    /// The symbol as shown; unique in [`ReportData::closes`].
    pub symbol: String,
    /// ISO 4217 code of the unit of every close.
    pub currency: String,
    /// Trading dates, ascending, `YYYY-MM-DD`.
    pub dates: Vec<String>,
    /// The close of the date at the same index, in `currency`: a decimal as text.
    pub closes: Vec<String>,
    /// Splits, drawn as markers on the line: an unadjusted close jumps there.
    pub splits: Vec<Split>,
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
    /// The rows, ascending by month.
    pub months: Vec<PivotMonth>,
}

/// A column of the pivot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PivotSymbol {
    /// The symbol as shown.
    pub symbol: String,
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
    /// The rule as written (DQDL).
    pub rule: String,
    /// Its labels but for the severity, as `name: value`.
    pub labels: Vec<String>,
    /// Rows that failed it; 0 where it judges no rows.
    pub rows: u64,
    /// Checks in which it failed.
    pub runs: u64,
    /// What a failure does.
    pub severity: Severity,
}

/// How recent one symbol is in one dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Freshness {
    /// Name of the dataset.
    pub dataset: String,
    /// The symbol as shown.
    pub symbol: String,
    /// Newest trading date (or ex-date), `YYYY-MM-DD`; `None` where there is no row.
    pub last_trading_date: Option<String>,
    /// Rows of this symbol in this dataset.
    pub rows: u64,
    /// Calendar days from `last_trading_date` to the report's instant; `None` where being behind has no meaning
    /// (dividends and splits come when they come) or where there is no row.
    pub days_behind: Option<i64>,
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
    /// One of them.
    pub example: Option<QuarantineExample>,
}

/// One quarantined row, so that a reader can find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineExample {
    /// Key of the object it came from.
    pub source: String,
    /// Its line there, from 1; `None` where the source has no lines.
    pub line: Option<u64>,
    /// The row as received. The page shows the first 600 characters.
    pub raw: String,
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
