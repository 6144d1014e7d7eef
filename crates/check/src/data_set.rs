//! The rows of one dataset in one object as a data set: what the rules that judge it as a whole see, and what follows.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use dqdl::{Outcome, Plan, PlannedRule, Report, ReportPart, RowLevel, RowMasks, Severity};

use crate::deferred::DeferredRules;
use crate::quarantine::Reason;
use crate::rules::Rules;
use crate::window_rows::WindowRows;

/// The rows of a batch that turned out bad only at the end, by line.
pub(crate) type DeferredFailures = BTreeMap<u64, Vec<Reason>>;

/// The rows of one dataset, as the rules see them.
#[derive(Clone, Copy)]
pub(crate) struct DataSet<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) deferred: Option<&'a DeferredRules>,
    pub(crate) windows: &'a [WindowRows],
    /// Copies and older revisions, for each window.
    pub(crate) superseded: &'a [BooleanBuffer],
}

impl<'a> DataSet<'a> {
    /// Evaluates the ruleset on everything but superseded copies. Uniqueness is judged among the rows that stay: a row that
    /// is in quarantine anyway does not make its good sibling a duplicate.
    pub(crate) fn evaluate(&self, stays: &[BooleanBuffer]) -> Report {
        let mut report = self.of_everything();
        let has_late = !report.late_failures.is_empty();
        if has_late && self.windows.iter().any(|window| window.failed.count_set_bits() > 0) {
            let remaining = self.report_on(stays);
            for (index, result) in remaining.results.into_iter().enumerate() {
                if self.rule(index).is_some_and(|rule| rule.rows == RowLevel::Late) {
                    report.results[index] = result;
                }
            }
            report.late_failures = remaining.late_failures;
            let errors = errors(&report, None);
            report.count_failed(&self.failed_rows(&self.everything(), &errors));
        }
        report
    }

    /// The report on everything but superseded copies.
    pub(crate) fn of_everything(&self) -> Report {
        self.report_on(&self.everything())
    }

    fn everything(&self) -> Vec<BooleanBuffer> {
        self.superseded.iter().map(|out| !out).collect()
    }

    /// Which of the selected rows fail a rule before the end, for each window; not of the rules in `errors`, which were not
    /// evaluated.
    fn failed_rows(&self, selected: &[BooleanBuffer], errors: &BTreeSet<usize>) -> Vec<BooleanBuffer> {
        let windows = self.windows.iter().zip(selected).enumerate();
        let of = |plan: &Plan, ordinals: &[usize], masks: &RowMasks| {
            plan.failed_rows(masks, |rule| ordinals.get(rule).is_some_and(|at| !errors.contains(at)))
        };
        windows
            .map(|(at, (window, selected))| {
                let failed = of(&self.rules.plan, &self.rules.ordinals, &window.masks);
                let later =
                    self.deferred.and_then(|part| Some(of(&part.plan, &part.ordinals, part.masks.get(at)?)));
                &later.map_or_else(|| failed.clone(), |later| &failed | &later) & selected
            })
            .collect()
    }

    /// Evaluates the ruleset on the selected rows; row rules are not evaluated again.
    fn report_on(&self, selected: &[BooleanBuffer]) -> Report {
        let windows = || self.windows.iter().map(|window| (&window.batch, &window.masks));
        let report = evaluate(&self.rules.plan, windows(), selected);
        let Some(deferred) = self.deferred else { return report };
        let later = evaluate(&deferred.plan, deferred.batches.iter().zip(&deferred.masks), selected);
        let mut errors_of_both = errors(&report, Some(&self.rules.ordinals));
        errors_of_both.extend(errors(&later, Some(&deferred.ordinals)));
        let failed = self.failed_rows(selected, &errors_of_both);
        let parts = vec![
            ReportPart { report, ordinals: &self.rules.ordinals },
            ReportPart { report: later, ordinals: &deferred.ordinals },
        ];
        Report::joined(parts, &failed)
    }

