//! A ruleset in two parts: rules that a window of rows is enough for, and rules that need more.
//!
//! A rule is deferred to the end of the object when it names a market column (computed from the bars before, see
//! [`Neighbours`]) or the metrics of earlier checks. Whether it does is read off its text: a rule that is deferred
//! without need is judged the same, only later.

use chrono::{DateTime, Utc};
use dqdl::{Analyzer, CompositeEvaluation, Plan, Rule, Ruleset};
use quotelake_contract::{Contract, Dataset};
use quotelake_core::{Error, Result};
use quotelake_market::Neighbours;
use quotelake_table::ArrowSchema as _;

/// What makes a rule depend on earlier checks.
const DYNAMIC: [&str; 2] = ["last(", "DetectAnomalies"];

/// Some rules of a ruleset.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) ruleset: Ruleset,
    /// The place of each rule in the whole ruleset.
    pub(crate) ordinals: Vec<usize>,
}

/// A dataset's ruleset, taken apart.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Judged window by window.
    pub(crate) plan: Plan,
    /// The place of each rule of `plan` in the whole ruleset.
    pub(crate) ordinals: Vec<usize>,
    /// Judged at the end.
    pub(crate) deferred: Option<Part>,
    /// Whether the deferred part names market columns.
    pub(crate) market: bool,
    /// Whether what is measured is kept for later checks to compare with.
    pub(crate) keeps_history: bool,
}

impl Rules {
    /// `Config` when the ruleset cannot be parsed, or a label says a severity that is none.
    pub(crate) fn of(dataset: &Dataset, options: &dqdl::Options) -> Result<Self> {
        let ruleset = dqdl::parse_strict(&dataset.rules)
            .map_err(|error| Error::config(format!("ruleset {}: {error}", dataset.rules_name)))?;
        let dynamic = |text: &str| DYNAMIC.iter().any(|word| text.contains(word));
        let mut this = Self {
            market: false,
            keeps_history: !ruleset.analyzers.is_empty(),
            plan: Plan::compile(
                &part(&ruleset, Vec::new(), Vec::new()),
                dataset.contract.unchecked_schema(),
                options,
            ),
            ordinals: Vec::new(),
            deferred: None,
        };
        let mut whole = ruleset.clone();
        let (mut at_once, mut later) = (Vec::new(), Vec::new());
        let mut later_ordinals = Vec::new();
        for (ordinal, rule) in std::mem::take(&mut whole.rules).into_iter().enumerate() {
            let text = rule.description();
            let (is_market, is_dynamic) = (Neighbours::are_named_in(&text), dynamic(&text));
            this.market |= is_market;
            this.keeps_history |= is_dynamic;
            if is_market || is_dynamic {
                later_ordinals.push(ordinal);
                later.push(rule);
            } else {
                this.ordinals.push(ordinal);
                at_once.push(rule);
            }
        }
        let (deferred_analyzers, analyzers): (Vec<_>, Vec<_>) = std::mem::take(&mut whole.analyzers)
            .into_iter()
            .partition(|analyzer| Neighbours::are_named_in(&analyzer.to_string()));
        this.market |= !deferred_analyzers.is_empty();
        this.plan =
            Plan::compile(&part(&whole, at_once, analyzers), dataset.contract.unchecked_schema(), options);
        if !later.is_empty() || !deferred_analyzers.is_empty() {
            let ruleset = part(&whole, later, deferred_analyzers);
            this.deferred = Some(Part { ruleset, ordinals: later_ordinals });
        }
        Ok(this)
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
