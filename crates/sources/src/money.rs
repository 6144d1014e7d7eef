//! Units of prices: currencies, their minor units, and coins. One table for every source, for prices and for distributions.

use std::borrow::Cow;
use std::sync::Arc;

use quotelake_core::Decimal;

use crate::record::Refusal;

/// A unit below a currency's major one, as exchanges and vendors write it: the unit, the currency, and the decimal places by which
/// prices move to the right.
///
/// The case tells units apart: `GBp` is pence, `GBP` pounds.
///
/// - Pence: London quotes in `GBX`, Yahoo writes `GBp`.
///   See <https://www.londonstockexchange.com/discover/news-and-insights/what-gbx>.
/// - South African cents: Johannesburg quotes in `ZAC`, Yahoo writes `ZAc`, others `ZAr` and `ZAX`.
/// - Agorot: Tel Aviv quotes in them, Yahoo writes `ILA`, others `ILs` and `ILX`.
/// - Fils: Boursa Kuwait quotes in them, a thousand to the dinar; Yahoo writes `KWF`, others `KWd`.
/// - US cents: futures on grain, cattle and softs at CME and ICE; Yahoo writes `USX`, others `USd` and `USc`.
/// - Euro cents: `EUX`, `EUc` of some feeds.
///
/// The spellings are those of <https://github.com/ranaroussi/yfinance>, whose users report them, and of feeds that write a currency
/// with its last letter in lower case for its minor unit.
const MINOR_UNITS: &[(&str, &str, u8)] = &[
    ("GBp", "GBP", 2),
    ("GBX", "GBP", 2),
    ("ZAc", "ZAR", 2),
    ("ZAC", "ZAR", 2),
    ("ZAr", "ZAR", 2),
    ("ZAX", "ZAR", 2),
    ("ILA", "ILS", 2),
    ("ILs", "ILS", 2),
    ("ILX", "ILS", 2),
    ("KWF", "KWD", 3),
    ("KWd", "KWD", 3),
    ("USX", "USD", 2),
    ("USd", "USD", 2),
    ("USc", "USD", 2),
    ("EUX", "EUR", 2),
    ("EUc", "EUR", 2),
];

/// The currencies of ISO 4217, list one, as of 2026: what a price can be in. Funds' codes, metals, testing and "no currency" are left
/// out. See <https://www.six-group.com/en/products-services/financial-information/data-standards.html>.
const CURRENCIES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BMD",
    "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLF", "CLP", "CNY", "COP",
    "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP",
    "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD",
    "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK",
    "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR",
    "MWK", "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK",
    "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD",
    "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY",
    "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYI", "UYU", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAF",
    "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
];

/// Currencies that ISO 4217 withdrew in the last ten years, list three: prices of before are in them.
const WITHDRAWN: &[&str] = &["ANG", "BGN", "BYR", "CUC", "HRK", "MRO", "SLL", "STD", "VEF", "ZWL"];

/// What coins and exchange rates are quoted in besides currencies: stablecoins, the coins that exchanges keep books against, and
/// metals by the ounce. Nothing else is.
const COINS: &[&str] = &[
    "ADA", "AVAX", "BCH", "BNB", "BTC", "BUSD", "DAI", "DOGE", "DOT", "ETC", "ETH", "EURC", "EURT", "FDUSD",
    "FRAX", "GUSD", "LTC", "PAX", "PYUSD", "SHIB", "SOL", "TRX", "TUSD", "USDC", "USDD", "USDE", "USDP",
    "USDT", "UST", "WBTC", "WETH", "XAG", "XAU", "XBT", "XDR", "XLM", "XMR", "XPD", "XPT", "XRP", "XTZ",
];

/// A unit of prices, and what it takes to make it a currency's major one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    /// The major unit: a code of ISO 4217; for coins and exchange rates a coin as well. `None` where there is none to store.
    pub currency: Option<Arc<str>>,
    /// The unit as it was written.
    pub quote_unit: Option<Arc<str>>,
    /// Decimal places by which prices move to the right.
    places: u8,
}

impl Money {
    /// A unit as a vendor or a watchlist writes it.
    ///
    /// ```
    /// use quotelake_sources::money::Money;
    /// let fils = Money::of(Some("KWF"), "equity");
    /// assert_eq!((fils.currency.as_deref(), fils.divisor()), (Some("KWD"), 1000));
    /// assert_eq!(Money::of(Some("USDT"), "equity").currency, None);
    /// assert_eq!(Money::of(Some("USDT"), "crypto").currency.as_deref(), Some("USDT"));
    /// ```
    pub fn of(unit: Option<&str>, asset_class: &str) -> Self {
        let unit = unit.map(str::trim).filter(|unit| !unit.is_empty());
        let (currency, places) = match unit.map(|unit| major(unit, asset_class)) {
            Some(Some((currency, places))) => (Some(currency), places),
            _ => (None, 0),
        };
        Self { currency: currency.map(|code| Arc::from(&*code)), quote_unit: unit.map(Arc::from), places }
    }

