//! What the gate does where a rule does not hold, for people; by the same questions that the gate itself asks of a rule.

use dqdl::{PlannedRule, RowLevel, Severity};
use quotelake_contract::Contract;
use serde::Serialize;

use crate::data_set::{always_quarantines, quarantines};
use crate::flags::flag_of;

/// What the gate does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The failure is in the result document, and that is all.
    Report,
    /// Rows that break the rule are published with this flag.
    Flag(String),
    /// A row that breaks the rule is quarantined.
    QuarantineRow,
    /// Where the rule does not hold, the rows that break it are quarantined.
    QuarantineShare,
    /// Rows that break the rule are quarantined, and so is the rest of their series.
    BlockSeries,
    /// Nothing of the object is published.
    BlockBatch,
}

impl Effect {
    /// Of a rule of this contract's ruleset.
    pub fn of(rule: &PlannedRule, contract: &Contract) -> Self {
        let judges_rows = rule.rows != RowLevel::No;
        if !quarantines(rule) {
            let flag = flag_of(rule).filter(|_| judges_rows && contract.flags().is_some());
            return flag.map_or(Self::Report, |flag| Self::Flag(flag.to_owned()));
        }
        match (judges_rows, rule.severity == Severity::Critical, contract.series.is_empty()) {
            (false, ..) | (true, true, true) => Self::BlockBatch,
            (true, true, false) => Self::BlockSeries,
            (true, false, _) if always_quarantines(rule) => Self::QuarantineRow,
            (true, false, _) => Self::QuarantineShare,
        }
    }
}
