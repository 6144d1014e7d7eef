//! ColumnValues on the batch that all tests share.

use crate::Outcome;
use crate::testing::{assert_metric, assert_outcome, assert_rows, batch};

#[test]
fn numbers_fail_on_null_except_under_inequality() {
    assert_rows(r#"ColumnValues "count" > 0"#, &[3]);
    assert_rows(r#"ColumnValues "count" >= 2"#, &[0, 3]);
    assert_rows(r#"ColumnValues "count" < 4"#, &[3, 4]);
    assert_rows(r#"ColumnValues "count" <= 4"#, &[3]);
    assert_rows(r#"ColumnValues "count" = 1"#, &[1, 2, 3, 4]);
    assert_rows(r#"ColumnValues "count" != 1"#, &[0]);
    assert_rows(r#"ColumnValues "count" between 1 and 4"#, &[0, 3, 4]);
    assert_rows(r#"ColumnValues "count" not between 1 and 4"#, &[1, 2, 3]);
    assert_rows(r#"ColumnValues "count" in [1, 2]"#, &[2, 3, 4]);
    assert_rows(r#"ColumnValues "count" in [1, 2, NULL]"#, &[2, 4]);
    assert_rows(r#"ColumnValues "count" not in [1, 2]"#, &[0, 1]);
    assert_rows(r#"ColumnValues "count" not in [1, 2, NULL]"#, &[0, 1, 3]);
}

#[test]
fn null_is_of_every_type() {
    for column in ["count", "price", "value", "symbol", "note", "day", "at", "flag"] {
        assert_rows(&format!("ColumnValues \"{column}\" = NULL"), &[0, 1, 2, 4]);
        assert_rows(&format!("ColumnValues \"{column}\" != NULL"), &[3]);
        assert_rows(&format!("ColumnValues \"{column}\" in [NULL]"), &[0, 1, 2, 4]);
        assert_rows(&format!("ColumnValues \"{column}\" not in [NULL]"), &[3]);
    }
    let message = "NULL can only be compared";
    assert_outcome(r#"ColumnValues "count" > NULL"#, &batch(), Outcome::Error, message);
}

#[test]
fn decimals_compare_exactly() {
    assert_rows(r#"ColumnValues "price" = 0.1"#, &[1, 2, 3, 4]);
    assert_rows(r#"ColumnValues "price" in [0.1, 0.2, 0.3, -0.4]"#, &[2, 3]);
    assert_rows(r#"ColumnValues "price" <= 0.300000005"#, &[2, 3]);
    assert_rows(r#"ColumnValues "value" > 0.0000065"#, &[2, 3]);
    assert_rows(r#"ColumnValues "value" >= 1 - 1"#, &[3]);
}

#[test]
fn nan_counts_as_null_and_zero_has_no_sign() {
    assert_rows(r#"ColumnValues "ratio" >= 0"#, &[1, 3]);
    assert_rows(r#"ColumnValues "ratio" = NULL"#, &[0, 2, 4]);
    assert_rows(r#"ColumnValues "ratio" != 0"#, &[4]);
}

#[test]
fn texts_and_their_keywords() {
    assert_rows(r#"ColumnValues "symbol" = "AAPL""#, &[1, 3, 4]);
    assert_rows(r#"ColumnValues "symbol" != "AAPL""#, &[0, 2]);
    assert_rows(r#"ColumnValues "symbol" in ["aapl", "BRK.B"] with ignoreCase = "true""#, &[1, 3]);
    assert_rows(r#"ColumnValues "symbol" not in ["AAPL"]"#, &[0, 2]);
    assert_rows(r#"ColumnValues "note" = EMPTY"#, &[0, 2, 3, 4]);
    assert_rows(r#"ColumnValues "note" != EMPTY"#, &[1, 3]);
    assert_rows(r#"ColumnValues "note" != WHITESPACES_ONLY"#, &[2, 3]);
    assert_rows(r#"ColumnValues "note" in [NULL, EMPTY, WHITESPACES_ONLY]"#, &[0, 4]);
    assert_rows(r#"ColumnValues "note" not in [NULL, EMPTY]"#, &[1, 3]);
    assert_rows(r#"ColumnValues "note" not in ["abc", EMPTY]"#, &[0, 1, 3]);
    assert_rows(r#"ColumnValues "flag" = "true""#, &[1, 3]);
    assert_rows(r#"ColumnValues "count" in ["1", "2"]"#, &[2, 3, 4]);
}

#[test]
fn patterns_match_the_whole_text() {
    assert_rows(r#"ColumnValues "symbol" matches "[A-Z]{4}""#, &[3, 4]);
    assert_rows(r#"ColumnValues "symbol" matches "AAP|MSFT""#, &[0, 2, 3, 4]);
    assert_rows(r#"ColumnValues "symbol" not matches "AAP|MSFT""#, &[1, 3]);
    let message = "not a regular expression";
    assert_outcome(r#"ColumnValues "symbol" matches "(?=a)""#, &batch(), Outcome::Error, message);
}

#[test]
fn timestamps_are_instants_and_dates_are_days() {
    assert_rows(r#"ColumnValues "at" <= now()"#, &[2, 3]);
    assert_rows(r#"ColumnValues "at" = now()"#, &[1, 2, 3, 4]);
    assert_rows(r#"ColumnValues "at" > (now() - 1 minutes)"#, &[1, 3, 4]);
    assert_rows(r#"ColumnValues "at" <= (now() + 10 minutes)"#, &[3]);
    assert_rows(r#"ColumnValues "at" = "21:00""#, &[1, 2, 3, 4]);
    assert_rows(r#"ColumnValues "at" < "9:00 PM""#, &[0, 2, 3]);
    // 15:00 in New York is 20:00 UTC; in Tokyo it is already the 21st.
    assert_rows(r#"ColumnValues "at" > "15:00" with timeZone = "America/New_York""#, &[3, 4]);
    assert_rows(r#"ColumnValues "at" >= "16:00" with timeZone = "America/New_York""#, &[1, 3, 4]);
    assert_rows(r#"ColumnValues "at" < "06:01" with timeZone = "Asia/Tokyo""#, &[2, 3]);
    assert_rows(r#"ColumnValues "at" > "2026-11-20""#, &[3, 4]);
    assert_rows(r#"ColumnValues "day" = "2026-11-20""#, &[1, 2, 3, 4]);
    assert_rows(r#"ColumnValues "day" <= (now() - 3 hours)"#, &[2, 3]);
    assert_rows(r#"ColumnValues "day" in ["2026-11-20", "2026-11-19", NULL]"#, &[2, 4]);
    assert_rows(r#"ColumnValues "day" not between "2026-11-19" and "2026-11-21""#, &[0, 3]);
}

#[test]
fn a_threshold_judges_the_share_and_rows_still_fail() {
    let metric = "Column.count.ColumnValues.Compliance";
    let rule = r#"ColumnValues "count" > 1 with threshold"#;
    assert_metric(&format!("{rule} >= 0.6"), metric, 0.6, Outcome::Pass);
    assert_metric(&format!("{rule} > 0.6"), metric, 0.6, Outcome::Fail);
    assert_metric(r#"ColumnValues "count" > 0"#, "Column.count.Maximum", 4.0, Outcome::Fail);
    assert_metric(r#"ColumnValues "price" < 9"#, "Column.price.Minimum", -0.4, Outcome::Fail);
}

#[test]
fn the_where_idiom_fails_the_rows_it_finds() {
    let rule = r#"ColumnValues "count" = NULL where "price < value or price < 0""#;
    assert_rows(rule, &[4]);
    assert_rows(r#"ColumnValues "count" > 1 where "COUNT is not null""#, &[0]);
    assert_outcome(
        r#"ColumnValues "count" > 9 where "count > 9""#,
        &batch(),
        Outcome::Pass,
        "No rows matched the filter",
    );
}

#[test]
fn what_cannot_be_compared_is_an_error() {
    let batch = batch();
    for (rule, message) in [
        (r#"ColumnValues "note" > 1"#, "cannot be compared with a number"),
        (r#"ColumnValues "price" = "x""#, "cannot be compared with a text"),
        (r#"ColumnValues "count" > now()"#, "cannot be compared with a date"),
        (r#"ColumnValues "count" > avg(last(3))"#, "history"),
        (r#"ColumnValues "at" < "09:30" with timeZone = "Mars/Base""#, "time zone"),
        (r#"ColumnValues "at" < "2026-01-01" with timeZone = "America/Chicago""#, "not for dates"),
        (r#"ColumnValues "note" = "a" with mood = "good""#, "not supported"),
    ] {
        assert_outcome(rule, &batch, Outcome::Error, message);
    }
    let message = "Input data does not include column nope!";
    assert_outcome(r#"ColumnValues "nope" > 0"#, &batch, Outcome::Fail, message);
}
