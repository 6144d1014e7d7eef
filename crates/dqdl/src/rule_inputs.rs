//! What a rule reads besides the rows at hand: which columns, the metrics of earlier runs, other tables, files.

use std::collections::BTreeSet;

use crate::ast::{Analyzer, Check, Condition, NumberOperand, Parameter, Rule, RuleBody, Ruleset};
use crate::check::unescape;
use crate::rule_types::{Parameters, RuleType};
use crate::sql;

/// The columns that rules read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnsRead {
    /// Lower case. A column inside another is there with the outer ones.
    names: BTreeSet<String>,
    all: bool,
}

impl ColumnsRead {
    /// Whether a rule names this column, whatever the case. Names of tables and functions in SQL count as well, so that more
    /// may be named than are read.
    pub fn names(&self, column: &str) -> bool {
        self.names.contains(&column.to_lowercase())
    }

    /// Whether a rule is about all columns (`ColumnCount`, `DatasetMatch`, `select *`), or has SQL that cannot be read.
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// Adds a name as written in a rule: with `\"` for a quote, and dots where it may lead into another column.
    fn add(&mut self, name: &str) {
        for name in [name, &unescape(name)] {
            let name = name.to_lowercase();
            self.names.extend(name.match_indices('.').map(|(dot, _)| name[..dot].to_owned()));
            self.names.insert(name);
        }
    }

    /// Adds what SQL names.
    fn add_sql(&mut self, text: &str) {
        match sql::names(&text.replace("\\\"", "\"")) {
            Ok(names) => {
                self.all |= names.all_columns;
                self.names.extend(names.words.iter().map(|word| word.to_lowercase()));
            }
            Err(_) => self.all = true,
        }
    }

    fn add_parameters(&mut self, rule_type: RuleType, parameters: &[Parameter]) {
        let values = || parameters.iter().map(|parameter| parameter.value.as_str());
        match rule_type.parameters() {
            Parameters::None | Parameters::ReferenceTable | Parameters::Paths => {}
            Parameters::Columns => {
                self.all |= rule_type == RuleType::AllStatistics
                    && values().any(|name| name.eq_ignore_ascii_case("AllColumns"));
                values().for_each(|name| self.add(name));
            }
            Parameters::Schema => {
                self.all = true;
                values().for_each(|name| self.add(name));
            }
            Parameters::Query | Parameters::Aggregates => values().for_each(|text| self.add_sql(text)),
            Parameters::Metric => {
                let Some((metric, rest)) = parameters.split_first() else { return };
                match RuleType::from_any_case(&metric.value) {
                    Some(RuleType::DetectAnomalies) | None => self.all = true,
                    Some(metric) => self.add_parameters(metric, rest),
                }
            }
            Parameters::ReferenceKey => values().take(1).for_each(|names| self.add_list(names)),
            Parameters::ReferenceRows => {
                self.all = true;
                values().skip(1).for_each(|names| self.add_list(names));
            }
        }
    }

    /// `a, b -> c`: names on this side and on the other.
    fn add_list(&mut self, names: &str) {
        names.split(',').flat_map(|name| name.split("->")).for_each(|name| self.add(name.trim()));
    }

    fn add_check(&mut self, check: &Check) {
        self.add_parameters(check.rule_type, &check.parameters);
        check.filter.iter().for_each(|filter| self.add_sql(filter));
    }

    fn add_rule(&mut self, rule: &Rule) {
        match &rule.body {
            RuleBody::Check(check) => self.add_check(check),
            RuleBody::Composite(_, members) => members.iter().for_each(|member| self.add_rule(member)),
        }
    }

    fn add_analyzer(&mut self, analyzer: &Analyzer) {
        self.add_parameters(analyzer.rule_type, &analyzer.parameters);
        analyzer.filter.iter().for_each(|filter| self.add_sql(filter));
    }
}

impl Check {
    /// Whether it compares with what earlier runs measured: `last(k)`, `DetectAnomalies`.
    pub fn needs_history(&self) -> bool {
        self.rule_type.parameters() == Parameters::Metric
            || [&self.condition, &self.threshold].into_iter().flatten().any(Condition::is_dynamic)
    }
}

impl Condition {
    /// Whether an operand depends on earlier runs.
    pub(crate) fn is_dynamic(&self) -> bool {
        let Self::Number(test) = self else { return false };
        test.operands().into_iter().any(
            |operand| matches!(operand, NumberOperand::Expression(expression) if expression.is_dynamic()),
        )
    }
}

impl Rule {
    /// The columns that it reads.
    pub fn columns(&self) -> ColumnsRead {
        let mut read = ColumnsRead::default();
        read.add_rule(self);
        read
    }

    /// Whether it, or a member of it, compares with what earlier runs measured: `last(k)`, `DetectAnomalies`.
    pub fn needs_history(&self) -> bool {
        self.any_check(&Check::needs_history)
    }

