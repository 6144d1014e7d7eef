//! The contracts and rulesets that are compiled in, and [`Contracts`]: the datasets that a run knows, shipped or added, with
//! what a lake or a command line sets beside them (file layouts, folders of price files, preferred providers). Every stage
//! takes its contract from it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::{Contract, FileLayout, PriceFolders, odcs};
use crate::Preference;
use quotelake_core::{Error, Result, sha256_hex};

/// A contract together with the ruleset that its rows must pass.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The declaration.
    pub contract: Arc<Contract>,
    /// The contract's text.
    pub contract_yaml: Arc<str>,
    /// SHA-256 of the contract's text, lowercase hex.
    pub contract_sha256: Option<String>,
    /// The ruleset's DQDL text.
    pub rules: Arc<str>,
    /// The ruleset's name in results.
    pub rules_name: String,
    /// SHA-256 of the ruleset's text, lowercase hex.
    pub rules_sha256: String,
    /// The SELECT by which its rows are computed, of a model in SQL.
    pub sql: Option<Arc<str>>,
}

impl Dataset {
    fn new(contract: Contract, yaml: &str, rules_name: &str, rules: &str) -> Self {
        Self {
            contract: Arc::new(contract),
            contract_yaml: yaml.into(),
            contract_sha256: Some(sha256_hex(yaml.as_bytes())),
            rules: rules.into(),
            rules_name: rules_name.to_owned(),
            rules_sha256: sha256_hex(rules.as_bytes()),
            sql: None,
        }
    }
}

/// The ruleset of a dataset that has none of its own: rows are held against the contract alone.
const NO_RULES: &str = "Rules = [ RowCount >= 0 ]\n";

/// A shipped model in SQL by its name.
macro_rules! model {
    ($name:literal) => {
        Shipped::model(
            $name,
            include_str!(concat!("../models/", $name, ".yaml")),
            include_str!(concat!("../models/", $name, ".dqdl")),
            include_str!(concat!("../models/", $name, ".sql")),
        )
    };
}

/// A shipped dataset: its texts, and what they say once they were asked for. Most commands need one or two of them, and reading
/// YAML is most of a short command's work.
#[derive(Debug)]
struct Shipped {
    name: &'static str,
    yaml: &'static str,
    rules: &'static str,
    sql: Option<&'static str>,
    read: OnceLock<Dataset>,
}

impl Shipped {
    const fn new(name: &'static str, yaml: &'static str, rules: &'static str) -> Self {
        Self { name, yaml, rules, sql: None, read: OnceLock::new() }
    }

    /// A model in SQL.
    const fn model(name: &'static str, yaml: &'static str, rules: &'static str, sql: &'static str) -> Self {
        Self { name, yaml, rules, sql: Some(sql), read: OnceLock::new() }
    }

    /// Reads the texts, once a process. That every key of theirs is known is held by a test.
    fn dataset(&self) -> Result<&Dataset> {
        if let Some(read) = self.read.get() {
            return Ok(read);
        }
        let contract = odcs::parse_shipped(self.yaml)?;
        let rules_name = contract.ruleset.clone().unwrap_or_default();
        let dataset = Dataset::new(contract, self.yaml, &rules_name, self.rules);
        Ok(self.read.get_or_init(|| Dataset { sql: self.sql.map(Arc::from), ..dataset }))
    }
}

static SHIPPED: [Shipped; 17] = [
    model!("adjusted_daily_bars"),
    model!("average_close_by_month"),
    model!("dividend_history"),
    model!("fund_latest"),
    model!("monthly_bars"),
    model!("stocks_refined"),
    model!("weekly_bars"),
    Shipped::new(
        "adjustment_events",
        include_str!("../models/adjustment_events.yaml"),
        include_str!("../models/adjustment_events.dqdl"),
    ),
    Shipped::new(
        "adjustment_factors",
        include_str!("../models/adjustment_factors.yaml"),
        include_str!("../models/adjustment_factors.dqdl"),
    ),
    Shipped::new(
        "daily_bars",
        include_str!("../contracts/daily_bars.yaml"),
        include_str!("../contracts/bars.dqdl"),
    ),
    Shipped::new(
        "daily_stats",
        include_str!("../models/daily_stats.yaml"),
        include_str!("../models/daily_stats.dqdl"),
    ),
    Shipped::new(
        "dividends",
        include_str!("../contracts/dividends.yaml"),
        include_str!("../contracts/dividends.dqdl"),
    ),
    Shipped::new(
        "fund_snapshots",
        include_str!("../contracts/fund_snapshots.yaml"),
        include_str!("../contracts/fund_snapshots.dqdl"),
    ),
    Shipped::new(
        "intraday_bars",
        include_str!("../contracts/intraday_bars.yaml"),
        include_str!("../contracts/bars.dqdl"),
    ),
    Shipped::new(
        "market_holidays",
        include_str!("../contracts/market_holidays.yaml"),
        include_str!("../contracts/market_holidays.dqdl"),
    ),
    Shipped::new(
        "splits",
        include_str!("../contracts/splits.yaml"),
        include_str!("../contracts/splits.dqdl"),
    ),
    Shipped::new(
        "trading_sessions",
        include_str!("../models/trading_sessions.yaml"),
        include_str!("../models/trading_sessions.dqdl"),
    ),
];

