//! What to ask: the vendor's pages that a job needs, and how they are spelled.

use chrono::NaiveDate;
use quotelake_core::{Error, FetchUnit, Result, sha256_hex};
use url::Url;

use super::{BrapiConfig, DATASETS, NAME};
use crate::origin::instruments;
use crate::size::{days_of, expected_rows, longest_window, symbols_per_call, windows};
use crate::units::{Wanted, by_zone, unit_of_several, url_of, wanted_field};
use crate::{Auth, DatasetName, HttpSpec, Instrument, Interval, Job};

/// The vendor's pages, as endpoints name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bars, dividends and stock actions of stocks.
    Quote,
    /// Bars of coins.
    Crypto,
    /// Bars of funds.
    FundHistory,
    /// Dividends of funds.
    FundDividends,
    /// Indicators of funds.
    FundIndicators,
    /// The list of all funds.
    FundList,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Quote,
        Self::Crypto,
        Self::FundHistory,
        Self::FundDividends,
        Self::FundIndicators,
        Self::FundList,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::Crypto => "crypto",
            Self::FundHistory => "fii_historical",
            Self::FundDividends => "fii_dividends",
            Self::FundIndicators => "fii_indicators",
            Self::FundList => "fii_list",
        }
    }

    /// The page of a unit, and the datasets wanted of it.
    pub(super) fn of(unit: &FetchUnit) -> Result<(Self, Wanted)> {
        let wanted = Wanted::parse(&unit.endpoint)?;
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == wanted.page);
        match kind {
            Some(kind) => Ok((kind, wanted)),
            None => Err(Error::invalid(format!("brapi has no page {:?}", wanted.page))),
        }
    }

    /// The page that has a dataset of an instrument; `None` for what does not exist, such as a coin's dividends.
    fn with(dataset: DatasetName, asset_class: &str, config: &BrapiConfig) -> Option<Self> {
        match (asset_class, dataset) {
            ("crypto", DatasetName::DailyBars) => Some(Self::Crypto),
            ("crypto", _) => None,
            ("fund", DatasetName::DailyBars) => Some(Self::FundHistory),
            ("fund", DatasetName::Dividends) => Some(Self::FundDividends),
            ("fund", DatasetName::FundSnapshots) if config.fund_list => Some(Self::FundList),
            ("fund", DatasetName::FundSnapshots) => Some(Self::FundIndicators),
            (_, DatasetName::FundSnapshots) => None,
            (_, DatasetName::DailyBars | DatasetName::Dividends | DatasetName::Splits) => Some(Self::Quote),
            (_, DatasetName::IntradayBars | DatasetName::MarketHolidays) => None,
        }
    }
}

/// Rows to expect of a symbol's dividends and stock actions, which come whole whatever the window: funds and banks pay monthly.
const ACTIONS: u64 = 400;

/// Units by page, each of as many instruments as one request takes and as one answer should hold; the list of funds is one unit of
/// all.
pub(super) fn plan(config: &BrapiConfig, job: &Job) -> Result<Vec<FetchUnit>> {
    job.check_for(NAME, DATASETS)?;
    let mut units = Vec::new();
    for kind in Kind::ALL {
        let mut groups: Vec<(Vec<DatasetName>, Vec<&Instrument>)> = Vec::new();
        for instrument in &job.instruments {
            let of_kind =
                |dataset: &DatasetName| Kind::with(*dataset, &instrument.asset_class, config) == Some(kind);
            let datasets: Vec<DatasetName> = job.datasets.iter().copied().filter(of_kind).collect();
            if datasets.is_empty() {
                continue;
            }
            if kind == Kind::Crypto {
                coin(&instrument.symbol)?;
            }
            match groups.iter_mut().find(|(known, _)| *known == datasets) {
                Some((_, instruments)) => instruments.push(instrument),
                None => groups.push((datasets, vec![instrument])),
            }
        }
        for (datasets, instruments) in groups {
            for together in together(kind, &instruments) {
                for (window, datasets) in windows_of(job, kind, &datasets) {
                    let endpoint = Wanted::new(kind.as_str(), &datasets);
                    let size = match kind {
                        Kind::FundList => instruments.len(),
                        _ => symbols_per_call(
                            rows_of_each(kind, &endpoint, window),
                            config.symbols_per_request as usize,
                        ),
                    };
                    units.extend(together.chunks(size).map(|chunk| unit(window, &endpoint, kind, chunk)));
                }
            }
        }
    }
    Ok(units)
}

