//! The files that a person names, as objects of a dataset.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use futures::TryStreamExt as _;
use quotelake_contract::{
    Contract, ContractText, Contracts, FileFormat, FileLayout, FileNamePattern, TextEncoding,
};
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Error, ObjectKey, Result};
use quotelake_ingest::file::{Inspected, dataset_and_name, inspect, land as land_file, stored};
use quotelake_ingest::names::{format_of, is_archive, is_packed, is_passed_over, unknown_kind};
use quotelake_landing::{SourceLines, gzip};
use quotelake_local::{MemoryLake, ReadOnlyFiles};
use quotelake_market::{DividendColumns, MarketColumns};
use quotelake_table::{ArrowSchema as _, Published};

use quotelake_platform::contracts;

use crate::args::{DatasetArgs, LayoutArgs};
use crate::laptop::Laptop;
use crate::parquet_rows;
use crate::tables::texts;

/// What a dataset argument added to the contracts.
#[derive(Debug, Clone, Default)]
pub struct Added {
    /// The contract's text.
    pub contract: Option<String>,
    /// The ruleset's text.
    pub rules: Option<String>,
}

/// Makes the contracts know the dataset that the arguments name: its contract file, and the ruleset from `--rules`, or the one
/// that the contract names, from beside it. Returns the dataset's name.
pub fn add_dataset(contracts: &mut Contracts, args: &DatasetArgs) -> Result<(String, Added)> {
    let added = Added { contract: None, rules: args.rules.as_deref().map(read_text).transpose()? };
    let Some(path) = &args.contract else {
        let dataset =
            args.dataset.clone().ok_or_else(|| Error::config("--dataset or --contract is needed"))?;
        if let (Some(path), Some(rules)) = (&args.rules, &added.rules) {
            usable(&file_name(path), rules, &contracts.get(&dataset)?.contract)?;
            contracts.set_rules(&dataset, &file_name(path), rules)?;
        }
        contracts.incoming(&dataset)?;
        return Ok((dataset, added));
    };
    let rules = args.rules.as_deref().map(file_name).zip(added.rules);
    let (name, added) = add_contract(contracts, path, rules)?;
    match &args.dataset {
        Some(dataset) if *dataset != name => {
            Err(Error::config(format!("{} declares {name:?}, not {dataset:?}", path.display())))
        }
        _ => Ok((name, added)),
    }
}

/// Makes the contracts know the dataset of a contract file, with a ruleset given by name and text, or the one that the contract
/// names, from beside it. Returns the dataset's name.
pub fn add_contract(
    contracts: &mut Contracts,
    path: &Path,
    mut rules: Option<(String, String)>,
) -> Result<(String, Added)> {
    let yaml = read_text(path)?;
    let contract = ContractText::read(&yaml).with_context(|| path.display().to_string())?;
    if rules.is_none()
        && let Some(name) = contract.ruleset()
    {
        let text = read_text(&path.with_file_name(name))?;
        rules = Some((name.to_owned(), text));
    }
    if let Some((name, text)) = &rules {
        usable(name, text, contract.contract())?;
    }
    let borrowed = rules.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    let name = contracts.add_text(contract, borrowed)?;
    Ok((name, Added { contract: Some(yaml), rules: rules.map(|(_, text)| text) }))
}

/// `Config` for a ruleset that cannot be used, or that names what the contract lacks: nothing is to be read or kept by it.
fn usable(name: &str, rules: &str, contract: &Contract) -> Result<()> {
    let refused = |error: dqdl::ParseError| Error::config(format!("ruleset {name}: {error}"));
    let ruleset = dqdl::parse_strict(rules).map_err(refused)?;
    match dqdl::unfit(&ruleset, rules, &columns_of_rules(contract)).into_iter().next() {
        None => Ok(()),
        Some(fault) => Err(refused(fault)),
    }
}

/// The columns that rules may name: the contract's, and what is derived for its rows.
pub fn columns_of_rules(contract: &Contract) -> SchemaRef {
    let own = contract.unchecked_schema();
    let mut derived = Vec::new();
    if MarketColumns::fit(contract) {
        derived.extend(MarketColumns::fields());
    }
    if DividendColumns::fit(contract) {
        derived.extend(DividendColumns::fields());
    }
    if derived.is_empty() {
        return own;
    }
    let own = own.fields().iter().map(Arc::clone);
    Arc::new(Schema::new(own.chain(derived.into_iter().map(Arc::new)).collect::<Vec<_>>()))
}

/// A text file that the user names.
pub fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|e| Error::config(format!("cannot read {}", path.display())).with_source(e))
}

/// A path's last part.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Takes a contract file and its ruleset into the lake, where every later command finds them. `Config` where the table has rows that
/// are none of it.
pub async fn store_contract(laptop: &mut Laptop, path: &Path) -> Result<()> {
    let (dataset, added) = add_contract(&mut laptop.contracts, path, None)?;
    let dataset = laptop.contracts.get(&dataset)?;
    contracts::take(laptop.lake().as_ref(), dataset, added.rules.as_deref()).await
}

