//! The files that a person names, as objects of a dataset.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_core::{Context as _, Contracts, Error, ObjectKey, Result};
use quotelake_ingest::ingest_object;
use quotelake_local::{FileSet, MemoryLake};

use quotelake_platform::contracts;

use super::parquet_rows;
use crate::args::DatasetArgs;
use crate::laptop::Laptop;

/// What a dataset argument added to the contracts.
#[derive(Debug, Clone, Default)]
pub struct Added {
    /// The contract's text.
    pub contract: Option<String>,
    /// The ruleset's text.
    pub rules: Option<String>,
}

/// Makes the contracts know the dataset that the arguments name: its contract file, and the ruleset from `--rules`, or the one
/// that the contract names, from beside it.
pub fn add_dataset(contracts: &mut Contracts, args: &DatasetArgs) -> Result<Added> {
    let added = Added { contract: None, rules: args.rules.as_deref().map(read_text).transpose()? };
    let Some(path) = &args.contract else {
        if let (Some(path), Some(rules)) = (&args.rules, &added.rules) {
            contracts.set_rules(&args.dataset, &file_name(path), rules)?;
        }
        contracts.get(&args.dataset)?;
        return Ok(added);
    };
    let rules = args.rules.as_deref().map(file_name).zip(added.rules);
    let (name, added) = add_contract(contracts, path, rules)?;
    if name != args.dataset {
        return Err(Error::config(format!("{} declares {name:?}, not {:?}", path.display(), args.dataset)));
    }
    Ok(added)
}

/// Makes the contracts know the dataset of a contract file, with a ruleset given by name and text, or the one that the contract
/// names, from beside it. Returns the dataset's name.
pub fn add_contract(
    contracts: &mut Contracts,
    path: &Path,
    mut rules: Option<(String, String)>,
) -> Result<(String, Added)> {
    let yaml = read_text(path)?;
    if rules.is_none()
        && let Some(name) = Contracts::ruleset_of(&yaml).with_context(|| path.display().to_string())?
    {
        let text = read_text(&path.with_file_name(&name))?;
        rules = Some((name, text));
    }
    let borrowed = rules.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    let name = contracts.add(&yaml, borrowed).with_context(|| path.display().to_string())?;
    Ok((name, Added { contract: Some(yaml), rules: rules.map(|(_, text)| text) }))
}

/// A text file that the user names.
pub(super) fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|e| Error::config(format!("cannot read {}", path.display())).with_source(e))
}

/// A path's last part.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Keeps a contract file and its ruleset in the lake, where every later command finds them.
pub async fn store_contract(laptop: &mut Laptop, path: &Path) -> Result<()> {
    let (dataset, added) = add_contract(&mut laptop.contracts, path, None)?;
    let yaml = added.contract.ok_or_else(|| Error::bug("a contract was just read"))?;
    contracts::store(laptop.lake().as_ref(), &dataset, &yaml, added.rules.as_deref()).await
}

/// Files of rows, each under the landing key by which it is checked.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Files of canonical rows: landing key and path.
    pub rows: Vec<(String, PathBuf)>,
    /// CSV files: inbox key and path.
    pub csv: Vec<(String, PathBuf)>,
    /// Parquet files: dataset, name and path.
    pub parquet: Vec<(String, String, PathBuf)>,
}

impl Inputs {
    fn count(&self) -> usize {
        self.rows.len() + self.csv.len() + self.parquet.len()
    }
}

/// Finds the files: the named ones, and those of row or CSV files' endings in the named folders.
pub fn find(dataset: &str, paths: &[PathBuf]) -> Result<Inputs> {
    let mut inputs = Inputs::default();
    let mut taken = BTreeSet::new();
    for path in paths {
        let metadata = std::fs::metadata(path)
            .map_err(|e| Error::not_found(format!("cannot read {}", path.display())).with_source(e))?;
        if metadata.is_dir() {
            let before = inputs.count();
            walk(path, path, dataset, &mut inputs, &mut taken)?;
            if inputs.count() == before {
                return Err(Error::not_found(format!(
                    "{} holds no .ndjson, .jsonl, .json or .csv file (.gz or not), and no .parquet file",
                    path.display()
                )));
            }
        } else {
            add(path, &file_name(path), dataset, &mut inputs, &mut taken)?;
        }
    }
    inputs.rows.sort();
    inputs.csv.sort();
    inputs.parquet.sort();
    Ok(inputs)
}