    /// The rules of the whole ruleset, each with its place in it and its plan's masks.
    fn planned(&self) -> impl Iterator<Item = Planned<'a>> + use<'a> {
        let Self { rules, deferred, windows, .. } = *self;
        let at_once =
            rules.ordinals.iter().zip(rules.plan.rules()).enumerate().map(move |(index, (at, rule))| {
                let masks = windows.iter().map(|window| &window.masks);
                Planned { ordinal: *at, rule, by_mask: any_failed(masks, index) }
            });
        let later = deferred.into_iter().flat_map(|deferred| {
            deferred.ordinals.iter().zip(deferred.plan.rules()).enumerate().map(|(index, (at, rule))| {
                Planned { ordinal: *at, rule, by_mask: any_failed(deferred.masks.iter(), index) }
            })
        });
        at_once.chain(later)
    }

    /// Each rule with the rows that fail it before the end, for each window.
    pub(crate) fn masked(&self) -> impl Iterator<Item = (&'a PlannedRule, Vec<Option<&'a BooleanBuffer>>)> {
        self.masked_in_place().map(|(_, rule, masks)| (rule, masks))
    }

    /// The same, each with its place in the whole ruleset.
    pub(crate) fn masked_in_place(
        &self,
    ) -> impl Iterator<Item = (usize, &'a PlannedRule, Vec<Option<&'a BooleanBuffer>>)> {
        let Self { rules, deferred, windows, .. } = *self;
        let at_once =
            rules.ordinals.iter().zip(rules.plan.rules()).enumerate().map(move |(index, (at, rule))| {
                (*at, rule, windows.iter().map(|window| window.masks.failed(index)).collect::<Vec<_>>())
            });
        let later = deferred.into_iter().flat_map(|deferred| {
            deferred.ordinals.iter().zip(deferred.plan.rules()).enumerate().map(|(index, (at, rule))| {
                (*at, rule, deferred.masks.iter().map(|masks| masks.failed(index)).collect::<Vec<_>>())
            })
        });
        at_once.chain(later)
    }

    /// Rows that a critical rule found, each with the rule as a reason to block: window, row.
    pub(crate) fn critical_rows(&self, report: &Report) -> Vec<(String, Vec<(usize, usize)>)> {
        let is_critical = |rule: &PlannedRule| rule.severity == Severity::Critical;
        let reason = |rule: &PlannedRule| format!("{} has failing rows", rule.description);
        let mut found = Vec::new();
        let of_rules =
            self.masked_in_place().filter(|(at, rule, _)| is_critical(rule) && counts(rule, report, *at));
        for (_, rule, masks) in of_rules {
            let of_window = |(window, failed): (usize, Option<&BooleanBuffer>)| {
                let rows: Vec<usize> = failed.map_or_else(Vec::new, |rows| rows.set_indices().collect());
                rows.into_iter().map(move |row| (window, row))
            };
            found.push((reason(rule), masks.into_iter().enumerate().flat_map(of_window).collect()));
        }
        for failure in &report.late_failures {
            let rule = self.rule(failure.rule);
            if let Some(rule) = rule.filter(|rule| is_critical(rule) && counts(rule, report, failure.rule)) {
                found.push((reason(rule), vec![(failure.batch, failure.row)]));
            }
        }
        found
    }

