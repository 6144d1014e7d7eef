//! The port `Catalog` on the Glue Data Catalog: partitions created up to 100 a call, deleted and listed. A table itself is made
//! by the infrastructure code; a partition takes format and columns from it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_glue::Client;
use aws_sdk_glue::types::{ErrorDetail, PartitionInput, StorageDescriptor};
use quotelake_core::ports::{Catalog, Partition};
use quotelake_core::{Error, ErrorKind, Result};

use crate::Aws;
use crate::backoff::pause;
use crate::error::{failed, kind_of};

/// Partitions that one call creates.
/// <https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html>
const MOST_AT_ONCE: usize = 100;
/// How the code of a partition that Glue has already ends.
const EXISTS: &str = "AlreadyExistsException";
/// Tries of one creation while others change the same table.
const TRIES: u32 = 5;
/// The longest wait before the second try; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The tables of one Glue database. A partition's location in Glue is `s3://<bucket>/<location>`.
///
/// A new partition takes its storage descriptor (format, columns) from its table, as it was when this adapter first saw it: a
/// function's life is short, and tables change with a deployment.
#[derive(Debug, Clone)]
pub struct GlueCatalog {
    client: Client,
    database: String,
    root: String,
    tables: Arc<Mutex<BTreeMap<String, StorageDescriptor>>>,
}

impl GlueCatalog {
    /// The database, whose partitions lie in `bucket`.
    pub fn new(aws: &Aws, database: impl Into<String>, bucket: &str) -> Self {
        Self {
            client: Client::new(aws.sdk_config()),
            database: database.into(),
            root: format!("s3://{bucket}/"),
            tables: Arc::default(),
        }
    }

