//! `quotelake`: see [`quotelake_cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    quotelake_cli::memory::keep_few_heaps();
    quotelake_cli::main()
}
