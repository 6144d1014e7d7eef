//! Price files that people have on their disks, by the vendor's profile: what each column is, how its dates and numbers are written,
//! what its prices are adjusted for.
//!
//! A profile is a file of `crates/sources/profiles`; [`find`] gives one by its name. [`read_rows`] makes canonical records of a
//! file's rows, by the same [`Origin`](crate::origin::Origin) and [`Money`](crate::money::Money) as a vendor's page: what it writes
//! is checked and published as any vendor's rows are, under the profile's name as provider.
//!
//! Nothing is guessed. What a file does not say (the unit of its prices, the exchange, the length of an intraday bar) is said by
//! the person who loads it, as [`Settings`], and a file is refused with a sentence where it is missing.
//!
//! - `model` is the profile as it is written; `settings` what is said beside the file; `names` the symbol in a file's name;
//! - `header` finds the columns; `values` and `cells` read cells; `rows` makes the records, `events` those of distributions
//!   and splits; `spacing` tells bars of days from those of weeks.

mod cells;
mod events;
mod header;
mod model;
mod names;
mod rows;
mod settings;
mod spacing;
mod values;

pub use model::{Layout, Profile};
pub use rows::{FileFacts, FileRow, FileRows, read_rows};
pub use settings::{SETTINGS, Settings};

use std::sync::LazyLock;

use quotelake_core::{Context as _, Error, Result};

const FILES: [&str; 6] = [
    include_str!("../../profiles/alpha-vantage.yaml"),
    include_str!("../../profiles/binance-klines.yaml"),
    include_str!("../../profiles/investing-com.yaml"),
    include_str!("../../profiles/stooq.yaml"),
    include_str!("../../profiles/yahoo-csv.yaml"),
    include_str!("../../profiles/yfinance.yaml"),
];

static SHIPPED: LazyLock<Result<Vec<Profile>, String>> = LazyLock::new(|| {
    FILES.iter().map(|yaml| Profile::parse(yaml)).collect::<Result<_>>().map_err(|error| error.to_string())
});

/// The shipped profiles, by name.
pub fn all() -> Result<&'static [Profile]> {
    match &*SHIPPED {
        Ok(profiles) => Ok(profiles),
        Err(error) => Err(Error::bug(error.clone())).context("the shipped profiles"),
    }
}

/// A profile by its name or another name of it. `NotFound` lists the known ones.
///
/// ```
/// use quotelake_sources::profiles::find;
/// assert_eq!(find("investing.com").unwrap().name, "investing-com");
/// assert_eq!(
///     find("list").unwrap_err().to_string(),
///     "unknown profile \"list\"; known are alpha-vantage, binance-klines, investing-com, stooq, yahoo-csv, yfinance"
/// );
/// ```
pub fn find(name: &str) -> Result<&'static Profile> {
    let profiles = all()?;
    profiles.iter().find(|profile| profile.is_called(name)).ok_or_else(|| {
        let known: Vec<&str> = profiles.iter().map(|profile| profile.name.as_str()).collect();
        Error::not_found(format!("unknown profile {name:?}; known are {}", known.join(", ")))
    })
}
