//! Published tables as tables of DataFusion.
//!
//! A plan of DataFusion lives as long as it likes, a lake only as long as its port: so a plan asks for files through a channel, and
//! [`read`] answers for as long as somebody waits for the plan's own rows. The plan decodes them, only the columns that a query names.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::arrow::compute::{cast, take};
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::channel::mpsc::{self, Sender, UnboundedReceiver, UnboundedSender};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use quotelake_contract::Contract;
use quotelake_core::{Error, Result};
use quotelake_table::{PartitionKey, arrow_type, field};

use super::stored::{self, Stored};
use crate::dates::Dates;
use crate::tables::Tables;

/// Files that wait to be taken by a plan, for each scan.
const WAITING: usize = 2;

/// A scan that a plan asks for.
#[derive(Debug)]
pub(super) struct Request {
    table: String,
    dates: Dates,
    schema: SchemaRef,
    rows: Sender<PlanResult<Stored>>,
}

/// A table as plans see it: the columns of its files, then partition columns that are none of them.
#[derive(Debug)]
pub(super) struct Input {
    contract: Arc<Contract>,
    dates: Dates,
    schema: SchemaRef,
    requests: UnboundedSender<Request>,
}

impl Input {
    /// A table's rows of these dates.
    pub(super) fn new(contract: &Arc<Contract>, dates: Dates, requests: UnboundedSender<Request>) -> Self {
        Self { contract: Arc::clone(contract), dates, schema: Arc::new(schema(contract)), requests }
    }
}

/// The columns of a table in a query. Decimals have 128 bits, since DataFusion adds those of 64 with wrapping, and texts are plain.
pub(super) fn schema(contract: &Contract) -> Schema {
    let columns = contract.columns.iter().map(field);
    let partitions =
        contract.partitions.iter().filter(|partition| contract.index_of(&partition.name).is_none());
    let partitions =
        partitions.map(|partition| Field::new(&partition.name, arrow_type(partition.ty, false), true));
    let wide = |field: Field| {
        let data_type = wide(field.data_type());
        field.with_data_type(data_type)
    };
    Schema::new(columns.chain(partitions).map(wide).collect::<Vec<_>>())
}

fn wide(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Decimal64(precision, scale) => DataType::Decimal128(*precision, *scale),
        DataType::Dictionary(_, values) => wide(values),
        DataType::Utf8 => DataType::Utf8View,
        other => other.clone(),
    }
}

#[async_trait]
impl TableProvider for Input {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let scan = Scan {
            contract: Arc::clone(&self.contract),
            dates: self.dates,
            schema: Arc::clone(&schema),
            requests: self.requests.clone(),
        };
        let plan = StreamingTableExec::try_new(schema, vec![Arc::new(scan)], None, None, false, limit)?;
        Ok(Arc::new(plan))
    }
}

/// One scan in a plan.
#[derive(Debug)]
struct Scan {
    contract: Arc<Contract>,
    dates: Dates,
    schema: SchemaRef,
    requests: UnboundedSender<Request>,
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (rows, taken) = mpsc::channel(WAITING);
        let table = self.contract.name.clone();
        let request = Request { table, dates: self.dates, schema: Arc::clone(&self.schema), rows };
        if self.requests.unbounded_send(request).is_err() {
            let table = &self.contract.name;
            let gone = DataFusionError::Execution(format!("nobody reads {table} any more"));
            let gone = futures::stream::iter([Err(gone)]);
            return Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), gone));
        }
        // Decoded by whoever computes the plan, which has a core.
        let (contract, schema) = (Arc::clone(&self.contract), Arc::clone(&self.schema));
        let widened = taken.map(move |part: PlanResult<Stored>| {
            let (stored, batch) = part?.decode().map_err(external)?;
            widened(&contract, &stored.partition, &batch, &schema).map_err(external)
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), widened))
    }
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Answers the requests of plans, for ever: what it is polled beside says when it is over.
pub(super) async fn read(tables: Tables<'_>, mut requests: UnboundedReceiver<Request>) {
    let mut scans: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
    loop {
        futures::select! {
            request = requests.next() => match request {
                Some(request) => scans.push(answer(tables, request).boxed()),
                None => break,
            },
            () = scans.select_next_some() => {}
        }
    }
    scans.collect::<()>().await;
}

async fn answer(tables: Tables<'_>, request: Request) {
    let Request { table, dates, schema, mut rows } = request;
    if let Err(error) = send(tables, &table, dates, &schema, &mut rows).await {
        // Where nobody takes it any more, the plan failed before.
        let _ = rows.send(Err(external(error))).await;
    }
}

async fn send(
    tables: Tables<'_>,
    table: &str,
    dates: Dates,
    schema: &SchemaRef,
    rows: &mut Sender<PlanResult<Stored>>,
) -> Result<()> {
    let contract = tables.contract(table)?;
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    let mut read: Vec<&str> = names().filter(|name| contract.index_of(name).is_some()).collect();
    if read.is_empty() {
        // Rows are counted by some column.
        let smallest = contract.key.first().copied().unwrap_or_default();
        read.push(&contract.columns[smallest].name);
    }
    let mut parts = stored::scan(tables, table, &read, dates).await?;
    while let Some(part) = parts.next().await {
        if rows.send(Ok(part?)).await.is_err() {
            // The plan has enough.
            break;
        }
    }
    Ok(())
}

/// The rows of a partition as columns of a query.
fn widened(
    contract: &Contract,
    partition: &PartitionKey,
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let column = |field: &Arc<Field>| -> Result<ArrayRef> {
        if let Some(column) = batch.column_by_name(field.name()) {
            return plain(column, field.data_type());
        }
        let place = contract.partitions.iter().position(|partition| partition.name == *field.name());
        let value = place.and_then(|place| partition.values().into_iter().nth(place));
        let value = value.filter(|value| contract.null_partition.as_ref() != Some(value));
        let value = cast(&StringArray::from(vec![value]), field.data_type())?;
        Ok(take(&value, &UInt32Array::from(vec![0; batch.num_rows()]), None)?)
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// A column as one of this type. Of codes each value is cast once, and then looked up.
fn plain(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    Ok(match column.as_any_dictionary_opt() {
        Some(coded) => take(&cast(coded.values(), data_type)?, coded.keys(), None)?,
        None => cast(column, data_type)?,
    })
}
