//! What to ask: one page for all funds, and one for each fund's distributions.

use quotelake_core::{FetchUnit, Result, sha256_hex};
use url::Url;

use super::{DATASETS, NAME, Profile, TableProfile};
use crate::origin::instruments;
use crate::units::{Wanted, by_zone, unit_of, unit_of_several, wanted_field};
use crate::{Auth, DatasetName, HttpSpec, Instrument, Job};

pub(super) fn plan(profile: &Profile, job: &Job) -> Result<Vec<FetchUnit>> {
    let known: Vec<DatasetName> = DATASETS
        .iter()
        .copied()
        .filter(|dataset| profile.tables.iter().any(|table| table.dataset == *dataset))
        .collect();
    job.check_for(NAME, &known)?;
    let all: Vec<&Instrument> = job.instruments.iter().collect();
    let mut units = Vec::new();
    for dataset in &job.datasets {
        let endpoint = Wanted::new(&profile.id(), &[*dataset]);
        if *dataset == DatasetName::FundSnapshots {
            for group in by_zone(&all) {
                let symbols: Vec<&str> = group.iter().map(|instrument| instrument.symbol.as_str()).collect();
                let list = &sha256_hex(symbols.join(",").as_bytes())[..8];
                let id = format!("{NAME}/{endpoint}/{list}");
                units.push(FetchUnit { id, ..unit_of_several(&endpoint, &group) });
            }
            continue;
        }
        units.extend(all.iter().map(|instrument| FetchUnit {
            id: format!("{NAME}/{endpoint}/{}", instrument.symbol),
            ..unit_of(&endpoint, instrument)
        }));
    }
    Ok(units)
}

pub(super) fn request(base: &Url, table: &TableProfile, unit: &FetchUnit) -> Result<HttpSpec> {
    let mut url = base.clone();
    url.set_path(&table.path);
    for (name, value) in &table.query {
        let value = match value.contains("{symbol}") {
            true => value.replace("{symbol}", wanted_field(unit, &unit.symbol, "symbol")?),
            false => value.clone(),
        };
        url.query_pairs_mut().append_pair(name, &value);
    }
    // A unit without funds would deliver nothing, whatever the page says.
    if instruments(unit).is_empty() {
        return Err(quotelake_core::Error::invalid(format!("unit {}: no symbol", unit.id)));
    }
    Ok(HttpSpec { url, auth: Auth::None, accept: "text/html" })
}
