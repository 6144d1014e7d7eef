//! A model: a dataset whose rows are computed, and from what.

use quotelake_contract::{Dataset, Materialization, ModelEngine, Refine};
use quotelake_core::{Context as _, Error, Result, sha256_hex};

use crate::dates;
use crate::native::{self, NativeModel, Natives};

/// A table that a model reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The table.
    pub table: String,
    /// How many calendar days before the first date that is computed it is read.
    pub lookback_days: u32,
}

/// What computes a model's rows.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Its SELECT.
    Sql(String),
    /// Code of this program.
    Native(&'static dyn NativeModel),
}

/// A model, read and checked by itself.
#[derive(Debug, Clone)]
pub struct Model {
    /// The contract of its output, and its rules.
    pub dataset: Dataset,
    /// How it is computed and kept.
    pub refine: Refine,
    /// What computes it.
    pub kind: Kind,
    /// The tables that it reads.
    pub inputs: Vec<Input>,
    /// The published tables whose changes reach it: those of `inputs`, and behind views those that these read, each once.
    pub follows: Vec<Input>,
    /// The views among `inputs`, as they are: a view that is another one gives other rows.
    views: Vec<String>,
}

impl Model {
    /// The model of a dataset; `None` of one whose rows come in.
    ///
    /// `Config` names what is wrong with it: a native model that there is none of, SQL that is missing or no SELECT, a `lookback` of a
    /// table that it does not read.
    pub fn new(dataset: &Dataset) -> Result<Option<Self>> {
        Self::with(dataset, native::named)
    }

    /// The same with other native models than those of this program.
    pub fn with(dataset: &Dataset, natives: Natives) -> Result<Option<Self>> {
        let Some(refine) = dataset.contract.refine.clone() else { return Ok(None) };
        let name = &dataset.contract.name;
        let (kind, tables) = match refine.engine {
            ModelEngine::Native => {
                let model = natives(name)
                    .ok_or_else(|| Error::config(format!("there is no native model {name:?}")))?;
                (Kind::Native(model), refine.from.clone())
            }
            ModelEngine::Sql => {
                let sql = dataset
                    .sql
                    .as_deref()
                    .ok_or_else(|| Error::config(format!("models/{name}.sql is missing")))?;
                (Kind::Sql(sql.to_owned()), tables_of(sql).with_context(|| format!("models/{name}.sql"))?)
            }
        };
        if dataset.contract.rows_move() {
            return Err(Error::config(format!(
                "the partitions of {name} do not follow from its key: rows of one key could be in two of them"
            )));
        }
        // Without a parser nobody knows what a SELECT reads.
        let is_known = matches!(kind, Kind::Native(_)) || cfg!(feature = "sql");
        let stranger = refine.lookback.keys().find(|table| is_known && !tables.contains(table));
        if let Some(table) = stranger {
            return Err(Error::config(format!(
                "{name} has a lookback of {table:?}, a table that it does not read"
            )));
        }
        let inputs: Vec<Input> = tables
            .into_iter()
            .map(|table| Input {
                lookback_days: refine.lookback.get(&table).map_or(0, |lookback| lookback.days()),
                table,
            })
            .collect();
        Ok(Some(Self {
            dataset: dataset.clone(),
            refine,
            kind,
            follows: inputs.clone(),
            inputs,
            views: Vec::new(),
        }))
    }

    /// Looks through the views that it reads, by name. Days that a view looks back add to those that are looked back on it.
    pub(crate) fn look_through<'v>(&mut self, view: impl Fn(&str) -> Option<&'v Self>) {
        let mut follows: Vec<Input> = Vec::new();
        let mut views = Vec::new();
        let mut add =
            |table: &str, lookback_days: u32| match follows.iter_mut().find(|known| known.table == table) {
                Some(known) => known.lookback_days = known.lookback_days.max(lookback_days),
                None => follows.push(Input { table: table.to_owned(), lookback_days }),
            };
        for input in &self.inputs {
            match view(&input.table) {
                Some(view) => {
                    views.push(view.fingerprint(""));
                    for behind in &view.follows {
                        add(&behind.table, behind.lookback_days.saturating_add(input.lookback_days));
                    }
                }
                None => add(&input.table, input.lookback_days),
            }
        }
        (self.follows, self.views) = (follows, views);
    }

    /// Its name, which is its table's.
    pub fn name(&self) -> &str {
        &self.dataset.contract.name
    }

    /// Whether its table is computed whole whenever anything changes: because it says so, or because no partition of it follows from a
    /// date, or not of every row. Nobody knows from the rows of which dates those without one are.
    pub fn is_computed_whole(&self) -> bool {
        let contract = &self.dataset.contract;
        let may_be_missing = |column: usize| contract.columns[column].nullable;
        self.refine.materialization == Materialization::Full
            || dates::date_column(contract).is_none_or(may_be_missing)
    }

    /// Whether its rows are published: those of a view are not.
    pub fn is_published(&self) -> bool {
        self.refine.materialization != Materialization::View
    }

    /// What tells that rows were computed by this very model: its SQL without comments and white space, or the native code's version,
    /// its contract, the same of the views that it reads, and the engine's version. Rows under another fingerprint are stale.
    pub fn fingerprint(&self, engine_version: &str) -> String {
        let what = match &self.kind {
            Kind::Sql(sql) => normalised(sql),
            Kind::Native(native) => format!("native {}", native.version()),
        };
        let contract = self.dataset.contract_sha256.as_deref().unwrap_or_default();
        let views: String = self.views.iter().map(|view| format!("\n{view}")).collect();
        sha256_hex(format!("{engine_version}\n{contract}\n{what}{views}").as_bytes())
    }
}

/// The tables that a SELECT names in its FROMs and JOINs.
#[cfg(feature = "sql")]
fn tables_of(sql: &str) -> Result<Vec<String>> {
    crate::sql_text::tables_of(sql)
}

/// Without a parser they are not known: nothing computes the model then, and it is stale to no one.
#[cfg(not(feature = "sql"))]
fn tables_of(_: &str) -> Result<Vec<String>> {
    Ok(Vec::new())
}

/// SQL without what makes no difference: comments and white space outside of quotes.
fn normalised(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '-' if rest.peek() == Some(&'-') => {
                rest.by_ref().take_while(|c| *c != '\n').for_each(drop);
                blank(&mut text);
            }
            '/' if rest.peek() == Some(&'*') => {
                let mut before = ' ';
                rest.by_ref()
                    .skip(1)
                    .take_while(|c| !std::mem::replace(&mut before, *c).eq(&'*') || *c != '/')
                    .for_each(drop);
                blank(&mut text);
            }
            '\'' | '"' => {
                text.push(c);
                for quoted in rest.by_ref() {
                    text.push(quoted);
                    if quoted == c {
                        break;
                    }
                }
            }
            c if c.is_whitespace() => blank(&mut text),
            c => text.push(c),
        }
    }
    text.trim_end().trim_end_matches(';').trim_end().to_owned()
}

/// One blank for many.
fn blank(text: &mut String) {
    if !text.is_empty() && !text.ends_with(' ') {
        text.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_difference_is_left_out_of_a_fingerprint() {
        let plain = "select a, '--  x' as b from t where c = 1";
        for sql in [
            "select a, '--  x' as b\n  from t -- all of it\n where c = 1;\n",
            "select a, '--  x' as b /* two\n * lines */ from t where c = 1",
        ] {
            assert_eq!(normalised(sql), plain);
        }
        assert_ne!(normalised("select a, '-- x' as b from t where c = 1"), plain);
    }
}
