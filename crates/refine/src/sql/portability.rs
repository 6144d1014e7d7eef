//! What SQL may not have that is to give the same rows on every engine: DataFusion, DuckDB, Trino (Athena) and Sail (Spark). Each entry
//! says what to write instead, and has an example of both. A test runs the examples: what is forbidden differs between the engines or is
//! refused by one of them, what is to be written instead is not.

/// One entry of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Portability {
    /// Its name in findings.
    pub code: &'static str,
    /// What is not to be written.
    pub what: &'static str,
    /// Why.
    pub why: &'static str,
    /// What to write instead.
    pub instead: &'static str,
    /// A query that has it.
    pub example: &'static str,
    /// The same, written otherwise; empty where there is nothing to be written.
    pub better: &'static str,
    /// Whether engines differ on the example. Where they agree, it is forbidden because its rows depend on more than the inputs say.
    pub differs: bool,
}

const fn entry(
    code: &'static str,
    [what, why, instead]: [&'static str; 3],
    example: &'static str,
    better: &'static str,
) -> Portability {
    Portability { code, what, why, instead, example, better, differs: true }
}

const fn agreed(entry: Portability) -> Portability {
    Portability { differs: false, ..entry }
}

/// The list, in the order of the reference.
pub const PORTABILITY: &[Portability] = &[
    entry(
        "division",
        [
            "a quotient of decimals without a cast around it",
            "digits differ: some engines cut off, some round, DuckDB gives a float; wide decimals overflow",
            "cast(a / b as decimal(p,s)), with operands of at most 19 and 18 digits, one of them with s or more places: Trino rounds to as many",
        ],
        "select cast('2' as decimal(18,8)) / cast('3' as decimal(18,8)) as x",
        "select cast(cast('2' as decimal(18,8)) / cast('3' as decimal(18,8)) as decimal(18,6)) as x",
    ),
    entry(
        "average",
        [
            "avg of decimals without a cast around it",
            "the scale of the result differs, and whether it is rounded, cut off or a float",
            "cast(avg(x) as decimal(p,s)), with less digits behind the point than x has",
        ],
        "select avg(a) as x from (values (cast('2' as decimal(18,8))), (cast('0' as decimal(18,8))), (cast('0' as decimal(18,8)))) t(a)",
        "select cast(avg(a) as decimal(18,6)) as x from (values (cast('2' as decimal(18,8))), (cast('0' as decimal(18,8))), (cast('0' as decimal(18,8)))) t(a)",
    ),
    entry(
        "decimal_product",
        [
            "a product of decimals of up to 18 digits each, or of more than 37 digits together",
            "DuckDB calculates with 18 digits and overflows, Spark rounds what does not fit into 38",
            "cast one factor to decimal(19,s), and both so that they have at most 37 digits",
        ],
        "select cast('44.86' as decimal(18,8)) * cast('11635900.123456' as decimal(18,8)) as x",
        "select cast('44.86' as decimal(19,8)) * cast('11635900.123456' as decimal(18,8)) as x",
    ),
    entry(
        "integer_division",
        [
            "a quotient of integers",
            "it is an integer on some engines and a float on others",
            "cast(cast(a as decimal(19,6)) / b as decimal(18,6))",
        ],
        "select 1 / 3 as x",
        "select cast(cast(1 as decimal(19,6)) / 3 as decimal(18,6)) as x",
    ),
    entry(
        "float_literal",
        [
            "a number with an exponent",
            "it is a decimal on DataFusion and a float elsewhere",
            "0.1, which is a decimal everywhere, or cast('1e9' as double)",
        ],
        "select 0.1e0 + 0.2e0 as x",
        "select 0.1 + 0.2 as x",
    ),
    entry(
        "float_to_decimal",
        [
            "a float cast to a decimal",
            "halves are rounded up on some engines and by the binary value on others",
            "calculate with decimals, or leave it a double and mark the column floatingPoint in the contract",
        ],
        "select cast(cast('0.285' as double) as decimal(18,2)) as x",
        "select cast(cast('0.285' as decimal(18,8)) as decimal(18,2)) as x",
    ),
    entry(
        "decimal_to_integer",
        [
            "a decimal or float cast to an integer",
            "it is cut off on some engines and rounded on others",
            "cast(floor(x) as bigint)",
        ],
        "select cast(cast('3.5' as decimal(18,8)) as bigint) as x",
        "select cast(floor(cast('3.5' as decimal(18,8))) as bigint) as x",
    ),
    entry(
        "bare_decimal",
        [
            "decimal without precision and scale",
            "each engine has its own default: (38,10), (18,3), (38,0), (10,0)",
            "decimal(p,s)",
        ],
        "select cast('5.25' as decimal) as x",
        "select cast('5.25' as decimal(18,2)) as x",
    ),
    entry(
        "text_type",
        [
            "string, text or varchar without a length as a type",
            "each engine knows other names of it",
            "varchar(n), with an n that is long enough: Trino cuts off behind it",
        ],
        "select cast(12 as varchar) as x",
        "select cast(12 as varchar(20)) as x",
    ),
    entry(
        "double_colon",
        ["a cast by ::", "Trino and Athena have none", "cast(x as type)"],
        "select '1'::integer as x",
        "select cast('1' as integer) as x",
    ),
    agreed(entry(
        "try_cast",
        [
            "a cast that gives NULL where it fails",
            "a value that does not fit would go missing without a word",
            "cast(x as type), which stops the run and leaves the last good table",
        ],
        "select try_cast('x' as integer) as x",
        "select cast('1' as integer) as x",
    )),
    entry(
        "date_trunc",
        [
            "date_trunc of a date without a cast around it",
            "it is a date on Trino and an instant elsewhere",
            "cast(date_trunc('month', x) as date)",
        ],
        "select date_trunc('month', date '2024-01-31') as x",
        "select cast(date_trunc('month', date '2024-01-31') as date) as x",
    ),
    entry(
        "date_arithmetic",
        [
            "a date and an interval added without a cast around it",
            "it is an instant on DuckDB and a date elsewhere",
            "cast(x + interval '1' month as date)",
        ],
        "select date '2024-01-31' + interval '1' month as x",
        "select cast(date '2024-01-31' + interval '1' month as date) as x",
    ),
    entry(
        "interval_text",
        [
            "an interval with its unit inside of the quotes, or in the plural",
            "Trino and Athena do not read it",
            "interval '1' month",
        ],
        "select cast(date '2024-01-31' + interval '1 month' as date) as x",
        "select cast(date '2024-01-31' + interval '1' month as date) as x",
    ),
    entry(
        "date_difference",
        [
            "a date minus a date",
            "it is a number on some engines and an interval on Trino",
            "compare instead: a <= b + interval '30' day",
        ],
        "select date '2024-03-01' - date '2024-02-01' as x",
        "select date '2024-03-01' <= date '2024-02-01' + interval '30' day as x",
    ),
    entry(
        "day_of_week",
        [
            "extract(dow from x)",
            "Sunday is 0 on some engines and 7 on Trino",
            "compare x with days behind cast(date_trunc('week', x) as date), which is its Monday everywhere",
        ],
        "select extract(dow from date '2024-01-07') as x",
        "select date '2024-01-07' > cast(date_trunc('week', date '2024-01-07') as date) + interval '4' day as x",
    ),
    entry(
        "mixed_comparison",
        [
            "a text compared with a date or a number",
            "Trino refuses it, other engines cast one side or the other",
            "date '2024-01-31', or a cast of the column",
        ],
        "select date '2024-01-01' = '2024-01-01' as x",
        "select date '2024-01-01' = date '2024-01-01' as x",
    ),
    entry(
        "concat_of_non_text",
        ["|| of something that is no text", "Trino refuses it", "'a' || cast(x as varchar(20))"],
        "select 'a' || 1 as x",
        "select 'a' || cast(1 as varchar(20)) as x",
    ),
    entry(
        "concat",
        [
            "the function concat",
            "with NULL it is NULL on some engines and the other texts on others",
            "a || b, which is NULL with NULL everywhere",
        ],
        "select concat('a', cast(null as varchar(3))) as x",
        "select 'a' || cast(null as varchar(3)) as x",
    ),
    entry(
        "substring_from_zero",
        [
            "substring from 0 or below",
            "each engine counts it otherwise",
            "substring(x, 1, n): the first character is 1",
        ],
        "select substring('abc', 0, 2) as x",
        "select substring('abc', 1, 2) as x",
    ),
    entry(
        "greatest_of_null",
        [
            "greatest or least of something that may be NULL",
            "NULL is left out on most engines and is the result on Trino",
            "greatest(coalesce(a, 0), b)",
        ],
        "select greatest(1, cast(null as integer)) as x",
        "select greatest(1, coalesce(cast(null as integer), 0)) as x",
    ),
    entry(
        "nulls_order",
        [
            "an ORDER BY that decides about rows, without nulls first or nulls last",
            "NULL comes first on Spark and last elsewhere",
            "order by x nulls last",
        ],
        "select a, row_number() over (order by a) as x from (values (1), (null), (2)) t(a)",
        "select a, row_number() over (order by a nulls last) as x from (values (1), (null), (2)) t(a)",
    ),
    agreed(entry(
        "window_order",
        [
            "a window without a total order: rows that are equal in it come in any order",
            "each run may give other rows",
            "order by columns that tell all rows of a partition apart, such as the table's key",
        ],
        "select a, row_number() over (partition by a) as x from (values (1), (2)) t(a)",
        "select a, row_number() over (partition by a order by b nulls last) as x from (values (1, 1), (2, 1)) t(a, b)",
    )),
    agreed(entry(
        "window_frame",
        [
            "an ordered window without a frame",
            "the default ends at the current row and its peers, so that last_value is the current row",
            "rows between unbounded preceding and unbounded following, or what is meant",
        ],
        "select last_value(a) over (order by a nulls last) as x from (values (1), (2)) t(a)",
        "select last_value(a) over (order by a nulls last rows between unbounded preceding and unbounded following) as x from (values (1), (2)) t(a)",
    )),
    entry(
        "ignore_nulls",
        [
            "ignore nulls",
            "DuckDB wants it inside of the parentheses, Trino and Athena outside",
            "max(x) over the window of a group that count(x) over (...) has numbered",
        ],
        "select lag(a) ignore nulls over (order by b nulls last) as x from (values (1, 1), (2, 2)) t(a, b)",
        "",
    ),
    entry(
        "ordered_aggregate",
        [
            "an aggregate with an ORDER BY inside, first_value and last_value without OVER, string_agg and its like",
            "not every engine has it",
            "row_number() over (partition by ... order by ... nulls last), then max(case when n = 1 then x end)",
        ],
        "select first_value(a order by b nulls last) as x from (values (1, 2), (3, 1)) t(a, b)",
        "select max(case when n = 1 then a end) as x from (select a, row_number() over (order by b nulls last) as n from (values (1, 2), (3, 1)) t(a, b)) q",
    ),
    entry(
        "product",
        [
            "the aggregate product",
            "not every engine has it, and exp(sum(ln(x))) is no exact number",
            "a native model: adjustment factors are one",
        ],
        "select product(a) as x from (values (2.0), (3.0)) t(a)",
        "",
    ),
    entry(
        "median",
        [
            "median and other percentiles",
            "Trino and Athena have no exact one",
            "row_number() and count(*) over the same window, then the rows in the middle",
        ],
        "select median(a) as x from (values (1.0), (2.0)) t(a)",
        "",
    ),
    entry(
        "string_agg",
        [
            "string_agg, listagg and group_concat",
            "each engine has another name and form of it",
            "leave the values as rows",
        ],
        "select string_agg(a, ',') as x from (values ('p'), ('q')) t(a)",
        "",
    ),
    entry(
        "correlated",
        [
            "a subquery in the place of a value or behind LATERAL that names columns of the query around it",
            "DataFusion and Sail compute few of them",
            "a join and GROUP BY; EXISTS and IN may name them",
        ],
        "with t as (select 1 as a, 2 as b union all select 1, 3) select x.a, (select max(y.b) from t y where y.b <= x.b) as m from t x",
        "with t as (select 1 as a, 2 as b union all select 1, 3) select x.a, max(y.b) as m from t x join t y on y.b <= x.b group by x.a, x.b",
    ),
    entry(
        "asof_join",
        [
            "ASOF JOIN",
            "only some engines have it",
            "a join on <= and row_number() over (... order by time desc nulls last), then n = 1",
        ],
        "select a, b from (values (1, 1)) t(a, b) asof join (values (0, 5)) u(c, d) match_condition (t.a >= u.c)",
        "select a, b from (select a, b, row_number() over (partition by a order by c desc nulls last) as n from (values (1, 1)) t(a, b) left join (values (0, 5)) u(c, d) on t.a >= u.c) q where n = 1",
    ),
    entry(
        "natural_join",
        ["NATURAL JOIN", "not every engine has it, and a new column changes it", "join ... using (columns)"],
        "select a from (select 1 as a) x natural join (select 1 as a) y",
        "select a from (select 1 as a) x join (select 1 as a) y using (a)",
    ),
    entry(
        "qualify",
        ["QUALIFY", "Trino, Athena and Sail have none", "a subquery, and WHERE around it"],
        "select a from (values (1), (2)) t(a) qualify row_number() over (order by a nulls last) = 1",
        "select a from (select a, row_number() over (order by a nulls last) as n from (values (1), (2)) t(a)) q where n = 1",
    ),
    entry(
        "group_by_all",
        ["GROUP BY ALL", "Trino and Athena have none", "group by 1, 2"],
        "select a, count(*) as n from (values (1), (2)) t(a) group by all",
        "select a, count(*) as n from (values (1), (2)) t(a) group by 1",
    ),
    entry(
        "distinct_on",
        ["DISTINCT ON", "Trino, Athena and Sail have none", "row_number() over (...), then n = 1"],
        "select distinct on (a) a, b from (values (1, 2), (1, 3)) t(a, b) order by a nulls last, b nulls last",
        "select a, b from (select a, b, row_number() over (partition by a order by b nulls last) as n from (values (1, 2), (1, 3)) t(a, b)) q where n = 1",
    ),
    agreed(entry(
        "star",
        ["SELECT *", "a column more in a table would be one more in the model", "name the columns"],
        "select * from (values (1, 2)) t(a, b)",
        "select a, b from (values (1, 2)) t(a, b)",
    )),
    entry(
        "exclude",
        ["* with EXCLUDE, EXCEPT, REPLACE or RENAME", "Trino and Athena have none", "name the columns"],
        "select * exclude (a) from (values (1, 2)) t(a, b)",
        "select b from (values (1, 2)) t(a, b)",
    ),
    entry(
        "lateral_alias",
        [
            "a name that the same SELECT gives, in another column, WHERE, GROUP BY or HAVING",
            "Trino and Athena do not know it yet there",
            "a subquery, or group by its number: group by 1",
        ],
        "select a + 1 as b, count(*) as n from (values (1)) t(a) group by b",
        "select a + 1 as b, count(*) as n from (values (1)) t(a) group by 1",
    ),
    entry(
        "limit_before_offset",
        [
            "LIMIT before OFFSET, and FETCH FIRST",
            "Trino and Athena read the first only the other way round, DataFusion no FETCH",
            "offset 1 limit 1",
        ],
        "select a from (values (1), (2)) t(a) order by a nulls last limit 1 offset 1",
        "select a from (values (1), (2)) t(a) order by a nulls last offset 1 limit 1",
    ),
    agreed(entry(
        "limit_without_order",
        [
            "LIMIT or OFFSET without ORDER BY",
            "any rows may come",
            "order by columns that tell all rows apart",
        ],
        "select a from (values (1), (1)) t(a) limit 1",
        "select a from (values (1), (2)) t(a) order by a nulls last limit 1",
    )),
    entry(
        "ilike",
        [
            "ILIKE, SIMILAR TO, RLIKE and regular expressions",
            "Trino and Athena have no ILIKE, and each engine its own expressions",
            "lower(x) like 'a%'",
        ],
        "select a ilike 'A' as x from (values ('a')) t(a)",
        "select lower(a) like 'a' as x from (values ('a')) t(a)",
    ),
    entry(
        "quoted_identifier",
        [
            "a name in double quotes",
            "Spark and Sail read it as a text",
            "a name that needs none: lower case, digits and _",
        ],
        "select \"a\" as x from (values (1)) t(a)",
        "select a as x from (values (1)) t(a)",
    ),
    entry(
        "reserved_word",
        [
            "a name that an engine keeps for itself",
            "that engine does not read the query: quotes would help it, and are text to Spark",
            "another name",
        ],
        "select show as x from (values (1)) t(show)",
        "select shown as x from (values (1)) t(shown)",
    ),
    agreed(entry(
        "non_deterministic",
        [
            "the time, chance, or any row of many: now, current_date, random, uuid, any_value and their like",
            "the same inputs would give other rows",
            "what the inputs say: max(trading_date), or a column",
        ],
        "select current_date > date '2020-01-01' as x",
        "select date '2024-01-01' > date '2020-01-01' as x",
    )),
];

/// An entry by its name.
pub(super) fn named(code: &str) -> Option<&'static Portability> {
    PORTABILITY.iter().find(|entry| entry.code == code)
}
