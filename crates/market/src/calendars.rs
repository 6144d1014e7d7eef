//! The choice of a calendar for a bar, by its venue (MIC) and asset class. `check`, `gaps`, `status` and `doctor` ask it, so
//! that they agree on which sessions there are.

use std::collections::BTreeMap;

use crate::calendar::Calendar;

/// The calendars by venue: the built-in ones, and those that a run puts in their place.
#[derive(Debug, Clone, Default)]
pub struct Calendars {
    replaced: BTreeMap<String, Calendar>,
}

impl Calendars {
    /// [`Calendar::of_mic`] for every venue, and no closing for the asset class `crypto`.
    pub fn built_in() -> Self {
        Self::default()
    }

    /// Uses `calendar` for a venue: another table, or one with a closure more.
    #[must_use]
    pub fn with(mut self, mic: &str, calendar: Calendar) -> Self {
        self.replaced.insert(mic.to_owned(), calendar);
        self
    }

    /// The calendar of a bar. `None` when nothing is known about the venue.
    pub fn of(&self, asset_class: Option<&str>, exchange_mic: Option<&str>) -> Option<&Calendar> {
        if let Some(calendar) = exchange_mic.and_then(|mic| self.replaced.get(mic)) {
            return Some(calendar);
        }
        if asset_class == Some("crypto") {
            return Some(Calendar::always_open());
        }
        Calendar::of_mic(exchange_mic?)
    }
}
