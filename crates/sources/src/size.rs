//! How large a page may be, and how many rows to expect of one: every plan and every limit on a page's way asks here.
//!
//! A page's way has three limits. The body of an answer is read up to [`MAX_BODY_BYTES`]; plans keep a page at half of that by
//! the rows that they expect ([`PAGE_ROWS`]). The stream takes a record of up to 1,000 KiB, and `transform` answers the stream
//! with at most [`MAX_RESPONSE_BYTES`], in base64, for all records of an invocation together. A page that keeps to
//! [`fits_stream`] is answered whatever its neighbours are; any other is landed by `fetch` itself, by [`write_lines`] as
//! `transform` does.
//!
//! [`write_lines`]: crate::page::write_lines

use chrono::{Days, NaiveDate};

use crate::Interval;

/// The largest body of an answer that is read.
pub const MAX_BODY_BYTES: usize = 8 << 20;

/// A row as vendors write it, with some to spare: a bar is 70 to 140 bytes, a dividend of brapi 250.
const ROW_BYTES: usize = 200;

/// The most rows that a plan lets a page have: half of the largest body, since rows are expected, not promised.
pub const PAGE_ROWS: u64 = (MAX_BODY_BYTES / 2 / ROW_BYTES) as u64;

/// The largest response of `transform` in bytes of JSON: Lambda's 6 MB, less a margin.
/// See <https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html>.
pub const MAX_RESPONSE_BYTES: usize = 5_500_000;

/// What `BufferSizeInMBs` of the stream's Lambda processor is, in bytes: the service's least, 0.2 MB, which may be of 2^20 bytes.
pub const INVOCATION_BYTES: usize = 210_000;

