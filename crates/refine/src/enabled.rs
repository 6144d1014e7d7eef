//! Which models of a lake are computed: `models/enabled.json`.
//!
//! ```json
//! {"models": ["daily_stats"]}
//! ```
//!
//! or `{"models": "all"}`. Shipped models are off without it, so that nobody's lake gets tables that he did not ask for. A model that a
//! lake brings itself, in `models/`, is on by being there.

use std::collections::BTreeSet;

use quotelake_contract::Contracts;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// The key of the list.
pub const ENABLED: &str = "models/enabled.json";

/// How often the list is read again because somebody else changed it first.
const MAX_SWAPS: usize = 5;

/// The models that are switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enabled {
    /// Every one.
    All,
    /// Those of the lake itself, and these.
    Named(BTreeSet<String>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct All {
    models: AllWord,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AllWord {
    All,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    models: BTreeSet<String>,
}

impl Enabled {
    /// Reads the list; without one no shipped model is on. `Config` for one that is none.
    pub async fn load(lake: &dyn Lake) -> Result<Self> {
        Ok(Self::read(lake).await?.0)
    }

    /// Whether a model is on.
    pub fn is_on(&self, model: &str) -> bool {
        match self {
            Self::All => true,
            // Of every lake is what ships; all others are a lake's own.
            Self::Named(names) => names.contains(model) || Contracts::built_in_text(model).is_none(),
        }
    }

    /// Switches models on, where they are not. `Conflict` when others keep changing the list.
    pub async fn switch_on(lake: &dyn Lake, models: impl IntoIterator<Item = &str>) -> Result<()> {
        let models: Vec<&str> = models.into_iter().collect();
        let mut swaps = 0;
        loop {
            let (enabled, when) = Self::read(lake).await?;
            if models.iter().all(|model| enabled.is_on(model)) {
                return Ok(());
            }
            let Self::Named(mut names) = enabled else { return Ok(()) };
            names.extend(models.iter().map(|model| (*model).to_owned()));
            match write(lake, names, when).await {
                Err(error) if error.kind() == ErrorKind::Conflict && swaps < MAX_SWAPS => swaps += 1,
                other => return other,
            }
        }
    }

    /// Switches every model on, those of later versions too.
    pub async fn switch_all_on(lake: &dyn Lake) -> Result<()> {
        let text = serde_json::to_vec_pretty(&All { models: AllWord::All })
            .map_err(|e| Error::bug("list of models").with_source(e))?;
        lake.put(ENABLED, text.into(), Precondition::None).await.map(drop).context(ENABLED)
    }

    /// Switches models off, where they are on; `known` are all that there are, of which the others stay on where all were. `Config` for
    /// a lake's own model, which is on by being there; `Conflict` when others keep changing the list.
    pub async fn switch_off(lake: &dyn Lake, models: &[String], known: &[String]) -> Result<()> {
        if let Some(own) = models.iter().find(|model| Contracts::built_in_text(model).is_none()) {
            return Err(Error::config(format!(
                "{own} is a model of this lake and on by being there: take its files out of models/"
            )));
        }
        let mut swaps = 0;
        loop {
            let (enabled, when) = Self::read(lake).await?;
            let mut names = match enabled {
                Self::All => known.iter().cloned().collect(),
                Self::Named(names) => names,
            };
            names.retain(|name| !models.contains(name));
            match write(lake, names, when).await {
                Err(error) if error.kind() == ErrorKind::Conflict && swaps < MAX_SWAPS => swaps += 1,
                other => return other,
            }
        }
    }

    async fn read(lake: &dyn Lake) -> Result<(Self, Precondition)> {
        let object = match lake.get(ENABLED).await {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok((Self::Named(BTreeSet::new()), Precondition::IfAbsent));
            }
            Err(error) => return Err(error).context(ENABLED),
        };
        let when = Precondition::IfVersion(object.version);
        if serde_json::from_slice::<All>(&object.bytes).is_ok() {
            return Ok((Self::All, when));
        }
        let named: Named = serde_json::from_slice(&object.bytes).map_err(|e| {
            Error::config(format!("{ENABLED} is {{\"models\": [names]}} or {{\"models\": \"all\"}}"))
                .with_source(e)
        })?;
        Ok((Self::Named(named.models), when))
    }
}

async fn write(lake: &dyn Lake, models: BTreeSet<String>, when: Precondition) -> Result<()> {
    let text = serde_json::to_vec_pretty(&Named { models })
        .map_err(|e| Error::bug("list of models").with_source(e))?;
    lake.put(ENABLED, text.into(), when).await.map(drop).context(ENABLED)
}

#[cfg(test)]
mod tests {
    use quotelake_local::MemoryLake;

    use super::*;

    async fn put(lake: &MemoryLake, text: &'static str) {
        lake.put(ENABLED, text.into(), Precondition::None).await.unwrap();
    }

    #[tokio::test]
    async fn shipped_models_are_off_and_a_lakes_own_are_on() {
        let lake = MemoryLake::new();
        let enabled = Enabled::load(&lake).await.unwrap();
        assert!(!enabled.is_on("daily_bars") && enabled.is_on("a_model_of_mine"));
        put(&lake, r#"{"models": "all"}"#).await;
        assert!(Enabled::load(&lake).await.unwrap().is_on("daily_bars"));
        for text in [r#"{"models": "some"}"#, r#"{"models": 3}"#, r#"{"model": []}"#, "no"] {
            put(&lake, text).await;
            assert!(Enabled::load(&lake).await.unwrap_err().to_string().contains(ENABLED), "{text}");
        }
    }

    #[tokio::test]
    async fn switching_on_keeps_what_is_on() {
        let lake = MemoryLake::new();
        put(&lake, r#"{"models": ["splits"]}"#).await;
        Enabled::switch_on(&lake, ["daily_bars", "a_model_of_mine"]).await.unwrap();
        let before = lake.get(ENABLED).await.unwrap();
        let enabled = Enabled::load(&lake).await.unwrap();
        assert!(enabled.is_on("daily_bars") && enabled.is_on("splits") && !enabled.is_on("dividends"));
        Enabled::switch_on(&lake, ["daily_bars"]).await.unwrap();
        assert_eq!(lake.get(ENABLED).await.unwrap().version, before.version, "nothing was to be written");
        let known = ["daily_bars", "splits", "dividends"].map(str::to_owned);
        Enabled::switch_off(&lake, &known[..1], &known).await.unwrap();
        let enabled = Enabled::load(&lake).await.unwrap();
        assert!(!enabled.is_on("daily_bars") && enabled.is_on("splits") && !enabled.is_on("dividends"));
        put(&lake, r#"{"models": "all"}"#).await;
        Enabled::switch_off(&lake, &known[..1], &known).await.unwrap();
        let enabled = Enabled::load(&lake).await.unwrap();
        assert!(!enabled.is_on("daily_bars") && enabled.is_on("splits") && enabled.is_on("dividends"));
        let own = ["a_model_of_mine".to_owned()];
        assert!(Enabled::switch_off(&lake, &own, &known).await.is_err());
    }
}