    /// Whether it, or a member of it, is of a type that compares with a reference table. CustomSql may name one as well; that is
    /// known when its SQL is bound.
    pub fn needs_reference_data(&self) -> bool {
        self.any_check(&|check| check.rule_type.needs_reference_data())
    }

    fn any_check(&self, holds: &dyn Fn(&Check) -> bool) -> bool {
        match &self.body {
            RuleBody::Check(check) => holds(check),
            RuleBody::Composite(_, members) => members.iter().any(|member| member.any_check(holds)),
        }
    }
}

impl Analyzer {
    /// The columns that it reads.
    pub fn columns(&self) -> ColumnsRead {
        let mut read = ColumnsRead::default();
        read.add_analyzer(self);
        read
    }
}

impl Ruleset {
    /// The columns that its rules and analyzers read.
    pub fn columns(&self) -> ColumnsRead {
        let mut read = ColumnsRead::default();
        self.rules.iter().for_each(|rule| read.add_rule(rule));
        self.analyzers.iter().for_each(|analyzer| read.add_analyzer(analyzer));
        read
    }
}

#[cfg(test)]
mod tests {
    use super::ColumnsRead;
    use crate::parse;

    fn columns(rule: &str) -> ColumnsRead {
        parse(&format!("Rules = [ {rule} ]")).expect(rule).rules[0].columns()
    }

    #[track_caller]
    fn assert_reads(rule: &str, named: &[&str], not_named: &[&str], all: bool) {
        let read = columns(rule);
        for name in named {
            assert!(read.names(name), "{rule} reads {name}: {read:?}");
        }
        for name in not_named {
            assert!(!read.names(name), "{rule} reads {name}: {read:?}");
        }
        assert_eq!(read.is_all(), all, "{rule}");
    }

    #[test]
    fn columns_are_those_of_parameters_and_sql() {
        assert_reads("RowCount > 0 where \"a > 1 and B = 'c'\"", &["a", "b"], &["c"], false);
        assert_reads("IsPrimaryKey \"a\" \"b\"", &["a", "b"], &["c"], false);
        assert_reads("ColumnValues \"a\" in [\"b\", \"c\"]", &["a"], &["b", "c"], false);
        assert_reads("ColumnValues \"a.b.c\" > 1", &["a", "a.b", "a.b.c"], &["b"], false);
        assert_reads(r#"IsComplete "say \"hi\"""#, &["say \"hi\""], &["hi"], false);
        assert_reads(
            "CustomSql \"select sum(a) * 2 from primary where b > 1\" > 0",
            &["a", "b"],
            &["c"],
            false,
        );
        assert_reads("CustomSql \"select count(*) from primary\" > 0", &[], &["a"], false);
        assert_reads("CustomSql \"select * from primary where a > 1\"", &["a"], &["b"], true);
        assert_reads("CustomSql \"select p.* from primary p\"", &[], &["a"], true);
        assert_reads("DetectAnomalies \"Mean\" \"a\"", &["a"], &["mean"], false);
        assert_reads("ReferentialIntegrity \"a,b\" \"ref.{c,d}\" = 1.0", &["a", "b"], &["c", "d"], false);
        assert_reads("RowCountMatch \"ref\" = 1.0", &[], &["ref"], false);
        assert_reads("DatasetMatch \"ref\" \"a->b\" = 1.0", &["a", "b"], &["ref"], true);
        assert_reads("AggregateMatch \"sum(a)\" \"sum(ref.b)\" = 1.0", &["a", "b"], &["c"], false);
        assert_reads("ColumnCount = 3", &[], &["a"], true);
        assert_reads(
            "(Mean \"a\" > 1) or ((Sum \"b\" > 1) and (IsComplete \"c\"))",
            &["a", "b", "c"],
            &["d"],
            false,
        );
    }

    #[test]
    fn history_is_needed_by_operands_and_not_by_texts() {
        let needs = |rule: &str| parse(&format!("Rules = [ {rule} ]")).expect(rule).rules[0].needs_history();
        assert!(needs("RowCount > 0.8 * avg(last(5))"));
        assert!(needs("ColumnValues \"a\" > 1 with threshold > last(1)"));
        assert!(needs("(RowCount > 1) and (DetectAnomalies \"RowCount\")"));
        assert!(!needs("RowCount > 1 where \"last('x') > 1\""));
        assert!(!needs("ColumnValues \"a\" = \"DetectAnomalies last(\""));
    }

    #[test]
    fn reference_data_is_needed_by_type() {
        let needs =
            |rule: &str| parse(&format!("Rules = [ {rule} ]")).expect(rule).rules[0].needs_reference_data();
        assert!(needs("SchemaMatch \"ref\" = 1.0"));
        assert!(needs("(RowCount > 1) or (RowCountMatch \"ref\" = 1.0)"));
        assert!(!needs("FileFreshness > (now() - 1 days)"));
    }
}
