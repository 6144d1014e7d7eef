//! What became of a dropped file, as the lake keeps it under `ingested/`.

use chrono::{DateTime, NaiveDate, Utc};
use quotelake_contract::Contract;
use quotelake_core::ports::{Lake, ObjectMeta, Precondition, Version};
use quotelake_core::{Error, ErrorKind, ObjectKey, Result, check_id, sha256_hex};
use serde::{Deserialize, Serialize};

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its rows are in `landing/`.
    Landed,
    /// A file with the same bytes landed before.
    SameContent,
    /// A file of this name landed today, and the contract allows one a day.
    OverLimit,
    /// Nothing of it was taken; the reason says why.
    Rejected,
}

/// One dropped file: one version of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The inbox key.
    pub key: String,
    /// The object's version.
    pub version: String,
    /// The dataset; `unknown` for a key that names none.
    pub dataset: String,
    /// How it ended.
    pub outcome: Outcome,
    /// When that was known.
    pub at: DateTime<Utc>,
    /// SHA-256 of the file as it is stored; none when it could not be read to its end.
    pub sha256: Option<String>,
    /// What tells its rows from those of other files, see [`crate::file::Inspected::content`]; none in receipts of before.
    #[serde(default)]
    pub content: Option<String>,
    /// SHA-256 of the contract's text by which it was read; none where the contract has no text.
    #[serde(default)]
    pub contract_sha256: Option<String>,
    /// Bytes of the file as it is stored.
    pub bytes: u64,
    /// Data rows, readable or not.
    pub rows: u64,
    /// Rows that could not be read and go to quarantine as they were.
    pub unreadable: u64,
    /// Its landing objects.
    pub landing_keys: Vec<String>,
    /// Why nothing of it was taken.
    pub reason: Option<String>,
}

impl Receipt {
    /// A file of which nothing is known but that it is there.
    pub(crate) fn new(dataset: &str, meta: &ObjectMeta, at: DateTime<Utc>) -> Self {
        Self {
            key: meta.key.clone(),
            version: meta.version.as_str().to_owned(),
            dataset: dataset.to_owned(),
            outcome: Outcome::Rejected,
            at,
            sha256: None,
            content: None,
            contract_sha256: None,
            bytes: meta.size,
            rows: 0,
            unreadable: 0,
            landing_keys: Vec::new(),
            reason: None,
        }
    }

    /// Whether both are of one version of one key.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        self.key == other.key && self.version == other.version
    }

    /// What tells its rows from those of other files.
    pub(crate) fn content(&self) -> Option<&str> {
        self.content.as_deref().or(self.sha256.as_deref())
    }

    /// Where the receipt of a dropped file is.
    pub fn key_of(dataset: &str, key: &str, version: &Version) -> String {
        ObjectKey::ingested(dataset, &format!("drop-{}", check_id(key, version.as_str()))).to_string()
    }
}

/// Where it is kept that a content landed. Under another version of the contract the same file means something else.
pub(crate) fn content_key(contract: &Contract, content: &str) -> String {
    ObjectKey::ingested(&contract.name, &format!("content-{}", check_id(&contract.version, content)))
        .to_string()
}

/// Where it is kept by what the rows of a forgotten file were told apart, whatever the contract's version.
pub(crate) fn forgotten_key(dataset: &str, content: &str) -> String {
    ObjectKey::ingested(dataset, &format!("forgotten-{}", check_id(dataset, content))).to_string()
}

/// Where it is kept that a file of a name was taken on a day.
pub(crate) fn day_key(dataset: &str, name: &str, day: NaiveDate) -> String {
    ObjectKey::ingested(dataset, &format!("day-{day}-{}", &sha256_hex(name.as_bytes())[..32])).to_string()
}

/// Reads a receipt, with the version of its own object.
pub(crate) async fn read(lake: &dyn Lake, key: &str) -> Result<Option<(Receipt, Version)>> {
    let object = match lake.get(key).await {
        Ok(object) => object,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let receipt = serde_json::from_slice(&object.bytes)
        .map_err(|e| Error::config(format!("{key} is no receipt of a dropped file")).with_source(e))?;
    Ok(Some((receipt, object.version)))
}

/// Writes a receipt.
pub(crate) async fn write(lake: &dyn Lake, key: &str, receipt: &Receipt, when: Precondition) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(receipt).map_err(|e| Error::bug("receipt").with_source(e))?;
    lake.put(key, bytes.into(), when).await.map(drop)
}
