//! The conformance suite of sources: what each has to hold, run on every source there is.
//!
//! - `suite.rs`: the checks. A new source does not change it.
//! - `cases.rs`: each source with a job and its vendor's answers. A new source adds a case.
//! - `toy/`: the source that `docs/guides/add-a-source.md` builds; `registered.rs`: that its folder and its line are all it takes.
//! - `trading_dates.rs`: twenty years of stamps at three exchanges.
#![cfg(feature = "http")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod cases;
mod registered;
mod suite;
mod toy;
mod trading_dates;

use proptest::prelude::{ProptestConfig, any, prop, proptest};

#[test]
fn plans_are_stable() {
    cases::all().iter().for_each(suite::plan_is_stable);
}

#[test]
fn requests_stay_at_home() {
    cases::all().iter().for_each(suite::requests_stay_at_home);
}

#[test]
fn answers_are_judged() {
    cases::all().iter().for_each(suite::answers_are_judged);
}

#[test]
fn other_pages_are_refused() {
    cases::all().iter().for_each(suite::other_pages_are_refused);
}

#[test]
fn rows_fit_their_contracts_and_a_second_copy_changes_nothing() {
    cases::all().iter().for_each(suite::rows_fit_their_contracts);
}

#[test]
fn rows_answer_the_question() {
    cases::all().iter().for_each(suite::rows_answer_the_question);
}

#[tokio::test(start_paused = true)]
async fn asking_is_polite() {
    for case in cases::all() {
        suite::asking_is_polite(&case).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_answer_panics(
        status in prop::sample::select(vec![200_u16, 400, 404, 429, 500]),
        noise in prop::collection::vec(any::<u8>(), 0..64),
        cut in 0_usize..400,
    ) {
        for case in cases::all() {
            suite::no_answer_panics(&case, status, &noise, cut);
        }
    }
}

/// The guide shows the toy whole, as it is tested here, and it is as short as the guide says.
#[test]
fn the_guide_shows_the_toy() {
    let guide = include_str!("../../../../docs/guides/add-a-source.md");
    for (file, text, most) in
        [("mod.rs", include_str!("toy/mod.rs"), 104), ("settings.rs", include_str!("toy/settings.rs"), 50)]
    {
        assert!(
            guide.contains(text.trim_end()),
            "docs/guides/add-a-source.md has another version of toy/{file}"
        );
        let code =
            text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"));
        let lines = code.count();
        assert!(lines <= most, "{file} has {lines} lines of code");
    }
}
