//! What plans have in common: units, their endpoints, and URLs on a source's base.

use std::fmt;

use quotelake_core::{Error, FetchUnit, Result, UnitInstrument};
use url::Url;

use crate::{DatasetName, Instrument};

/// An endpoint as [`FetchUnit::endpoint`] spells it, for a vendor whose answer holds several datasets: `chart/daily_bars+splits`
/// is the page `chart`, from which bars and splits are wanted.
///
/// ```
/// use quotelake_sources::DatasetName;
/// use quotelake_sources::units::Wanted;
/// let wanted = Wanted::parse("chart/daily_bars+splits").unwrap();
/// assert!(wanted.page == "chart" && wanted.has(DatasetName::Splits) && !wanted.has(DatasetName::Dividends));
/// assert_eq!(wanted.to_string(), "chart/daily_bars+splits");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The vendor's page.
    pub page: String,
    /// The datasets wanted of it.
    pub datasets: Vec<DatasetName>,
}

impl Wanted {
    /// A page and the datasets wanted of it.
    pub fn new(page: &str, datasets: &[DatasetName]) -> Self {
        Self { page: page.to_owned(), datasets: datasets.to_vec() }
    }

    /// Reads the text form. `InvalidInput` for any other text.
    pub fn parse(endpoint: &str) -> Result<Self> {
        let (page, datasets) = endpoint
            .split_once('/')
            .ok_or_else(|| Error::invalid(format!("{endpoint:?} is no endpoint: page/dataset+dataset")))?;
        let datasets = datasets.split('+').map(str::parse).collect::<Result<_>>()?;
        Ok(Self { page: page.to_owned(), datasets })
    }

    /// Whether a dataset is wanted.
    pub fn has(&self, dataset: DatasetName) -> bool {
        self.datasets.contains(&dataset)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let datasets: Vec<&str> = self.datasets.iter().map(|dataset| dataset.as_str()).collect();
        write!(f, "{}/{}", self.page, datasets.join("+"))
    }
}

/// A unit of one instrument, without window and id.
pub fn unit_of(endpoint: impl fmt::Display, instrument: &Instrument) -> FetchUnit {
    FetchUnit {
        endpoint: endpoint.to_string(),
        symbol: Some(instrument.symbol.clone()),
        exchange_tz: instrument.exchange_tz.clone(),
        exchange_mic: instrument.mic.clone(),
        currency: instrument.currency.clone(),
        asset_class: instrument.asset_class.clone(),
        ..FetchUnit::default()
    }
}

/// A unit of several instruments, without window and id; a single one is asked for as [`unit_of`] does. They have to share a zone,
/// see [`by_zone`].
pub fn unit_of_several(endpoint: impl fmt::Display, instruments: &[&Instrument]) -> FetchUnit {
    match instruments {
        [only] => unit_of(endpoint, only),
        _ => FetchUnit {
            endpoint: endpoint.to_string(),
            exchange_tz: instruments.first().map(|first| first.exchange_tz.clone()).unwrap_or_default(),
            asset_class: instruments.first().map(|first| first.asset_class.clone()).unwrap_or_default(),
            instruments: instruments
                .iter()
                .map(|instrument| UnitInstrument {
                    symbol: instrument.symbol.clone(),
                    mic: instrument.mic.clone(),
                    currency: instrument.currency.clone(),
                    asset_class: instrument.asset_class.clone(),
                })
                .collect(),
            ..FetchUnit::default()
        },
    }
}

/// The unit that asks for one of a unit's instruments alone: what a failed part becomes. Its id ends in the symbol.
pub fn narrowed(unit: &FetchUnit, instrument: &UnitInstrument) -> FetchUnit {
    FetchUnit {
        id: format!("{}#{}", unit.id, instrument.symbol),
        symbol: Some(instrument.symbol.clone()),
        exchange_mic: instrument.mic.clone(),
        currency: instrument.currency.clone(),
        asset_class: instrument.asset_class.clone(),
        instruments: Vec::new(),
        page: 0,
        ..unit.clone()
    }
}

/// Instruments grouped by their zone, in order of first appearance.
pub fn by_zone<'a>(instruments: &[&'a Instrument]) -> Vec<Vec<&'a Instrument>> {
    let mut groups: Vec<Vec<&Instrument>> = Vec::new();
    for instrument in instruments {
        match groups.iter_mut().find(|group| group[0].exchange_tz == instrument.exchange_tz) {
            Some(group) => group.push(instrument),
            None => groups.push(vec![instrument]),
        }
    }
    groups
}

/// A field that the unit has to have for its endpoint.
pub fn wanted_field<'a>(unit: &'a FetchUnit, field: &'a Option<String>, name: &str) -> Result<&'a str> {
    field.as_deref().ok_or_else(|| Error::invalid(format!("unit {}: {name} is missing", unit.id)))
}

/// Refuses a base URL that is more than scheme, host and port. It is not printed: one pasted with a key in it would end in the
/// log.
pub fn check_base_url(source: &str, base: &Url) -> Result<()> {
    let plain = matches!(base.scheme(), "http" | "https")
        && base.has_host()
        && base.path() == "/"
        && base.query().is_none()
        && base.fragment().is_none()
        && base.username().is_empty()
        && base.password().is_none();
    if plain {
        return Ok(());
    }
    Err(Error::config(format!(
        "{source}'s base URL is not a plain http(s) origin such as https://api.example.com"
    )))
}

/// A path on the base. Each segment is percent-encoded, so a symbol cannot add one.
pub fn url_of(base: &Url, segments: &[&str]) -> Result<Url> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map(|mut path| {
            path.clear().extend(segments);
        })
        .map_err(|()| Error::config("the base URL has no path"))?;
    Ok(url)
}

/// The request of a later page from its path and query, moved onto the base. `InvalidInput` when it is no link or leads to another
/// path than the unit's own.
pub fn resumed_url(base: &Url, first: &Url, unit: &FetchUnit, resume_at: &str) -> Result<Url> {
    let link = base
        .join(resume_at)
        .map_err(|e| Error::invalid(format!("unit {}: {resume_at:?} is no link", unit.id)).with_source(e))?;
    if link.origin() != base.origin() || link.path() != first.path() {
        return Err(Error::invalid(format!(
            "unit {}: {resume_at:?} leads out of {:?}",
            unit.id,
            first.path()
        )));
    }
    Ok(link)
}
