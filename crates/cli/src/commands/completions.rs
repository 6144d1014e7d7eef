//! `quotelake completions`: scripts by which shells complete commands and options.

use clap::CommandFactory as _;
use quotelake_core::{Error, Result};
use serde::Serialize;

use crate::args::{Cli, CompletionsArgs};
use crate::output::{Exit, Output, Text};

#[derive(Debug, Serialize)]
struct Completions {
    shell: String,
    script: String,
}

/// Runs the command.
pub fn run(args: &CompletionsArgs, output: Output) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "quotelake", &mut script);
    let script = String::from_utf8(script).map_err(|e| Error::bug("a script is no text").with_source(e))?;
    let completions = Completions { shell: args.shell.to_string(), script };
    output.finish(&completions, || Text::verbatim(completions.script.as_str()))?;
    Ok(Exit::Done)
}
