//! The forms that [AWS's pages on the language](https://docs.aws.amazon.com/glue/latest/dg/dqdl.html) show, rule type by rule type:
//! the linter takes every one of them for Glue.

use dqdl::{RuleType, Target, lint, parse};

/// Rules, one a line.
const RULES: &str = r#"
AggregateMatch "sum(total)" "sum(reference.total)" >= 0.95
AggregateMatch "avg(price)" "avg(reference.unit_price)" = 1.0
ColumnCorrelation "height" "weight" > 0.8
ColumnCorrelation "height" "weight" between 0.8 and 0.9
ColumnCorrelation "height" "weight" > 0.8 where "weight > 10"
ColumnCorrelation "colA" "colB" between min(last(10)) and max(last(10))
ColumnCorrelation "colA" "colB" < avg(last(5)) + std(last(5))
ColumnCount > 10
ColumnCount between 10 and 20
ColumnCount >= avg(last(10))
ColumnDataType "colA" = "Timestamp" with threshold > 0.9
ColumnDataType "day" = "INTEGER"
ColumnDataType "day" in ["DATE","TIMESTAMP"]
ColumnDataType "day" = "DATE" where "weight > 10"
ColumnDataType "day" = "Date" with format = "dd/MM/yyyy"
ColumnExists "Middle_Name"
ColumnLength "Postal_Code" = 5
ColumnLength "weight" > 6 where "height > 70"
ColumnLength "colA" between min(last(10)) and max(last(10))
ColumnLength "colA" >= max(last(10))
ColumnNamesMatchPattern "aws_.*"
ColumnValues "Country" in [ "US", "CA", "UK" ]
ColumnValues "gender" in ["F", "M"] where "weight < 10"
ColumnValues "First_Name" matches "[a-zA-Z]*"
ColumnValues "colA" in ["A", "B"] with threshold > 0.99
ColumnValues "colA" matches "[a-zA-Z]*" with threshold between 0.2 and 0.9
ColumnValues "colA" > 10
ColumnValues "colA" between 2 and 10
ColumnValues "colA" not between 2 and 10
ColumnValues "colA" > "2023-06-01"
ColumnValues "load_dt" > (now() - 3 days)
ColumnValues "load_dt" between (now() - 3 days) and (now() - 1 days)
ColumnValues "colA" in [1, 2, NULL]
ColumnValues "colA" = NULL
ColumnValues "colA" != NULL
ColumnValues "colA" = EMPTY
ColumnValues "colA" != WHITESPACES_ONLY
ColumnValues "colA" in ["a", NULL, EMPTY, WHITESPACES_ONLY]
ColumnValues "colA" not in ["a", "b"]
ColumnValues "colA" not matches "[0-9]+"
ColumnValues "colA" = "x" with ignoreCase = "true"
ColumnValues "colA" >= min(last(10))
(ColumnValues "Age" > 21) OR (ColumnValues "Age" = NULL)
(ColumnValues "status" = "closed") AND (ColumnValues "closed_on" != NULL)
(RowCount > 0) OR ((IsComplete "colA") AND (IsUnique "colA"))
((RowCount > 0) AND (IsComplete "colA")) OR ((IsUnique "colA") AND (IsUnique "colB"))
Completeness "First_Name" > 0.95
Completeness "colA" between min(last(5)) - 1 and max(last(5)) + 1
Completeness "colA" <= avg(last(10))
CustomSql "select sum(total_amount) from primary" > 1000
CustomSql "select count(*) from primary where age < 30" between 10 and 20
CustomSql "select id from primary where age < 100"
CustomSql "SELECT id FROM primary WHERE age < 100" with threshold > 0.5
CustomSql "select count(*) from primary" between min(last(10)) and max(last(10))
DataFreshness "Order_Date" <= 24 hours
DataFreshness "Order_Date" between 2 days and 5 days
DataFreshness "colA" <= 30 minutes where "weight > 10"
DatasetMatch "reference" "ID" = 1.0
DatasetMatch "reference" "ID->ref_ID,ID2->ref_ID2" "colA->ref_colA" between 0.7 and 0.9
DetectAnomalies "RowCount"
DetectAnomalies "ColumnValues" "colA"
DistinctValuesCount "State" > 3
DistinctValuesCount "Customer_ID" < 6 where "Customer_ID < 10"
DistinctValuesCount "colA" between avg(last(10))-1 and avg(last(10))+1
DistinctValuesCount "colA" <= index(last(10),2) + std(last(5))
Entropy "Feedback" > 1
Entropy "colA" < max(last(10))
IsComplete "email"
IsComplete "email" where "Customer_ID between 1 and 50"
IsComplete "colA" where "colB = 'NY'"
IsPrimaryKey "Customer_ID"
IsPrimaryKey "First_Name" "Last_Name" "Phone"
IsUnique "email"
IsUnique "Customer_ID" where "Customer_ID < 10"
IsUnique "First_Name" "Last_Name"
Mean "Star_Rating" > 3
Mean "Salary" < 6200 where "Customer_ID < 10"
Mean "colA" > avg(last(10)) + std(last(2))
Mean "colA" between min(last(5)) - 1 and max(last(5)) + 1
ReferentialIntegrity "zipcode" "reference.zipcode" >= 0.9
ReferentialIntegrity "state,zipcode" "reference.{state,zipcode}" = 1.0
RowCount between 100 and 300
RowCount > 100 where "Customer_ID < 10"
RowCount > avg(last(10)) * 0.8
RowCount between 0.8 * avg(last(5)) and 1.2 * avg(last(5))
RowCount >= median(last(7))
RowCount > abs(last(2))
RowCount = sum(last(3))
RowCountMatch "reference" >= 0.9
SchemaMatch "reference" >= 0.9
SchemaMatch "reference" = 1.0
StandardDeviation "Star_Rating" < 1.5
StandardDeviation "Salary" < 3500 where "Customer_ID < 10"
StandardDeviation "colA" > avg(last(10)) + 0.1
Sum "transaction_total" > 500
Sum "colA" between min(last(10)) and max(last(10))
Uniqueness "email" > 0.9
Uniqueness "Customer_ID" >= 0.9 where "Customer_ID < 10"
UniqueValueRatio "Order_ID" > 0.9
UniqueValueRatio "colA" <= index(last(10),2) + std(last(5))
Variance "price" < 100
FileFreshness "s3://bucket/path/" > (now() - 1 days)
FileFreshness "s3://bucket/path/" between (now() - 7 days) and (now() - 1 days)
FileFreshness "s3://bucket/" > "2023-01-01"
FileFreshness "s3://bucket/" between "09:00 AM" and "10:00 AM" with timeZone = "America/New_York"
FileMatch "s3://bucket/file.json" "s3://other/file.json"
FileMatch "s3://bucket/file.json" in ["3ee0d8617ac041793154713e5ef8f319"] with hashAlgorithm = "MD5"
FileMatch in ["3ee0d8617ac041793154713e5ef8f319"] with hashAlgorithm = "SHA-256"
FileSize "s3://bucket/data.csv" > 1 MB
FileSize between 1 MB and 2 GB with recentFiles = 3
FileSize > 100 B with threshold > 0.5
FileUniqueness "s3://bucket/" >= 0.9
IsComplete "order_id" labels=["criticality"="high", "team"="sales"]
(IsComplete "order_id") labels=["criticality"="medium"]
((IsComplete "a") and (IsUnique "b")) labels=["team"="x"]
ColumnValues "x" > 0 with threshold > 0.8 labels=["criticality"="low"]
"#;

