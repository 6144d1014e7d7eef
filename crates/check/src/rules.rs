//! A ruleset in two parts: rules that a window of rows is enough for, and rules that need more.
//!
//! A rule is deferred to the end of the object when it reads a derived column (computed from other rows, see
//! [`DerivedColumns`]) or compares with earlier checks. `dqdl` says what a rule reads; a rule that is deferred without need is
//! judged the same, only later.

use chrono::{DateTime, Utc};
use dqdl::{Analyzer, ColumnsRead, CompositeEvaluation, Plan, Rule, Ruleset};
use quotelake_contract::{Contract, Dataset};
use quotelake_core::{Error, Result};
use quotelake_market::DerivedColumns;
use quotelake_table::ArrowSchema as _;

/// Some rules of a ruleset.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) ruleset: Ruleset,
    /// The place of each rule in the whole ruleset.
    pub(crate) ordinals: Vec<usize>,
}

/// A dataset's ruleset in its parts.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Judged window by window.
    pub(crate) plan: Plan,
    /// The place of each rule of `plan` in the whole ruleset.
    pub(crate) ordinals: Vec<usize>,
    /// Judged at the end.
    pub(crate) deferred: Option<Part>,
    /// Whether the deferred part reads derived columns.
    pub(crate) market: bool,
    /// Whether what is measured is kept for later checks to compare with.
    pub(crate) keeps_history: bool,
}

impl Rules {
    /// `Config` when the ruleset cannot be parsed, or a label says a severity that is none.
    pub(crate) fn of(dataset: &Dataset, options: &dqdl::Options) -> Result<Self> {
        let ruleset = dqdl::parse_strict(&dataset.rules)
            .map_err(|error| Error::config(format!("ruleset {}: {error}", dataset.rules_name)))?;
        let derived = |read: &ColumnsRead| DerivedColumns::names().any(|name| read.names(name));
        let (mut at_once, mut later) = (Vec::new(), Vec::new());
        let (mut ordinals, mut later_ordinals) = (Vec::new(), Vec::new());
        let (mut market, mut keeps_history) = (false, !ruleset.analyzers.is_empty());
        let mut whole = ruleset;
        for (ordinal, rule) in std::mem::take(&mut whole.rules).into_iter().enumerate() {
            let (is_market, is_dynamic) = (derived(&rule.columns()), rule.needs_history());
            market |= is_market;
            keeps_history |= is_dynamic;
            if is_market || is_dynamic {
                later_ordinals.push(ordinal);
                later.push(rule);
            } else {
                ordinals.push(ordinal);
                at_once.push(rule);
            }
        }
        let (deferred_analyzers, analyzers): (Vec<_>, Vec<_>) = std::mem::take(&mut whole.analyzers)
            .into_iter()
            .partition(|analyzer| derived(&analyzer.columns()));
        market |= !deferred_analyzers.is_empty();
        let schema = dataset.contract.unchecked_schema();
        let plan = Plan::compile(&part(&whole, at_once, analyzers), schema, options);
        let deferred = (!later.is_empty() || !deferred_analyzers.is_empty())
            .then(|| Part { ruleset: part(&whole, later, deferred_analyzers), ordinals: later_ordinals });
        Ok(Self { plan, ordinals, deferred, market, keeps_history })
    }
}

/// What the rules of a dataset are judged with.
pub(crate) fn options(contract: &Contract, now: DateTime<Utc>) -> dqdl::Options {
    let composites =
        if contract.composites_by_row { CompositeEvaluation::Row } else { CompositeEvaluation::Column };
    dqdl::Options { composites, ..dqdl::Options::new(now) }
}

fn part(whole: &Ruleset, rules: Vec<Rule>, analyzers: Vec<Analyzer>) -> Ruleset {
    Ruleset { rules, analyzers, ..whole.clone() }
}
