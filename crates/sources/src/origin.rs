//! What the rows of a page share: the instruments that were asked for, the zone, the provenance. A mapper starts every record
//! from here and fills in what the vendor says.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use quotelake_core::time::{instant_from_ms, parse_zone, trading_date};
use quotelake_core::{Envelope, FetchUnit, Result, UnitInstrument};
use quotelake_market::calendar::Calendar;

use crate::money::Money;
use crate::question::newest_date;
use crate::read::Reader;
use crate::record::{Bar, Cell, Dividend, FundSnapshot, Instant, Provenance, Split};
use crate::{DelayClass, Interval};

/// An instrument as records name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordInstrument {
    /// The symbol as the vendor writes it.
    pub provider_symbol: Arc<str>,
    /// The canonical one: `TICKER.MIC` where the exchange is known.
    pub symbol: Arc<str>,
    /// ISO 10383 code of the exchange.
    pub mic: Option<Arc<str>>,
    /// The unit that the vendor quotes it in, where the watchlist says.
    pub money: Money,
    /// `equity`, `fund`, `etf`, `index`, `crypto` or `fx`.
    pub asset_class: Arc<str>,
}

impl RecordInstrument {
    /// `ticker` is the symbol without what the vendor adds for the exchange.
    fn new(instrument: &UnitInstrument, ticker: &str) -> Self {
        let ticker = canonical(ticker, &instrument.asset_class);
        Self {
            provider_symbol: instrument.symbol.as_str().into(),
            symbol: match &instrument.mic {
                Some(mic) => format!("{ticker}.{mic}").into(),
                None => (*ticker).into(),
            },
            mic: instrument.mic.as_deref().map(Arc::from),
            money: Money::of(instrument.currency.as_deref(), &instrument.asset_class),
            asset_class: instrument.asset_class.as_str().into(),
        }
    }

    /// An instrument that an answer names though nobody asked for it, beside one that was: rows of it are refused by name.
    pub fn stray(&self, provider_symbol: &str) -> Self {
        let stray = UnitInstrument {
            symbol: provider_symbol.to_owned(),
            mic: self.mic.as_deref().map(str::to_owned),
            currency: self.money.quote_unit.as_deref().map(str::to_owned),
            asset_class: (*self.asset_class).to_owned(),
        };
        Self::new(&stray, provider_symbol)
    }
}

/// One spelling of a class of shares for all vendors: `BRK-B` of one is `BRK.B` of another. A pair such as `BTC-USD` is no class.
fn canonical<'t>(ticker: &'t str, asset_class: &str) -> Cow<'t, str> {
    if matches!(asset_class, "equity" | "fund" | "etf") && ticker.contains(['-', '_']) {
        return Cow::Owned(ticker.replace(['-', '_'], "."));
    }
    Cow::Borrowed(ticker)
}

impl Bar {
    /// States the unit of the bar's prices. One that is none is refused, and with it the row.
    pub fn set_money(&mut self, money: &Money) {
        self.currency = money.currency.clone();
        self.quote_unit = money.quote_unit.clone();
        self.unit_divisor = money.divisor();
        self.refusals.retain(|(column, _)| *column != "currency");
        self.refusals.extend(money.refusal().map(|refusal| ("currency", refusal)));
    }
}

impl Dividend {
    /// The same of a distribution's amount.
    pub fn set_money(&mut self, money: &Money) {
        self.quote_unit = money.quote_unit.clone().map(Cell::Value);
        self.currency = match money.refusal() {
            Some(refusal) => Some(Cell::Refused(Box::new(refusal))),
            None => money.currency.clone().map(Cell::Value),
        };
    }
}

/// What a page's rows share.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The provider that records carry.
    pub provider: &'static str,
    /// Name of the zone in which dates are computed.
    pub exchange_tz: Arc<str>,
    /// The zone.
    pub zone: Tz,
    /// When the answer arrived.
    pub fetched_at: DateTime<Utc>,
    /// The last columns of every record.
    pub provenance: Arc<Provenance>,
    instruments: Vec<RecordInstrument>,
}

impl Origin {
    /// Of a sealed page. `request_id` is the vendor's own, where the body has one. `InvalidInput` when the unit's zone is none.
    pub fn of(provider: &'static str, envelope: &Envelope, request_id: Option<String>) -> Result<Self> {
        Self::with_tickers(provider, envelope, request_id, |symbol| symbol)
    }

