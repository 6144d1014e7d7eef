//! Contracts that users added: they live in the lake, so that every stage and every later command knows them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quotelake_contract::{Change, Contract, ContractText, Contracts, Dataset, Preference, PriceFolders};
use quotelake_core::ports::{Lake, ObjectMeta, Precondition};
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result, Zone};
use quotelake_table::published::table_prefix;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::models;

/// Where a lake keeps its users' contracts.
pub const PREFIX: &str = "contracts/";

/// Where a lake says which provider and adjustment it prefers, see [`Preference`].
pub const PREFERENCE: &str = "contracts/preferred.json";

/// Where a lake says which folders of its inbox hold price files of a vendor, see [`PriceFolders`].
pub const PRICE_FILES: &str = "contracts/price-files.json";

/// How long a function goes by the contracts that it knows before it lists them again. A listing of S3 costs as much as twelve reads,
/// and a function may be invoked every minute.
pub const FRESH_FOR: Duration = Duration::from_secs(5 * 60);

/// The contracts that a function last saw: they are read again when any of their objects changed, so that a function that lives
/// for hours knows a dataset that was added a minute ago.
///
/// Unless made by [`fresh_for`](Self::fresh_for), they are listed whenever they are asked for.
#[derive(Debug, Default)]
pub struct ContractCache {
    fresh_for: Duration,
    with_models: bool,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    at: Instant,
    listed: Vec<ObjectMeta>,
    contracts: Contracts,
}

impl ContractCache {
    /// They are listed at most once in so long, and whenever a dataset is not among them.
    pub fn fresh_for(fresh_for: Duration) -> Self {
        Self { fresh_for, ..Self::default() }
    }

    /// With the models of the lake.
    #[must_use]
    pub fn with_models(self, with_models: bool) -> Self {
        Self { with_models, ..self }
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        // No code that can panic runs under the lock.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The contracts, as they were at most so long ago; as they are now, for one listing where nothing changed, once that time is over.
    pub async fn current(&self, lake: &dyn Lake) -> Result<Contracts> {
        self.knowing(lake, std::iter::empty()).await
    }

    /// As [`current`](Self::current); as they are now where one of these datasets is not among them.
    pub async fn knowing<'a>(
        &self,
        lake: &dyn Lake,
        datasets: impl IntoIterator<Item = &'a str>,
    ) -> Result<Contracts> {
        let fresh = self
            .seen()
            .as_ref()
            .filter(|seen| seen.at.elapsed() < self.fresh_for)
            .map(|seen| seen.contracts.clone());
        if let Some(contracts) = fresh
            && datasets.into_iter().all(|dataset| contracts.get(dataset).is_ok())
        {
            return Ok(contracts);
        }
        Ok(self.listed(lake).await?.0)
    }

    /// The contracts as they are now, where they are not those that were seen last.
    pub async fn newer(&self, lake: &dyn Lake) -> Result<Option<Contracts>> {
        let (contracts, is_new) = self.listed(lake).await?;
        Ok(is_new.then_some(contracts))
    }

    async fn listed(&self, lake: &dyn Lake) -> Result<(Contracts, bool)> {
        let (at, mut listed) = (Instant::now(), lake.list(PREFIX).await?);
        if self.with_models {
            listed.extend(lake.list(models::PREFIX).await?);
        }
        if let Some(seen) = &mut *self.seen()
            && seen.listed == listed
        {
            seen.at = at;
            return Ok((seen.contracts.clone(), false));
        }
        let mut contracts = read(lake, &listed, false).await?;
        if self.with_models {
            add_models(lake, &mut contracts).await?;
        }
        *self.seen() = Some(Seen { at, listed, contracts: contracts.clone() });
        Ok((contracts, true))
    }
}

/// The shipped contracts and those of the lake. The ruleset `<dataset>.dqdl` beside a contract belongs to it.
///
/// `Config` for a contract that names a ruleset which is not there: without it every row would pass.
///
/// The lake's models are among them. One that is broken is left out, and said.
pub async fn load(lake: &dyn Lake) -> Result<Contracts> {
    let mut contracts = read(lake, &lake.list(PREFIX).await?, true).await?;
    add_models(lake, &mut contracts).await?;
    Ok(contracts)
}

async fn add_models(lake: &dyn Lake, contracts: &mut Contracts) -> Result<()> {
    for broken in models::load(lake, contracts).await? {
        tracing::warn!(key = broken.key, reason = %broken.error, "a model is left out");
    }
    Ok(())
}

