//! The Lambda handlers as functions of the laptop: each takes the JSON event and gives the JSON answer. Those that judge or write
//! rows read the lake's contracts with each event.

use std::sync::Arc;

use bytes::Bytes;
use quotelake_core::Result;
use quotelake_local::{Function, FunctionError, function_fn};
use quotelake_platform::contracts::ContractCache;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(event: &Bytes) -> Result<T, FunctionError> {
    serde_json::from_slice(event).map_err(|e| FunctionError::new("invalid_event", e.to_string()))
}

fn write<T: Serialize>(response: &T) -> Result<Bytes, FunctionError> {
    serde_json::to_vec(response).map(Bytes::from).map_err(|e| FunctionError::new("bug", e.to_string()))
}

pub(super) fn transform_function() -> Arc<dyn Function> {
    let context = Arc::new(quotelake_transform::Context::default());
    Arc::new(function_fn("transform", move |event: Bytes| {
        let context = Arc::clone(&context);
        async move { write(&quotelake_transform::handle(&read(&event)?, &context)) }
    }))
}

pub(super) fn fetch_function(context: quotelake_fetch::Context) -> Arc<dyn Function> {
    let context = Arc::new(context);
    Arc::new(function_fn("fetch", move |event: Bytes| {
        let context = Arc::clone(&context);
        async move {
            let event: Box<serde_json::value::RawValue> = read(&event)?;
            write(&quotelake_fetch::handle(&event, None, &context).await?)
        }
    }))
}

pub(super) fn ingest_function(context: quotelake_ingest::Context) -> Arc<dyn Function> {
    let shared = Arc::new((context, ContractCache::default()));
    Arc::new(function_fn("ingest", move |event: Bytes| {
        let shared = Arc::clone(&shared);
        async move {
            let (context, kept) = &*shared;
            let mut contracts = kept.current(context.lake.as_ref()).await?;
            contracts.set_layouts_of(&context.contracts)?;
            let context = quotelake_ingest::Context { contracts, ..context.clone() };
            write(&quotelake_ingest::handle(read(&event)?, None, &context).await)
        }
    }))
}

pub(super) fn check_function(context: quotelake_check::Context) -> Arc<dyn Function> {
    let shared = Arc::new((context, ContractCache::default()));
    Arc::new(function_fn("check", move |event: Bytes| {
        let shared = Arc::clone(&shared);
        async move {
            let (context, kept) = &*shared;
            let contracts = kept.current(context.lake.as_ref()).await?;
            let context = quotelake_check::Context { contracts, ..context.clone() };
            write(&quotelake_check::handle(read(&event)?, None, &context).await)
        }
    }))
}

pub(super) fn refine_function(context: quotelake_refine::Context) -> Arc<dyn Function> {
    let context = Arc::new(context);
    Arc::new(function_fn("refine", move |event: Bytes| {
        let context = Arc::clone(&context);
        async move { write(&quotelake_refine::handle(read(&event)?, None, &context).await) }
    }))
}

pub(super) fn publish_function(context: quotelake_publish::Context) -> Arc<dyn Function> {
    let shared = Arc::new((context, ContractCache::default()));
    Arc::new(function_fn("publish", move |event: Bytes| {
        let shared = Arc::clone(&shared);
        async move {
            let (context, kept) = &*shared;
            let contracts = kept.current(context.lake.as_ref()).await?;
            let context = quotelake_publish::Context { contracts, ..context.clone() };
            write(&quotelake_publish::handle(read(&event)?, None, &context).await)
        }
    }))
}