    /// The same where the vendor's symbols carry something for the exchange that `ticker` takes off.
    pub fn with_tickers(
        provider: &'static str,
        envelope: &Envelope,
        request_id: Option<String>,
        ticker: impl Fn(&str) -> &str,
    ) -> Result<Self> {
        let unit = &envelope.unit;
        Ok(Self {
            provider,
            exchange_tz: unit.exchange_tz.as_str().into(),
            zone: parse_zone(&unit.exchange_tz)?,
            fetched_at: envelope.fetched_at,
            provenance: Arc::new(Provenance::new(
                Instant(envelope.fetched_at),
                request_id.unwrap_or_else(|| envelope.request_id.clone()),
                envelope.run_id.clone(),
                unit.id.clone(),
                envelope.sha256.clone(),
            )),
            instruments: instruments(unit)
                .iter()
                .map(|instrument| RecordInstrument::new(instrument, ticker(&instrument.symbol)))
                .collect(),
        })
    }

    /// The instruments that the unit asked for.
    pub fn instruments(&self) -> &[RecordInstrument] {
        &self.instruments
    }

    /// One of them, by the vendor's symbol.
    pub fn instrument(&self, provider_symbol: &str) -> Option<&RecordInstrument> {
        self.instruments.iter().find(|named| *named.provider_symbol == *provider_symbol)
    }

    /// The date on the exchange's wall calendar at a stamp.
    pub fn date_of(&self, stamp_ms: i64) -> Option<NaiveDate> {
        trading_date(stamp_ms, self.zone).ok()
    }

    /// A bar without prices: stamped, dated, unadjusted, in the watchlist's currency, final once `settled_at` has passed.
    pub fn bar(&self, named: &RecordInstrument, interval: Interval, stamp_ms: Option<i64>) -> Bar {
        let trading_date = stamp_ms.and_then(|ms| self.date_of(ms));
        self.bar_on(named, interval, stamp_ms, trading_date)
    }

    /// The same where the date is not that of the stamp.
    pub fn bar_on(
        &self,
        named: &RecordInstrument,
        interval: Interval,
        stamp_ms: Option<i64>,
        trading_date: Option<NaiveDate>,
    ) -> Bar {
        let start = stamp_ms.and_then(|ms| instant_from_ms(ms).ok());
        let (bar_start, settled_at) = match interval.length() {
            None => (
                trading_date.map(|date| date.and_time(NaiveTime::MIN).and_utc()),
                trading_date.and_then(|date| self.settled_at(named, date)),
            ),
            Some(length) => (start, start.and_then(|s| s.checked_add_signed(length + INTRADAY_GRACE))),
        };
        let mut bar = Bar {
            provider: self.provider,
            provider_symbol: Some(named.provider_symbol.clone()),
            symbol: Some(named.symbol.clone()),
            asset_class: named.asset_class.clone(),
            exchange_mic: named.mic.clone(),
            interval,
            trading_date,
            bar_start: bar_start.map(Instant),
            exchange_tz: self.exchange_tz.clone(),
            open: None,
            high: None,
            low: None,
            close: None,
            adj_close: None,
            volume: None,
            vwap: None,
            trade_count: None,
            adjustment: "raw",
            session: if interval == Interval::Day1 { "regular" } else { "all" },
            currency: None,
            quote_unit: None,
            unit_divisor: 1,
            is_final: settled_at.map(|settled_at| self.fetched_at >= settled_at),
            delay_class: DelayClass::EndOfDay,
            provider_ts: stamp_ms.map(Cell::Value),
            refusals: Vec::new(),
            provenance: Arc::clone(&self.provenance),
        };
        bar.set_money(&named.money);
        bar
    }

    /// When a day's bar does not change any more: some hours after the session's close by the venue's calendar; where none is
    /// known, after the day has ended on the exchange's clock.
    fn settled_at(&self, named: &RecordInstrument, date: NaiveDate) -> Option<DateTime<Utc>> {
        let calendar = calendar_of(named.mic.as_deref(), &named.asset_class);
        if let Some(close) = calendar.and_then(|calendar| calendar.session_close(date)) {
            return close.checked_add_signed(DAILY_GRACE);
        }
        let midnight = date.succ_opt()?.and_time(NaiveTime::MIN);
        let end = midnight.and_local_timezone(self.zone).earliest()?;
        end.with_timezone(&Utc).checked_add_signed(DAILY_GRACE)
    }

    /// Whether a trading date of an instrument had begun when the answer arrived, see [`newest_date`].
    pub fn has_begun(&self, named: &RecordInstrument, date: NaiveDate) -> bool {
        date <= newest_date(self.fetched_at, &self.exchange_tz, &named.asset_class)
    }

    /// Whether a vendor may still change a day: it corrects it for some days, and never again later.
    pub fn may_change(&self, date: NaiveDate) -> bool {
        (self.fetched_at.date_naive() - date).num_days() <= CORRECTED_DAYS
    }