/// Says beside a dataset's contract what the options say of its files. `Config` names the option that does not fit.
pub fn lay_out(contracts: &mut Contracts, dataset: &str, args: &LayoutArgs) -> Result<()> {
    let mut layout = contracts.get(dataset)?.contract.layout.clone();
    for set in &args.set {
        let (column, value) =
            set.split_once('=').ok_or_else(|| Error::config(format!("--set {set:?} wants COLUMN=VALUE")))?;
        layout.constants.insert(column.to_owned(), value.to_owned());
    }
    if let Some(pattern) = &args.file_name {
        layout.file_name = Some(FileNamePattern::parse(pattern).context("--file-name")?);
    }
    if let Some(format) = &args.file_format {
        layout.format = Some(FileFormat::parse(format).context("--file-format")?);
    }
    contracts.set_layout(dataset, layout).with_context(|| format!("options for the files of {dataset}"))
}

/// Files of rows, each under the landing key by which it is checked.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Files of canonical rows: landing key and path.
    pub rows: Vec<(String, PathBuf)>,
    /// Files that `ingest` makes rows of: inbox key and path.
    pub dropped: Vec<(String, PathBuf)>,
    /// Parquet files: dataset, name and path.
    pub parquet: Vec<(String, String, PathBuf)>,
}

/// Finds the files of a dataset: the named ones, and in the named folders those that are of a known kind by name. `InvalidInput`
/// for a named file of which nothing says what kind it is.
pub fn find(contracts: &Contracts, dataset: &str, paths: &[PathBuf]) -> Result<Inputs> {
    let contract = &contracts.get(dataset)?.contract;
    let is_plain = SourceLines::new(Arc::clone(contract)).is_plain();
    let mut finding = Finding {
        layout: &contract.layout,
        has_key: contract.file_columns.is_none(),
        is_plain,
        dataset,
        inputs: Inputs::default(),
        taken: BTreeSet::new(),
    };
    for path in paths {
        let metadata = std::fs::metadata(path)
            .map_err(|e| Error::not_found(format!("cannot read {}", path.display())).with_source(e))?;
        if metadata.is_dir() {
            let before = finding.taken.len();
            finding.walk(path, path)?;
            if finding.taken.len() == before {
                return Err(Error::not_found(format!(
                    "{} holds no .csv, .tsv, .ndjson, .jsonl, .json, .xlsx (.gz, .zst, .bz2, .zip or not) or .parquet file",
                    path.display()
                )));
            }
        } else {
            finding.add(path, &file_name(path))?;
        }
    }
    let mut inputs = finding.inputs;
    inputs.rows.sort();
    inputs.dropped.sort();
    inputs.parquet.sort();
    Ok(inputs)
}

struct Finding<'a> {
    layout: &'a FileLayout,
    /// Whether rows are told apart by a key, and not by the file that they are in.
    has_key: bool,
    /// Whether JSON lines of the dataset are canonical as people write them.
    is_plain: bool,
    dataset: &'a str,
    inputs: Inputs,
    taken: BTreeSet<String>,
}

impl Finding<'_> {
    fn walk(&mut self, root: &Path, folder: &Path) -> Result<()> {
        let unreadable =
            |e| Error::unavailable(format!("cannot read folder {}", folder.display())).with_source(e);
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            if path.is_dir() {
                self.walk(root, &path)?;
            } else if !is_passed_over(&name) && self.kind(&name).is_some() {
                self.add(&path, &name)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, name: &str) -> Result<()> {
        let name: String = name.chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }).collect();
        let kind = self.kind(&name).ok_or_else(|| unknown_kind(&name))?;
        if !self.taken.insert(name.clone()) {
            return Err(Error::invalid(format!(
                "two files are called {name}; load them one after the other"
            )));
        }
        match kind {
            Kind::Rows => {
                self.inputs.rows.push((ObjectKey::landing(self.dataset, &name).to_string(), path.to_owned()));
            }
            Kind::Parquet => self.inputs.parquet.push((self.dataset.to_owned(), name, path.to_owned())),
            Kind::Dropped => {
                self.inputs.dropped.push((format!("inbox/{}/{name}", self.dataset), path.to_owned()));
            }
        }
        Ok(())
    }

    /// How a file is read; `None` where nothing says what kind it is.
    fn kind(&self, name: &str) -> Option<Kind> {
        if self.layout.format.is_none() && name.to_ascii_lowercase().ends_with(".parquet") {
            return Some(Kind::Parquet);
        }
        match self.layout.format.or_else(|| format_of(name)) {
            Some(FileFormat::Ndjson) if self.is_canonical(name) => Some(Kind::Rows),
            Some(_) => Some(Kind::Dropped),
            None => is_archive(name).then_some(Kind::Dropped),
        }
    }

    /// Whether a file's lines are what `check` reads, as they are.
    fn is_canonical(&self, name: &str) -> bool {
        let layout = self.layout;
        // Rows without a key are told apart by what a file holds, packed or not.
        let plain = !is_packed(name) || self.has_key && name.to_ascii_lowercase().ends_with(".gz");
        self.is_plain && plain && !layout.has_outside() && layout.encoding == TextEncoding::Utf8
    }
}