/// A contract's object whose name is not that of the dataset that it declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misnamed {
    /// Its key, e.g. `contracts/shipments.yaml`.
    pub key: String,
    /// The dataset that it declares.
    pub declares: String,
}

/// The contracts of a lake whose names do not fit: a table may have lost its contract to one.
pub async fn misnamed(lake: &dyn Lake) -> Result<Vec<Misnamed>> {
    let mut found = Vec::new();
    for meta in lake.list(PREFIX).await? {
        let Some(stem) = stem(&meta.key) else { continue };
        let yaml = text(lake, &meta.key).await?;
        let declares = ContractText::read_kept(&yaml).with_context(|| meta.key.clone())?.dataset().to_owned();
        if stem != declares {
            found.push(Misnamed { key: meta.key, declares });
        }
    }
    Ok(found)
}

fn stem(key: &str) -> Option<&str> {
    key.strip_prefix(PREFIX)?.strip_suffix(".yaml")
}

/// Reads the contracts. `says` asks for a warning of keys without an effect: once, not with each event.
async fn read(lake: &dyn Lake, listed: &[ObjectMeta], says: bool) -> Result<Contracts> {
    let mut contracts = Contracts::built_in()?;
    let is_there = |key: &str| listed.iter().any(|meta| meta.key == key);
    for meta in listed.iter().filter(|meta| meta.key.starts_with(PREFIX)) {
        if meta.key == PREFERENCE {
            contracts.set_preference(Preference::parse(&text(lake, PREFERENCE).await?)?);
            continue;
        }
        if meta.key == PRICE_FILES {
            contracts.set_price_folders(PriceFolders::parse(&text(lake, PRICE_FILES).await?)?);
            continue;
        }
        let Some(stem) = meta.key.strip_suffix(".yaml") else { continue };
        let yaml = text(lake, &meta.key).await?;
        let kept = ContractText::read_kept(&yaml).with_context(|| meta.key.clone())?;
        // A copy under another name does not stand in for the dataset's own contract.
        let own = format!("{PREFIX}{}.yaml", kept.dataset());
        if meta.key != own && is_there(&own) {
            continue;
        }
        let rules_key = format!("{stem}.dqdl");
        let rules = match (is_there(&rules_key), kept.ruleset()) {
            (true, _) => Some(text(lake, &rules_key).await?),
            (false, None) => None,
            (false, Some(named)) => {
                return Err(Error::config(format!(
                    "{} names the ruleset {named:?}, and there is no {rules_key}: put it back, or load with --contract again",
                    meta.key
                )));
            }
        };
        let rules_name = rules_key.trim_start_matches(PREFIX);
        if says && let Some(unknown) = kept.unknown_key() {
            tracing::warn!(key = meta.key, reason = %unknown, "a key of this contract has no effect");
        }
        contracts.add_text(kept, rules.as_deref().map(|rules| (rules_name, rules)))?;
    }
    Ok(contracts)
}

/// The contract by which a table's files were written, as `state/contracts/<dataset>.json` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableContract {
    /// SHA-256 of the contract's text, lowercase hex.
    pub sha256: String,
    /// The contract's text.
    pub yaml: String,
}

/// The key of a table's [`TableContract`].
pub fn table_contract_key(dataset: &str) -> String {
    ObjectKey::state("contracts", dataset).to_string()
}

