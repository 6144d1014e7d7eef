//! `quotelake query`: SQL over the published tables, by DataFusion, in builds with the `sql` feature.

use quotelake_core::Result;

use crate::args::QueryArgs;
use crate::output::{Exit, Output};

/// Without the feature there is nothing to answer with: the error says how to get it.
#[cfg(not(feature = "sql"))]
pub async fn run(_: QueryArgs, _: Output) -> Result<Exit> {
    Err(quotelake_core::Error::new(
        quotelake_core::ErrorKind::Unsupported,
        "this build has no SQL engine: use `make query SQL=\"...\"`, which builds it with `--features sql`, or open \
         the published Parquet files in DuckDB",
    ))
}

/// The view of one series for each instrument.
#[cfg(feature = "sql")]
const PREFERRED: &str = "daily_bars_preferred";

/// Runs the command: every table that has rows is there under its name, and the view of the preferred daily series.
#[cfg(feature = "sql")]
pub async fn run(args: QueryArgs, output: Output) -> Result<Exit> {
    use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
    use quotelake_core::Error;
    use quotelake_table::published::table_prefix;
    use quotelake_table::{ArrowSchema as _, Published, arrow_type};

    let laptop = super::open_existing(&args.lake.lake).await?;
    // Partition folders are read as columns where the files do not hold them, and passed over where they do.
    let config =
        SessionConfig::new().set_bool("datafusion.execution.listing_table_ignore_subdirectory", false);
    let context = SessionContext::new_with_config(dqdl::exact_numbers(config));
    let context = quotelake_refine::sql::with_substring(context)
        .map_err(|e| Error::bug("functions of texts").with_source(e))?;
    for dataset in laptop.contracts.all()? {
        let contract = &dataset.contract;
        let name = &contract.name;
        if Published::new(laptop.lake().as_ref(), contract).partitions().await?.is_empty() {
            continue;
        }
        let columns =
            contract.partitions.iter().filter(|partition| contract.index_of(&partition.name).is_none());
        let columns =
            columns.map(|partition| (partition.name.clone(), arrow_type(partition.ty, false))).collect();
        // By the contract's types: a table may hold files of narrower decimals, or such as lack a column.
        let schema = dqdl::wide_decimals(&as_texts(&contract.schema()));
        let options = ParquetReadOptions::default().table_partition_cols(columns).schema(&schema);
        let folder = laptop.root().join(table_prefix(contract.zone(), name));
        context
            .register_parquet(name, folder.to_string_lossy(), options)
            .await
            .map_err(|e| Error::invalid(format!("cannot open table {name}")).with_source(e))?;
    }
    register_own(&context, &laptop).await?;
    register_views(&context, &laptop).await?;
    if context.table_exist("daily_bars").unwrap_or(false) {
        // One series of each instrument, see `quotelake_contract::Preference`.
        // The columns as the table has them.
        let bad = |e: datafusion::error::DataFusionError| {
            Error::bug(format!("cannot make the view {PREFERRED}")).with_source(e)
        };
        let table = context.table("daily_bars").await.map_err(bad)?;
        let columns = table.schema().fields().iter();
        let columns: Vec<String> = columns.map(|column| format!("\"{}\"", column.name())).collect();
        let view = laptop.contracts.preference().view_sql(&columns.join(", "));
        let create = format!("CREATE VIEW {PREFERRED} AS {view}");
        context.sql(&create).await.map_err(bad)?.collect().await.map_err(bad)?;
    }
    let failed = |e: datafusion::error::DataFusionError| Error::invalid("the query failed").with_source(e);
    let batches = context.sql(&args.sql).await.map_err(failed)?.collect().await.map_err(failed)?;
    let rows = rows(&batches)?;
    output.finish(&rows, || {
        let header: Vec<&str> = rows.columns.iter().map(String::as_str).collect();
        let cells =
            rows.rows.iter().map(|row| row.iter().map(|cell| cell.clone().unwrap_or_default()).collect());
        crate::output::table(&header, &rows.numbers, cells)
    })?;
    Ok(Exit::Done)
}

