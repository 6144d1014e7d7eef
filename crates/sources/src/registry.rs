//! The list of sources by name. An envelope names its source, so `transform` finds the mapping here, and `fetch` the plan and
//! the judgement of answers.

use std::fmt;
use std::sync::Arc;

use quotelake_core::{Error, Result};

use crate::Source;

/// The sources that a build knows, by the name that an envelope carries.
#[derive(Clone)]
pub struct Sources {
    known: Vec<Arc<dyn Source>>,
}

impl Sources {
    /// No source.
    pub(crate) fn none() -> Self {
        Self { known: Vec::new() }
    }

    /// Adds a source; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, source: Arc<dyn Source>) -> Self {
        self.known.retain(|known| known.name() != source.name());
        self.known.push(source);
        self
    }

    /// A source by name; `NotFound` lists the known ones.
    pub fn get(&self, name: &str) -> Result<&Arc<dyn Source>> {
        self.known.iter().find(|source| source.name() == name).ok_or_else(|| {
            let known: Vec<&str> = self.known.iter().map(|source| source.name()).collect();
            Error::not_found(format!("unknown source {name:?}; known are {}", known.join(", ")))
        })
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known.iter().map(|source| source.name())).finish()
    }
}
