//! The transform function: delivery-stream records in, canonical NDJSON out.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use quotelake_transform::{Context, FirehoseEvent, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().json().flatten_event(true).with_current_span(false).init();
    let context = &Context::default();
    lambda_runtime::run(service_fn(move |event: LambdaEvent<FirehoseEvent>| async move {
        Ok::<_, Error>(handle(&event.payload, context))
    }))
    .await
}
