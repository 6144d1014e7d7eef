//! Models that users keep in a lake: `models/<name>.yaml`, the contract of the output; `models/<name>.sql`, the SELECT;
//! `models/<name>.dqdl`, the rules.
//!
//! A file that is broken costs its own model and no other: the lake opens, and `quotelake models lint` and `doctor` say what is wrong.

use std::collections::BTreeMap;

use quotelake_contract::{ContractText, Contracts, ModelEngine};
use quotelake_core::ports::Lake;
use quotelake_core::{Context as _, Error, Result};

/// Where a lake keeps its models.
pub const PREFIX: &str = "models/";

/// Where a lake keeps the tests of its models.
pub const TESTS: &str = "models/tests/";

/// A model of a lake that cannot be read, and why.
#[derive(Debug)]
pub struct BrokenModel {
    /// The object that is at fault, e.g. `models/returns.yaml`.
    pub key: String,
    /// The model, by the object's name.
    pub model: String,
    /// What is wrong with it.
    pub error: Error,
}

/// Makes the contracts know the models of a lake. Returns those that could not be read; the others are there.
///
/// Fails where the lake does.
pub async fn load(lake: &dyn Lake, contracts: &mut Contracts) -> Result<Vec<BrokenModel>> {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for meta in lake.list(PREFIX).await? {
        let name = meta.key.strip_prefix(PREFIX).and_then(|name| name.rsplit_once('.'));
        if let Some((model, kind @ ("yaml" | "sql" | "dqdl"))) = name
            && !model.contains('/')
        {
            files.entry(model.to_owned()).or_default().push(kind.to_owned());
        }
    }
    let mut broken = Vec::new();
    for (model, kinds) in files {
        if let Err((kind, error)) = add(lake, contracts, &model, &kinds).await {
            // What the lake cannot give is no fault of a model.
            if error.kind().is_retryable() {
                return Err(error);
            }
            broken.push(BrokenModel { key: format!("{PREFIX}{model}.{kind}"), model, error });
        }
    }
    Ok(broken)
}

/// Adds a model. An error comes with the kind of the file that is at fault.
async fn add(
    lake: &dyn Lake,
    contracts: &mut Contracts,
    model: &str,
    kinds: &[String],
) -> Result<(), (&'static str, Error)> {
    let has = |kind: &str| kinds.iter().any(|known| known == kind);
    if !has("yaml") {
        return Err(("yaml", Error::config(format!("it is missing: the contract of what {model} computes"))));
    }
    let yaml = text(lake, model, "yaml").await.map_err(|error| ("yaml", error))?;
    let contract = ContractText::read(&yaml).map_err(|error| ("yaml", error))?;
    check_contract(&contract, contracts, model).map_err(|error| ("yaml", error))?;
    let sql = match has("sql") {
        true => text(lake, model, "sql").await.map_err(|error| ("sql", error))?,
        false => return Err(("sql", Error::config(format!("it is missing: the SELECT of {model}")))),
    };
    let rules = match (has("dqdl"), contract.ruleset()) {
        (true, _) => Some(text(lake, model, "dqdl").await.map_err(|error| ("dqdl", error))?),
        (false, None) => None,
        (false, Some(named)) => {
            return Err((
                "dqdl",
                Error::config(format!("it is missing: {model}.yaml names the ruleset {named:?}")),
            ));
        }
    };
    let rules_name = format!("{model}.dqdl");
    let rules = rules.as_deref().map(|rules| (rules_name.as_str(), rules));
    contracts.add_model(contract, Some(&sql), rules).map_err(|error| ("yaml", error))?;
    Ok(())
}

fn check_contract(text: &ContractText<'_>, contracts: &Contracts, model: &str) -> Result<()> {
    if text.dataset() != model {
        return Err(Error::config(format!("it declares {:?}: name the file {0}.yaml", text.dataset())));
    }
    let Some(refine) = &text.contract().refine else {
        return Err(Error::config("it has no custom property `refine`, which makes a contract a model's"));
    };
    if refine.engine == ModelEngine::Native {
        return Err(Error::config("a lake's own model is in SQL: native ones are code of this program"));
    }
    match contracts.get(model) {
        Ok(known) if known.contract.refine.is_none() => {
            Err(Error::config(format!("{model} is a dataset whose rows come in: name the model otherwise")))
        }
        _ => Ok(()),
    }
}

