//! Rules held against the columns that their rows will have, before there are any.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use dqdl::{Target, lint, lint_for};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("quantity", DataType::Int64, true),
        Field::new("product", DataType::Utf8, true),
        Field::new("sold_on", DataType::Date32, true),
    ]))
}

/// Errors and warnings, notes left out.
fn found(rule: &str) -> Vec<(bool, String)> {
    let lints = lint_for(&format!("Rules = [ {rule} ]\n"), Target::GlueEtl, &schema());
    lints.into_iter().filter(|lint| !lint.note).map(|lint| (lint.error, lint.message)).collect()
}

#[test]
fn what_the_columns_cannot_answer_is_an_error() {
    for (rule, said) in [
        (r#"DetectAnomalies "Mean" "quantiy""#, "\"quantiy\", and there is none"),
        (r#"AggregateMatch "sum(quantiy)" "sum(r.a)" = 1"#, "\"quantiy\", and there is none"),
        (r#"AggregateMatch "sum(quantity)" "total(r.a)" = 1"#, "there is no aggregate `total`"),
        (r#"AggregateMatch "sum(product)" "sum(r.a)" = 1"#, "over a text"),
        (r#"ReferentialIntegrity "quantiy" "r.x" = 1"#, "\"quantiy\", and there is none"),
        (r#"ReferentialIntegrity "quantity" "ref" = 1"#, "is not `table.column`"),
        (r#"ReferentialIntegrity "quantity" "r.{x,y}" = 1"#, "not as many columns"),
        (r#"DatasetMatch "r" "quantiy" = 1"#, "\"quantiy\", and there is none"),
        (r#"CustomSql "select sum(product) from primary" > 0"#, "over a text"),
        (r#"ColumnDataType "quantity" = "Date""#, "never of that type"),
        (r#"ColumnDataType "sold_on" in ["Integer", "Double"]"#, "never of that type"),
        ("RowCount > last(3)", "several values"),
        ("RowCount > last(0)", "whole number"),
        ("RowCount > abs(last(2))", "abs takes one value"),
        ("RowCount > index(last(3), 7)", "the last place of `last(3)` is 2"),
        ("RowCount > mean(last(3))", "did you mean `avg`?"),
        (r#"ColumnValues "product" > avg(last(3))"#, ""),
        (r#"Mean "product" > last(1)"#, ""),
    ] {
        let found = found(rule);
        let errors: Vec<&(bool, String)> = found.iter().filter(|(error, _)| *error).collect();
        assert!(errors.len() == 1 && errors[0].1.contains(said), "{rule}: {found:?}");
        // And once: no warning says the same.
        assert_eq!(found.len(), 1, "{rule}: {found:?}");
    }
}

#[test]
fn what_they_can_answer_is_none() {
    for rule in [
        r#"DetectAnomalies "Mean" "quantity""#,
        r#"DetectAnomalies "RowCountMatch" "r""#,
        r#"AggregateMatch "sum(quantity)" "sum(r.a)" = 1"#,
        r#"AggregateMatch "max(r.b) - 1" "round(avg(r.a), 2)" = 1"#,
        r#"ReferentialIntegrity "quantity,product" "r.{x,y}" = 1"#,
        r#"DatasetMatch "r" "quantity->x" "product" = 1"#,
        r#"RowCountMatch "r" = 1"#,
        r#"CustomSql "select sum(quantity) from primary" > 0"#,
        r#"CustomSql "select count(*) from primary group by product" > 0"#,
        r#"ColumnDataType "quantity" in ["Integer", "Date"]"#,
        r#"ColumnDataType "quantity" != "Date""#,
        r#"ColumnDataType "product" = "Date""#,
        "RowCount > index(last(3), 2)",
        r#"ColumnValues "quantity" > avg(last(3))"#,
        r#"ColumnValues "product" rlike "a""#,
    ] {
        let Ok(_) = dqdl::parse(&format!("Rules = [ {rule} ]\n")) else { continue };
        assert_eq!(found(rule), [], "{rule}");
    }
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    for (rule, said) in [
        ("FileSize > 1 B", "is an ERROR there"),
        (r#"(FileUniqueness > 0.5) and (RowCount > 0)"#, "is an ERROR there"),
        (r#"ColumnValues "product" matches "AB-\\d{2}""#, r"write `\d`"),
        (r#"RowCount > 0 where "product rlike '\d'""#, r"write `\\d`"),
        (r#"CustomSql "select count(*) from primary where product rlike '\d'" > 0"#, r"write `\\d`"),
        (r#"ColumnValues "sold_on" between "2024-12-31" and "2024-01-01""#, "nothing lies between"),
        (r#"ColumnValues "sold_on" between now() and (now() - 45 minutes)"#, "nothing lies between"),
        (r#"DataFreshness "sold_on" between 2 days and 24 hours"#, "nothing lies between"),
        (r#"RowCount > 0 labels=["Severity"="warn"]"#, "did you mean `severity`?"),
        (r#"RowCount > 0 labels=["criticalty"="low"]"#, "did you mean `criticality`?"),
    ] {
        let found = found(rule);
        assert!(found.len() == 1 && !found[0].0 && found[0].1.contains(said), "{rule}: {found:?}");
    }
    for rule in [
        r#"ColumnValues "product" matches "AB-\d{2}""#,
        r#"ColumnValues "product" matches "a\\\\b""#,
        r#"RowCount > 0 where "product rlike '\\d' and product like 'a\_b'""#,
        r#"ColumnValues "sold_on" between "2024-01-01" and "2024-12-31""#,
        r#"ColumnValues "sold_on" between (now() - 45 minutes) and now()"#,
        r#"DataFreshness "sold_on" between 2 hours and 1 days"#,
        r#"RowCount > 0 labels=["severity"="warn", "reason"="Severe"]"#,
    ] {
        assert_eq!(found(rule), [], "{rule}");
    }
    let text = "DefaultLabels = [\"SEVERITY\"=\"warn\"]\nRules = [ RowCount > 0 ]\n";
    let lints = lint(text, Target::GlueEtl);
    assert!(lints.len() == 1 && lints[0].line == 1 && lints[0].message.contains("`severity`"), "{lints:?}");
}
