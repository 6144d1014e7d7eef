//! The transform function: delivery-stream records in, canonical NDJSON out.

use std::convert::Infallible;

use quotelake_telemetry::{Error, Invocation, init, run};
use quotelake_transform::{Context, FirehoseEvent, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    init("quotelake-transform");
    let context = &Context::default();
    run(move |Invocation { event, .. }: Invocation<FirehoseEvent>| async move {
        Ok::<_, Infallible>(handle(&event, context))
    })
    .await
}
