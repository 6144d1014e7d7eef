//! The fetch function on Lambda: settings, ports, event loop. Everything else is in the library.

use quotelake_fetch::{Context, handle};
use quotelake_platform::settings::Settings;
use quotelake_telemetry::{Error, Invocation, init, run};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    init("quotelake-fetch");
    let context = &Context::connect(&Settings::from_env()).await?;
    run(move |Invocation { event, time_left }: Invocation<Box<RawValue>>| async move {
        handle(&event, Some(time_left), context).await
    })
    .await
}
