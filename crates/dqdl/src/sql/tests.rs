//! Predicates on the batch that all tests share.

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
        "length(count) = 1",
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

/// The functions that people use in filters. Expected values are those that Spark's documentation gives, on a row of the batch.
/// Predicates that hold for the first row, by the documentation of Spark.
const FUNCTIONS: &[&str] = &[
    "case when price > 0 then 1 when price < 0 then -1 end = 1",
    "case symbol when 'AAPL' then 'a' else 'b' end = 'a'",
    "if(1 < 2, 'a', 'b') = 'a'",
    "nvl(null, 'a') = 'a' and ifnull(null, 1) = 1 and nvl2(null, 2, 1) = 1 and nullif(2, 2) is null",
    "nullif(2, 3) = 2 and isnull(null) and isnotnull(1) and coalesce(null, null, 3) = 3",
    "null <=> null and not (1 <=> null) and 1 <=> 1 and 1 is distinct from null",
    "greatest(10, 9, null, 4) = 10 and least(10, 9, null, 4) = 4 and greatest(null, null) is null",
    // Numbers.
    "round(2.5, 0) = 3 and round(25, -1) = 30 and round(-2.5) = -3 and round(2.345, 2) = 2.35",
    "bround(2.5, 0) = 2 and bround(25, -1) = 20 and bround(3.5) = 4",
    "ceil(-0.1) = 0 and ceil(5) = 5 and ceil(3.1411, 3) = 3.142 and ceil(3.1411, -3) = 1000",
    "floor(-0.1) = -1 and floor(5) = 5 and floor(3.1411, 3) = 3.141 and floor(3.1411, -3) = 0",
    "round(cast(0.285 as double), 2) = 0.29 and round(cast(1e300 as double), 2) > 1e299",
    "floor(cast(-1.5 as double)) = -2 and ceil(cast(1.5 as double)) = 2",
    "sign(40) = 1 and signum(-5.5) = -1 and mod(2, 1.8) = 0.2 and pmod(10, 3) = 1 and pmod(-10, 3) = 2",
    "pmod(7, -3) = 1 and pmod(-7, -3) = -1 and power(2, 3) = 8 and sqrt(4) = 2 and exp(0) = 1 and ln(1) = 0",
    "log10(10) = 1 and log2(2) = 1 and ln(0) is null and sqrt(-1) is null",
    "sign(0) = 0 and abs(-1) = 1",
    // Texts.
    "concat('Spark', 'SQL') = 'SparkSQL' and concat('a', null) is null and 'Spark' || 'SQL' = 'SparkSQL'",
    "concat_ws(' ', 'Spark', 'SQL') = 'Spark SQL' and concat_ws('/', 'foo', null, 'bar') = 'foo/bar'",
    "concat_ws(null, 'a') is null and concat_ws('s') = ''",
    "concat(1.50, true, date '2016-07-30', cast(1 as double)) = '1.50true2016-07-301.0'",
    "substring('Spark SQL', 5) = 'k SQL' and substring('Spark SQL', -3) = 'SQL' and substr('Spark SQL', 5, 1) = 'k'",
    "substring('Spark SQL' from 5 for 1) = 'k' and substring('Spark', 0, 2) = 'Sp' and substring('abc', -5, 4) = 'ab'",
    "substring('abc', 2, -1) = '' and substring('caf\u{e9}s', 4, 1) = '\u{e9}'",
    "left('Spark SQL', 3) = 'Spa' and right('Spark SQL', 3) = 'SQL' and left('a', -1) = '' and right('a', 5) = 'a'",
    "instr('SparkSQL', 'SQL') = 6 and instr('a', 'b') = 0 and locate('bar', 'foobarbar') = 4",
    "locate('bar', 'foobarbar', 5) = 7 and locate('a', 'a', 0) = 0 and position('bar' in 'foobarbar') = 4",
    "replace('ABCabc', 'abc', 'DEF') = 'ABCDEF' and replace('ABCabc', 'abc') = 'ABC' and replace('a', '', 'b') = 'a'",
    "translate('AaBbCc', 'abc', '123') = 'A1B2C3' and translate('abc', 'bc', 'x') = 'ax'",
    "lpad('hi', 5, '??') = '???hi' and lpad('hi', 1, '??') = 'h' and lpad('hi', 5) = '   hi'",
    "rpad('hi', 5, '??') = 'hi???' and rpad('hi', 1) = 'h' and rpad('hi', 5, '') = 'hi'",
    "repeat('123', 2) = '123123' and repeat('a', -1) = '' and reverse('Spark SQL') = 'LQS krapS'",
    "initcap('sPark sql') = 'Spark Sql' and upper('a') = 'A' and lcase('A') = 'a' and length('Spark SQL ') = 10",
    "trim('    SparkSQL   ') = 'SparkSQL' and ltrim('  a ') = 'a ' and rtrim(' a  ') = ' a'",
    "trim(both 'SL' from 'SSparkSQLS') = 'parkSQ' and trim(leading 'SL' from 'SSparkSQLS') = 'parkSQLS'",
    "trim(trailing 'SL' from 'SSparkSQLS') = 'SSparkSQ' and btrim('xxaxx', 'x') = 'a' and trim('\t') = '\t'",
    "startswith('Spark SQL', 'Spark') and endswith('Spark SQL', 'SQL') and not contains('Spark SQL', 'SPARK')",
    "regexp_replace('100-200', '([0-9]+)', 'num') = 'num-num' and regexp_replace('a1', '([a-z])([0-9])', '$2$1') = '1a'",
    "regexp_extract('100-200', '([0-9]+)-([0-9]+)', 1) = '100' and regexp_extract('a', '([0-9])') = ''",
    "regexp_extract('100-200', '[0-9]+', 0) = '100' and regexp_like('a1b', '[0-9]') and 'a1b' rlike '1'",
    "'10%' like '10!%' escape '!' and not ('100' like '10!%' escape '!') and 'a_b' like 'a\\_b'",
    // Dates.
    "to_date('2009-07-30 04:17:52') = date '2009-07-30' and to_date('2016-12-31', 'yyyy-MM-dd') = date '2016-12-31'",
    "to_date('31/12/2016', 'dd/MM/yyyy') = date '2016-12-31' and to_date('x') is null and to_date('2016-13-01') is null",
    "to_date('2016-5') = date '2016-05-01' and cast('2016' as date) = date '2016-01-01' and to_date(null) is null",
    "to_timestamp('2016-12-31 00:12:00') = timestamp '2016-12-31 00:12:00'",
    "to_timestamp('12/31/16 1:05 PM', 'MM/dd/yy h:mm a') = timestamp '2016-12-31 13:05:00'",
    "to_timestamp('20161231010203.250', 'yyyyMMddHHmmss.SSS') = timestamp '2016-12-31 01:02:03.25'",
    "date_format('2016-04-08', 'y') = '2016' and date_format(date '2016-04-08', 'dd.MM.yy') = '08.04.16'",
    "date_format('2016-04-08 15:07:09.5', 'EEE EEEE MMM d, hh:mm:ss.SSS a') = 'Fri Friday Apr 8, 03:07:09.500 PM'",
    "date_format('2016-04-08', 'yyyy-DDD \u{27}\u{27}Q\u{27}\u{27}Q') = '2016-099 Q2'",
    "datediff('2009-07-31', '2009-07-30') = 1 and datediff('2009-07-30', '2009-07-31') = -1",
    "date_add('2016-07-30', 1) = date '2016-07-31' and date_sub('2016-07-30', 1) = date '2016-07-29'",
    "date '2016-07-30' + 1 = date '2016-07-31' and date '2016-03-01' - 1 = date '2016-02-29'",
    "add_months('2016-08-31', 1) = date '2016-09-30' and add_months('2016-03-31', -1) = date '2016-02-29'",
    "months_between('1997-02-28 10:30:00', '1996-10-30') = 3.94959677 and months_between('2016-02-29', '2016-01-31') = 1",
    "last_day('2009-01-12') = date '2009-01-31' and last_day('2009-12-01') = date '2009-12-31'",
    "make_date(2013, 7, 15) = date '2013-07-15' and make_date(2019, 13, 1) is null",
    "trunc('2019-08-04', 'week') = date '2019-07-29' and trunc('2019-08-04', 'quarter') = date '2019-07-01'",
    "trunc('2009-02-12', 'MM') = date '2009-02-01' and trunc('2015-10-27', 'YEAR') = date '2015-01-01'",
    "trunc('2015-10-27', 'x') is null and date_trunc('HOUR', '2015-03-05T09:32:05.359') = timestamp '2015-03-05 09:00:00'",
    "date_trunc('DD', '2015-03-05T09:32:05.359') = date '2015-03-05'",
    "year('2016-07-30') = 2016 and quarter('2016-08-31') = 3 and month('2016-07-30') = 7 and day('2009-07-30') = 30",
    "dayofweek('2009-07-30') = 5 and weekday('2009-07-30') = 3 and dayofyear('2016-04-09') = 100",
    "weekofyear('2008-02-20') = 8 and hour('2009-07-30 12:58:59') = 12 and minute('2009-07-30 12:58:59') = 58",
    "second('2009-07-30 12:58:59') = 59 and extract(year from date '2019-08-12') = 2019 and extract(week from timestamp '2019-08-12 01:00:00') = 33",
    "unix_timestamp('1970-01-02') = 86400 and day = current_date and at < now() + interval 1 day",
    "date '2026-01-31' + interval 1 month = date '2026-02-28' and timestamp '2026-01-01 00:00:00' - interval '90 minutes' = timestamp '2025-12-31 22:30:00'",
    "date '2026-01-01' - interval '1' week = date '2025-12-25'",
    // Types.
    "cast(true as int) = 1 and cast('yes' as boolean) and cast(0 as boolean) = false and cast('x' as boolean) is null",
    "cast(timestamp '2016-12-31 00:12:00.5' as string) = '2016-12-31 00:12:00.5' and string(date '2016-12-31') = '2016-12-31'",
    "cast(cast(10000000 as double) as string) = '1.0E7' and cast(cast(0.001 as double) as string) = '0.001'",
    "int('12.9') = 12 and double('1.5') = 1.5 and string(true) = 'true' and cast(current_date as string) = '2026-11-20'",
];

