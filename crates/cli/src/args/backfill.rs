//! `quotelake backfill` and `quotelake gaps`.

use std::path::PathBuf;

use clap::Args;

/// How a source is asked, by commands that ask for much.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// What one call costs, for the plan.
    #[arg(long, value_name = "AMOUNT")]
    pub price_per_call: Option<String>,

    /// Begin no unit after this many seconds; the same command goes on with the rest.
    #[arg(long, value_name = "SECONDS")]
    pub stop_after: Option<u64>,
}

/// `quotelake backfill`
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// How the sources are asked: a run's configuration, whose jobs are not run; see docs/reference/run-config.md.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub ask: AskArgs,

    /// Overrides the configuration's lake folder.
    #[arg(long, value_name = "DIR")]
    pub lake: Option<PathBuf>,

    /// The source.
    #[arg(long, value_name = "NAME")]
    pub source: String,

    /// Symbols of the configuration's watchlists.
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "watchlist")]
    pub symbols: Vec<String>,

    /// One of the configuration's watchlists.
    #[arg(long, value_name = "NAME")]
    pub watchlist: Option<String>,

    /// The datasets.
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_value = "daily_bars")]
    pub datasets: Vec<String>,

    /// The bar length of intraday_bars: 1m, 5m, 15m or 1h.
    #[arg(long, value_name = "LENGTH")]
    pub interval: Option<String>,

    /// First day: YYYY-MM-DD, today or today-7d.
    #[arg(long, value_name = "DAY")]
    pub from: String,

    /// Last day.
    #[arg(long, value_name = "DAY", default_value = "today")]
    pub to: String,

    /// Say what it would cost, and ask nothing.
    #[arg(long)]
    pub dry_run: bool,

    /// Ask for everything again, whatever was done before.
    #[arg(long)]
    pub restart: bool,
}

/// `quotelake gaps`
#[derive(Debug, Args)]
pub struct GapsArgs {
    /// With --fix: how the sources are asked, a run's configuration, whose jobs are not run.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub ask: AskArgs,

    /// The lake's folder; the configuration's, else quotelake-data, where it is not given.
    #[arg(long, value_name = "DIR")]
    pub lake: Option<PathBuf>,

    /// A table of bars.
    #[arg(long, value_name = "NAME", default_value = "daily_bars")]
    pub dataset: String,

    /// Only these symbols, the lake's or the vendor's.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub symbols: Vec<String>,

    /// Look past a series' last session, up to this day: YYYY-MM-DD, today or today-7d.
    #[arg(long, value_name = "DAY")]
    pub until: Option<String>,

    /// Days on which the exchange was closed and the calendar does not know it.
    #[arg(long, value_name = "DATE,DATE", value_delimiter = ',')]
    pub closures: Vec<String>,

    /// Ask the vendor for exactly the missing sessions.
    #[arg(long)]
    pub fix: bool,

    /// With --fix: say what it would cost, and ask nothing.
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
}
