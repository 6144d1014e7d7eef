//! Words that an engine keeps for itself: a column, an alias or a query cannot be called so without quotes, which are not portable either.
//! DataFusion reads most of them as names, so a model that computes here may not even be read elsewhere.

use sqlparser::ast::Ident;

use super::lint::{At, Linter};

/// Words that Trino reserves, <https://trino.io/docs/current/language/reserved.html>, and those that
/// <https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html> adds for SELECT.
const TRINO: [&str; 85] = [
    "alter",
    "and",
    "as",
    "auto",
    "between",
    "by",
    "case",
    "cast",
    "constraint",
    "create",
    "cross",
    "cube",
    "current_catalog",
    "current_date",
    "current_path",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "deallocate",
    "delete",
    "describe",
    "distinct",
    "drop",
    "else",
    "end",
    "escape",
    "except",
    "execute",
    "exists",
    "extract",
    "false",
    "first",
    "for",
    "from",
    "full",
    "group",
    "grouping",
    "having",
    "in",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "join",
    "json_array",
    "json_exists",
    "json_object",
    "json_query",
    "json_table",
    "json_value",
    "last",
    "left",
    "like",
    "listagg",
    "localtime",
    "localtimestamp",
    "natural",
    "normalize",
    "not",
    "null",
    "on",
    "or",
    "order",
    "outer",
    "prepare",
    "recursive",
    "right",
    "rollup",
    "select",
    "skip",
    "table",
    "then",
    "trim",
    "true",
    "uescape",
    "union",
    "unnest",
    "using",
    "values",
    "when",
    "where",
    "with",
];

/// Words that DuckDB reads as no column's name: `reserved` and `type_function` of its function `duckdb_keywords()`,
/// <https://duckdb.org/docs/stable/sql/keywords_and_identifiers>, of version 2.0.1.
const DUCKDB: [&str; 111] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "anti",
    "any",
    "array",
    "as",
    "asc",
    "asof",
    "asymmetric",
    "at",
    "authorization",
    "binary",
    "both",
    "by",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "columns",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "default",
    "deferrable",
    "desc",
    "describe",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "generated",
    "glob",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lambda",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "map",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "pivot",
    "pivot_longer",
    "pivot_wider",
    "placing",
    "positional",
    "primary",
    "qualify",
    "references",
    "returning",
    "right",
    "select",
    "semi",
    "show",
    "similar",
    "some",
    "struct",
    "summarize",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "try_cast",
    "tuple",
    "union",
    "unique",
    "unpack",
    "unpivot",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// Words that Spark takes for no alias of a table in its usual mode, `strict-non-reserved` in
/// <https://spark.apache.org/docs/latest/sql-ref-ansi-compliance.html>.
const SPARK: [&str; 16] = [
    "anti",
    "cross",
    "except",
    "full",
    "inner",
    "intersect",
    "join",
    "lateral",
    "left",
    "minus",
    "natural",
    "on",
    "right",
    "semi",
    "union",
    "using",
];

/// The engines that keep a word for themselves, each with its words, in order.
const ENGINES: [(&str, &[&str]); 3] =
    [("Trino and Athena", &TRINO), ("DuckDB", &DUCKDB), ("Spark as a table's alias", &SPARK)];

impl Linter<'_> {
    /// A name that the text gives to something, or calls it by.
    pub(super) fn named_so(&mut self, name: &Ident) {
        if name.quote_style.is_some() {
            return;
        }
        let word = name.value.to_lowercase();
        let keep = ENGINES.iter().filter(|(_, words)| words.binary_search(&word.as_str()).is_ok());
        let keep: Vec<&str> = keep.map(|(engine, _)| *engine).collect();
        if !keep.is_empty() {
            let because = format!("{word:?}, by {}", keep.join(", "));
            self.listed_because(&At(name.span), "reserved_word", &because);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lint::lint_text;
    use super::*;

    #[test]
    fn words_are_in_order_to_be_found() {
        for (engine, words) in ENGINES {
            assert!(words.is_sorted_by(|a, b| a < b), "{engine}");
        }
    }

    /// Code, line and column of each finding about a reserved word.
    fn found(sql: &str) -> Vec<(u64, u64, String)> {
        let findings = lint_text(sql).into_iter().filter(|finding| finding.code == "reserved_word");
        findings.map(|finding| (finding.line, finding.column, finding.message)).collect()
    }

    #[test]
    fn names_of_every_kind_are_held_against_the_words() {
        for (sql, line, column, engines) in [
            ("select 1 as skip", 1, 13, "\"skip\", by Trino and Athena)"),
            ("select 1\n  as show", 2, 6, "\"show\", by DuckDB)"),
            ("with asof as (select 1 as a) select a from asof", 1, 6, "\"asof\", by DuckDB)"),
            (
                "select x.a from (select 1 as a) minus_one join (select 1 as a) x on true where x.a = 1",
                0,
                0,
                "",
            ),
            ("select a from (values (1)) summarize(a)", 1, 28, "\"summarize\", by DuckDB)"),
            ("select 1 as a, 2 as Skip", 1, 21, "\"skip\", by Trino and Athena)"),
        ] {
            let found = found(sql);
            match line {
                0 => assert!(found.is_empty(), "{sql}: {found:?}"),
                _ => {
                    assert_eq!(found.len(), 1, "{sql}: {found:?}");
                    assert_eq!((found[0].0, found[0].1), (line, column), "{sql}");
                    assert!(found[0].2.contains(engines), "{}", found[0].2);
                }
            }
        }
        // Given and called by: both places.
        assert_eq!(found("select show as x from (values (1)) t(show)").len(), 2);
    }
}
