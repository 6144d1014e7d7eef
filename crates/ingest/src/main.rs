//! The ingest function on Lambda: settings, ports, event loop. Everything else is in the library.

use quotelake_ingest::{Context, datasets, handle};
use quotelake_platform::contracts::{FRESH_FOR, Kept};
use quotelake_platform::settings::Settings;
use quotelake_platform::sqs::SqsEvent;
use quotelake_telemetry::{Error, Invocation, init, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    init("quotelake-ingest");
    let (context, kept) = (&Context::connect(&Settings::from_env()).await?, &Kept::fresh_for(FRESH_FOR));
    run(move |Invocation { event, time_left }: Invocation<SqsEvent>| async move {
        let named = datasets(&event);
        let contracts = kept.knowing(context.lake.as_ref(), named.iter().map(String::as_str)).await?;
        let context = Context { contracts, ..context.clone() };
        Ok::<_, quotelake_core::Error>(handle(event, Some(time_left), &context).await)
    })
    .await
}