async fn text(lake: &dyn Lake, model: &str, kind: &str) -> Result<String> {
    let key = format!("{PREFIX}{model}.{kind}");
    let bytes = lake.get(&key).await?.bytes;
    String::from_utf8(bytes.into()).map_err(|_| Error::config("it is not UTF-8"))
}

/// The test of a model that a lake keeps, `models/tests/<name>.yaml`; `None` where there is none.
pub async fn test_of(lake: &dyn Lake, model: &str) -> Result<Option<String>> {
    let key = format!("{TESTS}{model}.yaml");
    if lake.list(&key).await?.iter().all(|meta| meta.key != key) {
        return Ok(None);
    }
    let bytes = lake.get(&key).await?.bytes;
    String::from_utf8(bytes.into())
        .map(Some)
        .map_err(|_| Error::config(format!("{key} is not UTF-8")))
        .context(key)
}

#[cfg(test)]
mod tests {
    use quotelake_core::ports::Precondition;
    use quotelake_local::MemoryLake;

    use super::*;

    const YAML: &str = "apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: closes
    customProperties:
      - {property: refine, value: {}}
      - {property: partitionBy, value: none}
    properties:
      - {name: symbol, logicalType: string, physicalType: string, required: true, primaryKey: true}
";

    async fn put(lake: &MemoryLake, key: &str, text: &str) {
        lake.put(key, text.to_owned().into(), Precondition::None).await.unwrap();
    }

    async fn loaded(lake: &MemoryLake) -> (Contracts, Vec<String>) {
        let mut contracts = Contracts::built_in().unwrap();
        let broken = load(lake, &mut contracts).await.unwrap();
        let broken = broken.iter().map(|model| format!("{}: {}", model.key, model.error));
        (contracts, broken.collect())
    }

    #[tokio::test]
    async fn a_lakes_models_are_known_with_their_sql_and_rules() {
        let lake = MemoryLake::new();
        put(&lake, "models/closes.yaml", YAML).await;
        put(&lake, "models/closes.sql", "select symbol from daily_bars group by symbol").await;
        put(&lake, "models/closes.dqdl", "Rules = [ RowCount > 0 ]").await;
        put(&lake, "models/tests/closes.yaml", "given: {}").await;
        put(&lake, "models/enabled.json", "{\"models\": []}").await;
        let (contracts, broken) = loaded(&lake).await;
        assert_eq!(broken, Vec::<String>::new());
        let model = contracts.get("closes").unwrap();
        assert!(model.sql.as_deref().unwrap().starts_with("select symbol"));
        assert_eq!((&*model.rules_name, &*model.rules), ("closes.dqdl", "Rules = [ RowCount > 0 ]"));
        assert_eq!(test_of(&lake, "closes").await.unwrap().as_deref(), Some("given: {}"));
        assert_eq!(test_of(&lake, "close").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_broken_file_costs_its_own_model_alone() {
        let lake = MemoryLake::new();
        put(&lake, "models/closes.yaml", YAML).await;
        put(&lake, "models/closes.sql", "select symbol from daily_bars group by symbol").await;
        put(&lake, "models/alone.sql", "select 1").await;
        put(&lake, "models/half.yaml", &YAML.replace("closes", "half")).await;
        put(&lake, "models/other.yaml", YAML).await;
        put(&lake, "models/splits.yaml", &YAML.replace("closes", "splits")).await;
        put(
            &lake,
            "models/plain.yaml",
            &YAML.replace("closes", "plain").replace("refine, value: {}", "ruleset, value: a.dqdl"),
        )
        .await;
        put(&lake, "models/torn.yaml", "name: [").await;
        let (contracts, broken) = loaded(&lake).await;
        assert!(contracts.get("closes").is_ok());
        assert!(contracts.get("splits").unwrap().contract.refine.is_none());
        let expected = [
            "models/alone.yaml: it is missing",
            "models/half.sql: it is missing",
            "models/other.yaml: it declares \"closes\"",
            "models/plain.yaml: it has no custom property `refine`",
            "models/splits.yaml: splits is a dataset whose rows come in",
            "models/torn.yaml: not an ODCS contract",
        ];
        assert_eq!(broken.len(), expected.len(), "{broken:?}");
        for (found, expected) in broken.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