/// First and last day.
type Window = (NaiveDate, NaiveDate);

/// The windows in which a page is asked for, each with what is wanted of it. Actions come whole with every answer: the newest
/// window brings them.
fn windows_of(job: &Job, kind: Kind, datasets: &[DatasetName]) -> Vec<(Window, Vec<DatasetName>)> {
    let bars = [DatasetName::DailyBars];
    let whole = (job.from, job.to);
    // Coins take no dates, dividends of funds have pages, and the rest is as of today.
    if !matches!(kind, Kind::Quote | Kind::FundHistory) || !datasets.contains(&DatasetName::DailyBars) {
        return vec![(whole, datasets.to_vec())];
    }
    let windows = windows(job.from, job.to, longest_window(Interval::Day1, "equity"));
    let last = windows.last().copied();
    let wanted = |window| if Some(window) == last { datasets.to_vec() } else { bars.to_vec() };
    windows.into_iter().map(|window| (window, wanted(window))).collect()
}

/// The rows to expect of each symbol.
fn rows_of_each(kind: Kind, wanted: &Wanted, (from, to): Window) -> u64 {
    let days = days_of(from, to);
    match kind {
        Kind::Quote | Kind::FundHistory => {
            let bars = match wanted.has(DatasetName::DailyBars) {
                true => expected_rows(Interval::Day1, "equity", days),
                false => 0,
            };
            let actions = wanted.has(DatasetName::Dividends) || wanted.has(DatasetName::Splits);
            bars + if actions { ACTIONS } else { 0 }
        }
        // The answer is as long as the range, whatever the window is.
        Kind::Crypto => range_of(days).0,
        // A page of the vendor's holds a hundred; indicators are a row.
        Kind::FundDividends | Kind::FundIndicators | Kind::FundList => 1,
    }
}

/// Instruments that one request may ask for: of one zone, and coins of one currency.
fn together<'a>(kind: Kind, instruments: &[&'a Instrument]) -> Vec<Vec<&'a Instrument>> {
    let mut groups = Vec::new();
    for zone in by_zone(instruments) {
        if kind != Kind::Crypto {
            groups.push(zone);
            continue;
        }
        let mut by_currency: Vec<Vec<&Instrument>> = Vec::new();
        for instrument in zone {
            let currency = |of: &Instrument| coin(&of.symbol).ok().map(|(_, currency)| currency.to_owned());
            match by_currency.iter_mut().find(|group| currency(group[0]) == currency(instrument)) {
                Some(group) => group.push(instrument),
                None => by_currency.push(vec![instrument]),
            }
        }
        groups.extend(by_currency);
    }
    groups
}

fn unit(window: Window, endpoint: &Wanted, kind: Kind, instruments: &[&Instrument]) -> FetchUnit {
    let symbols: Vec<&str> = instruments.iter().map(|instrument| instrument.symbol.as_str()).collect();
    let joined = symbols.join(",");
    let named = match symbols.as_slice() {
        [_] | [_, _] | [_, _, _] => joined,
        // Short enough for a log, and another for other symbols.
        many => format!("{}+{}-{}", many[0], many.len() - 1, &sha256_hex(joined.as_bytes())[..8]),
    };
    let unit = unit_of_several(endpoint, instruments);
    let windowed = match kind {
        Kind::Quote => endpoint.has(DatasetName::DailyBars),
        Kind::Crypto | Kind::FundHistory | Kind::FundDividends => true,
        Kind::FundIndicators | Kind::FundList => false,
    };
    if !windowed {
        return FetchUnit { id: format!("{NAME}/{endpoint}/{named}"), ..unit };
    }
    let (from, to) = (window.0.to_string(), window.1.to_string());
    FetchUnit {
        id: format!("{NAME}/{endpoint}/{named}/{from}/{to}"),
        interval: endpoint.has(DatasetName::DailyBars).then(|| Interval::Day1.to_string()),
        from: Some(from),
        to: Some(to),
        ..unit
    }
}

