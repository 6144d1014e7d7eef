//! The tables are what their contracts say.

use crate::native::{contract, fits, samples};

#[test]
fn batches_have_the_columns_of_their_contracts() {
    let tables = samples().tables();
    fits(&tables.events, &contract("adjustment_events"));
    fits(&tables.factors, &contract("adjustment_factors"));
}
