//! Faults of models, and where they are.

use super::*;
use crate::sql::portability::PORTABILITY;
use crate::sql::portable_functions::FUNCTIONS;

const MODEL: &str = "apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: closes
    customProperties:
      - {property: refine, value: {}}
      - {property: partitionBy, value: none}
    properties:
      - {name: symbol, logicalType: string, physicalType: string, required: true, primaryKey: true}
      - {name: trading_date, logicalType: date, physicalType: date, required: true, primaryKey: true}
      - {name: close, logicalType: number, physicalType: 'decimal(38,18)'}
";

/// Findings as `line:column code`.
fn found(sql: &str) -> Vec<String> {
    let mut contracts = Contracts::built_in().unwrap();
    let name = contracts.add(MODEL, None).unwrap();
    let contract = &contracts.get(&name).unwrap().contract;
    let found = lint(sql, contract, &contracts);
    found.iter().map(|finding| format!("{}:{} {}", finding.line, finding.column, finding.code)).collect()
}

/// The codes of a text that reads no table.
fn codes(sql: &str) -> Vec<&'static str> {
    lint_text(sql).into_iter().map(|finding| finding.code).collect()
}

#[test]
fn each_example_of_the_list_has_what_it_shows_and_what_is_better_has_nothing() {
    for entry in PORTABILITY {
        assert!(codes(entry.example).contains(&entry.code), "{}: {:?}", entry.code, codes(entry.example));
        if !entry.better.is_empty() {
            assert_eq!(codes(entry.better), Vec::<&str>::new(), "{}: {}", entry.code, entry.better);
        }
    }
}

#[test]
fn the_functions_of_every_engine_are_known() {
    for (name, example) in FUNCTIONS {
        assert_eq!(codes(example), Vec::<&str>::new(), "{name}");
        assert!(example.contains(name), "{name}: {example}");
    }
    assert_eq!(codes("select regexp_like('a', 'b') as x"), ["function"]);
}

#[test]
fn faults_have_their_line_and_column() {
    let select = "select symbol, trading_date, close";
    for (sql, expected) in [
        (format!("{select}\nfrom daily_bars b where b.interval = '1d'"), &[][..]),
        (format!("{select}\n  from daly_bars"), &["2:8 unknown_table"]),
        (format!("{select} from daily_bars b\nwhere b.intervall = '1d'"), &["2:7 unknown_column"]),
        ("select symbol, trading_date from daily_bars".to_owned(), &["1:1 missing_column"]),
        (
            "select symbol,\n trading_date, close, open as o from daily_bars".to_owned(),
            &["2:31 extra_column"],
        ),
        ("select symbol, trading_date, close, close from daily_bars".to_owned(), &["1:37 extra_column"]),
        ("select symbol, bar_start as trading_date, close from daily_bars".to_owned(), &["1:29 wrong_type"]),
        (
            "select symbol, trading_date, ln(close) as close from daily_bars".to_owned(),
            &["1:43 floating_point", "1:43 wrong_type"],
        ),
        (format!("{select} from daily_bars; select 1"), &["1:1 several_statements"]),
        ("create table t (a int)".to_owned(), &["1:1 not_a_select"]),
        (format!("{select}\nfrom daily_bars\nwhere = 1"), &["3:7 syntax"]),
        (format!("with splits as ({select} from daily_bars) {select} from splits"), &["1:6 shadowed_table"]),
    ] {
        assert_eq!(found(&sql), expected, "{sql}");
    }
}

#[test]
fn columns_are_known_through_queries() {
    for (sql, expected) in [
        (
            "with a as (select symbol as s, trading_date as d, close from daily_bars) select s as symbol, d as trading_date, close from a",
            &[][..],
        ),
        ("with a as (select symbol as s from daily_bars) select symbol, s from a", &["unknown_column"]),
        (
            "select q.symbol from (select symbol from splits) q where exists (select 1 as one from dividends d where d.symbol = q.symbol)",
            &[],
        ),
        ("select s.symbol from splits s join dividends d on d.symbol = s.sym", &["unknown_column"]),
        ("select symbol from splits union all select simbol from dividends", &["unknown_column"]),
        // A partition's column is one of the table's, and a text.
        ("select symbol from daily_bars where month = '2024-01'", &[]),
        ("select symbol from daily_bars where month = date '2024-01-01'", &["mixed_comparison"]),
        // A subquery in the place of a value may not name what is around it, one behind EXISTS may.
        (
            "select (select max(s.split_to) from splits s where s.symbol = d.symbol) as x from dividends d",
            &["correlated"],
        ),
        (
            "select (select max(s.split_to) from splits s where exists (select 1 as o from dividends d where d.symbol = s.symbol)) as x from dividends d",
            &[],
        ),
    ] {
        assert_eq!(codes(sql), expected, "{sql}");
    }
}

