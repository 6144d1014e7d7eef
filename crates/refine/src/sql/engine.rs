//! Apache DataFusion computes models in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::task::Poll;

use async_trait::async_trait;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::functions::unicode::planner::UnicodeFunctionPlanner;
use datafusion::logical_expr::registry::FunctionRegistry as _;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use quotelake_contract::Materialization;
use quotelake_core::{Error, ErrorKind, Result};

use super::input::{self, Input, Request};
use crate::dates::Dates;
use crate::engine::{Computed, Engine};
use crate::model::{Kind, Model};
use crate::tables::Tables;

/// What sorts, joins and groups may hold in memory where nobody says, bytes.
const MEMORY_BYTES: usize = 1024 * 1024 * 1024;

/// How many passes are at work at the same time on a machine with memory enough. With three of them two cores do no more: they wait for the heap.
const PASSES_AT_ONCE: usize = 2;

/// Batches that a pass has computed and nobody has taken.
const COMPUTED_AHEAD: usize = 2;

/// How much of the memory the stored bytes of one pass may come to. In the account of a sort a row has some ten times the bytes that it has
/// in a file, and what holds memory besides grows with it; each pass costs some 27 ms of CPU besides. Twenty years of bars, two passes at a time:
/// a join that keeps all of them peaked at 1,049 MiB with this and at 564 with a 64th, the shipped monthly bars at 185 and 167, in a tenth less time.
const INPUT_SHARE: usize = 32;

/// How many views may stand on one another.
const VIEWS_DEEP: usize = 16;

/// [Apache DataFusion](https://datafusion.apache.org), compiled in.
#[derive(Debug, Clone)]
pub struct DataFusion {
    memory_bytes: usize,
    passes_at_once: usize,
    /// What all passes hold together.
    memory: Arc<dyn MemoryPool>,
}

impl DataFusion {
    fn new(memory_bytes: usize, passes_at_once: usize) -> Self {
        Self { memory_bytes, passes_at_once, memory: Arc::new(FairSpillPool::new(memory_bytes)) }
    }

    /// For a machine with memory enough: one gibibyte, of which two passes at a time make use.
    pub fn large() -> &'static Self {
        static LARGE: LazyLock<DataFusion> = LazyLock::new(|| DataFusion::new(MEMORY_BYTES, PASSES_AT_ONCE));
        &LARGE
    }

    /// For a process that may have so many bytes in all. Sorts, joins and groups of a model may hold two thirds of them; what is above goes to
    /// the system's folder of temporary files. The rest is for what the engine does not count: tables as they are read, and the
    /// rows and files that come out.
    pub fn within(process_bytes: usize) -> Self {
        Self::new(process_bytes / 3 * 2, 1)
    }
}

#[async_trait]
impl Engine for DataFusion {
    fn version(&self) -> String {
        format!("datafusion {}", datafusion::DATAFUSION_VERSION)
    }

    fn most_input_bytes(&self) -> u64 {
        (self.memory_bytes / INPUT_SHARE) as u64
    }

    fn passes_at_once(&self) -> usize {
        self.passes_at_once
    }

    async fn compute<'a>(
        &self,
        model: &Model,
        tables: Tables<'a>,
        dates: Dates,
    ) -> Result<BoxStream<'a, Result<Computed>>> {
        let (context, requests) = context(&self.memory, model, tables, dates).await?;
        let frame = plan(&context, sql_of(model)?).await?;
        let rows = frame.execute_stream().await.map_err(failed)?;
        Ok(streamed(beside(rows), tables, requests))
    }
}

/// Whether a model's SQL can be planned by the contracts of its tables. `Config` says what is wrong.
pub async fn check_plan(model: &Model, tables: Tables<'_>) -> Result<()> {
    let (context, _) = context(&DataFusion::large().memory, model, tables, Dates::ALL).await?;
    let planned = plan(&context, sql_of(model)?).await?.create_physical_plan().await;
    planned.map(drop).map_err(failed)
}

fn sql_of(model: &Model) -> Result<&str> {
    match &model.kind {
        Kind::Sql(sql) => Ok(sql),
        Kind::Native(_) => Err(Error::bug(format!("{} is no model in SQL", model.name()))),
    }
}

/// A session in which a model's tables are there by their names.
async fn context(
    memory: &Arc<dyn MemoryPool>,
    model: &Model,
    tables: Tables<'_>,
    dates: Dates,
) -> Result<(SessionContext, UnboundedReceiver<Request>)> {
    let config = SessionConfig::new()
        // Tables are read beside it. Two streams would be dealt out anew before each join and group, for a fifth more CPU and a third
        // more memory, and a tenth less time.
        .with_target_partitions(1)
        // `0.1` is a decimal, not a float.
        .set_bool("datafusion.sql_parser.parse_float_as_decimal", true);
    let runtime =
        RuntimeEnvBuilder::new().with_memory_pool(Arc::clone(memory)).build_arc().map_err(failed)?;
    let context = with_substring(SessionContext::new_with_config_rt(config, runtime)).map_err(failed)?;
    let (requests, asked) = mpsc::unbounded();
    let mut inputs = Inputs::default();
    inputs.add(model, tables, 0, 0)?;
    inputs.register(&context, tables, dates, &requests).await?;
    Ok((context, asked))
}