pub(super) fn request(config: &BrapiConfig, unit: &FetchUnit) -> Result<HttpSpec> {
    let (kind, wanted) = Kind::of(unit)?;
    let symbols: Vec<String> = instruments(unit).into_iter().map(|instrument| instrument.symbol).collect();
    if symbols.is_empty() {
        return Err(Error::invalid(format!("unit {}: no symbol", unit.id)));
    }
    let list = symbols.join(",");
    let fund = |page: &str| url_of(&config.base_url, &["api", "v2", "fii", page]);
    let mut url = match kind {
        Kind::Quote => url_of(&config.base_url, &["api", "quote", &list])?,
        Kind::Crypto => url_of(&config.base_url, &["api", "v2", "crypto"])?,
        Kind::FundHistory => fund("historical")?,
        Kind::FundDividends => fund("dividends")?,
        Kind::FundIndicators => fund("indicators")?,
        Kind::FundList => fund("list")?,
    };
    let window = |url: &mut Url| -> Result<()> {
        let (from, to) = (wanted_field(unit, &unit.from, "from")?, wanted_field(unit, &unit.to, "to")?);
        url.query_pairs_mut().append_pair("startDate", from).append_pair("endDate", to);
        Ok(())
    };
    match kind {
        Kind::Quote => {
            if wanted.has(DatasetName::DailyBars) {
                window(&mut url)?;
                url.query_pairs_mut().append_pair("interval", "1d");
            }
            if wanted.has(DatasetName::Dividends) || wanted.has(DatasetName::Splits) {
                url.query_pairs_mut().append_pair("dividends", "true");
            }
        }
        Kind::Crypto => {
            let coins: Vec<(&str, &str)> =
                symbols.iter().map(|symbol| coin(symbol)).collect::<Result<_>>()?;
            let names: Vec<&str> = coins.iter().map(|(name, _)| *name).collect();
            url.query_pairs_mut()
                .append_pair("coin", &names.join(","))
                .append_pair("currency", coins[0].1)
                .append_pair("range", range(unit)?)
                .append_pair("interval", "1d");
        }
        Kind::FundHistory => {
            url.query_pairs_mut().append_pair("symbols", &list);
            window(&mut url)?;
            url.query_pairs_mut().append_pair("sortOrder", "asc");
        }
        Kind::FundDividends => {
            url.query_pairs_mut().append_pair("symbols", &list);
            window(&mut url)?;
            url.query_pairs_mut()
                .append_pair("sortOrder", "asc")
                .append_pair("page", "1")
                .append_pair("limit", "100");
        }
        Kind::FundIndicators => {
            url.query_pairs_mut().append_pair("symbols", &list);
        }
        Kind::FundList => {
            url.query_pairs_mut().append_pair("page", "1").append_pair("limit", "100");
        }
    }
    Ok(HttpSpec { url, auth: Auth::BearerIfConfigured, accept: "application/json" })
}

/// The page after the unit's current one.
pub(super) fn next_page(config: &BrapiConfig, unit: &FetchUnit, page: u64) -> Result<HttpSpec> {
    let first = request(config, unit)?;
    let kept: Vec<(String, String)> = first
        .url
        .query_pairs()
        .filter(|(name, _)| name != "page")
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    let mut url = first.url.clone();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair("page", &page.to_string());
    Ok(HttpSpec { url, ..first })
}

/// `BTC-BRL` is the coin BTC in BRL.
pub(super) fn coin(symbol: &str) -> Result<(&str, &str)> {
    symbol
        .rsplit_once('-')
        .filter(|(coin, currency)| !coin.is_empty() && currency.len() == 3)
        .ok_or_else(|| Error::invalid(format!("{symbol:?} is no coin of brapi: COIN-CURRENCY, e.g. BTC-BRL")))
}

/// The vendor takes no dates for coins, but ranges that end today: the shortest that is as long as the window. A window that ends
/// earlier is covered as far as the range reaches, and the run's report says what is missing.
fn range(unit: &FetchUnit) -> Result<&'static str> {
    let date = |text: &str| {
        text.parse::<NaiveDate>().map_err(|_| Error::invalid(format!("unit {}: {text:?} is no day", unit.id)))
    };
    let (from, to) =
        (date(wanted_field(unit, &unit.from, "from")?)?, date(wanted_field(unit, &unit.to, "to")?)?);
    Ok(range_of(days_of(from, to)).1)
}

/// The range for a window of so many days: the days that it brings, and its name.
fn range_of(days: u64) -> (u64, &'static str) {
    let ranges = [
        (5, "5d"),
        (28, "1mo"),
        (89, "3mo"),
        (181, "6mo"),
        (365, "1y"),
        (730, "2y"),
        (1825, "5y"),
        (3651, "10y"),
    ];
    // All that there is: more than a page is planned to have, so each coin is asked for by itself.
    ranges.into_iter().find(|(longest, _)| days <= *longest).unwrap_or((u64::MAX, "max"))
}
