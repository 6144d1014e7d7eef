//! A profile as it is written.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use quotelake_core::time::parse_zone;
use quotelake_core::{Error, Result};
use serde::Deserialize;

use super::names::NamePattern;
use crate::DatasetName;

/// How one vendor writes files of prices.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name, which is the provider of the rows.
    pub name: String,
    /// Other names that it is found by.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What it reads, for people.
    pub title: String,
    /// How a file is called, the most telling first.
    pub(super) file_names: Vec<NamePattern>,
    /// What a symbol carries for the exchange.
    #[serde(default)]
    pub(super) suffix: Suffix,
    /// Whether symbols are written in capitals, whatever a file's name has.
    #[serde(default)]
    pub(super) upper: bool,
    /// What is traded, where nobody says otherwise.
    #[serde(default = "equity")]
    pub(super) asset_class: String,
    /// The zone of trading dates, where the vendor has one for all.
    pub(super) exchange_tz: Option<String>,
    /// The zone of stamps that name none, where the vendor documents one.
    pub(super) stamp_tz: Option<String>,
    /// What prices are adjusted for: `raw`, `split`, `split_dividend` or `unknown`.
    pub(super) adjustment: String,
    /// The same of a file without a column of adjusted closes.
    pub(super) adjustment_without_adj_close: Option<String>,
    pub(super) numbers: Numbers,
    /// Texts that stand for no value; an empty cell is none anyway.
    pub(super) null_texts: Vec<String>,
    /// Whether distributions are divided by the splits that came after them, as prices are.
    #[serde(default)]
    pub(super) split_adjusted_dividends: bool,
    /// Whether several rows may be the header, one of names and one of tickers.
    #[serde(default)]
    pub(super) levels: bool,
    /// The headers that there are.
    pub layouts: Vec<Layout>,
}

fn equity() -> String {
    "equity".into()
}

/// What a symbol carries for the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Suffix {
    /// Nothing.
    #[default]
    None,
    /// What follows the last dot: `BARC.L`, `barc.uk`.
    LastDot,
    /// The same where it has two letters or more: `TSCO.LON`, but `BRK.B` is a class of shares.
    LongLastDot,
}

impl Suffix {
    /// The symbol without it.
    pub(super) fn strip(self, symbol: &str) -> &str {
        match self {
            Self::None => symbol,
            Self::LastDot => symbol.rsplit_once('.').map_or(symbol, |(ticker, _)| ticker),
            Self::LongLastDot => match symbol.rsplit_once('.') {
                Some((ticker, suffix)) if suffix.len() > 1 => ticker,
                _ => symbol,
            },
        }
    }
}

/// How prices and volumes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Numbers {
    /// `1234.5`
    Plain,
    /// The same, printed from 32-bit floats: `129.0399932861328` is 129.04.
    Float32,
    /// `1,234.5`
    Thousands,
}

/// One header, and what its columns are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// The dataset of its rows; where the rows themselves say it, there is none.
    pub dataset: Option<DatasetName>,
    /// What each column is, by its name in the header.
    pub(super) columns: BTreeMap<String, Field>,
    /// Those that a file may lack.
    #[serde(default)]
    pub(super) optional: Vec<String>,
    /// Columns that may be there and are not loaded.
    #[serde(default)]
    pub(super) ignored: Vec<String>,
    /// The columns in order, where a file may come without a header.
    #[serde(default)]
    pub(super) positions: Vec<String>,
    /// How dates are written; of several, the file has one.
    pub(super) dates: Vec<DateForm>,
    /// Instead of the profile's.
    pub(super) adjustment: Option<String>,
}

impl Layout {
    /// Whether a file of it has rows of a dataset. Distributions and splits are beside bars of days.
    pub(super) fn is_of(&self, dataset: DatasetName) -> bool {
        let bars = match event_field(dataset) {
            None => dataset,
            Some(field) if self.columns.values().any(|own| *own == field) => DatasetName::DailyBars,
            Some(_) => return false,
        };
        self.dataset.is_none_or(|own| own == bars)
    }
}

