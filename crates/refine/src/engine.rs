//! The port for what computes models.

use std::fmt;

use async_trait::async_trait;
use futures::stream::BoxStream;
use quotelake_core::{Error, ErrorKind, Result};

pub use crate::computed::Computed;
use crate::dates::Dates;
use crate::model::{Kind, Model};
use crate::tables::Tables;

/// Computes models in SQL. [`DataFusion`](crate::sql) does it in this process; an engine outside of it would compute into `staged/`.
#[async_trait]
pub trait Engine: fmt::Debug + Send + Sync {
    /// Changes whenever the same SQL may give other rows.
    fn version(&self) -> String;

    /// Whether it computes anything: without one there are native models only.
    fn is_there(&self) -> bool {
        true
    }

    /// How many bytes of stored input one pass may read; what a look-back adds does not count. A reach of more is cut by dates, where it can be.
    fn most_input_bytes(&self) -> u64 {
        u64::MAX
    }

    /// How many passes of a model may be at work at the same time.
    fn passes_at_once(&self) -> usize {
        1
    }

    /// The rows of these dates. Inputs are read as far back as the model says.
    ///
    /// `InvalidInput` for SQL that fails on these rows: a division by zero, a number that is too large for its type.
    async fn compute<'a>(
        &self,
        model: &Model,
        tables: Tables<'a>,
        dates: Dates,
    ) -> Result<BoxStream<'a, Result<Computed>>>;
}

/// The engine of a build without SQL: it says how to get one.
#[derive(Debug, Clone, Copy)]
pub struct NoSql;

#[async_trait]
impl Engine for NoSql {
    fn version(&self) -> String {
        String::new()
    }

    fn is_there(&self) -> bool {
        false
    }

    async fn compute<'a>(
        &self,
        model: &Model,
        _: Tables<'a>,
        _: Dates,
    ) -> Result<BoxStream<'a, Result<Computed>>> {
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "{} is a model in SQL, and this build has no SQL engine: `make full` builds one that has",
                model.name()
            ),
        ))
    }
}

/// Whether a model can be computed.
pub fn computes(model: &Model, engine: &dyn Engine) -> bool {
    match model.kind {
        Kind::Sql(_) => engine.is_there(),
        Kind::Native(_) => true,
    }
}

/// How many bytes of stored input one pass of a model may read: native models take what comes.
pub fn most_input_bytes(model: &Model, engine: &dyn Engine) -> u64 {
    match model.kind {
        Kind::Sql(_) => engine.most_input_bytes(),
        Kind::Native(_) => u64::MAX,
    }
}

/// How many passes of a model may be at work at the same time: one of a native model.
pub fn passes_at_once(model: &Model, engine: &dyn Engine) -> usize {
    match model.kind {
        Kind::Sql(_) => engine.passes_at_once().max(1),
        Kind::Native(_) => 1,
    }
}

/// The version of what computes a model.
pub fn version_of(model: &Model, engine: &dyn Engine) -> String {
    match model.kind {
        Kind::Sql(_) => engine.version(),
        Kind::Native(_) => "native".to_owned(),
    }
}

/// A model's rows of these dates, by what computes it.
pub async fn compute<'a>(
    model: &Model,
    engine: &dyn Engine,
    tables: Tables<'a>,
    dates: Dates,
) -> Result<BoxStream<'a, Result<Computed>>> {
    match &model.kind {
        Kind::Native(native) => native.compute(tables, dates).await,
        Kind::Sql(_) => engine.compute(model, tables, dates).await,
    }
}
