//! What models cost beside the rest: `models` of the price file, with the sizes' memory.

use std::collections::BTreeMap;

use quotelake_core::{Error, Result};
use serde::Deserialize;

use super::{Flow, Model, Profile};

/// Assumptions about models, for each profile where they differ.
#[derive(Debug, Deserialize)]
pub(super) struct Models {
    /// Times that models are computed for each daily run: once for bars and events, and once for each model that reads models.
    pub(super) computed_per_daily_run: f64,
    /// Memory of the function, GB, by profile.
    pub(super) memory_gb: BTreeMap<String, f64>,
    /// Seconds that each takes, by profile.
    pub(super) seconds: BTreeMap<String, f64>,
    /// Objects that each reads: the partitions of 20 years, a few times.
    pub(super) reads: f64,
    /// Objects that each writes: partitions, results, runs.
    pub(super) writes: f64,
    /// Events that an invocation takes at once.
    pub(super) events_per_invocation: f64,
    /// Metrics of alarms more than without models: the two queues.
    pub(super) alarm_metrics: f64,
}

/// What models add in a month.
#[derive(Debug, Default)]
pub(super) struct Added {
    pub(super) gb_seconds: f64,
    pub(super) invocations: f64,
    pub(super) puts: f64,
    pub(super) gets: f64,
    pub(super) events: f64,
    pub(super) standard_requests: f64,
    pub(super) alarm_metrics: f64,
}

impl Models {
    /// What they add to a flow of this profile. `Bug` where the price file says nothing of it.
    pub(super) fn added(&self, name: &str, profile: &Profile, flow: &Flow, model: &Model) -> Result<Added> {
        let of = |by_profile: &BTreeMap<String, f64>| {
            let lacks = || Error::bug(format!("models of infra/prices.json say nothing of profile {name}"));
            by_profile.get(name).copied().ok_or_else(lacks)
        };
        let computed = profile.daily_runs * self.computed_per_daily_run;
        let written = computed * self.writes;
        // Every published partition is an event for the queue, those of models too; a look that finds nothing to do takes a second.
        let events = flow.published + written;
        let looks = (events / self.events_per_invocation).max(computed);
        Ok(Added {
            gb_seconds: (computed * of(&self.seconds)? + looks) * of(&self.memory_gb)?,
            invocations: looks,
            puts: written,
            gets: computed * self.reads,
            events: written,
            // Its queue is polled all month.
            standard_requests: model.polls_per_queue + events * model.requests_per_message,
            alarm_metrics: self.alarm_metrics,
        })
    }
}
