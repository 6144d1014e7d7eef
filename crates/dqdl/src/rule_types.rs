//! The rule types of the language, as data: what each takes, what it may carry, what it is about.
//!
//! The published language grows rule by rule. A new one is a row here, a file in `checks/` with its line in `checks.rs` (which
//! does not compile without one), and a scenario in `tests/scenarios`; where its metric may be compared with earlier runs,
//! `metric_names.rs` has its name. Its published forms in `tests/documented.rs` and its row of the parity table in `tests/parity`
//! are asked for by tests that fail without them. The parser, the linter and the plan read what they must know from the row;
//! `mistakes` and `suggest` know rule types by name where they have a proposal of their own.

use std::fmt;

/// What a rule type returns, which decides the conditions it can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// True or false: the rule has no condition.
    Boolean,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A date or time.
    Date,
    /// An age.
    Duration,
    /// A file size.
    Size,
}

/// What the parameters of a rule type are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameters {
    /// There are none.
    None,
    /// Names of columns.
    Columns,
    /// A name or a pattern of names, if anything: the rule is about which columns there are.
    Schema,
    /// A query.
    Query,
    /// Another rule type and its parameters.
    Metric,
    /// Columns, and those of a reference table that have their values.
    ReferenceKey,
    /// A reference table of which the rows count.
    ReferenceTable,
    /// A reference table that is compared column by column.
    ReferenceRows,
    /// Two aggregates, of this data set or of a reference table.
    Aggregates,
    /// Paths of files.
    Paths,
}

/// What a rule of a type may carry, and what its metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trait {
    /// It takes `where`.
    Where,
    /// It takes `with threshold`.
    Threshold,
    /// Its metric is a share from 0 to 1, of rows or of columns.
    Share,
}

/// One row of the table.
#[derive(Debug)]
struct Entry {
    rule_type: RuleType,
    name: &'static str,
    min: usize,
    max: usize,
    parameters: Parameters,
    returns: &'static [Returns],
    traits: &'static [Trait],
    usable: Usable,
    tags: &'static [&'static str],
}

/// Where a rule type may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usable {
    Both,
    RuleOnly,
    AnalyzerOnly,
}

macro_rules! rule_types {
    ($( $name:ident $min:literal..$max:tt $parameters:ident, [$($returns:ident)*], [$($trait:ident)*], $usable:ident, [$($tag:ident)*]; )*) => {
        /// A rule type of the published language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are the language's own keywords")]
        pub enum RuleType { $($name,)* }

        static TABLE: &[Entry] = &[$(Entry {
            rule_type: RuleType::$name,
            name: stringify!($name),
            min: $min,
            max: $max,
            parameters: Parameters::$parameters,
            returns: &[$(Returns::$returns,)*],
            traits: &[$(Trait::$trait,)*],
            usable: Usable::$usable,
            tags: &[$(stringify!($tag),)*],
        },)*];
    };
}

/// Any number of parameters.
const MANY: usize = usize::MAX;

rule_types! {
    // name                 parameters              returns             metric and clauses    usable as     `with ... = ...`
    RowCount                0..0 None,           [Number],           [Where],             Both,         [];
    ColumnCount             0..0 Schema,         [Number],           [],                  Both,         [];
    ColumnExists            1..1 Schema,         [Boolean],          [],                  RuleOnly,     [];
    ColumnNamesMatchPattern 1..1 Schema,         [Boolean],          [],                  RuleOnly,     [];
    Completeness            1..1 Columns,        [Number],           [Share Where],       Both,         [];
    IsComplete              1..1 Columns,        [Boolean],          [Where],             RuleOnly,     [];
    Uniqueness              1..MANY Columns,     [Number],           [Share Where],       Both,         [];
    IsUnique                1..MANY Columns,     [Boolean],          [Where],             RuleOnly,     [];
    IsPrimaryKey            1..MANY Columns,     [Boolean],          [Where],             RuleOnly,     [];
    UniqueValueRatio        1..1 Columns,        [Number],           [Share Where],       Both,         [];
    DistinctValuesCount     1..1 Columns,        [Number],           [Where],             Both,         [];
    ColumnValues            1..1 Columns,        [Text Number Date], [Where Threshold],   Both,         [ignoreCase timeZone];
    ColumnLength            1..1 Columns,        [Number],           [Where],             Both,         [];
    ColumnDataType          1..1 Columns,        [Text],             [Where Threshold],   Both,         [format];
    DataFreshness           1..1 Columns,        [Duration],         [Where],             Both,         [];
    Mean                    1..1 Columns,        [Number],           [Where],             Both,         [];
    Sum                     1..1 Columns,        [Number],           [Where],             Both,         [];
    StandardDeviation       1..1 Columns,        [Number],           [Where],             Both,         [];
    Variance                1..1 Columns,        [Number],           [Where],             Both,         [];
    Entropy                 1..1 Columns,        [Number],           [Where],             Both,         [];
    ColumnCorrelation       2..2 Columns,        [Number],           [Where],             Both,         [];
    CustomSql               1..1 Query,          [Number Boolean],   [Threshold],         Both,         [];
    DetectAnomalies         1..MANY Metric,      [Boolean],          [],                  RuleOnly,     [];
    AllStatistics           1..1 Columns,        [Number],           [],                  AnalyzerOnly, [];
    ReferentialIntegrity    2..2 ReferenceKey,   [Number],           [Share],             Both,         [];
    DatasetMatch            2..3 ReferenceRows,  [Number],           [Share],             Both,         [];
    SchemaMatch             1..1 ReferenceRows,  [Number],           [Share],             Both,         [];
    RowCountMatch           1..1 ReferenceTable, [Number],           [],                  Both,         [];
    AggregateMatch          2..2 Aggregates,     [Number],           [],                  Both,         [];
    FileMatch               0..2 Paths,          [Text Boolean],     [],                  RuleOnly,     [recentFiles uriRegex hashAlgorithm];
    FileUniqueness          0..1 Paths,          [Number],           [],                  RuleOnly,     [recentFiles uriRegex hashAlgorithm matchFileName];
    FileFreshness           0..1 Paths,          [Date Duration],    [Threshold],         RuleOnly,     [recentFiles uriRegex timeZone];
    FileSize                0..1 Paths,          [Size],             [Threshold],         RuleOnly,     [recentFiles uriRegex];
}