#[test]
fn types_decide_what_is_portable() {
    for (sql, expected) in [
        ("select split_to / split_from as x from splits", &["division"][..]),
        ("select cast(split_to / split_from as decimal(18,8)) as x from splits", &["division"]),
        (
            "select cast(cast(split_to as decimal(19,8)) / cast(split_from as decimal(18,8)) as decimal(18,8)) as x from splits",
            &[],
        ),
        (
            "select cast(cast(split_to as decimal(19,2)) / cast(split_from as decimal(18,1)) as decimal(18,3)) as x from splits",
            &["division"],
        ),
        ("select split_to * amount as x from splits join dividends using (symbol)", &["decimal_product"]),
        ("select cast(amount as decimal(19,8)) * cast(frequency as decimal(18,0)) as x from dividends", &[]),
        ("select frequency / 2 as x from dividends", &["integer_division"]),
        ("select avg(amount) as x from dividends", &["average"]),
        ("select cast(avg(amount) as decimal(18,8)) as x, avg(frequency) as y from dividends", &[]),
        ("select ex_date - pay_date as x from dividends", &["date_difference"]),
        ("select ex_date + interval '1' day as x from dividends", &["date_arithmetic"]),
        ("select amount from dividends where ex_date < pay_date - interval '1' day", &[]),
        ("select symbol || frequency as x from dividends", &["concat_of_non_text"]),
        ("select greatest(amount, coalesce(frequency, 0)) as x from dividends", &[]),
        (
            "select greatest(b.amount, 0) as x from splits a left join dividends b on a.symbol = b.symbol",
            &["greatest_of_null"],
        ),
    ] {
        assert_eq!(codes(sql), expected, "{sql}");
    }
}

#[test]
fn windows_are_ordered_by_the_whole_key_where_it_is_known() {
    let key = "provider, provider_symbol, adjustment, session";
    for (sql, expected) in [
        (format!("select lag(close) over (partition by {key} order by trading_date nulls last) as x from daily_bars b where b.interval = '1d'"), &[][..]),
        (format!("select lag(close) over (partition by {key} order by trading_date nulls last) as x from daily_bars"), &["window_order"]),
        ("select lag(close) over (partition by symbol order by trading_date nulls last) as x from daily_bars".to_owned(), &["window_order"]),
        ("select rank() over (partition by symbol order by trading_date nulls last) as x from daily_bars".to_owned(), &[]),
        ("with a as (select symbol, trading_date, max(close) as c from daily_bars group by symbol, trading_date) select lag(c) over (partition by symbol order by trading_date nulls last) as x from a".to_owned(), &[]),
        ("with a as (select symbol, trading_date, max(close) as c from daily_bars group by 1, 2) select lag(c) over (order by trading_date nulls last) as x from a".to_owned(), &["window_order"]),
    ] {
        assert_eq!(codes(&sql), expected, "{sql}");
    }
}

#[test]
fn a_comment_allows_what_is_meant() {
    let sql =
        "select symbol, trading_date,\n  1 / 3 as close -- lint: ignore integer_division\nfrom daily_bars";
    assert_eq!(found(sql), Vec::<String>::new());
    assert_eq!(found(&sql.replace("integer_division", "division")), ["2:3 integer_division"]);
}

#[test]
fn the_reference_has_the_list() {
    let reference = include_str!("../../../../../docs/reference/models.md");
    let cell = |text: &str| text.replace('|', "\\|");
    for entry in PORTABILITY {
        let row = format!(
            "| `{}` | {} | {} | {} |",
            entry.code,
            cell(entry.what),
            cell(entry.why),
            cell(entry.instead)
        );
        assert!(reference.lines().any(|line| line == row), "docs/reference/models.md lacks: {row}");
    }
    let functions: Vec<String> = FUNCTIONS.iter().map(|(name, _)| format!("`{name}`")).collect();
    assert!(reference.contains(&functions.join(", ")), "{}", functions.join(", "));
}
