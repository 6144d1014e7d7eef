//! How far the migration of a table has come, as a JSON object of the lake: the last key that landed, sums of objects and rows,
//! and where the next round begins. A run that was broken off goes on from it.

use chrono::{DateTime, Utc};
use quotelake_contract::Contract;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result};
use serde::{Deserialize, Serialize};

use crate::mapping::DatasetMapping;

/// How far a table is, as the lake keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The migration.
    pub migration: String,
    /// The dataset.
    pub dataset: String,
    /// The mapping that it belongs to.
    pub mapping_sha256: String,
    /// When this round began, the first or one that looks for what changed since: the time of fetching of its rows.
    pub started_at: DateTime<Utc>,
    /// Landing objects written in all rounds.
    pub parts: u64,
    /// Rows in them.
    pub rows: u64,
    /// The key of the last of them.
    pub last_key: Option<Vec<String>>,
    /// Nothing of this round is left.
    pub done: bool,
    /// Objects and rows of the rounds before this one: where a table without a key starts its round over.
    #[serde(default)]
    pub before: Written,
    /// This round's rows were changed at this time or later, as the table says it. None in a first round.
    #[serde(default)]
    pub changed_from: Option<String>,
    /// The latest change of a row when the round began: the next round goes on from there.
    #[serde(default)]
    pub changed_to: Option<String>,
    /// Where the dataset has no key: its rows are told apart by what they hold and how often it came before, and so are the same
    /// however often they are copied. Checkpoints of earlier versions told them apart by their place in the landing objects.
    #[serde(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_content: bool,
    /// When it was loaded: a new round begins then.
    #[serde(skip)]
    loaded_at: DateTime<Utc>,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Landing objects.
    pub parts: u64,
    /// Rows in them.
    pub rows: u64,
}

impl Checkpoint {
    /// Where it is kept.
    pub fn key_of(migration: &str, dataset: &str) -> String {
        ObjectKey::state("migrate", &format!("{migration}-{dataset}")).to_string()
    }

    /// Removes the checkpoint of an earlier run, so that all is copied again. `Config` where rows without a key would then be in the table
    /// twice: they were copied by another mapping, or by a version that told them apart by their place.
    pub async fn restart(
        lake: &dyn Lake,
        migration: &str,
        mapping: &DatasetMapping,
        contract: &Contract,
    ) -> Result<()> {
        let key = Self::key_of(migration, &mapping.dataset);
        if contract.file_columns.is_some()
            && let Some(known) = Self::read(lake, &key).await?
            && known.parts > 0
        {
            if !known.by_content {
                return Err(known.told_apart_by_place());
            }
            if known.mapping_sha256 != mapping.sha256 {
                return Err(Error::config(format!(
                    "the mapping of {:?} changed, and the dataset has no key (`key: none`): rows that are there already would be \
                     there twice. Copy to another dataset, or with the mapping as it was",
                    mapping.dataset
                )));
            }
        }
        lake.delete(&key).await
    }

    fn told_apart_by_place(&self) -> Error {
        Error::config(format!(
            "the rows of {:?}, which has no key (`key: none`), were copied by an earlier version that told them apart by their place: \
             copied once more they would be there twice. Copy to another dataset",
            self.dataset
        ))
    }

    /// `Config` where rows without a key were copied by a version that told them apart otherwise, and some of them would be copied
    /// again. Those behind the last key are none of them.
    pub(crate) fn check_told_apart(&mut self, mapping: &DatasetMapping, contract: &Contract) -> Result<()> {
        self.by_content |= self.parts == 0;
        let again = mapping.key.is_empty() || mapping.updated_at.is_some();
        match contract.file_columns.is_some() && !self.by_content && again {
            true => Err(self.told_apart_by_place()),
            false => Ok(()),
        }
    }

    /// Whether rows are told apart by what they hold.
    pub(crate) fn tells_by_content(&self, contract: &Contract) -> bool {
        contract.file_columns.is_some() && self.by_content
    }

    async fn read(lake: &dyn Lake, key: &str) -> Result<Option<Self>> {
        let object = match lake.get(key).await {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&object.bytes)
            .map(Some)
            .map_err(|e| Error::config(format!("{key} is no checkpoint")).with_source(e))
    }

    /// The checkpoint of an earlier run, or a new one. `Config` when it is of another mapping: what is left would not fit to what
    /// is there.
    pub async fn load(
        lake: &dyn Lake,
        migration: &str,
        mapping: &DatasetMapping,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let key = Self::key_of(migration, &mapping.dataset);
        let Some(mut checkpoint) = Self::read(lake, &key).await? else {
            return Ok(Self {
                migration: migration.to_owned(),
                dataset: mapping.dataset.clone(),
                mapping_sha256: mapping.sha256.clone(),
                started_at: now,
                parts: 0,
                rows: 0,
                last_key: None,
                done: false,
                before: Written::default(),
                changed_from: None,
                changed_to: None,
                by_content: true,
                loaded_at: now,
            });
        };
        if checkpoint.mapping_sha256 != mapping.sha256 {
            return Err(Error::config(format!(
                "the mapping of {:?} changed since its migration began at {}, or a version began it that read the rows in \
                 another order: start over with --restart",
                mapping.dataset, checkpoint.started_at
            )));
        }
        checkpoint.loaded_at = now;
        Ok(checkpoint)
    }

    /// Keeps it.
    pub(crate) async fn save(&self, lake: &dyn Lake) -> Result<()> {
        let key = Self::key_of(&self.migration, &self.dataset);
        let bytes = serde_json::to_vec_pretty(self).map_err(|e| Error::bug("checkpoint").with_source(e))?;
        lake.put(&key, bytes.into(), Precondition::None)
            .await
            .with_context(|| format!("writing {key}"))
            .map(drop)
    }

    /// Begins a round after one that is done: by the time of change, where the mapping names one, else after the last key.
    pub(crate) fn begin_round(&mut self, by_change: bool, latest: Option<String>) {
        self.done = false;
        self.started_at = self.loaded_at;
        self.before = Written { parts: self.parts, rows: self.rows };
        if by_change {
            self.last_key = None;
            self.changed_from = self.changed_to.take();
            // A table that was emptied says of no change.
            self.changed_to = latest.or_else(|| self.changed_from.clone());
        }
    }
}
