//! The rule types of the language, as data: what each takes and may carry.
//!
//! The published language grows rule by rule, so nothing else in the parser knows a rule type by name.

use std::fmt;

/// What a rule type returns, which decides the conditions it can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// True or false: the rule stands without a condition.
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

/// One row of the table.
#[derive(Debug)]
struct Entry {
    rule_type: RuleType,
    name: &'static str,
    min: usize,
    max: usize,
    returns: &'static [Returns],
    threshold: bool,
    filter: bool,
    usable: Usable,
}

/// Where a rule type may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usable {
    Both,
    RuleOnly,
    AnalyzerOnly,
}

macro_rules! rule_types {
    ($( $name:ident $min:literal..$max:expr, [$($returns:ident)*], $threshold:literal, $filter:literal, $usable:ident; )*) => {
        /// A rule type of the published language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are the language's own keywords")]
        pub enum RuleType { $($name,)* }

        static TABLE: &[Entry] = &[$(Entry {
            rule_type: RuleType::$name,
            name: stringify!($name),
            min: $min,
            max: $max,
            returns: &[$(Returns::$returns,)*],
            threshold: $threshold,
            filter: $filter,
            usable: Usable::$usable,
        },)*];
    };
}

/// Any number of parameters.
const MANY: usize = usize::MAX;

rule_types! {
    // name                 parameters  returns             threshold where  usable as
    RowCount                0..0,    [Number],             false, true,  Both;
    ColumnCount             0..0,    [Number],             false, false, Both;
    ColumnExists            1..1,    [Boolean],            false, false, RuleOnly;
    ColumnNamesMatchPattern 1..1,    [Boolean],            false, false, RuleOnly;
    Completeness            1..1,    [Number],             false, true,  Both;
    IsComplete              1..1,    [Boolean],            false, true,  RuleOnly;
    Uniqueness              1..MANY, [Number],             false, true,  Both;
    IsUnique                1..MANY, [Boolean],            false, true,  RuleOnly;
    IsPrimaryKey            1..MANY, [Boolean],            false, true,  RuleOnly;
    UniqueValueRatio        1..1,    [Number],             false, true,  Both;
    DistinctValuesCount     1..1,    [Number],             false, true,  Both;
    ColumnValues            1..1,    [Text Number Date],   true,  true,  Both;
    ColumnLength            1..1,    [Number],             false, true,  Both;
    ColumnDataType          1..1,    [Text],               true,  true,  Both;
    DataFreshness           1..1,    [Duration],           false, true,  Both;
    Mean                    1..1,    [Number],             false, true,  Both;
    Sum                     1..1,    [Number],             false, true,  Both;
    StandardDeviation       1..1,    [Number],             false, true,  Both;
    Variance                1..1,    [Number],             false, true,  Both;
    Entropy                 1..1,    [Number],             false, true,  Both;
    ColumnCorrelation       2..2,    [Number],             false, true,  Both;
    CustomSql               1..1,    [Number Boolean],     true,  false, Both;
    DetectAnomalies         1..MANY, [Boolean],            false, false, RuleOnly;
    AllStatistics           1..1,    [Number],             false, false, AnalyzerOnly;
    ReferentialIntegrity    2..2,    [Number],             false, false, Both;
    DatasetMatch            2..3,    [Number],             false, false, Both;
    SchemaMatch             1..1,    [Number],             false, false, Both;
    RowCountMatch           1..1,    [Number],             false, false, Both;
    AggregateMatch          2..2,    [Number],             false, false, Both;
    FileMatch               0..2,    [Text Boolean],       false, false, RuleOnly;
    FileUniqueness          0..1,    [Number],             false, false, RuleOnly;
    FileFreshness           0..1,    [Date Duration],      true,  false, RuleOnly;
    FileSize                0..1,    [Size],               true,  false, RuleOnly;
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
        self.entry().threshold
    }

    /// Whether `where` is allowed.
    pub fn allows_filter(self) -> bool {
        self.entry().filter
    }

    /// Whether it can stand among the rules.
    pub fn is_rule(self) -> bool {
        self.entry().usable != Usable::AnalyzerOnly
    }

    /// Whether it can stand among the analyzers.
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
        assert_eq!(RuleType::all().count(), 33);
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        assert_eq!(RuleType::nearest("isComplete"), Some(RuleType::IsComplete));
        assert_eq!(RuleType::nearest("Completness"), Some(RuleType::Completeness));
        assert_eq!(RuleType::nearest("Distribution"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