/// A dataset that a run knows.
#[derive(Debug, Clone)]
enum Known {
    Shipped(&'static Shipped),
    Added(Dataset),
}

impl Known {
    fn dataset(&self) -> Result<&Dataset> {
        match self {
            Self::Shipped(shipped) => shipped.dataset(),
            Self::Added(dataset) => Ok(dataset),
        }
    }
}

/// The tables that `check` writes about its own work: `rule_results` and `statistics`. They are no datasets: no landing row
/// belongs to them, and no ruleset judges them.
#[derive(Debug, Clone)]
pub struct QualityTables {
    /// How every rule ended.
    pub rule_results: Arc<Contract>,
    /// What was measured.
    pub statistics: Arc<Contract>,
}

impl QualityTables {
    /// The shipped tables. Read once a process, when they are asked for first.
    pub fn built_in() -> Result<Self> {
        static READ: OnceLock<QualityTables> = OnceLock::new();
        if let Some(read) = READ.get() {
            return Ok(read.clone());
        }
        let read = Self {
            rule_results: Arc::new(odcs::parse_shipped(include_str!("../contracts/rule_results.yaml"))?),
            statistics: Arc::new(odcs::parse_shipped(include_str!("../contracts/statistics.yaml"))?),
        };
        Ok(READ.get_or_init(|| read).clone())
    }
}

/// The table `runs`, which every stage writes about its own work. Read once a process, when it is first written or read.
pub fn runs_table() -> Result<Arc<Contract>> {
    static READ: OnceLock<Arc<Contract>> = OnceLock::new();
    if let Some(read) = READ.get() {
        return Ok(Arc::clone(read));
    }
    let read = Arc::new(odcs::parse_shipped(include_str!("../contracts/runs.yaml"))?);
    Ok(Arc::clone(READ.get_or_init(|| read)))
}

/// The datasets that a run knows, by name.
#[derive(Debug, Clone)]
pub struct Contracts {
    datasets: BTreeMap<String, Known>,
    preference: Preference,
    /// Layouts of files that were set beside the contracts.
    layouts: BTreeMap<String, FileLayout>,
    price_folders: PriceFolders,
    /// Folders that were said beside the lake's own.
    said_price_folders: PriceFolders,
}

impl Contracts {
    /// The shipped datasets: `daily_bars`, `intraday_bars`, `dividends`, `splits`, `fund_snapshots`, `market_holidays`. A contract is
    /// read when it is asked for first.
    pub fn built_in() -> Result<Self> {
        let datasets =
            SHIPPED.iter().map(|shipped| (shipped.name.to_owned(), Known::Shipped(shipped))).collect();
        Ok(Self {
            datasets,
            preference: Preference::default(),
            layouts: BTreeMap::new(),
            price_folders: PriceFolders::default(),
            said_price_folders: PriceFolders::default(),
        })
    }

    /// The text of a shipped contract.
    pub fn built_in_text(dataset: &str) -> Option<&'static str> {
        SHIPPED.iter().find(|shipped| shipped.name == dataset).map(|shipped| shipped.yaml)
    }

    /// Adds or replaces a dataset from a contract's YAML and a ruleset's text. Without a ruleset, a shipped dataset of the
    /// same name lends its own; any other is held against the contract alone. Returns the dataset's name.
    pub fn add(&mut self, yaml: &str, ruleset: Option<(&str, &str)>) -> Result<String> {
        self.add_text(ContractText::read(yaml)?, ruleset)
    }

