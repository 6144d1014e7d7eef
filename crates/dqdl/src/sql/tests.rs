use super::Predicate;
use crate::testing::{batch, now};

/// The rows of the test batch for which a predicate is TRUE.
fn rows(sql: &str) -> Result<Vec<usize>, String> {
    let batch = batch();
    let predicate = Predicate::compile(sql, &batch.schema(), now())?;
    Ok(predicate.evaluate(&batch)?.set_indices().collect())
}

#[track_caller]
fn assert_true(sql: &str, expected: &[usize]) {
    assert_eq!(rows(sql).as_deref(), Ok(expected), "{sql}");
}

#[test]
fn comparisons_of_a_column_with_a_literal() {
    assert_true("count > 1", &[1, 2, 4]);
    assert_true("1 < COUNT", &[1, 2, 4]);
    assert_true("primary.count <> 1", &[1, 2, 4]);
    assert_true("price = 0.1", &[0]);
    assert_true("price = '0.1'", &[0]);
    assert_true("price <= 0.300000005", &[0, 1, 4]);
    assert_true("ratio >= 0", &[0, 2, 4]);
    assert_true("symbol = 'AAPL'", &[0, 2]);
    assert_true("symbol > 'B'", &[1, 4]);
    assert_true("day = '2026-11-20'", &[0]);
    assert_true("day < date '2026-11-20'", &[1, 4]);
    assert_true("at > timestamp '2026-11-20 21:00:00'", &[2]);
    assert_true("at <= current_timestamp", &[0, 1, 4]);
    assert_true("day = current_date", &[0]);
    assert_true("flag", &[0, 2, 4]);
    assert_true("flag = false", &[1]);
}

#[test]
fn comparisons_of_two_columns() {
    assert_true("price = value", &[0, 1]);
    assert_true("price < value", &[4]);
    assert_true("count < ratio", &[]);
    assert_true("count >= key", &[0, 1, 2, 4]);
    assert_true("note < symbol", &[1, 2, 4]);
    assert_true("at >= day", &[0, 1, 4]);
    assert_true("flag = (count > 1)", &[2, 4]);
}

#[test]
fn three_valued_logic() {
    assert_true("count > 1 or key = 3", &[1, 2, 3, 4]);
    assert_true("not (count > 1)", &[0]);
    assert_true("not (count > 1 and key = 3)", &[0, 1, 2, 4]);
    assert_true("count > 1 and count < 4", &[1, 2]);
    assert_true("count is null", &[3]);
    assert_true("count is not null", &[0, 1, 2, 4]);
    assert_true("ratio is null", &[1, 3]);
    assert_true("flag is not true", &[1, 3]);
    assert_true("flag is false", &[1]);
    assert_true("count = null", &[]);
    assert_true("null", &[]);
    assert_true("not null", &[]);
}

#[test]
fn lists_ranges_and_patterns() {
    assert_true("count in (1, 4)", &[0, 4]);
    assert_true("count not in (1, 4)", &[1, 2]);
    assert_true("count not in (1, null)", &[]);
    assert_true("count between 2 and 3", &[1, 2]);
    assert_true("count not between 2 and 3", &[0, 4]);
    assert_true("symbol like 'A%'", &[0, 2]);
    assert_true("symbol not like '_APL'", &[1, 4]);
    assert_true("symbol ilike 'BRK._'", &[4]);
    assert_true("symbol like '%.%'", &[4]);
}

#[test]
fn arithmetic_and_functions() {
    assert_true("price + value = 0.2", &[0]);
    assert_true("price * 10 = 1", &[0]);
    assert_true("value - price > 0.4", &[4]);
    assert_true("key / 2 = 1.5", &[3]);
    assert_true("key % 2 = 0", &[1, 2, 4]);
    assert_true("key / value > 0", &[0, 1, 4]);
    assert_true("abs(price) = 0.4", &[4]);
    assert_true("-count < -3", &[4]);
    assert_true("coalesce(count, 0) = 0", &[3]);
    assert_true("coalesce(symbol, 'none') = 'none'", &[3]);
    assert_true("length(note) = 4", &[4]);
    assert_true("length(trim(note)) = 0", &[1, 2]);
    assert_true("lower(symbol) = 'aapl'", &[0, 2]);
    assert_true("upper(symbol) = 'BRK.B'", &[4]);
    assert_true("cast(price as int) = 0", &[0, 1, 2, 4]);
    assert_true("cast(price as decimal(10, 1)) = 0.3", &[2]);
    assert_true("cast(count as string) = '4'", &[4]);
    assert_true("cast(price as string) = '-0.40000000'", &[4]);
    assert_true("cast('1.5' as double) > count", &[0]);
    assert_true("cast(at as date) = '2026-11-20'", &[0, 1, 2]);
    assert_true("cast(note as date) is null", &[0, 1, 2, 3, 4]);
}

#[test]
fn what_is_not_supported_is_an_error() {
    for sql in [
        "",
        "count",
        "count >",
        "count > 1 select",
        "nope = 1",
        "count > 'x'",
        "note > 1",
        "sum(count) > 1",
        "count in (select 1)",
        "case when true then true end",
        "length(count) = 1",
        "symbol || 'x' = 'y'",
        "other.count = 1",
        "symbol = \"AAPL\"",
    ] {
        assert!(rows(sql).is_err(), "{sql}");
    }
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    let chain = vec!["key = 3"; 400].join(" or ");
    assert_true(&chain, &[3]);
    assert!(rows(&vec!["key = 3"; 4000].join(" or ")).is_err());
    assert!(rows(&format!("{} = 1", vec!["key"; 900].join("+"))).is_err());
    assert!(rows(&format!("{}key = 3{}", "(".repeat(500), ")".repeat(500))).is_err());
}
