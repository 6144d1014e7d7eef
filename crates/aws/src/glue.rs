use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_glue::Client;
use aws_sdk_glue::types::{PartitionInput, StorageDescriptor};
use quotelake_core::ports::{Catalog, Partition};
use quotelake_core::{Error, ErrorKind, Result};

use crate::Aws;
use crate::backoff::pause;
use crate::error::{failed, kind_of};

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

    /// Creates the partition; false when Glue has it already.
    async fn create(&self, partition: &Partition) -> Result<bool> {
        let mut descriptor = self.descriptor(&partition.table).await?;
        descriptor.location = Some(self.uri(&partition.location));
        let input = PartitionInput::builder()
            .set_values(Some(partition.values.clone()))
            .storage_descriptor(descriptor)
            .build();
        let what = format!("creating {}", self.name(partition));
        let request = self.client.batch_create_partition();
        let answer = request
            .database_name(&self.database)
            .table_name(&partition.table)
            .partition_input_list(input)
            .send()
            .await
            .map_err(|error| failed(&what, error))?;
        let Some(refused) = answer.errors().first().and_then(|entry| entry.error_detail()) else {
            return Ok(true);
        };
        let code = refused.error_code().unwrap_or("no error code");
        if code.ends_with("AlreadyExistsException") {
            return Ok(false);
        }
        let words = refused.error_message().unwrap_or_default();
        Err(Error::new(kind_of(Some(code), 400), format!("{what}: {code}: {words}")))
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
    async fn ensure_partition(&self, partition: &Partition) -> Result<()> {
        let mut tries = 1;
        let created = loop {
            match self.create(partition).await {
                // Glue lets one writer change a table at a time.
                Err(error) if error.kind() == ErrorKind::Conflict && tries < TRIES => {
                    pause(FIRST_WAIT, tries).await;
                    tries += 1;
                }
                other => break other?,
            }
        };
        if created {
            return Ok(());
        }
        let found = self.prefix(&self.location(partition).await?);
        if found == partition.location {
            return Ok(());
        }
        let name = self.name(partition);
        Err(Error::conflict(format!("{name} is at {found}, not at {}", partition.location)))
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
