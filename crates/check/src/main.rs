//! The check function on Lambda: settings, ports, event loop. Everything else is in the library.

use std::sync::Arc;

use quotelake_check::{Context, handle};
use quotelake_platform::contracts::{FRESH_FOR, Kept};
use quotelake_platform::settings::Settings;
use quotelake_platform::sqs::SqsEvent;
use quotelake_telemetry::{Error, Invocation, init, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    init("quotelake-check");
    let (context, kept) =
        (&Context::connect(&Settings::from_env()).await?, &Arc::new(Kept::fresh_for(FRESH_FOR)));
    run(move |Invocation { event, time_left }: Invocation<SqsEvent>| async move {
        let contracts = kept.current(context.lake.as_ref()).await?;
        let context = Context { contracts, kept: Some(Arc::clone(kept)), ..context.clone() };
        Ok::<_, quotelake_core::Error>(handle(event, Some(time_left), &context).await)
    })
    .await
}
