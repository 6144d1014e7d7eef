//! `quotelake cost`: what a month of the AWS stack costs.

use quotelake_core::Result;

use crate::args::CostArgs;
use crate::cost::{Estimate, PriceFile};
use crate::output::{Exit, Output, Text, table};

/// Runs the command.
pub fn run(args: &CostArgs, output: Output) -> Result<Exit> {
    let estimate = PriceFile::built_in()?.estimate(&args.profile, args.models)?;
    output.finish(&estimate, || text(&estimate))?;
    Ok(Exit::Done)
}

fn text(estimate: &Estimate) -> Text {
    let rows = estimate.lines.iter().map(|line| {
        vec![
            line.item.to_owned(),
            format!("{:.3}", line.quantity),
            line.unit.clone(),
            format!("{:.2}", line.list_usd),
            format!("{:.2}", line.bill_usd),
        ]
    });
    let lines = table(&["item", "quantity", "unit", "list USD", "bill USD"], &[1, 3, 4], rows);
    let mut text = Text::from(format!("{}\n", estimate.about));
    text.push(lines.optional(&["quantity", "unit"]));
    text.push_str(&format!(
        "\n\n{:.2} USD a month, {:.2} at list price without what AWS gives every account; {}, prices of {} or later",
        estimate.bill_usd,
        estimate.list_usd,
        estimate.region,
        estimate.checked_on,
    ));
    text
}
