//! The check function on Lambda. Everything else is in the library.

use quotelake_check::Context;
use quotelake_platform::function::{Error, run_sqs};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run_sqs::<Context>().await
}
