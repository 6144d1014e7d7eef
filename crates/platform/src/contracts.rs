//! Contracts that users added: they live in the lake, so that every stage and every later command knows them.

use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Contracts, Error, Result};

/// Where a lake keeps its users' contracts.
pub const PREFIX: &str = "contracts/";

/// The shipped contracts and those of the lake. The ruleset `<dataset>.dqdl` beside a contract belongs to it.
pub async fn load(lake: &dyn Lake) -> Result<Contracts> {
    let mut contracts = Contracts::built_in()?;
    for meta in lake.list(PREFIX).await? {
        let Some(stem) = meta.key.strip_suffix(".yaml") else { continue };
        let yaml = text(lake, &meta.key).await?;
        let rules_key = format!("{stem}.dqdl");
        let rules = match lake.head(&rules_key).await? {
            Some(_) => Some(text(lake, &rules_key).await?),
            None => None,
        };
        let rules_name = rules_key.trim_start_matches(PREFIX);
        contracts
            .add(&yaml, rules.as_deref().map(|rules| (rules_name, rules)))
            .with_context(|| meta.key.clone())?;
    }
    Ok(contracts)
}

/// Keeps a contract and its ruleset in the lake. The ruleset goes first: a contract is never seen without it.
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