/// How a file is read.
enum Kind {
    /// In place: its lines are rows.
    Rows,
    /// By `ingest`.
    Dropped,
    /// By its own types.
    Parquet,
}

/// The landing objects that the files are: row files in place where their lines are canonical; others in memory, as `ingest`
/// writes them.
#[derive(Debug)]
pub struct Landing {
    /// Row files.
    pub files: Arc<ReadOnlyFiles>,
    /// What the others became.
    pub ingested: Arc<MemoryLake>,
    /// The keys of row files.
    pub file_keys: Vec<String>,
    /// The keys of what the others became.
    pub ingested_keys: Vec<String>,
    /// The file behind each key, as it was named.
    pub names: BTreeMap<String, String>,
    /// Files that were rejected whole, and why.
    pub rejected: Vec<(String, Error)>,
    /// What files' texts say about their contract's formats, and what else is worth a word: a sentence each, with the file.
    pub notes: Vec<String>,
}

/// Makes landing objects of the files. A file that does not fit is rejected; the others go on. `published` is the lake that the rows
/// are to go to, if they are: rows without a key that are in its table keep what tells them apart.
pub async fn land(contracts: &Contracts, inputs: Inputs, published: Option<&dyn Lake>) -> Result<Landing> {
    let ingested = Arc::new(MemoryLake::new());
    let mut notes = Vec::new();
    let inbox = ReadOnlyFiles::new(inputs.dropped.clone())?;
    let mut landing = Landing {
        file_keys: inputs.rows.iter().map(|(key, _)| key.clone()).collect(),
        names: inputs.rows.iter().map(|(key, path)| (key.clone(), path.display().to_string())).collect(),
        files: Arc::new(ReadOnlyFiles::new(inputs.rows)?),
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
                landing.names.insert(key.clone(), path.display().to_string());
                landing.ingested_keys.push(key);
            }
            Err(error) => landing.rejected.push((path.display().to_string(), error)),
        }
    }
    let mut inspected = Vec::new();
    for (key, path) in inputs.dropped {
        let looked = async {
            let (dataset, _) = dataset_and_name(&key)?;
            let contract = Arc::clone(&contracts.get(&dataset)?.contract);
            let file = inspect(&inbox, &contract, &stored(&inbox, &key).await?).await?;
            Ok((contract, file))
        };
        match looked.await {
            Ok((contract, file)) => inspected.push((path, contract, file)),
            Err(error) => landing.rejected.push((path.display().to_string(), error)),
        }
    }
    let known = match published {
        Some(lake) => known_packed(lake, &inspected).await?,
        None => BTreeSet::new(),
    };
    for (path, contract, file) in inspected {
        let is_known = file.packed.as_ref().is_some_and(|packed| known.contains(packed));
        let file = if is_known { file.as_packed() } else { file };
        match land_file(&inbox, landing.ingested.as_ref(), &contract, &file).await {
            Ok(report) => {
                let names = report.landing_keys.iter().map(|key| (key.clone(), path.display().to_string()));
                landing.names.extend(names);
                landing.ingested_keys.extend(report.landing_keys);
                notes.extend(report.notes.into_iter().map(|note| format!("{}: {note}", path.display())));
            }
            Err(error) => landing.rejected.push((path.display().to_string(), error)),
        }
    }
    landing.notes = notes;
    Ok(landing)
}

/// Which of the files' packed contents tell rows apart in their published table: earlier versions told the rows of packed files without
/// a key by the hash of the packed file.
async fn known_packed(
    lake: &dyn Lake,
    files: &[(PathBuf, Arc<Contract>, Inspected)],
) -> Result<BTreeSet<String>> {
    let mut known = BTreeSet::new();
    let Some((_, contract, _)) = files.first() else { return Ok(known) };
    let Some(columns) = contract.file_columns else { return Ok(known) };
    let packed: BTreeSet<&String> = files.iter().filter_map(|(.., file)| file.packed.as_ref()).collect();
    if packed.is_empty() {
        return Ok(known);
    }
    let column = contract.columns[columns.sha256].name.as_str();
    let mut parts = Published::new(lake, contract).scan_all(&[column]).await?;
    while let Some((_, batch)) = parts.try_next().await? {
        let found = texts(&batch, column)?.into_iter().flatten();
        known.extend(found.map(|text| text.to_string()).filter(|text| packed.contains(text)));
    }
    Ok(known)
}

/// Bytes as they are, or what they hold where they are a gzip file. `InvalidInput` for one that was cut off.
pub fn unpacked(bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    match bytes.starts_with(&[0x1f, 0x8b]) {
        true => gzip::unpack(bytes).map(Cow::Owned),
        false => Ok(Cow::Borrowed(bytes)),
    }
}
