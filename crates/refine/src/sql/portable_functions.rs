//! The functions that every engine has, and on which they agree.

/// Functions that give the same on every engine. A test runs each of them.
pub const FUNCTIONS: &[(&str, &str)] = &[
    ("abs", "select abs(cast('-2.345' as decimal(18,8))) as x"),
    (
        "avg",
        "select cast(avg(a) as decimal(18,6)) as x from (values (cast('2' as decimal(18,8))), (cast('0' as decimal(18,8)))) t(a)",
    ),
    ("bool_and", "select bool_and(a) as x from (values (true), (false)) t(a)"),
    ("bool_or", "select bool_or(a) as x from (values (true), (false)) t(a)"),
    ("ceil", "select cast(ceil(cast('2.345' as decimal(18,8))) as decimal(18,0)) as x"),
    ("coalesce", "select coalesce(cast(null as integer), 2) as x"),
    ("count", "select count(*) as x, count(distinct a) as y from (values (1), (1)) t(a)"),
    ("date_trunc", "select cast(date_trunc('week', date '2024-01-07') as date) as x"),
    ("dense_rank", "select dense_rank() over (order by a nulls last) as x from (values (1), (1), (2)) t(a)"),
    ("exp", "select exp(cast('1' as double)) as x"),
    (
        "first_value",
        "select first_value(a) over (order by a nulls last rows between 1 preceding and current row) as x from (values (1), (2)) t(a)",
    ),
    ("floor", "select cast(floor(cast('-2.345' as decimal(18,8))) as decimal(18,0)) as x"),
    ("greatest", "select greatest(1, 2) as x"),
    ("lag", "select lag(a) over (order by a nulls last) as x from (values (1), (2)) t(a)"),
    (
        "last_value",
        "select last_value(a) over (order by a nulls last rows between current row and 1 following) as x from (values (1), (2)) t(a)",
    ),
    ("lead", "select lead(a, 1) over (order by a nulls last) as x from (values (1), (2)) t(a)"),
    ("least", "select least(1, 2) as x"),
    ("length", "select length('abç') as x"),
    ("ln", "select ln(cast('2' as double)) as x"),
    ("lower", "select lower('AbÇ') as x"),
    ("max", "select max(a) as x from (values (1), (2)) t(a)"),
    ("min", "select min(a) as x from (values (1), (2)) t(a)"),
    (
        "nth_value",
        "select nth_value(a, 2) over (order by a nulls last rows between unbounded preceding and unbounded following) as x from (values (1), (2)) t(a)",
    ),
    ("ntile", "select ntile(2) over (order by a nulls last) as x from (values (1), (2), (3)) t(a)"),
    ("nullif", "select nullif(1, 1) as x"),
    ("power", "select power(cast('2' as double), cast('0.5' as double)) as x"),
    ("rank", "select rank() over (order by a nulls last) as x from (values (1), (1), (2)) t(a)"),
    ("replace", "select replace('abc', 'b', 'x') as x"),
    ("round", "select cast(round(cast('-2.345' as decimal(18,8)), 2) as decimal(18,2)) as x"),
    ("row_number", "select row_number() over (order by a nulls last) as x from (values (1), (2)) t(a)"),
    ("sqrt", "select sqrt(cast('2' as double)) as x"),
    (
        "stddev_samp",
        "select stddev_samp(a) as x from (values (cast('1' as double)), (cast('2' as double)), (cast('4' as double))) t(a)",
    ),
    ("substring", "select substring('abc', 2, 1) as x"),
    (
        "sum",
        "select sum(a) as x from (values (cast('1.5' as decimal(18,8))), (cast('2.25' as decimal(18,8)))) t(a)",
    ),
    ("trim", "select trim('  a ') as x"),
    ("upper", "select upper('abç') as x"),
    (
        "var_samp",
        "select var_samp(a) as x from (values (cast('1' as double)), (cast('2' as double)), (cast('4' as double))) t(a)",
    ),
];

/// Functions of the time, of chance, or of any row.
pub(super) const NON_DETERMINISTIC: [&str; 17] = [
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "today",
    "getdate",
    "random",
    "rand",
    "uuid",
    "gen_random_uuid",
    "any_value",
    "arbitrary",
    "first",
    "last",
    "version",
];
