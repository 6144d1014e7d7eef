//! What a catalog says of a table's partitions, asked when a file is not there.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::lock::Mutex;
use quotelake_core::Result;
use quotelake_core::ports::Catalog;

use super::location;

/// The places of one table's partitions by its catalog. The catalog is asked once, and not before a file is missing: whoever lists a
/// partition later has written its file.
#[derive(Debug)]
pub struct Listed {
    catalog: Arc<dyn Catalog>,
    table: String,
    places: Mutex<Option<BTreeSet<String>>>,
}

impl Listed {
    /// The partitions of `table`.
    pub fn new(catalog: Arc<dyn Catalog>, table: &str) -> Self {
        Self { catalog, table: table.to_owned(), places: Mutex::new(None) }
    }

    /// Whether the catalog has a partition at the place of this file.
    pub(super) async fn has(&self, key: &str) -> Result<bool> {
        let mut places = self.places.lock().await;
        if places.is_none() {
            let listed = self.catalog.partitions(&self.table).await?;
            *places = Some(listed.into_iter().map(|partition| partition.location).collect());
        }
        Ok(places.as_ref().is_some_and(|places| places.contains(&location(key))))
    }
}
