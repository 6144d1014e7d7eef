//! The models of a lake, in an order in which each comes behind those that it reads.

use std::collections::{BTreeMap, BTreeSet};

use quotelake_contract::Contracts;
use quotelake_core::{Error, Result};

use crate::model::Model;
use crate::native::{self, Natives};

/// Every model that can be computed.
#[derive(Debug, Default)]
pub struct Models {
    /// In the order of computing.
    ordered: Vec<Model>,
    /// What is wrong with the others, by name.
    faults: BTreeMap<String, Error>,
}

impl Models {
    /// Reads the models among these datasets. One at fault does not stop the others: see [`Models::faults`]. At fault are models that
    /// cannot be read, that read a table that there is none of, and that read themselves, by whatever detour, and those behind them.
    pub fn new(contracts: &Contracts) -> Result<Self> {
        Self::with(contracts, native::named)
    }

    /// The same with other native models than those of this program.
    pub fn with(contracts: &Contracts, natives: Natives) -> Result<Self> {
        let (mut waiting, mut faults) = (BTreeMap::new(), BTreeMap::new());
        for dataset in contracts.all()? {
            match Model::with(dataset, natives) {
                Ok(None) => {}
                Ok(Some(model)) => drop(waiting.insert(model.name().to_owned(), model)),
                Err(error) => drop(faults.insert(dataset.contract.name.clone(), error)),
            }
        }
        for (name, model) in &waiting {
            let unknown = model.inputs.iter().find(|input| contracts.get(&input.table).is_err());
            if let Some(input) = unknown {
                faults.insert(name.clone(), Error::config(format!("there is no table {:?}", input.table)));
            }
        }
        let mut ordered: Vec<Model> = Vec::new();
        let mut done: BTreeSet<String> = contracts
            .all()?
            .into_iter()
            .filter(|dataset| dataset.contract.refine.is_none())
            .map(|dataset| dataset.contract.name.clone())
            .collect();
        loop {
            let is_ready = |model: &Model| {
                !faults.contains_key(model.name())
                    && model.inputs.iter().all(|input| done.contains(&input.table))
            };
            let Some(name) =
                waiting.values().find(|model| is_ready(model)).map(|model| model.name().to_owned())
            else {
                break;
            };
            if let Some(mut model) = waiting.remove(&name) {
                // Those that it reads are there already, with what is behind them.
                model.look_through(|table| {
                    ordered.iter().find(|read| read.name() == table && !read.is_published())
                });
                ordered.push(model);
            }
            done.insert(name);
        }
        for (name, model) in &waiting {
            if faults.contains_key(name) {
                continue;
            }
            let blocked = model.inputs.iter().find(|input| !done.contains(&input.table));
            let through = blocked.map_or("itself", |input| input.table.as_str());
            let error = match circle(name, &waiting) {
                Some(circle) => Error::config(format!("it reads itself: {}", circle.join(" reads "))),
                None => Error::config(format!("it reads {through}, a model at fault")),
            };
            faults.insert(name.clone(), error);
        }
        Ok(Self { ordered, faults })
    }

    /// The models, each behind those that it reads.
    pub fn all(&self) -> &[Model] {
        &self.ordered
    }

    /// What is wrong with the other ones, by name.
    pub fn faults(&self) -> &BTreeMap<String, Error> {
        &self.faults
    }

    /// A model by name. `NotFound` lists the known ones; `Config` says what is wrong with it.
    pub fn get(&self, name: &str) -> Result<&Model> {
        if let Some(fault) = self.faults.get(name) {
            return Err(Error::config(format!("model {name} is at fault: {fault}")));
        }
        self.ordered.iter().find(|model| model.name() == name).ok_or_else(|| {
            let known: Vec<&str> = self.ordered.iter().map(Model::name).collect();
            Error::not_found(format!("there is no model {name:?}; there are {}", known.join(", ")))
        })
    }

    /// The models that read a table, in order.
    pub fn readers(&self, table: &str) -> impl Iterator<Item = &Model> {
        self.ordered.iter().filter(move |model| model.inputs.iter().any(|input| input.table == table))
    }
}

/// The way from a model back to itself, with it at both ends.
fn circle(name: &str, models: &BTreeMap<String, Model>) -> Option<Vec<String>> {
    let mut ways = vec![vec![name.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        let last = way.last()?;
        for input in models.get(last).into_iter().flat_map(|model| &model.inputs) {
            let mut longer = way.clone();
            longer.push(input.table.clone());
            if input.table == name {
                return Some(longer);
            }
            if seen.insert(input.table.clone()) {
                ways.push(longer);
            }
        }
    }
    None
}
