//! What is said beside a file.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use quotelake_core::time::parse_zone;
use quotelake_core::{Error, Result};
use quotelake_market::calendar::Calendar;

use super::Profile;
use super::model::{DateForm, adjustment};
use super::names::is_symbol;
use crate::money::Money;
use crate::{Instrument, Interval};

/// The names that [`Settings::parse`] knows, and what each says.
pub const SETTINGS: &[(&str, &str)] = &[
    ("quote_unit", "the unit of the prices as the vendor quotes them: GBp (pence), GBP, USD, ZAc, USDT"),
    ("exchange_mic", "ISO 10383 code of the exchange: XLON"),
    ("exchange_tz", "the exchange's zone, where its code is not known: Europe/London"),
    ("asset_class", "equity, fund, etf, index, crypto, fx, future or rate"),
    ("symbol", "the instrument as the vendor writes it, where the file's name does not say it"),
    (
        "interval",
        "the length of an intraday bar: 1m, 5m, 15m or 1h; 1d for days of an instrument that is seldom traded",
    ),
    ("adjustment", "what prices are adjusted for: raw, split, split_dividend or unknown"),
    ("date_format", "mm/dd/yyyy or dd/mm/yyyy, where the vendor's editions differ"),
    ("stamp_tz", "the zone of stamps that name none: Europe/Warsaw"),
    (
        "fetched_at",
        "when the file was downloaded: 2026-03-02T18:30:00Z; otherwise the time at which it was last changed",
    ),
];

/// Lengths for which there is no table.
const WIDER: [&str; 8] = ["5d", "1wk", "1w", "weekly", "1mo", "1M", "monthly", "3mo"];
const ASSET_CLASSES: [&str; 8] = ["equity", "fund", "etf", "index", "crypto", "fx", "future", "rate"];

/// What is said beside a file: for all files, and of some instruments.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    pub(super) quote_unit: Option<String>,
    pub(super) exchange_mic: Option<String>,
    pub(super) exchange_tz: Option<String>,
    pub(super) asset_class: Option<String>,
    pub(super) symbol: Option<String>,
    pub(super) interval: Option<Interval>,
    pub(super) adjustment: Option<&'static str>,
    pub(super) date_form: Option<DateForm>,
    pub(super) stamp_tz: Option<Tz>,
    pub(super) fetched_at: Option<DateTime<Utc>>,
    /// Instruments by the vendor's symbol: what they say comes before what is said for all. Empty where any file is welcome.
    pub(super) instruments: Vec<Instrument>,
}

