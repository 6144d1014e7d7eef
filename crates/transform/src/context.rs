//! What the transform function may use: the sources whose pages it maps, and how large an answer may be, in bytes of JSON. It
//! has no port: it reads and writes nothing but its event and its answer.

use quotelake_sources::Sources;

use crate::DEFAULT_MAX_RESPONSE_BYTES;

/// What the function may use: no port at all.
#[derive(Debug, Clone)]
pub struct Context {
    /// The sources whose pages it can read.
    pub sources: Sources,
    /// The largest response in bytes of JSON.
    pub max_response_bytes: usize,
}

impl Context {
    /// These sources, and the default bound of the response.
    pub fn new(sources: Sources) -> Self {
        Self { sources, max_response_bytes: DEFAULT_MAX_RESPONSE_BYTES }
    }
}

impl Default for Context {
    /// The shipped sources.
    fn default() -> Self {
        Self::new(Sources::default())
    }
}
