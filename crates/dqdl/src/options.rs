//! What evaluation depends on besides rules and data.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::files::FileSource;
use crate::history::{ColdStart, History};
use crate::references::References;
use crate::sql_engine::SqlEngine;

/// What evaluation depends on besides rules and data.
#[derive(Debug, Clone)]
pub struct Options {
    /// The value of `now()`; truncated to the minute, as the language does.
    pub now: DateTime<Utc>,
    /// Whether NULL is one more value for `DistinctValuesCount`.
    pub null_is_value: bool,
    /// The metrics of earlier runs. Without them dynamic rules and DetectAnomalies are ERROR.
    pub history: Option<Arc<dyn History>>,
    /// What a dynamic rule does while a history is empty.
    pub cold_start: ColdStart,
    /// Tables that rules compare with.
    pub references: References,
    /// Answers the SQL of CustomSql that goes beyond `select ... from primary [where ...]`. Without one such a rule is ERROR.
    pub sql: Option<Arc<dyn SqlEngine>>,
    /// The files that the data is in. Without them the rules about files are ERROR.
    pub files: Option<Arc<dyn FileSource>>,
    /// How a composite is judged.
    pub composites: CompositeEvaluation,
    /// How rows that `where` leaves out are labelled in [`RowOutcomes`](crate::RowOutcomes).
    pub filtered_rows: FilteredRows,
}

/// How a composite is judged; Glue's `compositeRuleEvaluation.method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CompositeEvaluation {
    /// By the outcomes of its members.
    #[default]
    Column,
    /// Row by row: it passes when every row passes all (`and`) or any (`or`) of its members. Composites with a member
    /// that judges no rows, or is about a share of them (Completeness, Uniqueness, DatasetMatch, ReferentialIntegrity,
    /// anything with a threshold), stay as under `Column`.
    Row,
}

/// Glue's `rowLevelConfiguration.filteredRowLabel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FilteredRows {
    /// Under the rules that passed.
    #[default]
    Passed,
    /// Under the rules that were skipped.
    Skipped,
}

impl Options {
    /// Glue's behaviour at that instant, except that a rule without history is not tried.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            null_is_value: true,
            history: None,
            cold_start: ColdStart::default(),
            references: References::default(),
            sql: None,
            files: None,
            composites: CompositeEvaluation::default(),
            filtered_rows: FilteredRows::default(),
        }
    }

    /// With the metrics of earlier runs.
    #[must_use]
    pub fn with_history(self, history: Arc<dyn History>) -> Self {
        Self { history: Some(history), ..self }
    }
}