fn walk(
    root: &Path,
    folder: &Path,
    dataset: &str,
    inputs: &mut Inputs,
    taken: &mut BTreeSet<String>,
) -> Result<()> {
    let unreadable =
        |e| Error::unavailable(format!("cannot read folder {}", folder.display())).with_source(e);
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            walk(root, &path, dataset, inputs, taken)?;
        } else if kind(&path).is_some() {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            add(&path, &name, dataset, inputs, taken)?;
        }
    }
    Ok(())
}

fn add(
    path: &Path,
    name: &str,
    dataset: &str,
    inputs: &mut Inputs,
    taken: &mut BTreeSet<String>,
) -> Result<()> {
    let name: String = name.chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }).collect();
    if !taken.insert(name.clone()) {
        return Err(Error::invalid(format!("two files are called {name}; load them one after the other")));
    }
    match kind(path) {
        Some(Kind::Parquet) => inputs.parquet.push((dataset.to_owned(), name, path.to_owned())),
        Some(Kind::Csv) => inputs.csv.push((format!("inbox/{dataset}/{name}"), path.to_owned())),
        // A file that was named outright is taken for rows, whatever its ending: what is in it is judged line by line.
        Some(Kind::Rows) | None => {
            inputs.rows.push((ObjectKey::landing(dataset, &name).to_string(), path.to_owned()));
        }
    }
    Ok(())
}

enum Kind {
    Rows,
    Csv,
    Parquet,
}

fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "ndjson" | "jsonl" | "json" => Some(Kind::Rows),
        "csv" => Some(Kind::Csv),
        "parquet" => Some(Kind::Parquet),
        _ => None,
    }
}

/// The landing objects that the files are: row files in place, CSV files as `ingest` writes them, into memory.
#[derive(Debug)]
pub struct Landing {
    /// Row files.
    pub files: Arc<FileSet>,
    /// What CSV files became.
    pub ingested: Arc<MemoryLake>,
    /// The keys of row files.
    pub file_keys: Vec<String>,
    /// The keys of what CSV files became.
    pub ingested_keys: Vec<String>,
    /// Files that were rejected whole, and why.
    pub rejected: Vec<(String, Error)>,
    /// What else is worth a word about them.
    pub notes: Vec<String>,
}

/// Makes landing objects of the files. A CSV file that does not fit is rejected; the others go on.
pub async fn land(contracts: &Contracts, inputs: Inputs) -> Result<Landing> {
    let ingested = Arc::new(MemoryLake::new());
    let inbox = FileSet::new(inputs.csv.clone())?;
    let mut landing = Landing {
        file_keys: inputs.rows.iter().map(|(key, _)| key.clone()).collect(),
        files: Arc::new(FileSet::new(inputs.rows)?),
        ingested,
        ingested_keys: Vec::new(),
        rejected: Vec::new(),
        notes: Vec::new(),
    };
    for (dataset, name, path) in inputs.parquet {
        let contract = &contracts.get(&dataset)?.contract;
        match parquet_rows::lines(&path, contract) {
            Ok(lines) => {
                let key = ObjectKey::landing(&dataset, &format!("{name}.ndjson")).to_string();
                landing.ingested.put(&key, lines.into(), Precondition::None).await?;
                landing.ingested_keys.push(key);
            }
            Err(error) => landing.rejected.push((path.display().to_string(), error)),
        }
    }
    for (key, path) in inputs.csv {
        match ingest_object(&inbox, landing.ingested.as_ref(), contracts, &key).await {
            Ok(report) => landing.ingested_keys.extend(report.landing_keys),
            Err(error) => landing.rejected.push((path.display().to_string(), error)),
        }
    }
    Ok(landing)
}

/// What a gzip file holds. `InvalidInput` when it is none, or was cut off.
pub fn gunzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes)
        .read_to_end(&mut unpacked)
        .map_err(|e| Error::invalid("is no gzip file, or one that was cut off").with_source(e))?;
    Ok(unpacked)
}
