//! Mistakes that people make in a ruleset: each is named at its place, once, with a suggestion that works.
#![allow(clippy::expect_used, reason = "a test may panic")]

use dqdl::{Target, lint, parse};

/// A text, where its mistake is, and what is said of it.
type Mistake = (&'static str, usize, usize, &'static str);

/// Texts that do not parse.
const ERRORS: &[Mistake] = &[
    ("Rules = [\n  IsComplet \"sku\"\n]\n", 2, 3, "did you mean `IsComplete`?"),
    ("Rules = [\n  iscomplete \"sku\"\n]\n", 2, 3, "capitals included; did you mean `IsComplete`?"),
    ("Rules = [\n  IsUnique 'sku'\n]\n", 2, 12, "not in single ones; write `\"sku\"`"),
    ("Rules = [\n  IsUnique \u{201c}sku\u{201d}\n]\n", 2, 12, "is a curly quote (U+201C)"),
    ("Rules = [\n  IsUnique \u{2018}sku\u{2019}\n]\n", 2, 12, "is a curly single quote (U+2018)"),
    ("Rules = [\n  IsUnique \u{201e}sku\u{201c}\n]\n", 2, 12, "is a low curly quote (U+201E)"),
    ("Rules = [\n  IsUnique `sku`\n]\n", 2, 12, "is a backtick (U+0060)"),
    (
        "Rules = [\n  IsUnique \"sku\",\n  RowCount > 3\n",
        1,
        9,
        "the bracket `[` of line 1 is not closed; write `]` at the end",
    ),
    (
        "Rules = [\n  IsUnique \"sku\"\n  RowCount > 3\n]\n",
        3,
        3,
        "a comma is missing between two rules, before `RowCount`",
    ),
    ("Rules = [\n  IsUnique \"sku\",\n]\n", 2, 17, "a comma after the last entry of a list; take it away"),
    ("Rules = [\n  IsUnique \"sku\",,\n  RowCount > 3\n]\n", 2, 17, "two commas with nothing between"),
    ("Rules = [ RowCount => 3 ]\n", 1, 20, "`=>` is no operator of the language; write `>=`"),
    ("Rules = [ RowCount =< 3 ]\n", 1, 20, "write `<=`"),
    ("Rules = [ RowCount == 3 ]\n", 1, 20, "`==` is no operator of the language; write `=`"),
    ("Rules = [ RowCount <> 3 ]\n", 1, 20, "write `!=`"),
    ("Rules = [ RowCount = > 3 ]\n", 1, 20, "write `>=`"),
    ("Rules = [ RowCount \u{2265} 3 ]\n", 1, 20, "a greater-or-equal sign (U+2265)"),
    ("Rules = [\n  IsUnique \"sku,\n  RowCount > 3\n]\n", 2, 12, "is not closed; write `\"sku\"`"),
    ("Rules = [\n  IsUnique \"sku\n]\n", 2, 12, "is not closed; write `\"sku\"`"),
    ("Rules = [ IsUnique \"sku, IsUnique \"lot\" ]\n", 1, 20, "write `\"sku\"`"),
    ("Rules = [ IsUnique sku\", IsUnique \"lot\" ]\n", 1, 20, "is not opened"),
    ("rules = [ RowCount > 3 ]\n", 1, 1, "write `Rules`"),
    ("RULES = [ RowCount > 3 ]\n", 1, 1, "write `Rules`"),
    ("Rulse = [ RowCount > 3 ]\n", 1, 1, "`Rulse` is no section of a ruleset; write `Rules`"),
    ("Checks = [ RowCount > 3 ]\n", 1, 1, "write `Rules`"),
    ("Rules: [ RowCount > 3 ]\n", 1, 1, "`=`, not a colon"),
    ("Rules [ RowCount > 3 ]\n", 1, 1, "`=` is missing after `Rules`"),
    ("Rules = { RowCount > 3 }\n", 1, 1, "`Rules` is followed by `= [`"),
    ("Rules = RowCount > 3\n", 1, 1, "`Rules` is followed by `= [`"),
    ("RowCount > 3\n", 1, 1, "write `Rules = [ ... ]` around them"),
    ("{ \"Rules\": [ RowCount > 3 ] }\n", 1, 1, "a ruleset is no JSON"),
    (
        "Rules = [ ColumnValues \"n\" between 2, 9 ]\n",
        1,
        37,
        "joined by `and`, without brackets; write `between 2 and 9`",
    ),
    ("Rules = [ ColumnValues \"n\" between (2, 9) ]\n", 1, 36, "write `between 2 and 9`"),
    ("Rules = [ ColumnValues \"n\" between 2 to 9 ]\n", 1, 38, "write `between 2 and 9`"),
    ("Rules = [ ColumnValues \"n\" in (\"x\", \"y\") ]\n", 1, 31, "square brackets; write `[\"x\", \"y\"]`"),
    ("Rules = [ ColumnValues \"n\" in \"x\" ]\n", 1, 31, "write `[\"x\"]`"),
    ("Rules = [ ColumnValues \"n\" in [x, y] ]\n", 1, 32, "write `[\"x\", \"y\"]`"),
    ("Rules = [ ColumnValues \"n\" in [] ]\n", 1, 31, "the list is empty"),
    ("Rules = [ ColumnValues \"n\" in [\"x\" \"y\"] ]\n", 1, 35, "a comma is missing between two entries"),
    ("Rules = [ ColumnValues \"n\" in [\"x\", 7] ]\n", 1, 37, "the list has texts, and `7` is a number"),
    (
        "Rules = [ ColumnValues \"due\" >= \"sent\" ]\n",
        1,
        33,
        "if it is a column, write `ColumnValues \"due\" = NULL where \"due < sent\"`",
    ),
    ("Rules = [ Completeness \"n\" ]\n", 1, 11, "Completeness needs a condition"),
    (
        "Rules = [ IsComplete \"n\" and IsUnique \"m\" ]\n",
        1,
        26,
        "write `(IsComplete \"n\") and (IsUnique \"m\")`",
    ),
    ("Rules = [ (IsComplete \"n\") && (IsUnique \"m\") ]\n", 1, 28, "`&&` does not join rules; write `and`"),
    ("Rules = [ (IsComplete \"n\")) ]\n", 1, 27, "this bracket closes none"),
    ("Rules = [ ((IsComplete \"n\") or (IsUnique \"m\") ]\n", 1, 11, "is not closed; write `)` after `)`"),
    ("Rules = [ (IsComplete \"n\") (IsUnique \"m\") ]\n", 1, 28, "between two rules comes a comma"),
    ("Rules = [\n  // all of them\n  IsComplete \"n\"\n]\n", 2, 3, "not with `//`; write `#`"),
    ("Rules = [\n  IsComplete \"n\" -- all\n]\n", 2, 18, "not with `--`; write `#`"),
    ("Rules = [\n  IsComplete \"n\" /* all */\n]\n", 2, 18, "none of the form `/* ... */`"),
    ("Rules = [ Completeness \"n\" > 97% ]\n", 1, 30, "without `%`; write `0.97`"),
    ("Rules = [ Completeness \"n\" > 99.5 % ]\n", 1, 30, "write `0.995`"),
    ("Rules = [ DataFreshness \"n\" < 3 weeks ]\n", 1, 31, "write `21 days`"),
    ("Rules = [ DataFreshness \"n\" < 1 hour ]\n", 1, 31, "in the plural; write `1 hours`"),
    ("Rules = [ DataFreshness \"n\" < 2days ]\n", 1, 31, "with a space before; write `2 days`"),
    ("Rules = [ DataFreshness \"n\" < 1.5 days ]\n", 1, 31, "write `36 hours`"),
    ("Rules = [ DataFreshness \"n\" < 3 ]\n", 1, 31, "an age has a unit; write `3 days`"),
    ("Rules = [ DataFreshness \"n\" between 2 and 4 days ]\n", 1, 37, "write `2 days`"),
    ("Rules = [ FileSize > 5MB ]\n", 1, 22, "write `5 MB`"),
    ("Rules = [ FileSize > 1.5 GB ]\n", 1, 22, "write `1536 MB`"),
    ("Rules = [ Completeness \"n\" > .97 ]\n", 1, 30, "a digit before its point; write `0.97`"),
    ("Rules = [ Completeness \"n\" > 0,97 ]\n", 1, 30, "the decimal sign is a point; write `0.97`"),
    ("Rules = [ RowCount < 2e6 ]\n", 1, 22, "no exponent; write `2000000`"),
    ("Rules = [ RowCount < 25,000 ]\n", 1, 22, "no separators of thousands; write `25000`"),
    ("Rules = [ RowCount < 25_000 ]\n", 1, 22, "no underscores; write `25000`"),
    ("Rules = [ RowCount < 25k ]\n", 1, 22, "write `25000`"),
    ("Rules = [ RowCount > +3 ]\n", 1, 22, "no plus sign; write `3`"),
    ("Rules = [ Mean \"n\" > $3 ]\n", 1, 22, "no sign of a currency"),
    ("Rules = [ RowCount > \"25\" ]\n", 1, 22, "is written without quotes; write `25`"),
    ("Rules = [ 3 < RowCount ]\n", 1, 11, "write `RowCount > 3`"),
    ("Rules = [ RowCount > 3 < 9 ]\n", 1, 24, "write `(RowCount > 3) and (RowCount < 9)`"),
    ("Rules = [ RowCount \"n\" > 3 ]\n", 1, 20, "RowCount takes no column; take `\"n\"` away"),
    ("Rules = [ IsComplete \"n\" where m > 3 ]\n", 1, 32, "write `where \"m > 3\"`"),
    ("Rules = [ IsComplete \"n\" where \"\" ]\n", 1, 26, "`where` has no predicate"),
    ("Rules = [ IsComplete \"n\" WHERE \"m > 3\" ]\n", 1, 26, "small letters; write `where`"),
    ("Rules = [ IsComplete \"n\", where \"m > 3\" ]\n", 1, 25, "a comma ends a rule"),
    ("Rules = [ ColumnCount > 3 where \"m > 3\" ]\n", 1, 27, "ColumnCount does not take `where`"),
    (
        "Rules = [ IsComplete \"n\" labels=[\"a\"=\"b\"] where \"m > 3\" ]\n",
        1,
        43,
        "`where` comes after `labels`",
    ),
    (
        "Rules = [ IsComplete \"n\" labels=[\"a\":\"b\"] ]\n",
        1,
        37,
        "after `=`, not after `:`; write `labels=[\"a\"=\"b\"]`",
    ),
    ("Rules = [ IsComplete \"n\" labels=[a=\"b\"] ]\n", 1, 34, "are written in double quotes"),
    ("Rules = [ IsComplete \"n\" labels={\"a\":\"b\"} ]\n", 1, 33, "write `labels=[\"a\"=\"b\"]`"),
    ("Rules = [ IsComplete \"n\" label=[\"a\"=\"b\"] ]\n", 1, 26, "the word is `labels`"),
    ("Rules = [ IsComplete \"n\" labels=[] ]\n", 1, 26, "the list of labels is empty"),
    (
        "Rules = [ IsComplete \"n\" labels=[\"a\"=\"b\",\"a\"=\"c\"] ]\n",
        1,
        42,
        "the label \"a\" is given twice",
    ),
    ("Rules = [ IsComplete \"n\" severity=\"warn\" ]\n", 1, 26, "write `labels=[\"severity\"=\"warn\"]`"),
    ("Rules = [ IsUnique \"n\" with threshold > 0.8 ]\n", 1, 24, "write `Uniqueness \"n\" > 0.8`"),
    ("Rules = [ RowCount > 3 with threshold > 0.8 ]\n", 1, 24, "RowCount does not take a threshold"),
    ("Rules = [ ColumnValues \"n\" > 3 threshold > 0.8 ]\n", 1, 32, "write `with threshold`"),
    (
        "Rules = [ ColumnValues \"n\" > 3 with threshold 0.8 ]\n",
        1,
        47,
        "an operator is missing; write `>= 0.8`",
    ),
    ("Rules = [ ColumnValues \"n\" > 3 with threshhold > 0.8 ]\n", 1, 37, "the word is `threshold`"),
    ("Rules = [ ColumnValues \"n\" = \"x\" with ignoreCase ]\n", 1, 39, "write `with ignoreCase = \"true\"`"),
    ("", 1, 1, "the text has no rules"),
    ("# nothing\n", 1, 1, "the text has no rules"),
    ("Rules = [\n]\n", 1, 9, "there is no rule between the brackets"),
    ("\u{feff}Rules = [ RowCount > 3 ]\n", 1, 1, "begins with a byte order mark (U+FEFF)"),
    ("Rules = [\r\n  RowCount > 3\r\n]\r\n", 1, 10, "the line ends of Windows"),
    ("Rules = [ RowCount\u{a0}> 3 ]\n", 1, 19, "a no-break space (U+00A0)"),
    ("Rules = [ RowCount\u{200b} > 3 ]\n", 1, 19, "a zero-width space (U+200B)"),
    ("Rules = [ RowCount\u{3000}> 3 ]\n", 1, 19, "an ideographic space (U+3000)"),
    ("Rules = [\n  RowCount > 3 # three", 2, 16, "a comment must end with a line feed"),
    (
        "Rules = [ ColumnValues \"n\" > \"2025-14-01\" ]\n",
        1,
        30,
        "there is no month 14; write `\"2025-01-14\"`",
    ),
    (
        "Rules = [ ColumnValues \"n\" > \"2025-06-31\" ]\n",
        1,
        30,
        "that month ends on 30; write `\"2025-06-30\"`",
    ),
    ("Rules = [ ColumnValues \"n\" > \"2025/06/03\" ]\n", 1, 30, "write `\"2025-06-03\"`"),
    ("Rules = [ ColumnValues \"n\" > \"2025-06-03T10:00:00Z\" ]\n", 1, 30, "a date has no time of day"),
    ("Rules = [ ColumnValues \"n\" > 24.12.2025 ]\n", 1, 30, "write `\"2025-12-24\"`"),
    ("Rules = [ ColumnValues \"n\" > now ]\n", 1, 30, "write `now()`"),
    ("Rules = [ ColumnValues \"n\" > now() - 3 days ]\n", 1, 30, "write `(now() - 3 days)`"),
    ("Rules = [ ColumnValues \"n\" > (now() - 2 weeks) ]\n", 1, 39, "write `14 days`"),
    ("Rules = [ ColumnValues \"n\" > \"now()\" ]\n", 1, 30, "in quotes this is a text; write `now()`"),
    ("list = [\"x\"]\nRules = [ ColumnValues \"n\" in $lists ]\n", 2, 32, "did you mean `$list`?"),
    ("Rules = [ ColumnValues \"n\" in $lists ]\n", 1, 32, "is not declared"),
    ("list = [\"x\"]\nRules = [ ColumnValues \"n\" = $list ]\n", 2, 28, "write `in`"),
    ("n = 5\nRules = [ RowCount > 3 ]\n", 1, 5, "a variable holds a text"),
    ("Rules = [ DuplicateRowCount = 0 ]\n", 1, 11, "a rule type of Deequ"),
    ("Rules = [ NotNull \"n\" ]\n", 1, 11, "did you mean `IsComplete`?"),
    ("Rules = [ expect_column_to_be_unique \"n\" ]\n", 1, 11, "did you mean `IsUnique`?"),
    ("Rules = [ not IsComplete \"n\" ]\n", 1, 11, "a rule cannot be negated"),
    ("Rules = [ IsComplete \"n\" > 0.9 ]\n", 1, 26, "write `Completeness \"n\" > 0.9`"),
    ("Rules = [ IsComplete \"n\" = true ]\n", 1, 26, "IsComplete takes no condition"),
    ("Rules = [ IsComplete n of goods ]\n", 1, 22, "is written in quotes"),
    ("Rules = [ IsComplete unit-price ]\n", 1, 22, "write `\"unit-price\"`"),
    ("Rules = [ IsComplete pre\u{e7}o ]\n", 1, 22, "write `\"pre\u{e7}o\"`"),
    ("Rules = [ IsComplete days ]\n", 1, 22, "is a word of the language"),
    ("Rules = [ IsComplete(\"n\") ]\n", 1, 11, "without brackets; write `IsComplete \"n\"`"),
    ("Rules = [ IsComplete: \"n\" ]\n", 1, 21, "write `IsComplete \"n\"`"),
    ("Rules = [ IsComplete \"n\" \"m\" ]\n", 1, 26, "write `(IsComplete \"n\") and (IsComplete \"m\")`"),
    ("Rules = [ IsComplete \"n\", \"m\" ]\n", 1, 27, "write `IsComplete \"n\", IsComplete \"m\"`"),
    ("Rules = [ IsPrimaryKey \"n\", \"m\" ]\n", 1, 27, "write `IsPrimaryKey \"n\" \"m\"`"),
    ("Rules = [ IsComplete ]\n", 1, 11, "the name of its column or table is missing"),
    ("Rules = [ ColumnCorrelation \"n\" > 0.5 ]\n", 1, 11, "it takes 2 names, and 1 is given here"),
    ("Rules = [ ColumnCorrelation \"n\" \"m\" \"k\" > 0.5 ]\n", 1, 37, "takes 2 names, not 3"),
    ("Rules = [ ColumnDataType \"n\" \"Integer\" ]\n", 1, 30, "an operator is missing"),
    ("Rules = [ ColumnValues \"n\" is not null ]\n", 1, 28, "write `!= NULL`"),
    ("Rules = [ ColumnValues \"n\" = None ]\n", 1, 30, "write `NULL`"),
    ("Rules = [ ColumnValues \"n\" = GBP ]\n", 1, 30, "write `\"GBP\"`"),
    ("Rules = [ ColumnValues \"n\" = \"x\" or \"y\" ]\n", 1, 28, "write `in [\"x\", \"y\"]`"),
    ("Rules = [ ColumnValues \"n\" like \"A%\" ]\n", 1, 28, "write `matches \"A.*\"`"),
    (
        "Rules = [ ColumnValues \"n\" matches [A-Z]+ ]\n",
        1,
        36,
        "a regular expression is written in double quotes",
    ),
    ("Rules = [ CustomSql select count(*) from primary > 3 ]\n", 1, 21, "SQL is written in double quotes"),
    ("Rules = [ RowCount greater than 3 ]\n", 1, 20, "write `>`"),
    ("Rules = [ RowCount BETWEEN 1 AND 5 ]\n", 1, 20, "small letters; write `between`"),
    ("Rules = [ RowCount > avg(last(5) ]\n", 1, 25, "the bracket `(` of line 1 is not closed"),
    ("Analyzers = [ IsComplete \"n\" ]\n", 1, 15, "write `Completeness`"),
    ("Analyzers = [ RowCount > 3 ]\n", 1, 24, "an analyzer takes no condition"),
    ("Rules = [ RowCount > 3 ] Analyzers = [ Completness \"n\" ]\n", 1, 40, "unknown analyzer `Completness`"),
    ("Rules = [ AllStatistics \"n\" ]\n", 1, 11, "write `Analyzers = [` before it"),
    ("Rules = [ RowCount > 3 Analyzers = [ RowCount ]\n", 1, 9, "write `]` after `3`"),
    ("Rules = [ RowCount > 3; IsComplete \"n\" ]\n", 1, 23, "not by semicolons"),
    ("Rules = [ - IsComplete \"n\" ]\n", 1, 11, "without a mark before it"),
    ("Metadata = { \"version\": \"1.0\" }\nRules = [ RowCount > 3 ]\n", 1, 14, "did you mean \"Version\"?"),
    ("DataSources = { \"primary\": \"x\" }\nRules = [ RowCount > 3 ]\n", 1, 17, "did you mean \"Primary\"?"),
    ("DefaultLabel = [\"a\"=\"b\"]\nRules = [ RowCount > 3 ]\n", 1, 1, "write `DefaultLabels`"),
];

