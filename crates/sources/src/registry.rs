//! The list of sources by name. An envelope names its source, so `transform` finds the mapping here, and `fetch` the plan and
//! the judgement of answers.

use std::fmt;
use std::sync::Arc;

use quotelake_core::{Error, Result};

use crate::Source;
use crate::brapi::Brapi;
use crate::fii::Fii;
use crate::polygon::Polygon;
use crate::yahoo::Yahoo;

/// The sources that a build knows, by the name that an envelope carries.
#[derive(Clone)]
pub struct Sources {
    known: Vec<Arc<dyn Source>>,
}

impl Sources {
    /// The shipped sources, Polygon as configured and the others as they are by default: Yahoo maps pages and asks for none.
    pub fn new(polygon: Polygon) -> Self {
        Self {
            known: vec![
                Arc::new(polygon),
                Arc::new(Yahoo::default()),
                Arc::new(Brapi::default()),
                Arc::new(Fii::default()),
            ],
        }
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

impl Default for Sources {
    /// The shipped sources with their default configuration: enough to map pages, and to ask where no base URL is set.
    fn default() -> Self {
        Self::new(Polygon::default())
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known.iter().map(|source| source.name())).finish()
    }
}
