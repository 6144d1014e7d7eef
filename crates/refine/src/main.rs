//! The refine function on Lambda. Everything else is in the library.

use quotelake_platform::function::{Error, run_sqs};
use quotelake_refine::Context;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run_sqs::<Context>().await
}