/// Texts that parse, and do not mean what they say.
const WARNINGS: &[Mistake] = &[
    ("Rules = [ ColumnDataType \"n\" = \"varchar\" ]\n", 1, 32, "\"varchar\" is not one of Boolean"),
    ("Rules = [ ColumnDataType \"n\" = \"bigint\" ]\n", 1, 32, "did you mean `Long`?"),
    ("Rules = [ ColumnValues \"n\" matches \"[a-z\" ]\n", 1, 36, "unclosed character class"),
    ("Rules = [ ColumnValues \"n\" matches \"*x\" ]\n", 1, 36, "did you mean `.*x`?"),
    ("Rules = [ ColumnValues \"n\" matches \"(?!a).*\" ]\n", 1, 36, "write `not matches \"a.*\"`"),
    ("Rules = [ CustomSql \"select coutn(*) from primary\" > 0 ]\n", 1, 29, "did you mean `count`?"),
    ("Rules = [ CustomSql \"select count(*) from sales\" > 0 ]\n", 1, 43, "write `from primary`"),
    ("Rules = [ CustomSql \"select count(* from primary\" > 0 ]\n", 1, 21, "Expected"),
    ("Rules = [ IsComplete \"n\" where \"m > \" ]\n", 1, 32, "where \"m >\""),
    ("Rules = [ ColumnValues \"n\" > 2025-06-03 ]\n", 1, 30, "write `\"2025-06-03\"`"),
    (
        "Rules = [ ColumnValues \"n\" between 2025-06-03 and 2025-07-31 ]\n",
        1,
        36,
        "`2025-06-03` is arithmetic",
    ),
    ("Rules = [ Completeness \"n\" > 97 ]\n", 1, 30, "write `0.97`"),
    ("Rules = [ ColumnValues \"n\" > 3 with threshold > 97 ]\n", 1, 49, "a threshold is a share"),
    ("Rules = [ RowCount between 9 and 2 ]\n", 1, 20, "no number lies between 9 and 2"),
    ("Rules = [ RowCount > mean(last(5)) ]\n", 1, 22, "did you mean `avg`?"),
    ("Rules = [ RowCount > last(5, 3) ]\n", 1, 22, "`last` takes 0 or 1 argument(s), not 2"),
    ("Rules = [ ColumnValues \"n\" > today() ]\n", 1, 30, "did you mean `now()`?"),
    (
        "Rules = [ IsComplete \"n\" or IsUnique \"m\" and IsComplete \"k\" ]\n",
        1,
        46,
        "rules joined by `and` are each written in brackets",
    ),
    ("Rules = [\n  IsUnique \"n\"\n  RowCount\n]\n", 3, 3, "a comma is missing before `RowCount`"),
    ("n = \"x\"\nRules = [ RowCount > 3 ]\n", 1, 1, "the variable `n` is not used"),
    ("Analyzers = [ RowCount ]\nRules = [ RowCount > 3 ]\n", 2, 1, "`Rules` behind `Analyzers` is not read"),
    ("Rules = [ RowCount > 3 ]\nAnalyser = [ RowCount ]\n", 2, 1, "did you mean `Analyzers`?"),
    ("Rules = [ RowCount > 3 ]\nRules = [ RowCount > 4 ]\n", 2, 1, "a second `Rules` is not read"),
    ("Rules = [ RowCount > 3 ]\n# the end", 2, 1, "no line feed at its end"),
    (
        "Rules = [ ColumnValues \"n\" = \"x\" with ignorecase = \"true\" ]\n",
        1,
        39,
        "is not supported for ColumnValues",
    ),
];