/// The contract by which a table's files were written; `None` where nothing was published since lakes keep it.
pub async fn of_table(lake: &dyn Lake, dataset: &str) -> Result<Option<TableContract>> {
    let key = table_contract_key(dataset);
    let bytes = match lake.get(&key).await {
        Ok(object) => object.bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let kept = serde_json::from_slice(&bytes);
    kept.map(Some)
        .map_err(|e| Error::damaged(format!("{key} is damaged: it holds no contract")).with_source(e))
}

/// Whether a table may go on by this contract, no matter who put it where: `Config` where it has rows by one of which [`Change`] says that
/// they are none of this one. True where the lake does not yet keep that the table's files are written by it, see [`note`].
pub async fn check_change(lake: &dyn Lake, dataset: &Dataset) -> Result<bool> {
    let name = &dataset.contract.name;
    let Some(kept) = of_table(lake, name).await? else { return Ok(true) };
    if Some(&kept.sha256) == dataset.contract_sha256.as_ref() {
        return Ok(false);
    }
    let old = ContractText::read_kept(&kept.yaml).with_context(|| table_contract_key(name))?;
    match Change::check(old.contract(), &dataset.contract) {
        Err(_) if !has_rows(lake, &dataset.contract).await? => Ok(true),
        checked => checked.map(|()| true),
    }
}

/// Whether a table has files, or rows that wait to be put into them.
async fn has_rows(lake: &dyn Lake, contract: &Contract) -> Result<bool> {
    let name = &contract.name;
    for prefix in [table_prefix(contract.zone(), name), ObjectKey::dataset_prefix(Zone::Staged, name)] {
        if !lake.list(&prefix).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps that a table's files are written by this contract from now on.
pub async fn note(lake: &dyn Lake, dataset: &Dataset) -> Result<()> {
    let kept = TableContract {
        sha256: dataset.contract_sha256.clone().unwrap_or_default(),
        yaml: dataset.contract_yaml.to_string(),
    };
    let bytes = serde_json::to_vec(&kept).map_err(|e| Error::bug("a table's contract").with_source(e))?;
    lake.put(&table_contract_key(&dataset.contract.name), bytes.into(), Precondition::None).await?;
    Ok(())
}

/// Takes a contract and its ruleset into the lake, where every later command finds them. `Config` where the table has rows that are
/// none of it: nothing is changed then.
pub async fn take(lake: &dyn Lake, dataset: &Dataset, rules: Option<&str>) -> Result<()> {
    let name = &dataset.contract.name;
    check_change(lake, dataset).await?;
    let key = format!("{PREFIX}{name}.yaml");
    // A lake of before does not keep by what its tables were written: by the contract that it has.
    if of_table(lake, name).await?.is_none() && has_rows(lake, &dataset.contract).await? {
        let shipped = Contracts::built_in()?;
        let before = match text(lake, &key).await {
            Ok(yaml) => Some(yaml),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                shipped.get(name).ok().map(|dataset| dataset.contract_yaml.to_string())
            }
            Err(error) => return Err(error),
        };
        if let Some(before) = before.filter(|before| **before != *dataset.contract_yaml) {
            let old = ContractText::read_kept(&before).with_context(|| key.clone())?;
            Change::check(old.contract(), &dataset.contract)?;
        }
    }
    store(lake, name, &dataset.contract_yaml, rules).await
}

/// Keeps a contract and its ruleset in the lake, whatever was there. The ruleset goes first: a contract is never seen without it.
pub async fn store(lake: &dyn Lake, dataset: &str, yaml: &str, rules: Option<&str>) -> Result<()> {
    if let Some(rules) = rules {
        let key = format!("{PREFIX}{dataset}.dqdl");
        lake.put(&key, rules.to_owned().into(), Precondition::None).await?;
    }
    lake.put(&format!("{PREFIX}{dataset}.yaml"), yaml.to_owned().into(), Precondition::None).await?;
    Ok(())
}

async fn text(lake: &dyn Lake, key: &str) -> Result<String> {
    let bytes = lake.get(key).await?.bytes;
    String::from_utf8(bytes.into()).map_err(|_| Error::config(format!("{key} is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quotelake_local::MemoryLake;
    use quotelake_testkit::{CallPlan, Faulty};

    use super::*;

    #[tokio::test]
    async fn a_lake_prefers_what_it_says() {
        let (lake, kept) = (MemoryLake::new(), ContractCache::default());
        assert_eq!(*kept.current(&lake).await.unwrap().preference(), Preference::default());
        let json = r#"{"providers":["yahoo"]}"#;
        lake.put(PREFERENCE, json.into(), Precondition::None).await.unwrap();
        assert_eq!(*kept.current(&lake).await.unwrap().preference(), Preference::parse(json).unwrap());
        lake.put(PREFERENCE, "[]".into(), Precondition::None).await.unwrap();
        assert!(kept.current(&lake).await.unwrap_err().to_string().contains("preferred.json"));
    }

    #[tokio::test]
    async fn a_lake_says_which_folders_hold_price_files() {
        let (lake, kept) = (MemoryLake::new(), ContractCache::default());
        let key = "inbox/daily_bars/us/a.csv";
        assert!(kept.current(&lake).await.unwrap().price_folders().of(key).is_none());
        lake.put(PRICE_FILES, r#"{"daily_bars":{"profile":"stooq"}}"#.into(), Precondition::None)
            .await
            .unwrap();
        assert_eq!(kept.current(&lake).await.unwrap().price_folders().of(key).unwrap().profile, "stooq");
        lake.put(PRICE_FILES, "{".into(), Precondition::None).await.unwrap();
        assert!(kept.current(&lake).await.unwrap_err().to_string().contains("price-files.json"));
    }

    const ORDERS: &str = include_str!("../../../samples/contracts/orders.yaml");
    const RULES: Option<&str> = Some("Rules = [ IsComplete \"order_id\" ]");

    #[tokio::test]
    async fn a_ruleset_that_is_gone_is_an_error_that_names_it() {
        let (lake, kept) = (MemoryLake::new(), ContractCache::default());
        store(&lake, "orders", ORDERS, RULES).await.unwrap();
        assert!(kept.current(&lake).await.unwrap().get("orders").unwrap().rules.contains("order_id"));
        lake.delete("contracts/orders.dqdl").await.unwrap();
        for error in [kept.current(&lake).await.unwrap_err(), load(&lake).await.unwrap_err()] {
            assert_eq!(error.kind(), quotelake_core::ErrorKind::Config);
            let text = error.to_string();
            assert!(
                text.contains("contracts/orders.yaml") && text.contains("contracts/orders.dqdl"),
                "{text}"
            );
        }
        let without = ORDERS.replace("      - property: ruleset\n        value: orders.dqdl\n", "");
        assert_ne!(without, ORDERS);
        store(&lake, "orders", &without, None).await.unwrap();
        assert!(kept.current(&lake).await.is_ok(), "a contract that names none needs none");
    }

    #[tokio::test]
    async fn a_contract_under_another_name_is_found_and_replaces_nothing() {
        let lake = MemoryLake::new();
        store(&lake, "orders", ORDERS, RULES).await.unwrap();
        let copy = ORDERS.replacen("version: 1.0.0", "version: 9.0.0", 1);
        store(&lake, "shipments", &copy, RULES).await.unwrap();
        assert_eq!(load(&lake).await.unwrap().get("orders").unwrap().contract.version, "1.0.0");
        let found = misnamed(&lake).await.unwrap();
        let expected = Misnamed { key: "contracts/shipments.yaml".into(), declares: "orders".into() };
        assert_eq!(found, [expected]);
    }

    #[tokio::test(start_paused = true)]
    async fn contracts_are_listed_once_in_a_while_and_for_a_dataset_that_is_not_known() {
        let plan = CallPlan::new();
        let lake = Faulty::<dyn Lake>::new(Arc::new(MemoryLake::new()), &plan);
        let kept = ContractCache::fresh_for(Duration::from_secs(300));
        let lists = || plan.log().iter().filter(|call| call.starts_with("list contracts/")).count();
        for _ in 0..100 {
            kept.current(&lake).await.unwrap();
            kept.knowing(&lake, ["daily_bars"]).await.unwrap();
        }
        assert_eq!(lists(), 1);
        store(&lake, "orders", ORDERS, RULES).await.unwrap();
        assert!(kept.current(&lake).await.unwrap().get("orders").is_err(), "not yet");
        let known = kept.knowing(&lake, ["daily_bars", "orders"]).await.unwrap();
        assert!(known.get("orders").is_ok(), "a dataset that is asked for is looked for");
        assert_eq!(lists(), 2);
        assert!(kept.newer(&lake).await.unwrap().is_none());

        let next = ORDERS.replacen("version: 1.0.0", "version: 1.1.0", 1);
        store(&lake, "orders", &next, RULES).await.unwrap();
        tokio::time::advance(Duration::from_secs(301)).await;
        let contracts = kept.current(&lake).await.unwrap();
        assert_eq!(contracts.get("orders").unwrap().contract.version, "1.1.0");
        store(&lake, "orders", ORDERS, RULES).await.unwrap();
        assert!(kept.newer(&lake).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_contract_that_was_added_or_changed_is_seen() {
        let (lake, kept) = (MemoryLake::new(), ContractCache::default());
        assert!(kept.current(&lake).await.unwrap().get("orders").is_err());
        store(&lake, "orders", ORDERS, RULES).await.unwrap();
        let contracts = kept.current(&lake).await.unwrap();
        assert_eq!(contracts.get("orders").unwrap().contract.version, "1.0.0");
        let next = ORDERS.replacen("version: 1.0.0", "version: 1.1.0", 1);
        store(&lake, "orders", &next, RULES).await.unwrap();
        let contracts = kept.current(&lake).await.unwrap();
        assert_eq!(contracts.get("orders").unwrap().contract.version, "1.1.0");

        store(&lake, "orders", "not a contract", None).await.unwrap();
        assert!(kept.current(&lake).await.unwrap_err().to_string().contains("contracts/orders.yaml"));
        lake.delete("contracts/orders.yaml").await.unwrap();
        assert!(kept.current(&lake).await.unwrap().get("orders").is_err());
    }
}
