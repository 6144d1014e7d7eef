//! What every adapter of `Secrets` has to do, as one test: absence, caching and its end, `forget`, and that no value is
//! printed.

use chrono::TimeDelta;
use quotelake_core::ErrorKind;
use quotelake_core::ports::Secrets;

use crate::StepClock;

/// The contract of a [`Secrets`]: `set` gives the secret behind `reference` a value, `None` removes it. There is none at
/// the start. `clock` is the adapter's and `time_to_live` what it caches for.
pub async fn secrets_suite(
    secrets: &dyn Secrets,
    reference: &str,
    set: &(dyn Fn(Option<&str>) + Send + Sync),
    clock: &StepClock,
    time_to_live: TimeDelta,
) {
    assert_eq!(secrets.read(reference).await.unwrap_err().kind(), ErrorKind::NotFound, "there is none");
    set(Some("first"));
    let first = secrets.read(reference).await.expect("an absence is not cached");
    assert_eq!(first.expose(), "first");
    assert_eq!(format!("{first:?}"), "Secret(..)", "its debug form shows nothing");

    set(Some("second"));
    assert_eq!(secrets.read(reference).await.unwrap().expose(), "first", "cached");
    secrets.forget(reference).await;
    assert_eq!(secrets.read(reference).await.unwrap().expose(), "second", "asked again after forget");

    set(Some("third"));
    clock.advance(time_to_live - TimeDelta::milliseconds(1));
    assert_eq!(secrets.read(reference).await.unwrap().expose(), "second", "cached for its time to live");
    clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(secrets.read(reference).await.unwrap().expose(), "third", "and no longer");

    set(None);
    secrets.forget(reference).await;
    let error = secrets.read(reference).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "removed");
    assert!(!error.to_string().contains("third"), "an error shows no value");
    assert!(!format!("{secrets:?}").contains("third"), "the adapter's debug form shows no value");
    secrets.forget("env:SUITE_NEVER_READ").await;
}
