//! The wait between two tries of a call that the SDK does not repeat by itself: a Firehose batch of which single records were
//! refused, a Glue table that another writer changes. Random between half of the wait and all of it, so that writers do not
//! collide again.

use std::time::Duration;

/// Waits before try number `retry` after the first, between half and the whole of `first` doubled with each.
pub(crate) async fn pause(first: Duration, retry: u32) {
    let longest = first * 2u32.saturating_pow(retry.saturating_sub(1));
    tokio::time::sleep(longest.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
}