impl Settings {
    /// Reads `name=value` texts. `InvalidInput` names what is wrong with one.
    ///
    /// ```
    /// use quotelake_sources::profiles::Settings;
    /// let error = |text| Settings::parse([text]).unwrap_err().to_string();
    /// assert_eq!(error("quote_unit=GPB"), "quote_unit \"GPB\" is no currency of ISO 4217 and no minor unit of one");
    /// assert!(error("unit=GBp").starts_with("unknown setting \"unit\"; known are quote_unit, exchange_mic"));
    /// ```
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self> {
        let mut settings = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for text in texts {
            let (name, value) = text
                .split_once('=')
                .map(|(name, value)| (name.trim(), value.trim()))
                .filter(|(_, value)| !value.is_empty())
                .ok_or_else(|| Error::invalid(format!("{text:?} is no setting; wants name=value")))?;
            if seen.contains(&name) {
                return Err(Error::invalid(format!("{name} is set twice")));
            }
            seen.push(name);
            settings.set(name, value)?;
        }
        settings.check_unit()?;
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let owned = || Some(value.to_owned());
        match name {
            "quote_unit" => self.quote_unit = owned(),
            "exchange_mic" => {
                let sound = value.len() == 4
                    && value.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
                if !sound {
                    return Err(Error::invalid(format!(
                        "exchange_mic {value:?} is no code of ISO 10383, such as XLON"
                    )));
                }
                self.exchange_mic = owned();
            }
            "exchange_tz" => {
                parse_zone(value)?;
                self.exchange_tz = owned();
            }
            "asset_class" if ASSET_CLASSES.contains(&value) => self.asset_class = owned(),
            "asset_class" => {
                let known = ASSET_CLASSES.join(", ");
                return Err(Error::invalid(format!("asset_class {value:?} is unknown; known are {known}")));
            }
            "symbol" if is_symbol(value) => self.symbol = owned(),
            "symbol" => return Err(Error::invalid(format!("symbol {value:?} is no instrument's symbol"))),
            "interval" if WIDER.contains(&value) => {
                return Err(Error::invalid(format!(
                    "interval {value:?}: there is no table of bars of weeks or months; download days"
                )));
            }
            "interval" => self.interval = Some(value.parse()?),
            "adjustment" => self.adjustment = Some(adjustment(value)?),
            "date_format" => self.date_form = Some(date_form(value)?),
            "stamp_tz" => self.stamp_tz = Some(parse_zone(value)?),
            "fetched_at" => {
                let instant = DateTime::parse_from_rfc3339(value).map_err(|e| {
                    Error::invalid(format!("fetched_at {value:?} is no instant such as 2026-03-02T18:30:00Z"))
                        .with_source(e)
                })?;
                self.fetched_at = Some(instant.with_timezone(&Utc));
            }
            other => {
                let known: Vec<&str> = SETTINGS.iter().map(|(name, _)| *name).collect();
                return Err(Error::invalid(format!(
                    "unknown setting {other:?}; known are {}",
                    known.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// A unit that is none is said before a file is read. Which coins are units depends on the asset class, which a profile may say.
    fn check_unit(&self) -> Result<()> {
        let asset_class = self.asset_class.as_deref().unwrap_or("crypto");
        match Money::of(self.quote_unit.as_deref(), asset_class).refusal() {
            Some(refusal) => {
                Err(Error::invalid(format!("quote_unit {} {}", refusal.value(), refusal.reason())))
            }
            None => Ok(()),
        }
    }

    /// The same with instruments of a watchlist, each with its own unit, exchange and class where it has them.
    #[must_use]
    pub fn with_instruments(self, instruments: Vec<Instrument>) -> Self {
        Self { instruments, ..self }
    }

    /// When a file was downloaded, where that is said.
    pub fn fetched_at(&self) -> Option<DateTime<Utc>> {
        self.fetched_at
    }

    /// The instrument that has a symbol, with everything that a record needs of it.
    pub(super) fn instrument(&self, profile: &Profile, symbol: &str) -> Result<Instrument> {
        let of_list = self.instruments.iter().find(|instrument| instrument.symbol == symbol);
        if of_list.is_none() && !self.instruments.is_empty() {
            return Err(Error::invalid(format!("symbol {symbol:?} is not in the watchlist")));
        }
        let mic = of_list.and_then(|own| own.mic.clone()).or_else(|| self.exchange_mic.clone());
        let calendar = mic.as_deref().and_then(Calendar::of_mic);
        let exchange_tz = of_list
            .map(|own| own.exchange_tz.clone())
            .or_else(|| self.exchange_tz.clone())
            .or_else(|| calendar.map(|calendar| calendar.zone().name().to_owned()))
            .or_else(|| profile.exchange_tz.clone());
        let exchange_tz = exchange_tz.ok_or_else(|| match &mic {
            Some(mic) => Error::invalid(format!(
                "the zone of exchange {mic} is not known here: say it, e.g. --set exchange_tz=Europe/London"
            )),
            None => Error::invalid(
                "the file names no exchange: say it, e.g. --set exchange_mic=XLON, or its zone alone, --set exchange_tz=Europe/London",
            ),
        })?;
        let asset_class = of_list
            .map(|own| own.asset_class.clone())
            .or_else(|| self.asset_class.clone())
            .unwrap_or_else(|| profile.asset_class.clone());
        let currency = of_list.and_then(|own| own.currency.clone()).or_else(|| self.quote_unit.clone());
        let currency = currency.ok_or_else(|| {
            let example = match &*asset_class {
                "crypto" => "--set quote_unit=USDT",
                _ => "--set quote_unit=GBp for pence or --set quote_unit=GBP for pounds",
            };
            Error::invalid(format!(
                "the file names no currency, and prices without one are not taken: say their unit, e.g. {example}"
            ))
        })?;
        if let Some(refusal) = Money::of(Some(&currency), &asset_class).refusal() {
            return Err(Error::invalid(format!("quote_unit {} {}", refusal.value(), refusal.reason())));
        }
        Ok(Instrument { symbol: symbol.to_owned(), mic, exchange_tz, currency: Some(currency), asset_class })
    }
}

fn date_form(text: &str) -> Result<DateForm> {
    match text.to_ascii_lowercase().as_str() {
        "mm/dd/yyyy" => Ok(DateForm::Mdy),
        "dd/mm/yyyy" => Ok(DateForm::Dmy),
        _ => Err(Error::invalid(format!("date_format {text:?} is neither mm/dd/yyyy nor dd/mm/yyyy"))),
    }
}
