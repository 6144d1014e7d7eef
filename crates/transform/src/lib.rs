//! The transform function: delivery-stream records in, canonical NDJSON out.