/// The same session, which knows what `substring` means: the function is compiled in, the feature that tells the planner is not.
pub fn with_substring(mut context: SessionContext) -> Result<SessionContext, DataFusionError> {
    context.register_expr_planner(Arc::new(UnicodeFunctionPlanner))?;
    Ok(context)
}

/// What has to be registered so that a model's names mean something.
#[derive(Debug, Default)]
struct Inputs {
    /// Published tables, and how many days before the first date they are read.
    tables: BTreeMap<String, u32>,
    /// Views, each behind those that it reads.
    views: Vec<(String, String)>,
}

impl Inputs {
    fn add(&mut self, model: &Model, tables: Tables<'_>, days: u32, depth: usize) -> Result<()> {
        if depth > VIEWS_DEEP {
            return Err(Error::config(format!("{} reads views that stand on too many others", model.name())));
        }
        for input in &model.inputs {
            let days = days.saturating_add(input.lookback_days);
            let dataset = tables.contracts.get(&input.table)?;
            let is_view =
                |refine: &quotelake_contract::Refine| refine.materialization == Materialization::View;
            if !dataset.contract.refine.as_ref().is_some_and(is_view) {
                let before = self.tables.entry(input.table.clone()).or_default();
                *before = days.max(*before);
                continue;
            }
            let Some(view) = Model::new(dataset)? else { continue };
            self.add(&view, tables, days, depth + 1)?;
            if !self.views.iter().any(|(name, _)| *name == input.table) {
                self.views.push((input.table.clone(), sql_of(&view)?.to_owned()));
            }
        }
        Ok(())
    }

    async fn register(
        &self,
        context: &SessionContext,
        tables: Tables<'_>,
        dates: Dates,
        requests: &UnboundedSender<Request>,
    ) -> Result<()> {
        for (table, days) in &self.tables {
            let input = Input::new(
                &tables.contracts.get(table)?.contract,
                dates.with_days_before(*days),
                requests.clone(),
            );
            context.register_table(table.as_str(), Arc::new(input)).map_err(failed)?;
        }
        for (view, sql) in &self.views {
            let view_of = plan(context, sql).await?.into_view();
            context.register_table(view.as_str(), view_of).map_err(failed)?;
        }
        Ok(())
    }
}

/// Plans a query; nothing but a query.
async fn plan(context: &SessionContext, sql: &str) -> Result<DataFrame> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    context.sql_with_options(sql, options).await.map_err(failed)
}

/// A plan's rows, computed by a task of its own, so that who takes them has a core for it.
fn beside(mut rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut computed = RecordBatchReceiverStream::builder(rows.schema(), COMPUTED_AHEAD);
    let taken = computed.tx();
    computed.spawn(async move {
        while let Some(batch) = rows.next().await {
            if taken.send(batch).await.is_err() {
                // Nobody waits for them any more.
                break;
            }
        }
        Ok(())
    });
    computed.build()
}

/// A plan's rows, for which its tables are read along the way.
fn streamed<'a>(
    mut rows: SendableRecordBatchStream,
    tables: Tables<'a>,
    requests: UnboundedReceiver<Request>,
) -> BoxStream<'a, Result<Computed>> {
    let mut reading = input::read(tables, requests).boxed().fuse();
    stream::poll_fn(move |context| {
        // It never ends before the rows do.
        let _ = reading.poll_unpin(context);
        match rows.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(rows))) => Poll::Ready(Some(Ok(Computed { rows, is_complete: false }))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(failed(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .boxed()
}

/// Whose fault it is: an error of a table as it was, SQL that cannot be planned, or rows on which it fails.
fn failed(error: DataFusionError) -> Error {
    match error {
        DataFusionError::External(error) => match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => Error::invalid("the SQL fails").with_source(error),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => failed(*inner),
        DataFusionError::Shared(shared) => match Arc::try_unwrap(shared) {
            Ok(inner) => failed(inner),
            Err(shared) => root(&shared),
        },
        error => root(&error),
    }
}

fn root(error: &DataFusionError) -> Error {
    if let Some(own) = own(error) {
        return Error::new(own.kind(), own.to_string());
    }
    let text = error.find_root().to_string();
    match error.find_root() {
        DataFusionError::SQL(..)
        | DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::NotImplemented(_) => Error::config(text),
        DataFusionError::ResourcesExhausted(_) => {
            Error::new(ErrorKind::Unsupported, format!("it needs more memory than there is: {text}"))
        }
        _ => Error::invalid(text),
    }
}

/// The error of a table that is behind it, if there is one.
fn own(error: &DataFusionError) -> Option<&Error> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source()).find_map(|error| error.downcast_ref::<Error>())
}