    pub(crate) fn rule(&self, ordinal: usize) -> Option<&'a PlannedRule> {
        self.planned().find(|planned| planned.ordinal == ordinal).map(|planned| planned.rule)
    }

    /// Takes the rows out of `stays` that rules found bad at the end.
    pub(crate) fn late_rows(
        &self,
        report: &Report,
        stays: &mut [BooleanBuffer],
        late: &mut DeferredFailures,
    ) {
        let mut bad: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.windows.len()];
        for failure in &report.late_failures {
            let (Some(rule), Some(window)) = (self.rule(failure.rule), self.windows.get(failure.batch))
            else {
                continue;
            };
            let matters = quarantines(rule) && counts(rule, report, failure.rule);
            if matters && stays[failure.batch].value(failure.row) {
                late.entry(window.lines[failure.row]).or_default().push(broken(rule));
                bad[failure.batch].insert(failure.row);
            }
        }
        for (stays, bad) in stays.iter_mut().zip(bad) {
            if !bad.is_empty() {
                *stays = stays.iter().enumerate().map(|(row, stays)| stays && !bad.contains(&row)).collect();
            }
        }
    }

    /// Why the batch must not be published at all. Where it is several series, rows that break a critical rule block theirs
    /// alone: see [`DataSet::critical_rows`].
    pub(crate) fn blockers(&self, report: &Report, by_series: bool) -> Vec<String> {
        let mut blockers = BTreeMap::new();
        for Planned { ordinal, rule, by_mask } in self.planned().filter(|planned| quarantines(planned.rule)) {
            let Some(result) = report.results.get(ordinal) else { continue };
            let what = if result.outcome == Outcome::Error {
                "could not be evaluated:"
            } else if rule.rows == RowLevel::No && result.outcome == Outcome::Fail {
                "failed:"
            } else if rule.severity == Severity::Critical
                && !by_series
                && counts(rule, report, ordinal)
                && (by_mask || report.late_failures.iter().any(|failure| failure.rule == ordinal))
            {
                "has failing rows:"
            } else {
                continue;
            };
            let message = result.message.as_deref().unwrap_or_default();
            let text = format!("{}: {} {what} {message}", result.name, rule.description);
            blockers.insert(ordinal, text.trim_end().to_owned());
        }
        blockers.into_values().collect()
    }
}

/// A rule in its place.
struct Planned<'a> {
    ordinal: usize,
    rule: &'a PlannedRule,
    /// Whether a row fails it before the end.
    by_mask: bool,
}

fn any_failed<'m>(mut masks: impl Iterator<Item = &'m RowMasks>, rule: usize) -> bool {
    masks.any(|masks| masks.failed(rule).is_some_and(|rows| rows.count_set_bits() > 0))
}

/// The rules that were not evaluated, by their place in the whole ruleset; `ordinals` are the places of a part's rules.
fn errors(report: &Report, ordinals: Option<&[usize]>) -> BTreeSet<usize> {
    let results = report.results.iter().enumerate();
    results
        .filter(|(_, result)| result.outcome == Outcome::Error)
        .filter_map(|(at, _)| ordinals.map_or(Some(at), |ordinals| ordinals.get(at).copied()))
        .collect()
}

/// Evaluates a plan on the selected rows of its windows.
fn evaluate<'b>(
    plan: &Plan,
    windows: impl Iterator<Item = (&'b RecordBatch, &'b RowMasks)>,
    selected: &[BooleanBuffer],
) -> Report {
    let mut run = plan.start();
    for ((batch, masks), selected) in windows.zip(selected) {
        let selection = (selected.count_set_bits() < selected.len()).then_some(selected);
        run.observe(batch, masks, selection);
    }
    run.finish()
}

/// Whether rows that break the rule are not published.
pub(crate) fn quarantines(rule: &PlannedRule) -> bool {
    rule.severity.quarantines()
}

/// Whether a row that breaks the rule is bad, whatever the others are.
pub(crate) fn always_quarantines(rule: &PlannedRule) -> bool {
    quarantines(rule) && !rule.tolerant
}

/// Whether the rows that break a rule matter: a rule about a share of the rows may hold all the same.
fn counts(rule: &PlannedRule, report: &Report, ordinal: usize) -> bool {
    !rule.tolerant || report.results.get(ordinal).is_some_and(|result| result.outcome == Outcome::Fail)
}

/// Why a row that breaks the rule is in quarantine.
pub(crate) fn broken(rule: &PlannedRule) -> Reason {
    Reason {
        reason: rule.labels.get("reason").cloned().unwrap_or_else(|| rule.description.clone()),
        severity: rule.severity.to_string(),
        column: None,
        rule: Some(rule.description.clone()),
        detail: None,
    }
}
