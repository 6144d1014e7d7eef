//! Apache DataFusion behind the door.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::{SqlEngine, SqlTable};

/// Answers any SQL that [DataFusion](https://datafusion.apache.org) knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct DataFusionEngine;

impl SqlEngine for DataFusionEngine {
    fn query(&self, sql: &str, tables: Vec<SqlTable>) -> Result<Vec<RecordBatch>, String> {
        // On a thread of its own: the caller may be inside an asynchronous runtime, which cannot hold another.
        std::thread::scope(|scope| {
            let running = scope.spawn(|| {
                tokio::runtime::Builder::new_current_thread()
                    .build()
                    .map_err(|error| error.to_string())?
                    .block_on(answer(sql, tables))
            });
            running.join().unwrap_or_else(|_| Err("the SQL engine panicked".to_owned()))
        })
    }
}

async fn answer(sql: &str, tables: Vec<SqlTable>) -> Result<Vec<RecordBatch>, String> {
    let context = SessionContext::new();
    for SqlTable { name, schema, batches } in tables {
        let table = MemTable::try_new(schema, vec![batches]).map_err(|error| error.to_string())?;
        context.register_table(name.as_str(), Arc::new(table)).map_err(|error| error.to_string())?;
    }
    let frame = context.sql(sql).await.map_err(|error| error.to_string())?;
    frame.collect().await.map_err(|error| error.to_string())
}
