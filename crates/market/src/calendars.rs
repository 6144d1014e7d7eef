//! The choice of a calendar for a bar, by its venue (MIC) and asset class. `check`, `gaps`, `status` and `doctor` ask it, so
//! that they agree on which sessions there are.

use crate::calendar::Calendar;

/// The calendars by venue, as they are built in. What vendors announce (the dataset `market_holidays`) is for people to query: it names
/// days ahead and no history, so no check goes by it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Calendars;

impl Calendars {
    /// [`Calendar::of_mic`] for every venue, and no closing for the asset class `crypto`.
    pub fn built_in() -> Self {
        Self
    }

    /// The calendar of a bar. `None` when nothing is known about the venue.
    pub fn of(&self, asset_class: Option<&str>, exchange_mic: Option<&str>) -> Option<&Calendar> {
        if asset_class == Some("crypto") {
            return Some(Calendar::always_open());
        }
        Calendar::of_mic(exchange_mic?)
    }
}
