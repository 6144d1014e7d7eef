//! Rules that have no history yet: their metric is recorded, and they pass with a message.

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;

use super::{check_tags, compile, compile_analyzer};
use crate::ast::{self, Analyzer};
use crate::check::{
    Accumulator, Check, Context, EmptyPolicy, Input, Measurement, Refusal, RowLevel, Totals, Verdict,
};
use crate::dynamic::{self, MissingHistory};

/// Compiles a rule that has no history yet: its metric is recorded, and it passes with `message`.
pub(crate) fn compile_not_evaluated(
    check: &ast::Check,
    missing: &MissingHistory,
    context: &Context<'_>,
) -> Result<Box<dyn Check>, Refusal> {
    check_tags(check)?;
    // What no history could correct is an error now, and not when there is one.
    compile(&dynamic::with_zeros(check), context)?;
    let inner = if missing.condition {
        let (rule_type, parameters) = (check.rule_type, check.parameters.clone());
        let analyzer = Analyzer { span: ast::Span::default(), rule_type, parameters, filter: None };
        compile_analyzer(&analyzer, context)?
    } else {
        compile(&ast::Check { threshold: None, ..check.clone() }, context)?
    };
    let message = format!("{} has no history yet: the rule was not tried", missing.metric);
    Ok(Box::new(NotEvaluated { inner, message }))
}

/// A check whose verdict is replaced.
#[derive(Debug)]
struct NotEvaluated {
    inner: Box<dyn Check>,
    message: String,
}

#[derive(Debug)]
struct NotEvaluatedRun {
    inner: Box<dyn Accumulator>,
    message: String,
}

impl Check for NotEvaluated {
    fn row_level(&self) -> RowLevel {
        self.inner.row_level()
    }

    /// It passes whatever its rows are.
    fn is_tolerant(&self) -> bool {
        true
    }

    fn is_fallible(&self) -> bool {
        self.inner.is_fallible()
    }

    fn failed_rows(&self, batch: &RecordBatch) -> Result<Option<BooleanBuffer>, String> {
        self.inner.failed_rows(batch)
    }

    fn empty_policy(&self) -> EmptyPolicy {
        self.inner.empty_policy()
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(NotEvaluatedRun { inner: self.inner.start(), message: self.message.clone() })
    }
}

impl Accumulator for NotEvaluatedRun {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        self.inner.observe(input)
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        Measurement { verdict: Verdict::PassWith(self.message), ..self.inner.finish(totals) }
    }
}
