//! Which rows of a batch fail which rule.

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;

use crate::ast::Connective;
use crate::check::RowLevel;
use crate::compiled::{Compiled, Leaf, Node};

/// The per-row verdicts of one batch.
///
/// Of every row and row-level rule exactly one holds: it failed, it was skipped by `where`, or it passed.
#[derive(Debug, Clone)]
pub struct RowMasks {
    pub(crate) len: usize,
    pub(crate) leaves: Vec<Mask>,
    pub(crate) rules: Vec<Mask>,
}

/// The verdicts of one rule or one of its members.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask {
    /// Rows that fail; never a skipped one. `None` without a per-row predicate.
    pub(crate) failed: Option<BooleanBuffer>,
    /// Rows for which `where` is not TRUE. `None` without `where`.
    pub(crate) skipped: Option<BooleanBuffer>,
    /// Why this batch could not be evaluated.
    pub(crate) error: Option<String>,
}

impl RowMasks {
    /// Rows of the batch.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the batch has no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The rows that fail rule `rule`. `None` when the rule has no per-row predicate, judges rows only at the end, or
    /// could not be evaluated on this batch.
    pub fn failed(&self, rule: usize) -> Option<&BooleanBuffer> {
        self.rules.get(rule)?.failed.as_ref()
    }

    /// The rows that the rule's `where` leaves out; `None` without `where`.
    pub fn skipped(&self, rule: usize) -> Option<&BooleanBuffer> {
        self.rules.get(rule)?.skipped.as_ref()
    }

    pub(crate) fn evaluate(plan: &Compiled, batch: &RecordBatch) -> Self {
        let filters: Vec<Result<BooleanBuffer, String>> = plan
            .filters
            .iter()
            .map(|filter| {
                let kept = filter.evaluate(batch)?;
                Ok(!&kept)
            })
            .collect();
        let leaves: Vec<Mask> = plan.leaves.iter().map(|leaf| Mask::of_leaf(leaf, &filters, batch)).collect();
        let rules = plan.rules.iter().map(|rule| {
            let mask = Mask::of_node(&rule.node, &leaves);
            // What a check counts is not a verdict on rows when the rule gives none.
            let failed = mask.failed.filter(|_| rule.rows == RowLevel::Immediate);
            Mask { failed, ..mask }
        });
        let rules = rules.collect();
        Self { len: batch.num_rows(), leaves, rules }
    }
}

impl Mask {
    fn error(error: String) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    fn of_leaf(leaf: &Leaf, filters: &[Result<BooleanBuffer, String>], batch: &RecordBatch) -> Self {
        let Ok(check) = &leaf.check else {
            return Self::default();
        };
        let skipped = match leaf.filter.and_then(|filter| filters.get(filter)) {
            None => None,
            Some(Ok(skipped)) => Some(skipped.clone()),
            Some(Err(error)) => return Self::error(error.clone()),
        };
        match check.failed_rows(batch) {
            Err(error) => Self::error(error),
            Ok(failed) => Self {
                failed: match (failed, &skipped) {
                    (Some(failed), Some(skipped)) => Some(&failed & &!skipped),
                    (failed, _) => failed,
                },
                skipped,
                error: None,
            },
        }
    }

    fn of_node(node: &Node, leaves: &[Self]) -> Self {
        match node {
            Node::Leaf(leaf) => leaves.get(*leaf).cloned().unwrap_or_default(),
            Node::Composite(connective, members) => members
                .iter()
                .map(|member| Self::of_node(member, leaves))
                .reduce(|left, right| left.join(*connective, &right))
                .unwrap_or_default(),
        }
    }

    /// AND fails where either member fails, OR where both do. A row counts as skipped when both members skip it.
    fn join(self, connective: Connective, other: &Self) -> Self {
        let failed = match (&self.failed, &other.failed) {
            (Some(left), Some(right)) => Some(match connective {
                Connective::And => left | right,
                Connective::Or => left & right,
            }),
            _ => None,
        };
        let skipped = match (&self.skipped, &other.skipped) {
            (Some(left), Some(right)) => Some(left & right),
            _ => None,
        };
        Self { failed, skipped, error: self.error.or_else(|| other.error.clone()) }
    }
}
