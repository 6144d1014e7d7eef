//! What to ask: the vendor's pages that a job needs, and how they are spelled.

use chrono::NaiveDate;
use quotelake_core::{Error, FetchUnit, Result, sha256_hex};
use url::Url;

use super::{BrapiConfig, DATASETS, NAME};
use crate::origin::instruments;
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

/// Units by page, each of as many instruments as one request takes; the list of funds is one unit of all.
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
            let endpoint = Wanted::new(kind.as_str(), &datasets);
            let size = match kind {
                Kind::FundList => instruments.len(),
                _ => config.symbols_per_request as usize,
            };
            for together in together(kind, &instruments) {
                units.extend(together.chunks(size).map(|chunk| unit(job, &endpoint, kind, chunk)));
            }
        }
    }
    Ok(units)
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

fn unit(job: &Job, endpoint: &Wanted, kind: Kind, instruments: &[&Instrument]) -> FetchUnit {
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
    let (from, to) = (job.from.to_string(), job.to.to_string());
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
    let from = date(wanted_field(unit, &unit.from, "from")?)?;
    let days = (date(wanted_field(unit, &unit.to, "to")?)? - from).num_days();
    let ranges = [
        (4, "5d"),
        (27, "1mo"),
        (88, "3mo"),
        (180, "6mo"),
        (364, "1y"),
        (729, "2y"),
        (1824, "5y"),
        (3650, "10y"),
    ];
    Ok(ranges.into_iter().find(|(longest, _)| days <= *longest).map_or("max", |(_, range)| range))
}