#[test]
fn a_mistake_is_named_where_it_stands_with_what_to_write() {
    let mut wrong = Vec::new();
    for (text, line, column, said) in ERRORS {
        let error = parse(text).map(|_| ()).expect_err(text);
        let shown = error.to_string();
        if (error.line, error.column) != (*line, *column) || !shown.contains(said) {
            wrong.push(format!("{text:?}\n    {shown}\n    wanted {line}:{column} {said}"));
        }
        assert_eq!(shown.matches(&format!("line {line}, column")).count(), 1, "{shown}");
        let Some(corrected) = error.applied(text) else {
            wrong.push(format!("{text:?}: no suggestion in: {shown}"));
            continue;
        };
        if let Err(next) = parse(&corrected) {
            // The same mistake again, such as the other end of `between`.
            let again = next.applied(&corrected).is_some_and(|text| parse(&text).is_ok());
            if !again {
                wrong.push(format!("{text:?}\n    {shown}\n    becomes {corrected:?}\n    {next}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_parses_and_is_not_meant_is_a_warning() {
    let mut wrong = Vec::new();
    for (text, line, column, said) in WARNINGS {
        assert!(parse(text).is_ok(), "{text:?}");
        let lints = lint(text, Target::GlueEtl);
        let found = lints.iter().any(|lint| {
            (lint.line, lint.column) == (*line, *column)
                && lint.message.contains(said)
                && !lint.note
                && !lint.error
        });
        if !found {
            wrong.push(format!("{text:?}\n    {lints:?}\n    wanted {line}:{column} {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn several_mistakes_are_listed_where_they_stand() {
    let text = "\u{feff}rules: [\n  IsComplete \u{201c}a\u{201d},\n  IsUnique 'b'\n  RowCount => 5,\n  Completeness \"c\" > 95%,\n  DataFreshness \"d\" < 2 weeks,\n]\n";
    let found: Vec<(usize, usize)> = lint(text, Target::GlueEtl)
        .iter()
        .filter(|lint| lint.error)
        .map(|lint| (lint.line, lint.column))
        .collect();
    assert_eq!(found, [(1, 1), (1, 2), (2, 14), (3, 12), (4, 3), (4, 12), (5, 22), (6, 23), (6, 30)]);
    let lints = lint(text, Target::GlueEtl);
    assert!(lints.iter().all(|lint| !lint.message.contains("line 1, column")), "{lints:?}");
}

#[test]
fn a_message_is_found_in_any_text() {
    // No text, however broken, makes the search for its mistake fail.
    for (text, ..) in ERRORS.iter().chain(WARNINGS) {
        for (at, _) in text.char_indices() {
            let _ = lint(&text[..at], Target::GlueEtl);
            let _ = lint(&text[at..], Target::GlueEtl);
        }
    }
}

/// A suggestion says the same rule: the text, and what it becomes; nothing where no one rule is meant.
#[test]
fn a_suggestion_is_the_rule_that_was_meant() {
    let mut wrong = Vec::new();
    for (rule, said, becomes) in [
        ("RowCount not = 3", "write `!=`", "RowCount != 3"),
        ("RowCount not >= 3", "write `<`", "RowCount < 3"),
        ("RowCount > avg(last 5)", "write `last(5)`", "RowCount > avg(last(5))"),
        ("RowCount > -avg(last(2))", "write `0 - avg(last(2))`", "RowCount > 0 - avg(last(2))"),
        ("RowCount between -avg(last(2)) and 9", "0 - avg", "RowCount between 0 - avg(last(2)) and 9"),
        ("RowCount 3", "write `RowCount = 3`", "RowCount = 3"),
        ("Completeness \"n\" 0.9", "an operator is missing", "Completeness \"n\" = 0.9"),
        ("RowCount >", "expected", ""),
        ("RowCount between 1 and", "expected", ""),
        ("ColumnValues \"n\" in", "expected", ""),
        ("ColumnValues \"n\" matches /A.*/", "without slashes", "ColumnValues \"n\" matches \"A.*\""),
        (
            "ColumnValues \"d\" > \"01/02/2024\"",
            "write `\"2024-02-01\"` or `\"2024-01-02\"`",
            "ColumnValues \"d\" > \"2024-02-01\"",
        ),
        (
            "ColumnValues \"d\" > \"03/04/24\"",
            "write `\"2024-04-03\"` or `\"2024-03-04\"`",
            "ColumnValues \"d\" > \"2024-04-03\"",
        ),
        ("ColumnValues \"d\" > \"13/04/24\"", "YYYY-MM-DD", "ColumnValues \"d\" > \"2024-04-13\""),
        ("ColumnValues \"d\" > \"13/04/2024\"", "YYYY-MM-DD", "ColumnValues \"d\" > \"2024-04-13\""),
        ("ColumnValues \"d\" > \"20240105\"", "YYYY-MM-DD", "ColumnValues \"d\" > \"2024-01-05\""),
        ("ColumnValues \"d\" > \"20249905\"", "without quotes", "ColumnValues \"d\" > 20249905"),
        ("ColumnValues \"d\" > \"Jan 5, 2024\"", "YYYY-MM-DD", "ColumnValues \"d\" > \"2024-01-05\""),
        ("ColumnValues \"d\" > \"5 January 2024\"", "YYYY-MM-DD", "ColumnValues \"d\" > \"2024-01-05\""),
        ("DataFreshness \"d\" < 24", "write `24 days` or `24 hours`", "DataFreshness \"d\" < 24 days"),
        ("IsComplete \"a\"\"", "take the quote away", "IsComplete \"a\""),
    ] {
        let text = format!("Rules = [ {rule} ]\n");
        let Err(error) = parse(&text) else {
            wrong.push(format!("{rule}: it parses"));
            continue;
        };
        let corrected = error.applied(&text).unwrap_or_default();
        let wanted = if becomes.is_empty() { String::new() } else { format!("Rules = [ {becomes} ]\n") };
        if !error.to_string().contains(said) || corrected != wanted {
            wrong.push(format!("{rule}: {error}\n    {corrected:?}, not {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whatever word or sign is left out of a rule, no suggestion takes away `not`, a number or a text that is still there.
#[test]
fn no_suggestion_loses_what_was_written() {
    let mut wrong = Vec::new();
    for rule in [
        r#"ColumnValues "a" not in [ "x" , "y" ] where "b > 1""#,
        r#"ColumnValues "a" not between 12 and 34 with threshold > 0.5"#,
        r#"ColumnValues "a" not matches "x.*" labels = [ "severity" = "warn" ]"#,
        r#"RowCount > 2 * avg ( last ( 7 ) ) + 31"#,
        r#"( IsComplete "a" ) and ( Completeness "b" >= 0.25 )"#,
        r#"DataFreshness "a" between 3 days and 14 days"#,
        r#"CustomSql "select count(*) from primary" != 17"#,
    ] {
        let words: Vec<&str> = split(rule);
        for left_out in 0..words.len() {
            let kept: Vec<&str> =
                words.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, word)| *word).collect();
            let text = format!("Rules = [ {} ]\n", kept.join(" "));
            let Err(error) = parse(&text) else { continue };
            let Some(corrected) = error.applied(&text) else { continue };
            for word in kept.iter().filter(|word| {
                **word == "not"
                    || **word == "last"
                    || word.starts_with(|c: char| c.is_ascii_digit() || c == '"')
            }) {
                if !corrected.contains(word.trim_matches('"')) {
                    wrong.push(format!("{text:?} loses {word}: {error}\n    {corrected:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words at blanks, texts whole.
fn split(rule: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = rule;
    while !rest.is_empty() {
        let end = match rest.strip_prefix('"') {
            Some(inner) => inner.find('"').map_or(rest.len(), |end| end + 2),
            None => rest.find(' ').unwrap_or(rest.len()),
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}
