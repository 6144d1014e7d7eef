//! The fetch function on Lambda: settings, ports, event loop. Everything else is in the library.

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use quotelake_fetch::{Context, handle};
use quotelake_platform::{logging, settings::Settings};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init_lambda();
    let context = Context::connect(&Settings::from_env())?;
    let context = &context;
    run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        let now = context.clock.now().timestamp_millis();
        let left = i64::try_from(event.context.deadline).unwrap_or(i64::MAX) - now;
        let time_left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        Ok::<_, Error>(handle(&event.payload, Some(time_left), context).await?)
    }))
    .await
}