    /// The same for a text that was read already.
    pub fn add_text(&mut self, text: ContractText<'_>, ruleset: Option<(&str, &str)>) -> Result<String> {
        let ContractText { yaml, contract } = text;
        let name = contract.name.clone();
        let dataset = match (ruleset, self.datasets.get(&name)) {
            (Some((rules_name, rules)), _) => Dataset::new(contract, yaml, rules_name, rules),
            (None, Some(known)) => {
                let known = known.dataset()?;
                let (rules_name, rules) = (known.rules_name.clone(), Arc::clone(&known.rules));
                Dataset::new(contract, yaml, &rules_name, &rules)
            }
            (None, None) => Dataset::new(contract, yaml, "none", NO_RULES),
        };
        self.datasets.insert(name.clone(), Known::Added(dataset));
        Ok(name)
    }

    /// Adds or replaces a model: its output's contract, its SELECT where it is one in SQL, and its ruleset.
    pub fn add_model(
        &mut self,
        text: ContractText<'_>,
        sql: Option<&str>,
        ruleset: Option<(&str, &str)>,
    ) -> Result<String> {
        let name = self.add_text(text, ruleset.or(Some(("none", NO_RULES))))?;
        let dataset = Dataset { sql: sql.map(Arc::from), ..self.get(&name)?.clone() };
        self.datasets.insert(name.clone(), Known::Added(dataset));
        Ok(name)
    }

    /// Replaces a dataset's ruleset.
    pub fn set_rules(&mut self, dataset: &str, rules_name: &str, rules: &str) -> Result<()> {
        let known = self.get(dataset)?.clone();
        let (rules_name, rules_sha256) = (rules_name.to_owned(), sha256_hex(rules.as_bytes()));
        let changed = Dataset { rules: rules.into(), rules_name, rules_sha256, ..known };
        self.datasets.insert(dataset.to_owned(), Known::Added(changed));
        Ok(())
    }

    /// Replaces the layout of a dataset's files. `Config` where it does not go with the contract's columns.
    pub fn set_layout(&mut self, dataset: &str, layout: FileLayout) -> Result<()> {
        let known = self.get(dataset)?.clone();
        layout.check(&known.contract.columns)?;
        let contract = Arc::new(Contract { layout, ..Contract::clone(&known.contract) });
        self.layouts.insert(dataset.to_owned(), contract.layout.clone());
        self.datasets.insert(dataset.to_owned(), Known::Added(Dataset { contract, ..known }));
        Ok(())
    }

    /// Says how rules joined by `and` and `or` are judged: see [`Contract::composites_by_row`].
    pub fn set_composites_by_row(&mut self, dataset: &str, by_row: bool) -> Result<()> {
        let known = self.get(dataset)?.clone();
        let contract = Contract { composites_by_row: by_row, ..Contract::clone(&known.contract) };
        self.datasets
            .insert(dataset.to_owned(), Known::Added(Dataset { contract: Arc::new(contract), ..known }));
        Ok(())
    }

    /// Sets what was said of others beside their contracts: layouts of files, and folders of price files. `Config` where a layout does
    /// not go with a contract's columns.
    pub fn set_layouts_of(&mut self, others: &Self) -> Result<()> {
        self.say_price_folders(&others.said_price_folders);
        others.layouts.iter().try_for_each(|(dataset, layout)| self.set_layout(dataset, layout.clone()))
    }

    /// Which folders of the inbox hold price files of a vendor.
    pub fn price_folders(&self) -> &PriceFolders {
        &self.price_folders
    }

    /// Takes a lake's own.
    pub fn set_price_folders(&mut self, folders: PriceFolders) {
        self.price_folders = folders;
    }

    /// Says more of them, which go before the lake's own.
    pub fn say_price_folders(&mut self, folders: &PriceFolders) {
        self.price_folders.extend(folders);
        self.said_price_folders.extend(folders);
    }

    /// Which provider and adjustment speak for an instrument where only one can.
    pub fn preference(&self) -> &Preference {
        &self.preference
    }

    /// Prefers otherwise.
    pub fn set_preference(&mut self, preference: Preference) {
        self.preference = preference;
    }

    /// A dataset by name; the error lists the known ones.
    pub fn get(&self, name: &str) -> Result<&Dataset> {
        let Some(known) = self.datasets.get(name) else {
            let known: Vec<&str> = self.datasets.keys().map(String::as_str).collect();
            return Err(Error::not_found(format!(
                "unknown dataset {name:?}; known are {}",
                known.join(", ")
            )));
        };
        known.dataset()
    }