/// The tables that Quotelake writes about its own work, where a lake has some of it: `runs`, `rule_results`, `statistics`.
#[cfg(feature = "sql")]
async fn register_own(
    context: &datafusion::prelude::SessionContext,
    laptop: &crate::laptop::Laptop,
) -> Result<()> {
    use datafusion::prelude::ParquetReadOptions;
    use quotelake_contract::{QualityTables, runs_table};
    use quotelake_core::{Error, Zone};
    use quotelake_table::{ArrowSchema as _, arrow_type};

    let QualityTables { rule_results, statistics } = QualityTables::built_in()?;
    let quality = |name: &str| format!("{}{name}/", Zone::Quality.prefix());
    for (table, prefix) in [
        (runs_table()?, Zone::Runs.prefix().to_owned()),
        (rule_results, quality("rule_results")),
        (statistics, quality("statistics")),
    ] {
        // A dataset of this name is the user's own.
        if context.table_exist(table.name.as_str()).unwrap_or(false)
            || crate::runs::files(laptop.lake().as_ref(), &prefix).await?.is_empty()
        {
            continue;
        }
        let columns = table.partitions.iter().filter(|partition| table.index_of(&partition.name).is_none());
        let columns =
            columns.map(|partition| (partition.name.clone(), arrow_type(partition.ty, false))).collect();
        let schema = as_texts(&table.schema());
        let options = ParquetReadOptions::default().table_partition_cols(columns).schema(&schema);
        let folder = laptop.root().join(&prefix);
        context
            .register_parquet(table.name.as_str(), folder.to_string_lossy(), options)
            .await
            .map_err(|e| Error::invalid(format!("cannot open table {}", table.name)).with_source(e))?;
    }
    Ok(())
}

/// The models that are views, on, and over tables that are there.
#[cfg(feature = "sql")]
async fn register_views(
    context: &datafusion::prelude::SessionContext,
    laptop: &crate::laptop::Laptop,
) -> Result<()> {
    use quotelake_core::Error;
    use quotelake_refine::enabled::Enabled;
    use quotelake_refine::model::Kind;
    use quotelake_refine::models::Models;

    let enabled = Enabled::load(laptop.lake().as_ref()).await?;
    for model in Models::new(&laptop.contracts)?.all() {
        let Kind::Sql(sql) = &model.kind else { continue };
        let is_there = |table: &str| context.table_exist(table).unwrap_or(false);
        let can_be = !model.is_published() && model.inputs.iter().all(|input| is_there(&input.table));
        if !can_be || !enabled.is_on(model.name()) {
            continue;
        }
        let bad = |e: datafusion::error::DataFusionError| {
            Error::config(format!("cannot make the view {}", model.name())).with_source(e)
        };
        let view = context.sql(sql).await.map_err(bad)?.into_view();
        context.register_table(model.name(), view).map_err(bad)?;
    }
    Ok(())
}

/// A contract's columns as a query sees them: texts are texts, however a batch codes them.
#[cfg(feature = "sql")]
fn as_texts(schema: &arrow::datatypes::Schema) -> arrow::datatypes::Schema {
    use arrow::datatypes::{DataType, Field, Schema};

    let field = |field: &std::sync::Arc<Field>| match field.data_type() {
        DataType::Dictionary(_, values) => field.as_ref().clone().with_data_type(values.as_ref().clone()),
        _ => field.as_ref().clone(),
    };
    Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

/// An answer: values as text, exactly as the lake holds them; a missing value is null.
#[cfg(feature = "sql")]
#[derive(Debug, serde::Serialize)]
struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
    #[serde(skip)]
    numbers: Vec<usize>,
}

#[cfg(feature = "sql")]
fn rows(batches: &[arrow::array::RecordBatch]) -> Result<Rows> {
    use arrow::array::Array as _;
    use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

    let mut all = Rows { columns: Vec::new(), rows: Vec::new(), numbers: Vec::new() };
    let options = FormatOptions::default();
    for batch in batches {
        let schema = batch.schema();
        all.columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        all.numbers =
            (0..schema.fields().len()).filter(|i| schema.field(*i).data_type().is_numeric()).collect();
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cells = columns.iter().zip(batch.columns());
            all.rows.push(
                cells
                    .map(|(text, values)| values.is_valid(row).then(|| text.value(row).to_string()))
                    .collect(),
            );
        }
    }
    Ok(all)
}