/// Rule types that only Deequ's executor knows, and what says the same.
const ELSEWHERE: [(&str, &str); 6] = [
    ("DuplicateRowCount", "Uniqueness of the columns, or IsPrimaryKey"),
    ("ZerosCount", "RowCount with `where \"column = 0\"`"),
    ("Range", "ColumnValues between two numbers"),
    ("InterquartileRange", "CustomSql, or ColumnValues between two numbers"),
    ("Skewness", "CustomSql"),
    ("Kurtosis", "CustomSql"),
];

impl RuleType {
    /// The rule type of that exact name (names are case sensitive).
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|entry| entry.name == name).map(|entry| entry.rule_type)
    }

    /// The rule type of that name, whatever its case: as an argument it may be written like its metric, `CustomSQL`.
    pub(crate) fn from_any_case(name: &str) -> Option<Self> {
        TABLE.iter().find(|entry| entry.name.eq_ignore_ascii_case(name)).map(|entry| entry.rule_type)
    }

    /// What says the same as a rule type of Deequ that the published language lacks.
    pub(crate) fn instead_of(name: &str) -> Option<&'static str> {
        ELSEWHERE.iter().find(|(known, _)| *known == name).map(|(_, instead)| *instead)
    }

    /// All rule types, in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|entry| entry.rule_type)
    }

    fn entry(self) -> &'static Entry {
        // The table is generated in declaration order, so the discriminant is the index.
        &TABLE[self as usize]
    }

    /// Its name in the language.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// How many parameters it takes, at least and at most.
    pub fn arity(self) -> (usize, usize) {
        (self.entry().min, self.entry().max)
    }

    /// What it can return.
    pub fn returns(self) -> &'static [Returns] {
        self.entry().returns
    }

    /// Whether `with threshold` is allowed.
    pub fn allows_threshold(self) -> bool {
        self.entry().traits.contains(&Trait::Threshold)
    }

    /// Whether `where` is allowed.
    pub fn allows_filter(self) -> bool {
        self.entry().traits.contains(&Trait::Where)
    }

    /// Whether its metric is a share, from 0 to 1: rows may fail such a rule while it holds.
    pub(crate) fn is_share(self) -> bool {
        self.entry().traits.contains(&Trait::Share)
    }

    /// The names that `with name = value` may have.
    pub(crate) fn tags(self) -> &'static [&'static str] {
        self.entry().tags
    }

    /// What its parameters are.
    pub(crate) fn parameters(self) -> Parameters {
        self.entry().parameters
    }

    /// Whether it compares with a reference table, whatever its parameters say.
    pub fn needs_reference_data(self) -> bool {
        matches!(
            self.parameters(),
            Parameters::ReferenceKey
                | Parameters::ReferenceTable
                | Parameters::ReferenceRows
                | Parameters::Aggregates
        )
    }

    /// Whether it is about the files that the data is in.
    pub fn is_about_files(self) -> bool {
        self.parameters() == Parameters::Paths
    }

    /// Whether it can be used as a rule.
    pub fn is_rule(self) -> bool {
        self.entry().usable != Usable::AnalyzerOnly
    }

    /// Whether it can be used as an analyzer.
    pub fn is_analyzer(self) -> bool {
        self.entry().usable != Usable::RuleOnly
    }

    /// The name nearest to a misspelt one, when it is near enough to be meant.
    pub fn nearest(name: &str) -> Option<Self> {
        if name.len() > 40 {
            return None;
        }
        let wanted = name.to_ascii_lowercase();
        TABLE
            .iter()
            .map(|entry| (distance(&wanted, &entry.name.to_ascii_lowercase()), entry))
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, entry)| *distance <= entry.name.len().min(wanted.len()) / 3)
            .map(|(_, entry)| entry.rule_type)
    }
}

impl fmt::Display for RuleType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Levenshtein distance of two short ASCII names.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = i;
        let mut previous = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(right.bytes()) {
            let value = (diagonal + usize::from(a != b)).min(*cell + 1).min(previous + 1);
            diagonal = *cell;
            *cell = value;
            previous = value;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_type_finds_its_own_row() {
        for rule_type in RuleType::all() {
            assert_eq!(RuleType::from_name(rule_type.name()), Some(rule_type));
        }
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        assert_eq!(RuleType::nearest("isComplete"), Some(RuleType::IsComplete));
        assert_eq!(RuleType::nearest("Completness"), Some(RuleType::Completeness));
        assert_eq!(RuleType::nearest("Distribution"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