/// [`INVOCATION_BYTES`] as the infrastructure writes it, in tenths of 2^20 bytes, rounded down: `infra/generated/stream.json` has it from
/// here.
///
/// ```
/// assert_eq!(quotelake_sources::size::transform_buffer_mb(), "0.2");
/// ```
pub fn transform_buffer_mb() -> String {
    let tenths = INVOCATION_BYTES * 10 / (1 << 20);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The most that one page's lines may take in a response, in base64: some 2,000 bars.
const PAGE_ANSWER_BYTES: usize = 2_000_000;

/// What ids, verdicts and punctuation of an invocation's records take in a response.
const FRAME_BYTES: usize = 100_000;

/// How many times its record's size a page's answer may be. A buffer is closed by the record that fills it, so an invocation is
/// [`INVOCATION_BYTES`] of records and at most one page more: both have room.
const MAX_GROWTH: usize = (MAX_RESPONSE_BYTES - FRAME_BYTES - PAGE_ANSWER_BYTES) / INVOCATION_BYTES;

/// Whether a page can travel by the stream: its record of so many bytes, which the stream takes up to `max_record_bytes`, and the
/// canonical lines that it becomes.
///
/// ```
/// use quotelake_sources::size::fits_stream;
/// // A thousand daily bars, and 11,754 of them.
/// assert!(fits_stream(1_024_000, 120_000, 750_000));
/// assert!(!fits_stream(1_024_000, 1_300_000, 8_800_000));
/// ```
pub fn fits_stream(max_record_bytes: usize, record_bytes: usize, lines_bytes: usize) -> bool {
    let answer = lines_bytes.div_ceil(3) * 4;
    record_bytes <= max_record_bytes
        && answer <= PAGE_ANSWER_BYTES
        && answer <= record_bytes.saturating_mul(MAX_GROWTH)
}

/// Minutes of a trading day, as an upper bound: coins trade always, currencies and futures on all days but Saturday, stocks for eight
/// and a half hours in London and Frankfurt and for less in most other places.
fn minutes_per_day(asset_class: &str) -> u64 {
    match asset_class {
        "crypto" | "fx" | "future" => 24 * 60,
        _ => 510,
    }
}

/// Trading days in so many days on end, as an upper bound.
fn trading_days(asset_class: &str, days: u64) -> u64 {
    let (weeks, rest) = (days / 7, days % 7);
    let a_week = match asset_class {
        "crypto" => 7,
        "fx" | "future" => 6,
        _ => 5,
    };
    weeks * a_week + rest.min(a_week)
}

/// The rows to expect of one instrument in so many days on end, as an upper bound. Holidays are left out of account.
///
/// ```
/// use quotelake_sources::{Interval, size::expected_rows};
/// assert_eq!(expected_rows(Interval::Minute1, "crypto", 7), 10_080);
/// assert_eq!(expected_rows(Interval::Day1, "equity", 396), 284);
/// ```
pub fn expected_rows(interval: Interval, asset_class: &str, days: u64) -> u64 {
    let a_day = match interval.length() {
        None => 1,
        Some(length) => minutes_per_day(asset_class).div_ceil(length.num_minutes().unsigned_abs().max(1)),
    };
    trading_days(asset_class, days).saturating_mul(a_day)
}

/// The most days on end of which no more than [`PAGE_ROWS`] rows are to be expected, at least one.
pub fn longest_window(interval: Interval, asset_class: &str) -> u64 {
    let a_week = expected_rows(interval, asset_class, 7).max(1);
    (PAGE_ROWS / a_week * 7).max(1)
}

/// A span of days cut into windows of so many days, the last as long as it comes. Both ends belong to a window.
pub fn windows(from: NaiveDate, to: NaiveDate, days: u64) -> Vec<(NaiveDate, NaiveDate)> {
    let mut windows = Vec::new();
    let mut start = from;
    while start <= to {
        let end = start.checked_add_days(Days::new(days.max(1) - 1)).map_or(to, |end| end.min(to));
        windows.push((start, end));
        let Some(next) = end.succ_opt() else { break };
        start = next;
    }
    windows
}

/// Days of a window, both ends counted; 0 where it ends before it begins.
pub fn days_of(from: NaiveDate, to: NaiveDate) -> u64 {
    u64::try_from((to - from).num_days() + 1).unwrap_or(0)
}

/// How many instruments one request may name when each is to bring so many rows: at least one, and no more than `most`.
pub fn symbols_per_call(rows_of_each: u64, most: usize) -> usize {
    let fit = PAGE_ROWS / rows_of_each.max(1);
    usize::try_from(fit).unwrap_or(usize::MAX).clamp(1, most.max(1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_and_rows() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(days_of(day("2020-01-01"), day("2020-01-31")), 31);
        assert_eq!(days_of(day("2020-01-02"), day("2020-01-01")), 0);
        assert_eq!(
            windows(day("2020-01-01"), day("2020-01-31"), 14),
            [
                (day("2020-01-01"), day("2020-01-14")),
                (day("2020-01-15"), day("2020-01-28")),
                (day("2020-01-29"), day("2020-01-31"))
            ]
        );
        // A coin's minutes of two weeks fit a page, its minutes of three do not.
        assert_eq!(longest_window(Interval::Minute1, "crypto"), 14);
        assert!(expected_rows(Interval::Minute1, "crypto", 21) > PAGE_ROWS);
        assert_eq!(symbols_per_call(283, 20), 20);
        assert_eq!(symbols_per_call(3_650, 20), 5);
        assert_eq!(symbols_per_call(u64::MAX, 20), 1);
    }

    proptest! {
        /// Whatever records fill a buffer, each of which fits the stream by itself: the response has room for all of their lines.
        #[test]
        fn an_invocation_of_pages_that_fit_is_answered(
            pages in prop::collection::vec((600usize..400_000, 0usize..2_000_000), 1..200),
        ) {
            let (mut buffered, mut answer) = (0, 0);
            for (record, lines) in pages {
                if !fits_stream(1_024_000, record, lines) {
                    continue;
                }
                answer += lines.div_ceil(3) * 4;
                buffered += record;
                if buffered >= INVOCATION_BYTES {
                    break;
                }
            }
            prop_assert!(answer + FRAME_BYTES <= MAX_RESPONSE_BYTES, "{}", answer);
        }

        #[test]
        fn windows_hold_every_day_once(days in 1u64..900, length in 1u64..100) {
            let from = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();
            let to = from.checked_add_days(Days::new(days - 1)).unwrap();
            let cut = windows(from, to, length);
            prop_assert_eq!(cut.iter().map(|(from, to)| days_of(*from, *to)).sum::<u64>(), days);
            prop_assert!(cut.iter().all(|(from, to)| days_of(*from, *to) <= length));
            prop_assert!(cut.windows(2).all(|pair| pair[0].1.succ_opt() == Some(pair[1].0)));
        }

        /// A longest window holds no more rows than a page, wherever it lies and whatever trades.
        #[test]
        fn a_longest_window_fits_a_page(which in 0usize..5, class in prop::sample::select(vec!["crypto", "fx", "equity"])) {
            let interval = [
                Interval::Minute1, Interval::Minute5, Interval::Minute15, Interval::Hour1, Interval::Day1,
            ][which];
            prop_assert!(expected_rows(interval, class, longest_window(interval, class)) <= PAGE_ROWS);
        }
    }
}