    fn tables(&self) -> MutexGuard<'_, BTreeMap<String, StorageDescriptor>> {
        // No code that can panic runs under the lock.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, partition: &Partition) -> String {
        format!("partition {} of glue://{}/{}", partition.values.join("/"), self.database, partition.table)
    }

    /// The table's storage descriptor. `Config` when there is no such table: tables are the infrastructure's.
    async fn descriptor(&self, table: &str) -> Result<StorageDescriptor> {
        if let Some(known) = self.tables().get(table) {
            return Ok(known.clone());
        }
        let uri = format!("glue://{}/{table}", self.database);
        let answer = self.client.get_table().database_name(&self.database).name(table).send().await;
        let answer = match answer.map_err(|error| failed(format!("reading table {uri}"), error)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::config(format!("there is no table {uri}")).with_source(error));
            }
            answer => answer?,
        };
        let descriptor = answer.table.and_then(|table| table.storage_descriptor);
        let descriptor =
            descriptor.ok_or_else(|| Error::config(format!("table {uri} has no storage descriptor")))?;
        self.tables().insert(table.to_owned(), descriptor.clone());
        Ok(descriptor)
    }

    /// The place of a partition that Glue knows.
    async fn location(&self, partition: &Partition) -> Result<String> {
        let answer = self
            .client
            .get_partition()
            .database_name(&self.database)
            .table_name(&partition.table)
            .set_partition_values(Some(partition.values.clone()))
            .send()
            .await;
        let answer = answer.map_err(|error| failed(format!("reading {}", self.name(partition)), error))?;
        let location = answer.partition.and_then(|found| found.storage_descriptor?.location);
        location.ok_or_else(|| Error::config(format!("{} has no location", self.name(partition))))
    }

    /// Asks Glue to create partitions of one table, at most [`MOST_AT_ONCE`], and gives those that it did not create, each with
    /// the reason.
    async fn create<'p>(&self, partitions: &[&'p Partition]) -> Result<Vec<(&'p Partition, ErrorDetail)>> {
        let Some(first) = partitions.first() else { return Ok(Vec::new()) };
        let descriptor = self.descriptor(&first.table).await?;
        let inputs = partitions.iter().map(|partition| {
            let mut descriptor = descriptor.clone();
            descriptor.location = Some(self.uri(&partition.location));
            PartitionInput::builder()
                .set_values(Some(partition.values.clone()))
                .storage_descriptor(descriptor)
                .build()
        });
        let request = self.client.batch_create_partition();
        let answer = request
            .database_name(&self.database)
            .table_name(&first.table)
            .set_partition_input_list(Some(inputs.collect()))
            .send()
            .await
            .map_err(|error| failed(format!("creating {}", self.name(first)), error))?;
        let refused = answer.errors.unwrap_or_default().into_iter().map(|refused| {
            let values = refused.partition_values();
            let partition = partitions.iter().find(|partition| partition.values == values);
            let partition = partition.ok_or_else(|| {
                let table = &first.table;
                Error::bug(format!("Glue refuses partition {} of {table}, unasked", values.join("/")))
            })?;
            let unknown = || ErrorDetail::builder().build();
            Ok((*partition, refused.error_detail.unwrap_or_else(unknown)))
        });
        refused.collect()
    }

    /// [`Catalog::ensure_partitions`] of one table, at most [`MOST_AT_ONCE`].
    async fn ensure(&self, partitions: &[Partition]) -> Result<()> {
        let mut waiting: Vec<&Partition> = partitions.iter().collect();
        let mut tries = 1;
        loop {
            let refused = match self.create(&waiting).await {
                Err(error) if error.kind() == ErrorKind::Conflict && tries < TRIES => None,
                refused => Some(refused?),
            };
            if let Some(refused) = refused {
                waiting.clear();
                for (partition, reason) in refused {
                    let code = reason.error_code().unwrap_or("no error code");
                    if code.ends_with(EXISTS) {
                        self.expect_at_its_place(partition).await?;
                    } else if kind_of(Some(code), 400) == ErrorKind::Conflict && tries < TRIES {
                        waiting.push(partition);
                    } else {
                        let words = reason.error_message().unwrap_or_default();
                        let what = format!("creating {}: {code}: {words}", self.name(partition));
                        return Err(Error::new(kind_of(Some(code), 400), what));
                    }
                }
            }
            if waiting.is_empty() {
                return Ok(());
            }
            // Glue lets one writer change a table at a time.
            pause(FIRST_WAIT, tries).await;
            tries += 1;
        }
    }

    /// Deletes a partition. One that somebody else deleted meanwhile is no error.
    async fn delete(&self, partition: &Partition) -> Result<()> {
        let request =
            self.client.delete_partition().database_name(&self.database).table_name(&partition.table);
        let answer = request.set_partition_values(Some(partition.values.clone())).send().await;
        match answer.map_err(|error| failed(format!("deleting {}", self.name(partition)), error)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// `Conflict` when Glue has the partition at another place than its own.
    async fn expect_at_its_place(&self, partition: &Partition) -> Result<()> {
        let found = self.prefix(&self.location(partition).await?);
        if found == partition.location {
            return Ok(());
        }
        let name = self.name(partition);
        Err(Error::conflict(format!("{name} is at {found}, not at {}", partition.location)))
    }

    fn uri(&self, location: &str) -> String {
        format!("{}{location}", self.root)
    }

    /// The key prefix of a place in the bucket, with its slash; another place as it is.
    fn prefix(&self, uri: &str) -> String {
        match uri.strip_prefix(&self.root) {
            Some(prefix) => format!("{}/", prefix.trim_end_matches('/')),
            None => uri.to_owned(),
        }
    }
}

#[async_trait]
impl Catalog for GlueCatalog {
    async fn ensure_partitions(&self, partitions: &[Partition]) -> Result<()> {
        for of_table in partitions.chunk_by(|a, b| a.table == b.table) {
            for some in of_table.chunks(MOST_AT_ONCE) {
                self.ensure(some).await?;
            }
        }
        Ok(())
    }

    async fn forget_partitions(&self, partitions: &[Partition]) -> Result<()> {
        for of_table in partitions.chunk_by(|a, b| a.table == b.table) {
            // Glue deletes by values, wherever a partition is.
            let visible = self.partitions(&of_table[0].table).await?;
            let there: Vec<&Partition> =
                of_table.iter().filter(|partition| visible.binary_search(partition).is_ok()).collect();
            for partition in there {
                self.delete(partition).await?;
            }
        }
        Ok(())
    }

    async fn partitions(&self, table: &str) -> Result<Vec<Partition>> {
        let what = || format!("listing the partitions of glue://{}/{table}", self.database);
        let request = self.client.get_partitions().database_name(&self.database).table_name(table);
        let mut pages = request.exclude_column_schema(true).into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = match page.map_err(|error| failed(what(), error)) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                page => page?,
            };
            for found in page.partitions.unwrap_or_default() {
                let location = found.storage_descriptor.and_then(|descriptor| descriptor.location);
                let location =
                    location.ok_or_else(|| Error::config(format!("{}: one has no location", what())))?;
                listed.push(Partition {
                    table: table.to_owned(),
                    values: found.values.unwrap_or_default(),
                    location: self.prefix(&location),
                });
            }
        }
        listed.sort();
        Ok(listed)
    }
}