    /// A distribution without amount and dates.
    pub fn dividend(&self, named: &RecordInstrument) -> Dividend {
        let mut dividend = Dividend {
            provider: self.provider,
            provider_symbol: Some(named.provider_symbol.clone()),
            symbol: Some(named.symbol.clone()),
            asset_class: named.asset_class.clone(),
            exchange_mic: named.mic.clone(),
            dividend_type: None,
            ex_date: None,
            ex_date_source: "given",
            last_date_prior: None,
            record_date: None,
            declaration_date: None,
            pay_date: None,
            amount: None,
            currency: None,
            quote_unit: None,
            frequency: None,
            split_adjusted: Some(false),
            refusals: Vec::new(),
            provenance: Arc::clone(&self.provenance),
        };
        dividend.set_money(&named.money);
        dividend
    }

    /// A split without date and ratio.
    pub fn split(&self, named: &RecordInstrument) -> Split {
        Split {
            provider: self.provider,
            provider_symbol: Some(named.provider_symbol.clone()),
            symbol: Some(named.symbol.clone()),
            asset_class: named.asset_class.clone(),
            exchange_mic: named.mic.clone(),
            execution_date: None,
            split_from: None,
            split_to: None,
            split_type: None,
            refusals: Vec::new(),
            provenance: Arc::clone(&self.provenance),
        }
    }

    /// A fund without values.
    pub fn fund(&self, named: &RecordInstrument) -> FundSnapshot {
        FundSnapshot {
            provider: self.provider,
            provider_symbol: Some(named.provider_symbol.clone()),
            symbol: Some(named.symbol.clone()),
            asset_class: named.asset_class.clone(),
            exchange_mic: named.mic.clone(),
            as_of_date: None,
            as_of_date_source: "given",
            name: None,
            cnpj: None,
            segment: None,
            segment_type: None,
            management: None,
            price: None,
            nav_per_share: None,
            price_to_nav: None,
            dividend_yield_12m: None,
            dividend_yield_1m: None,
            monthly_return: None,
            ffo_yield: None,
            cap_rate: None,
            vacancy_rate: None,
            market_cap: None,
            avg_daily_liquidity: None,
            equity: None,
            total_assets: None,
            shares_outstanding: None,
            investors: None,
            properties_count: None,
            price_per_m2: None,
            rent_per_m2: None,
            currency: named.money.currency.clone(),
            layout_version: None,
            refusals: named.money.refusal().map(|refusal| ("currency", refusal)).into_iter().collect(),
            provenance: Arc::clone(&self.provenance),
        }
    }

    /// The ex-date of a distribution whose last day with the right ("data com") is given: the exchange's next session. `None`, with a
    /// warning, where the calendar does not reach.
    pub fn session_after(
        &self,
        named: &RecordInstrument,
        last: Option<&Cell<NaiveDate>>,
        reader: &mut Reader,
    ) -> Option<Cell<NaiveDate>> {
        let last = *last?.value()?;
        let calendar = named.mic.as_deref().and_then(Calendar::of_mic);
        let next = calendar.and_then(|calendar| calendar.next_session(last));
        if next.is_none() {
            reader.warn("ex_date", &format!("is unknown: no calendar reaches the session after {last}"));
        }
        next.map(Cell::Value)
    }

    /// The last session that had opened when the page was fetched: the day that undated values are of. `None` where the calendar
    /// does not reach.
    pub fn last_opened_session(&self, mic: &str) -> Option<NaiveDate> {
        let calendar = Calendar::of_mic(mic)?;
        let today = self.fetched_at.with_timezone(&calendar.zone()).date_naive();
        match calendar.session_open(today) {
            Some(open) if open <= self.fetched_at => Some(today),
            _ => calendar.previous_session(today),
        }
    }
}

/// Trades are reported and corrected for some hours after the close.
const DAILY_GRACE: TimeDelta = TimeDelta::hours(4);

/// Days after which a bar that is stamped like a running one is no running one: the vendor's clock is another, or trading has ended.
const CORRECTED_DAYS: i64 = 7;

/// Late trades change a bar minutes after its end, and delayed plans see it fifteen minutes late.
const INTRADAY_GRACE: TimeDelta = TimeDelta::minutes(15);

/// The instruments of a unit, whether it names one or several.
pub fn instruments(unit: &FetchUnit) -> Vec<UnitInstrument> {
    match &unit.symbol {
        Some(symbol) => vec![UnitInstrument {
            symbol: symbol.clone(),
            mic: unit.exchange_mic.clone(),
            currency: unit.currency.clone(),
            asset_class: unit.asset_class.clone(),
        }],
        None => unit.instruments.clone(),
    }
}

/// The sessions of an instrument: those of its exchange, or every day for a coin.
pub fn calendar_of(mic: Option<&str>, asset_class: &str) -> Option<&'static Calendar> {
    match mic.and_then(Calendar::of_mic) {
        Some(calendar) => Some(calendar),
        None if asset_class == "crypto" => Some(Calendar::always_open()),
        None => None,
    }
}