    /// A dataset whose rows come in. `Config` for one that a model computes.
    pub fn incoming(&self, name: &str) -> Result<&Dataset> {
        let dataset = self.get(name)?;
        match dataset.contract.refine {
            None => Ok(dataset),
            Some(_) => Err(Error::config(format!(
                "{name} is computed by a model, no rows come into it: load the tables that it reads, then `quotelake refine --model {name}`"
            ))),
        }
    }

    /// Every dataset, by name. All shipped contracts are read for it.
    pub fn all(&self) -> Result<Vec<&Dataset>> {
        self.datasets.values().map(Known::dataset).collect()
    }

    /// The names of every dataset, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.datasets.keys().map(String::as_str)
    }
}

/// A contract's text, read once: for its names, and to be added.
#[derive(Debug)]
pub struct ContractText<'y> {
    yaml: &'y str,
    contract: Contract,
}

impl<'y> ContractText<'y> {
    /// Reads a contract. `Config` names the column, and of a key that nothing knows its line.
    pub fn read(yaml: &'y str) -> Result<Self> {
        Ok(Self { yaml, contract: odcs::parse(yaml)? })
    }

    /// Reads a contract that a lake keeps, where it was accepted once: a key that nothing knows by now has no effect, and the lake
    /// opens.
    pub fn read_kept(yaml: &'y str) -> Result<Self> {
        Ok(Self { yaml, contract: odcs::parse_kept(yaml)? })
    }

    /// What is wrong with a key that nothing knows by now, and that has no effect, if there is one.
    pub fn unknown_key(&self) -> Option<Error> {
        odcs::check_keys(self.yaml).err()
    }

    /// Its dataset.
    pub fn dataset(&self) -> &str {
        &self.contract.name
    }

    /// The declaration.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The ruleset file that it asks for, if any.
    pub fn ruleset(&self) -> Option<&str> {
        self.contract.ruleset.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnType, Derivation};

    #[test]
    fn every_key_of_a_shipped_contract_is_known() {
        for shipped in &SHIPPED {
            assert_eq!(odcs::parse(shipped.yaml).unwrap().name, shipped.name);
        }
    }

    #[test]
    fn shipped_contracts_are_sound() {
        let contracts = Contracts::built_in().unwrap();
        let names: Vec<_> = contracts.names().collect();
        let (models, incoming): (Vec<&str>, Vec<&str>) =
            names.iter().partition(|name| contracts.get(name).unwrap().contract.refine.is_some());
        assert_eq!(
            incoming,
            ["daily_bars", "dividends", "fund_snapshots", "intraday_bars", "market_holidays", "splits"]
        );
        for model in models {
            let error = contracts.incoming(model).unwrap_err().to_string();
            assert!(error.contains("computed by a model"), "{error}");
            let dataset = contracts.get(model).unwrap();
            let is_sql = dataset.contract.refine.as_ref().unwrap().engine == crate::ModelEngine::Sql;
            assert_eq!(dataset.sql.is_some(), is_sql, "{model}");
        }
        let bars = &contracts.get("daily_bars").unwrap().contract;
        let key: Vec<_> = bars.key.iter().map(|i| bars.columns[*i].name.as_str()).collect();
        assert_eq!(key, ["provider", "provider_symbol", "interval", "adjustment", "session", "trading_date"]);
        let close = &bars.columns[bars.index_of("close").unwrap()];
        assert_eq!(close.ty, ColumnType::Decimal { precision: 38, scale: 18 });
        assert!(
            matches!(&bars.partitions[0].derivation, Derivation::Format { format, .. } if format == "%Y-%m")
        );
    }

    #[test]
    fn unknown_dataset_lists_the_known() {
        let error = Contracts::built_in().unwrap().get("daily_bar").unwrap_err().to_string();
        assert!(error.starts_with("unknown dataset \"daily_bar\"; known are "), "{error}");
        assert!(error.contains(" daily_bars, ") && error.contains(" splits, "), "{error}");
    }

    #[test]
    fn faults_name_the_column() {
        let yaml = include_str!("../contracts/daily_bars.yaml").replace("decimal(38,18)", "decimal(38;18)");
        let error = Contracts::built_in().unwrap().add(&yaml, None).unwrap_err().to_string();
        assert!(
            error.starts_with("contract of \"daily_bars\": column \"open\": physicalType \"decimal(38;18)\""),
            "{error}"
        );
    }
}