/// Whole documents.
const DOCUMENTS: [&str; 8] = [
    "Rules = [ IsComplete \"order-id\", IsUnique \"order-id\" ]",
    "Rules = [\n   Completeness \"colA\" > 0.9, # at least nine of ten\n   RowCount > 0\n]\n",
    "Rules = [\n    RowCount > avg(last(10)),\n    IsComplete \"a\"\n]\nAnalyzers = [\n    RowCount,\n    Completeness \"a\",\n    AllStatistics \"b\",\n    AllStatistics AllColumns,\n    DistinctValuesCount \"c\",\n    ColumnLength \"d\",\n    ColumnValues \"e\",\n    Entropy \"f\",\n    Mean \"g\",\n    Sum \"h\",\n    StandardDeviation \"i\",\n    Uniqueness \"j\",\n    UniqueValueRatio \"k\",\n    ColumnCorrelation \"l\" \"m\",\n    CustomSql \"select count(*) from primary\"\n]\n",
    "Analyzers = [ Completeness \"colA\" where \"colB = 'NY'\" ]",
    "Metadata = { \"Version\": \"1.0\" }\nDataSources = { \"Primary\": \"orders\", \"AdditionalDataSources\": [ \"reference\" ] }\nRules = [ CustomSql \"select count(*) from primary join reference on primary.id = reference.id\" > 0 ]",
    "DefaultLabels = [ \"team\" = \"sales\", \"criticality\" = \"high\" ]\nRules = [ IsComplete \"id\" labels = [ \"team\" = \"finance\" ] ]",
    "countries = [ \"US\", \"CA\" ]\nsql = \"select count(*) from primary\"\nRules = [ ColumnValues \"c\" in $countries, CustomSql $sql > 0, ColumnValues \"c\" not in $countries ]",
    "Rules = [ (IsComplete \"id\") and (IsUnique \"id\"), (RowCount \n > 0) or (IsComplete \"x\") ]",
];

#[test]
fn the_linter_takes_every_documented_rule() {
    let mut seen = Vec::new();
    let mut wrong = Vec::new();
    for rule in RULES.lines().filter(|line| !line.is_empty()) {
        let text = format!("Rules = [ {rule} ]");
        match parse(&text) {
            Ok(_) => seen.push(rule),
            Err(error) => wrong.push(format!("{rule}: {error}")),
        }
        wrong.extend(errors(&text).into_iter().map(|error| format!("{rule}: {error}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for rule_type in RuleType::all().filter(|rule_type| rule_type.is_rule()) {
        assert!(seen.iter().any(|rule| rule.contains(rule_type.name())), "{rule_type}");
    }
}

#[test]
fn the_linter_takes_every_documented_document() {
    for text in DOCUMENTS {
        assert!(parse(text).is_ok(), "{text}");
        assert_eq!(errors(text), [""; 0], "{text}");
    }
    // All of them in one.
    let rules: Vec<&str> = RULES.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(errors(&format!("Rules = [\n{}\n]\n", rules.join(",\n"))), [""; 0]);
}

/// Findings by which the exit code is not 0, and warnings about what the page itself shows.
fn errors(text: &str) -> Vec<String> {
    let lints = lint(text, Target::GlueEtl).into_iter();
    lints
        .filter(|lint| lint.error || !(lint.note || expected(&lint.message)))
        .map(|lint| lint.message)
        .collect()
}

/// Warnings that are right: the published parser takes labels before `with` only, and here tags of files are not known.
fn expected(message: &str) -> bool {
    message.starts_with("labels after `with`")
        || message.starts_with("`with ")
        || message.starts_with("arithmetic has no operator precedence")
}