/// The column that a dataset of events is read from; `None` for a dataset of bars.
pub(super) fn event_field(dataset: DatasetName) -> Option<Field> {
    match dataset {
        DatasetName::Dividends => Some(Field::Dividend),
        DatasetName::Splits => Some(Field::SplitRatio),
        _ => None,
    }
}

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Field {
    /// The day, or the start of the bar.
    Date,
    /// The time of day beside a date: `HH:MM:SS` or `HHMMSS`.
    Time,
    /// When the bar ends.
    End,
    Open,
    High,
    Low,
    Close,
    AdjClose,
    Volume,
    /// A volume such as `1.2M`.
    ShortVolume,
    TradeCount,
    /// The instrument.
    Ticker,
    /// The bar's length: `D`, or minutes.
    Period,
    /// What was distributed on the day, a share; zero where nothing was.
    Dividend,
    /// The part of it that is a capital gain.
    CapitalGain,
    /// Shares that one of the day before became; zero or one where nothing was split.
    SplitRatio,
    /// Known, and not loaded.
    Ignored,
}

/// How a date, or the start of a bar, is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DateForm {
    /// `2024-03-04`
    Iso,
    /// `2024-03-04 09:30:00`, on the clock of the zone of stamps
    IsoLocal,
    /// `2024-03-04 09:30:00-05:00`
    IsoZoned,
    /// The same at midnight: a day.
    IsoZonedMidnight,
    /// `20240304`
    Compact,
    /// `03/04/2024` is 4 March
    Mdy,
    /// `03/04/2024` is 3 April
    Dmy,
    /// `Mar 04, 2024`
    MonthName,
    /// Unix milliseconds of thirteen digits, or microseconds of sixteen
    Epoch,
}

/// What `adjustment` may be.
pub(super) const ADJUSTMENTS: [&str; 4] = ["raw", "split", "split_dividend", "unknown"];

/// One of [`ADJUSTMENTS`].
pub(super) fn adjustment(text: &str) -> Result<&'static str> {
    ADJUSTMENTS.into_iter().find(|known| *known == text).ok_or_else(|| {
        Error::invalid(format!("adjustment {text:?} is unknown; known are {}", ADJUSTMENTS.join(", ")))
    })
}

impl Profile {
    /// Reads a profile's YAML. `Config` names what is wrong with it.
    pub(super) fn parse(yaml: &str) -> Result<Self> {
        let profile: Self =
            serde_yaml_ng::from_str(yaml).map_err(|e| Error::config("not a profile").with_source(e))?;
        let all = profile.layouts.iter().filter_map(|layout| layout.adjustment.as_ref());
        for text in all.chain([&profile.adjustment]).chain(&profile.adjustment_without_adj_close) {
            adjustment(text)?;
        }
        for zone in profile.exchange_tz.iter().chain(&profile.stamp_tz) {
            parse_zone(zone)?;
        }
        for layout in &profile.layouts {
            let named = layout.optional.iter().chain(&layout.positions);
            if let Some(name) = named.into_iter().find(|name| !layout.columns.contains_key(*name)) {
                return Err(Error::config(format!("profile {}: {name:?} is no column", profile.name)));
            }
        }
        Ok(profile)
    }

    /// Whether it goes by a name.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// The zone of stamps that name none.
    pub(super) fn stamp_zone(&self) -> Result<Option<Tz>> {
        self.stamp_tz.as_deref().map(parse_zone).transpose()
    }

    /// The datasets that it has files of.
    pub fn datasets(&self) -> Vec<DatasetName> {
        use DatasetName::{DailyBars, Dividends, IntradayBars, Splits};
        let has = |dataset: &DatasetName| self.layouts.iter().any(|layout| layout.is_of(*dataset));
        [DailyBars, IntradayBars, Dividends, Splits].into_iter().filter(has).collect()
    }

    /// The headers that it reads of a dataset, as they are in a file, columns that may be missing in brackets.
    pub fn headers(&self, dataset: DatasetName) -> Vec<String> {
        let of = self.layouts.iter().filter(|layout| layout.is_of(dataset));
        of.map(|layout| {
            let mut columns: Vec<(&Field, &str)> =
                layout.columns.iter().map(|(name, field)| (field, name.as_str())).collect();
            columns.sort();
            let names = columns.iter().map(|(_, name)| match layout.optional.iter().any(|o| o == name) {
                true => format!("[{name}]"),
                false => (*name).to_owned(),
            });
            names.collect::<Vec<_>>().join(",")
        })
        .collect()
    }
}
