//! The reference of the SQL that rules know, from what the compiler knows.

use super::functions::FUNCTIONS;

const HEAD: &str = r#"# SQL in rules

<!-- Made by `make generate`. -->

The SQL of `where "..."` and of CustomSql without the SQL engine. It means what it means in Spark, on which AWS Glue runs, without
Spark's ANSI mode. What is not on this page is an ERROR that names it, never a guess. A build with the feature `sql` hands queries
of CustomSql that go beyond it to DataFusion, whose SQL differs in places; a `where` is always evaluated as written here.

## Queries

CustomSql takes `select ... from primary [alias] [where ...]`. A query of aggregates is one number: `count(*)`, `count(x)`,
`count(distinct x)`, `sum(x)`, `avg(x)`, `min(x)`, `max(x)` of numbers, each also with `filter (where ...)`, and anything below made
of them: `round(avg(close), 2)`, `nvl(sum(volume), 0)`. `x` is any expression below; the average of decimals has four places more
than they. Any other query returns rows: those for which the `where` is TRUE.

## Values

| written | is |
|---|---|
| `close`, `primary.close`, `"close"`, `` `close` `` | a column, whatever the case of its name |
| `place.city`, `primary.place.city` | a field of a structure |
| `12`, `0.5` | exact numbers |
| `'text'` | a text; compared with a number or a date it is read as one. A backslash begins an escape, as in Spark: see below |
| `true`, `false`, `null` | |
| `date '2026-11-20'`, `timestamp '2026-11-20 21:00:00'` | |
| `current_date`, `current_timestamp`, `now()` | the time of the evaluation, in UTC, whole minutes |
| `interval 7 days`, `interval '1' month` | after `+` or `-`: years, quarters, months, weeks, days, hours, minutes, seconds |

Decimals and whole numbers are exact, except through `/` and functions that say so. NaN is NULL. Timestamps are in UTC, with a
zone or without one.

A rule's text reaches SQL as it is written, and in a text of SQL a backslash begins an escape: `\\` is a backslash, `\'` a quote (as
is `''`), `\n`, `\r`, `\t`, `\b`, `\0` and `\Z` are control characters, `\101`, `\u0041` and `\U00000041` characters by number,
`\%` and `\_` stay as they are for `like`, and before anything else the backslash goes: `'\d'` is the letter d. So the regular
expression `\d+` is written `where "a rlike '^\\d+$'"`; `rules lint` says where a backslash is missing. (A pattern of `matches` is no
SQL: there it is `\d+`.)

## Operators

| written | is |
|---|---|
| `= == != <> < <= > >=` | NULL where a side is NULL |
| `a <=> b`, `a is [not] distinct from b` | NULL equals NULL |
| `and`, `or`, `not` | three-valued |
| `is [not] null`, `is [not] true`, `is [not] false` | |
| `[not] in (a, b)`, `[not] between a and b` | both ends are in |
| `[not] like 'A%'`, `[not] ilike`, `... escape '!'` | `%` any text, `_` any character |
| `[not] rlike 'pattern'` | a regular expression that matches anywhere |
| `+ - * / %` | `/` is floating point; NULL for a divisor of zero |
| `date + 1`, `date - 1` | days |
| `a \|\| b` | one text after the other |
| `case when c then a else b end`, `case x when 1 then a end` | |
| `cast(x as ...)` | `tinyint`, `smallint`, `int`, `bigint`, `decimal(p, s)`, `double`, `string`, `date`, `timestamp`, `boolean`; NULL for what cannot be cast and for a number that the type does not hold |

A text is cast to a number as Spark does: blanks around it do not count, `1e3`, `.5`, `5.` and `+5` are numbers, for `double` also
`inf`, `Infinity` and their negatives; for whole types digits and a fraction, which is cut off. A number of more bits than the type
has is NULL, where Spark without ANSI mode lets it wrap around and Spark with it ends the query.
"#;

/// The page `docs/reference/sql.md`: every operator and function of `where` and CustomSql, in Markdown.
pub fn sql_reference() -> String {
    let mut page = HEAD.to_owned();
    for (group, functions) in FUNCTIONS {
        page.push_str(&format!("\n## {group}\n\n| function | gives |\n|---|---|\n"));
        for function in *functions {
            let Some((name, others)) = function.names.split_first() else { continue };
            let others: String = others.iter().map(|other| format!(", `{other}`")).collect();
            let about = function.about.replace('|', "\\|");
            page.push_str(&format!("| `{name}({})`{others} | {about} |\n", function.form));
        }
    }
    page
}
