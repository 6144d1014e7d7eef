//! `quotelake rules suggest`: a ruleset proposed from data.

use std::path::Path;

use dqdl::{Outcome, Profile, References, SuggestOptions};
use quotelake_core::ports::Clock as _;
use quotelake_core::{Error, Result};
use quotelake_local::SystemClock;
use serde::Serialize;

use super::suggest_history::History;
use crate::args::RuleDataArgs;
use crate::number::counted;
use crate::output::{Exit, Output, Text};
use crate::rule_data::{RuleData, refuse_to_overwrite};

#[derive(Debug, Serialize)]
struct Suggested {
    rows: u64,
    ruleset: String,
}

/// Runs the command. The proposal is held against the data before it is given out. Where the data is of several days, each part of
/// them is held against what would have been proposed from the days before, and what would have failed is marked.
pub async fn run(args: &RuleDataArgs, out: Option<&Path>, output: Output) -> Result<Exit> {
    if let Some(out) = out {
        let inputs: Vec<&Path> = args.data.iter().map(|path| path.as_path()).collect();
        refuse_to_overwrite(out, &inputs)?;
    }
    let mut data = RuleData::open_any(args).await?;
    data.leave_out_folder_columns();
    let now = SystemClock.now();
    let options = SuggestOptions { key: data.key().to_vec(), provenance: data.provenance().to_vec(), now };
    let mut profile = Profile::new(&data.schema(), options.clone());
    let mut history = History::new(&data.schema(), &options);
    data.for_each_batch(|batch| {
        profile.observe(batch);
        history.note(batch);
    })?;
    if profile.rows() == 0 {
        return Err(Error::invalid("there are no rows to look at"));
    }
    let remarks = history.remarks(&data, &options)?;
    let ruleset = profile.suggest_with(&remarks);
    let parsed = dqdl::parse(&ruleset).map_err(|error| Error::bug(format!("the proposal: {error}")))?;
    let evaluated = data.evaluate(&parsed, References::default(), now, false)?;
    if let Some(wrong) = evaluated.report.results.iter().find(|result| result.outcome != Outcome::Pass) {
        return Err(Error::bug(format!("the data does not pass what was proposed: {}", wrong.rule)));
    }
    if let Some(path) = out {
        std::fs::write(path, &ruleset)
            .map_err(|e| Error::unavailable(format!("cannot write {}", path.display())).with_source(e))?;
    }
    let suggested = Suggested { rows: profile.rows(), ruleset };
    output.finish(&suggested, || match out {
        Some(path) => {
            let (rules, rows) =
                (counted(parsed.rules.len() as u64, "rule", "rules"), counted(suggested.rows, "row", "rows"));
            Text::from(format!("{rules} from {rows} in {}", path.display()))
        }
        None => Text::verbatim(suggested.ruleset.as_str()),
    })?;
    Ok(Exit::Done)
}
