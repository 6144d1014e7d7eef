//! The models of a lake: which are on, which this program computes, and which are stale.

use std::collections::BTreeMap;

use quotelake_contract::Contracts;
use quotelake_core::Result;
use quotelake_core::ports::Lake;
use quotelake_refine::built_in;
use quotelake_refine::enabled::Enabled;
use quotelake_refine::engine;
use quotelake_refine::models::Models;
use quotelake_refine::stale::{Why, stale};
use quotelake_refine::tables::Tables;
use serde::Serialize;

/// A model that is on and not up to date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaleModel {
    /// The model.
    pub model: String,
    /// Its partitions that are stale, as far as they are known, by why.
    pub partitions: BTreeMap<Why, usize>,
}

impl StaleModel {
    /// Why, in words.
    pub fn text(&self) -> String {
        let reasons = self.partitions.iter().map(|(why, count)| {
            let why = match why {
                Why::NeverComputed => "never computed",
                Why::ModelChanged => "computed by another version of the model",
                Why::InputsChanged => "older than what they are computed from",
                Why::TableChanged => "not as they were left",
            };
            format!("{count} {} {why}", if *count == 1 { "partition" } else { "partitions" })
        });
        reasons.collect::<Vec<_>>().join(", ")
    }
}

/// Whether a model is on that this program computes. A list of models that cannot be read is said, and is none.
pub(crate) async fn any(lake: &dyn Lake, contracts: &Contracts) -> bool {
    let found: Result<bool> = async {
        let enabled = Enabled::load(lake).await?;
        // Most lakes have none, and reading every contract that ships is most of a short command's work.
        let is_model =
            |name: &str| contracts.get(name).is_ok_and(|dataset| dataset.contract.refine.is_some());
        if !contracts.names().any(|name| enabled.is_on(name) && is_model(name)) {
            return Ok(false);
        }
        let models = Models::new(contracts)?;
        let engine = built_in::engine();
        let mut all = models.all().iter();
        Ok(all.any(|model| {
            model.is_published() && enabled.is_on(model.name()) && engine::computes(model, engine)
        }))
    }
    .await;
    found.unwrap_or_else(|error| {
        tracing::warn!(error = %error, "no model is computed");
        false
    })
}

/// The models that are on, that this program computes, and that are stale.
pub async fn stale_models(lake: &dyn Lake, contracts: &Contracts) -> Result<Vec<StaleModel>> {
    let (enabled, models) = (Enabled::load(lake).await?, Models::new(contracts)?);
    let (engine, tables) = (built_in::engine(), Tables::new(lake, contracts));
    let mut found = Vec::new();
    for model in models.all().iter().filter(|model| enabled.is_on(model.name())) {
        if engine::computes(model, engine)
            && let Some(stale) = stale(model, tables, engine).await?
        {
            found.push(StaleModel { model: model.name().to_owned(), partitions: stale.partitions });
        }
    }
    Ok(found)
}
