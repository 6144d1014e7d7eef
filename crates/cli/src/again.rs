//! Typed rows through `check` once more, by the contract of now: as lines of a landing object.

use std::collections::BTreeMap;
use std::io::Write as _;

use arrow::array::RecordBatch;
use flate2::Compression;
use flate2::write::GzEncoder;
use quotelake_contract::{Contract, Contracts};
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result, Zone, sha256_hex};
use quotelake_publish::UNFIT;
use quotelake_table::{row_lines, staged_rows};

/// Rows of one landing object.
const ROWS: usize = 100_000;

/// The staged objects that were set aside because their rows are none of the lake's contracts.
pub async fn unfit(lake: &dyn Lake) -> Result<Vec<String>> {
    Ok(lake.list(UNFIT).await?.into_iter().map(|meta| meta.key).collect())
}

/// The dataset that a staged object is of, set aside or not.
pub fn dataset_of(key: &str) -> Option<String> {
    let staged = format!("{}{}", Zone::Staged.prefix(), key.strip_prefix(UNFIT)?);
    match ObjectKey::parse(&staged) {
        Ok(ObjectKey::Staged { dataset, .. }) => Some(dataset),
        _ => None,
    }
}

/// Lands the rows of an object that was set aside, as rows of its dataset's contract of now, and removes it. Stopped at any point and
/// done again, the same objects land. Returns their number of rows.
pub async fn check_again(lake: &dyn Lake, contracts: &Contracts, key: &str) -> Result<usize> {
    let dataset = dataset_of(key).ok_or_else(|| Error::invalid(format!("{key} is no staged object")))?;
    let contract = &contracts.get(&dataset)?.contract;
    let bytes = match lake.get(key).await {
        // Somebody else has landed it.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        object => object?.bytes,
    };
    let rows = staged_rows(bytes).with_context(|| key.to_owned())?;
    land(lake, contract, &rows, &BTreeMap::new(), key).await?;
    lake.delete(key).await?;
    Ok(rows.num_rows())
}

/// Lands rows under names that follow from what they are.
pub async fn land(
    lake: &dyn Lake,
    contract: &Contract,
    rows: &RecordBatch,
    renamed: &BTreeMap<String, String>,
    was: &str,
) -> Result<()> {
    for from in (0..rows.num_rows()).step_by(ROWS) {
        let part = rows.slice(from, ROWS.min(rows.num_rows() - from));
        let mut lines = Vec::new();
        row_lines(contract, &part, renamed, &mut lines).with_context(|| was.to_owned())?;
        let name = format!("again-{}.ndjson.gz", &sha256_hex(&lines)[..32]);
        let key = ObjectKey::landing(&contract.name, &name).to_string();
        lake.put(&key, gzip(&lines)?.into(), Precondition::None).await?;
    }
    Ok(())
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let done = packed.write_all(bytes).and_then(|()| packed.finish());
    done.map_err(|e| Error::bug("lines could not be packed").with_source(e))
}