    /// What served prices are divided by to reach the major unit.
    pub fn divisor(&self) -> u32 {
        10u32.pow(u32::from(self.places))
    }

    /// A price in the major unit, exactly; `number` reads its literal.
    pub fn price<F: Fn(&str) -> Option<Decimal>>(
        &self,
        number: F,
    ) -> impl Fn(&str) -> Option<Decimal> + use<F> {
        let places = self.places;
        move |literal| number(literal)?.shift_right(places)
    }

    /// Why the unit is none that prices can be stored in; `None` where it is one, or was not named at all.
    pub fn refusal(&self) -> Option<Refusal> {
        let unit = self.quote_unit.as_deref().filter(|_| self.currency.is_none())?;
        Some(Refusal::new(unit, "is no currency of ISO 4217 and no minor unit of one"))
    }
}

/// The currency of a unit, and by how many places its prices move.
fn major<'u>(unit: &'u str, asset_class: &str) -> Option<(Cow<'u, str>, u8)> {
    if let Some((_, currency, places)) = MINOR_UNITS.iter().find(|(minor, ..)| *minor == unit) {
        return Some((Cow::Borrowed(*currency), *places));
    }
    // Some of a vendor's endpoints write `usd`. In mixed case a unit is a minor one, which the table above knows or nobody.
    let lower = unit.bytes().all(|byte| byte.is_ascii_lowercase());
    let code = if lower { Cow::Owned(unit.to_ascii_uppercase()) } else { Cow::Borrowed(unit) };
    let coins = matches!(asset_class, "crypto" | "fx") && COINS.contains(&&*code);
    (coins || CURRENCIES.binary_search(&&*code).is_ok() || WITHDRAWN.contains(&&*code)).then_some((code, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(unit: &str, asset_class: &str) -> (Option<String>, u32) {
        let money = Money::of(Some(unit), asset_class);
        assert_eq!(money.quote_unit.as_deref(), Some(unit));
        assert_eq!(money.refusal().is_some(), money.currency.is_none(), "{unit}");
        (money.currency.as_deref().map(str::to_owned), money.divisor())
    }

    #[test]
    fn the_lists_are_sorted_and_apart() {
        for list in [CURRENCIES, WITHDRAWN, COINS] {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "{list:?}");
        }
        for (minor, currency, places) in MINOR_UNITS {
            assert!(CURRENCIES.contains(currency), "{minor} of {currency}");
            assert!(!CURRENCIES.contains(minor) && !WITHDRAWN.contains(minor) && !COINS.contains(minor));
            assert!(matches!(places, 2 | 3));
        }
        assert!(CURRENCIES.iter().all(|code| code.len() == 3));
        assert!(!COINS.iter().any(|coin| CURRENCIES.contains(coin)));
    }

    #[test]
    fn minor_units_are_divided_exactly() {
        for (unit, currency, divisor) in [
            ("GBp", "GBP", 100),
            ("GBX", "GBP", 100),
            ("ZAc", "ZAR", 100),
            ("ILA", "ILS", 100),
            ("KWF", "KWD", 1000),
            ("USX", "USD", 100),
            ("GBP", "GBP", 1),
            ("usd", "USD", 1),
            ("HRK", "HRK", 1),
        ] {
            assert_eq!(of(unit, "equity"), (Some(currency.to_owned()), divisor), "{unit}");
        }
        let fils = Money::of(Some("KWF"), "equity").price(|literal| literal.parse().ok())("101.7");
        assert_eq!(fils.unwrap().to_string(), "0.1017");
    }

    #[test]
    fn what_is_no_currency_is_never_one() {
        for unit in ["XYZ", "GbP", "Usd", "ZZZ", "XXX", "XTS", "EURO", "$", "US", "BTC", "USDT", "ZAp"] {
            assert_eq!(of(unit, "equity"), (None, 1), "{unit}");
        }
        for unit in ["BTC", "USDT", "USDC", "ETH", "EUR"] {
            assert_eq!(of(unit, "crypto").0.as_deref(), Some(unit));
            assert_eq!(of(unit, "fx").0.as_deref(), Some(unit));
        }
        assert_eq!(of("XYZ", "crypto"), (None, 1));
        let unnamed = Money::of(None, "equity");
        assert_eq!((unnamed.refusal(), Money::of(Some(" "), "equity")), (None, unnamed));
    }
}
