//! `quotelake models enable` and `disable`: the list of models that are computed.

use quotelake_core::{Error, Result};
use quotelake_refine::enabled::Enabled;
use quotelake_refine::models::Models;
use serde::Serialize;

use super::open_existing;
use crate::args::LakeArg;
use crate::output::{Exit, Output, visible};

/// The models that are on.
#[derive(Debug, Serialize)]
struct Switched {
    on: Vec<String>,
}

/// Switches models on, every one where `all` is asked for, or off. What is on is computed by the next `quotelake refine`, and with each
/// change of its inputs; a table of a model that is off stays as it is.
pub(super) async fn run(
    names: &[String],
    all: bool,
    is_on: bool,
    lake: &LakeArg,
    output: Output,
) -> Result<Exit> {
    let laptop = open_existing(&lake.lake).await?;
    let lake = laptop.lake().as_ref();
    let models = Models::new(&laptop.contracts)?;
    let faulty = models.faults().keys().map(String::as_str);
    let known: Vec<String> =
        models.all().iter().map(|model| model.name()).chain(faulty).map(str::to_owned).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(Error::not_found(format!(
            "there is no model {unknown:?}; there are {}",
            known.join(", ")
        )));
    }
    match (is_on, all) {
        (true, true) => Enabled::switch_all_on(lake).await?,
        (true, false) => Enabled::switch_on(lake, names.iter().map(String::as_str)).await?,
        (false, _) => Enabled::switch_off(lake, names, &known).await?,
    }
    let enabled = Enabled::load(lake).await?;
    let switched = Switched { on: known.into_iter().filter(|name| enabled.is_on(name)).collect() };
    output.finish(&switched, || match switched.on.is_empty() {
        true => "no model is on".to_owned(),
        false => format!("on         {}\nnext       quotelake refine", visible(&switched.on.join(", "))),
    })?;
    Ok(Exit::Done)
}