#[test]
fn functions_of_spark() {
    let mut wrong = Vec::new();
    for sql in FUNCTIONS {
        let found = rows(sql);
        if !found.as_ref().is_ok_and(|rows| rows.contains(&0)) {
            wrong.push(format!("{sql}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_row_for_itself() {
    assert_true("case when count > 2 then price else value end > 0.29", &[2]);
    assert_true("case when count = 1 then null else key end is null", &[0]);
    assert_true("case when flag then 'x' end is null", &[1, 3]);
    assert_true("nvl(symbol, note) is null", &[3]);
    assert_true("symbol <=> null", &[3]);
    assert_true("concat(symbol, '.', key) = 'MSFT.2'", &[1]);
    assert_true("symbol || note is null", &[3]);
    assert_true("round(price, 1) = 0.3", &[2]);
    assert_true("round(ratio) = 1", &[0]);
    assert_true("greatest(key, count) = 3", &[2, 3]);
    assert_true("date_format(day, 'yyyy-MM') = '2026-11'", &[0, 1, 2]);
    assert_true("datediff(day, '2026-11-19') = 1", &[0]);
    assert_true("date(at) = day", &[0, 4]);
    assert_true("day + key > day + 1", &[1, 2, 4]);
    assert_true("substring(symbol, key, 1) = 'S'", &[1]);
}

#[test]
fn what_a_function_cannot_do_is_said() {
    for (sql, said) in [
        ("substrin(symbol, 1) = 'a'", "is not supported"),
        ("datedif(day, day) = 1", "is not supported"),
        ("toDate(day) = day", "did you mean to_date?"),
        ("nvl(symbol) = 'a'", "nvl takes a, b, not 1 arguments"),
        ("round(symbol, day) = 1", "is not a number"),
        ("day - at > 1", "use datediff"),
        ("symbol + 1 = 2", "a text is not a number"),
        ("case when count then 1 end = 1", "is not a condition"),
        ("case when flag then 1 else 'a' end = 1", "do not mix"),
        ("to_date(note, symbol) = day", "no column"),
        ("to_date(note, 'EEE') = day", "date pattern"),
        ("note rlike '('", "regular expression"),
        ("regexp_extract(note, '(a)', 2) = 'a'", "no group 2"),
        ("date_format(day, 'yyyy-ww') = ''", "date pattern"),
        ("day + interval 1 century > day", "is not supported"),
        ("note like symbol", "is not supported"),
        ("rank() over (order by key) = 1", "is not supported"),
    ] {
        let error = rows(sql).expect_err(sql);
        assert!(error.contains(said), "{sql}: {error}");
    }
}

/// Texts as numbers: what Spark's `UTF8String.toLong`, `Double.valueOf` and `new BigDecimal` take. The decimals are Python's
/// `Decimal(text).quantize(..., ROUND_HALF_UP)`.
#[test]
fn texts_are_cast_as_spark_casts_them() {
    for (text, whole, float, decimal) in [
        ("12", Some("12"), Some("12.0"), Some("12.00")),
        (" 12 ", Some("12"), Some("12.0"), Some("12.00")),
        ("+5", Some("5"), Some("5.0"), Some("5.00")),
        ("-7.9", Some("-7"), Some("-7.9"), Some("-7.90")),
        ("1e3", None, Some("1000.0"), Some("1000.00")),
        ("1.5e-3", None, Some("0.0015"), Some("0.00")),
        (".5", None, Some("0.5"), Some("0.50")),
        ("5.", Some("5"), Some("5.0"), Some("5.00")),
        ("0.005", Some("0"), Some("0.005"), Some("0.01")),
        ("-0.005", Some("0"), Some("-0.005"), Some("-0.01")),
        ("inf", None, Some("Infinity"), None),
        ("-Infinity", None, Some("-Infinity"), None),
        ("2147483647", Some("2147483647"), Some("2.147483647E9"), Some("2147483647.00")),
        ("2147483648", None, Some("2.147483648E9"), Some("2147483648.00")),
        ("1e-22", None, Some("1.0E-22"), Some("0.00")),
        ("", None, None, None),
        ("1,5", None, None, None),
        ("0x10", None, None, None),
        ("--1", None, None, None),
    ] {
        for (target, value) in [("int", whole), ("double", float), ("decimal(38, 2)", decimal)] {
            let cast = format!("cast(cast('{text}' as {target}) as string)");
            match value {
                Some(value) => assert_true(&format!("{cast} = '{value}'"), &[0, 1, 2, 3, 4]),
                None => assert_true(&format!("{cast} is null"), &[0, 1, 2, 3, 4]),
            }
        }
    }
    for sql in [
        "cast('170141183460469231732' as decimal(38, 0)) = 170141183460469231732",
        "cast('99999999999999999999999999999999999999' as decimal(38, 0)) - 99999999999999999999999999999999999998 = 1",
        "cast('0.0000000000000000000001' as double) > 0",
        "round('2.345', 2) = 2.35 and greatest(round('1e3'), 5) = 1000 and key < '1e3'",
    ] {
        assert_true(sql, &[0, 1, 2, 3, 4]);
    }
}

#[test]
fn a_number_beyond_its_whole_type_is_null() {
    for (bits, name) in [(8, "tinyint"), (16, "smallint"), (32, "int"), (64, "bigint")] {
        let (least, most) = (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1);
        for value in [least, most, 0, -1] {
            for written in [format!("'{value}'"), format!("({value})"), format!("'{value}.9'")] {
                assert_true(&format!("cast({written} as {name}) = {value}"), &[0, 1, 2, 3, 4]);
            }
        }
        for value in [least - 1, most + 1] {
            assert_true(&format!("cast('{value}' as {name}) is null"), &[0, 1, 2, 3, 4]);
            assert_true(&format!("{name}({value}) is null"), &[0, 1, 2, 3, 4]);
        }
    }
    assert_true("cast(cast(1e10 as double) as int) is null", &[0, 1, 2, 3, 4]);
}

/// What Spark's page on literals says: a backslash is written twice.
#[test]
fn texts_of_sql_have_escapes() {
    for sql in [
        r"'a1' rlike '^a\\d$' and not ('ad' rlike '^a\\d$') and 'ad' rlike '^a\d$'",
        r"'a\\b' = concat('a', '\\', 'b') and length('a\\b') = 3 and 'it\'s' = 'it''s'",
        r"regexp_extract('x12', '(\\d+)', 1) = '12' and regexp_replace('a.b', '\\.', '-') = 'a-b'",
        r"'50%' like '50\%' and not ('500' like '50\%') and 'a_b' like 'a\\_b' and not ('axb' like 'a\\_b')",
        r"length('\n\t') = 2 and '\101\u0042' = 'AB'",
    ] {
        assert_true(sql, &[0, 1, 2, 3, 4]);
    }
}

/// Random rows and what DuckDB makes of them, where it means the same as Spark: made by `tests/fixtures/make_sql.py`.
#[test]
fn the_same_values_as_duckdb() {
    use std::collections::BTreeMap;

    use arrow::array::{ArrayRef, RecordBatch, StringArray};
    use arrow::datatypes::{DataType, TimeUnit};

    #[derive(serde::Deserialize)]
    struct Case {
        sql: String,
        values: Vec<Option<String>>,
    }
    #[derive(serde::Deserialize)]
    struct Cases {
        rows: Vec<BTreeMap<String, Option<String>>>,
        cases: Vec<Case>,
    }

    let Cases { rows, cases } =
        serde_json::from_str(include_str!("../../tests/fixtures/sql_functions.json")).unwrap();
    let column = |name: &str, data_type: DataType| -> (String, ArrayRef) {
        let texts: StringArray = rows.iter().map(|row| row[name].as_deref()).collect();
        (name.to_owned(), arrow_cast::cast(&texts, &data_type).unwrap())
    };
    let batch = RecordBatch::try_from_iter([
        column("i", DataType::Int64),
        column("d", DataType::Decimal64(18, 4)),
        column("e", DataType::Decimal128(18, 1)),
        column("s", DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))),
        column("t", DataType::Utf8),
        column("day", DataType::Date32),
        column("moment", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ])
    .unwrap();
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for Case { sql, values } in &cases {
        let found = super::compile::predicate(sql, &batch.schema(), now())
            .and_then(|expression| expression.value(&batch));
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                wrong.push(format!("{sql}: {error}"));
                continue;
            }
        };
        for (row, wanted) in values.iter().enumerate() {
            let text = super::cast::text_of_row(&found, row);
            if text != *wanted {
                wrong.push(format!("{sql} of {:?}: {text:?}, not {wanted:?}", rows[row]));
                break;
            }
            compared += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(compared > 4_000, "{compared}");
}
