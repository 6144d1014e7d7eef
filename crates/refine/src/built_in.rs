//! The engine that this program was built with.

use crate::engine::Engine;
#[cfg(feature = "sql")]
use crate::sql::DataFusion;

/// The engine of this build.
pub fn engine() -> &'static dyn Engine {
    #[cfg(feature = "sql")]
    return &DataFusion;
    #[cfg(not(feature = "sql"))]
    return &crate::engine::NoSql;
}
