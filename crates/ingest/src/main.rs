//! The ingest function on Lambda: settings, ports, event loop. Everything else is in the library.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use quotelake_ingest::{Context, handle};
use quotelake_platform::sqs::SqsEvent;
use quotelake_platform::{logging, settings::Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init_lambda();
    let context = Context::connect(&Settings::from_env()).await?;
    let context = &context;
    run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        Ok::<_, Error>(handle(event.payload, context).await)
    }))
    .await
}
