//! The one main of the functions that an SQS queue invokes: settings, ports, event loop, the lake's contracts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use quotelake_contract::Contracts;
use quotelake_core::Result;
use quotelake_core::ports::Lake;
#[cfg(feature = "function")]
use quotelake_telemetry::{Invocation, init, run};

use crate::contracts::ContractCache;
use crate::settings::Settings;
use crate::sqs::{SqsBatchResponse, SqsEvent};

#[cfg(feature = "function")]
pub use quotelake_telemetry::Error;

/// A function that an SQS queue invokes: what it may use, and what it does with a batch.
pub trait SqsFunction: Clone {
    /// Its name in logs and metrics, e.g. `quotelake-check`.
    const SERVICE: &'static str;
    /// For how long the lake's contracts are not listed again.
    const CONTRACTS_FRESH_FOR: Duration;
    /// Whether it knows the lake's models.
    const READS_MODELS: bool = false;

    /// Reads the settings and connects the ports. `Config` names every setting that is missing.
    fn connect(settings: &Settings) -> impl Future<Output = Result<Self>>;

    /// The lake whose contracts it knows.
    fn lake(&self) -> &dyn Lake;

    /// The datasets that a batch is known to be of: where one is not among the contracts, they are listed again.
    fn datasets(_: &SqsEvent) -> BTreeSet<String> {
        BTreeSet::new()
    }

    /// The same function with the contracts of this invocation.
    fn with_contracts(&self, contracts: Contracts, cache: &Arc<ContractCache>) -> Self;

    /// Handles a batch, each message on its own.
    fn handle(&self, event: SqsEvent, time_left: Duration) -> impl Future<Output = SqsBatchResponse>;
}

/// Runs a function on Lambda. Ends only when the Runtime API does.
#[cfg(feature = "function")]
pub async fn run_sqs<F: SqsFunction>() -> std::result::Result<(), Error> {
    init(F::SERVICE);
    let (function, cache) = (
        &F::connect(&Settings::from_env()).await?,
        &Arc::new(ContractCache::fresh_for(F::CONTRACTS_FRESH_FOR).with_models(F::READS_MODELS)),
    );
    run(move |Invocation { event, time_left }: Invocation<SqsEvent>| async move {
        let datasets = F::datasets(&event);
        let contracts = cache.knowing(function.lake(), datasets.iter().map(String::as_str)).await?;
        Ok::<_, quotelake_core::Error>(
            function.with_contracts(contracts, cache).handle(event, time_left).await,
        )
    })
    .await
}
