//! `quotelake`: see [`quotelake_cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    quotelake_cli::main()
}
