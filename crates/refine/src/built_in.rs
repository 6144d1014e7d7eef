//! The engine that this program was built with.

use crate::engine::Engine;
#[cfg(feature = "sql")]
use crate::sql::DataFusion;

/// The engine of this build.
pub fn engine() -> &'static dyn Engine {
    #[cfg(feature = "sql")]
    return DataFusion::large();
    #[cfg(not(feature = "sql"))]
    return &crate::engine::NoSql;
}

/// The engine of this build for a process that may have so many bytes of memory, which it has for as long as it runs.
pub fn engine_within(process_bytes: usize) -> &'static dyn Engine {
    #[cfg(feature = "sql")]
    return Box::leak(Box::new(DataFusion::within(process_bytes)));
    #[cfg(not(feature = "sql"))]
    return {
        let _ = process_bytes;
        engine()
    };
}
