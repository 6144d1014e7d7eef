//! The layout of the lake: one type owns every object key, and parse and format are inverse.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// A zone of the lake: the first segment of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// Envelopes as delivered, vendor bodies untouched.
    Raw,
    /// Canonical NDJSON, gzip, datasets mixed.
    Landing,
    /// Deliveries that `transform` could not read: the stream's error prefix.
    Undelivered,
    /// Rows that passed, typed, until they are published.
    Staged,
    /// Rows that failed, with their text and reasons.
    Quarantine,
    /// One result document per checked object and dataset, what it measured as tables, and the history of that.
    Quality,
    /// What every stage did, as rows of the table `runs`.
    Runs,
    /// Published tables of what came in.
    Bronze,
    /// Published tables that models compute.
    Silver,
    /// Files that people drop, by dataset; they stay.
    Inbox,
    /// What became of each dropped file.
    Ingested,
    /// Where long work is: checkpoints of migrations and backfills.
    State,
}

impl Zone {
    /// The zones of published tables.
    pub const TABLES: [Self; 2] = [Self::Bronze, Self::Silver];

    /// The zone's prefix, with its slash.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Raw => "raw/",
            Self::Landing => "landing/",
            Self::Undelivered => "undelivered/",
            Self::Staged => "staged/",
            Self::Quarantine => "quarantine/",
            Self::Quality => "quality/",
            Self::Runs => "runs/",
            Self::Bronze => "bronze/",
            Self::Silver => "silver/",
            Self::Inbox => "inbox/",
            Self::Ingested => "ingested/",
            Self::State => "state/",
        }
    }
}

/// The key of an object that a stage writes.
///
/// ```
/// use quotelake_core::{ObjectKey, Zone};
/// let key = ObjectKey::table(Zone::Bronze, "daily_bars", &[("month".into(), "2013-03".into())]);
/// assert_eq!(key.to_string(), "bronze/daily_bars/month=2013-03/part-0.parquet");
/// assert_eq!(ObjectKey::parse(&key.to_string()).unwrap(), key);
/// let key = ObjectKey::table(Zone::Silver, "daily_stats", &[]);
/// assert_eq!(key.to_string(), "silver/daily_stats/part-0.parquet");
/// assert_eq!(ObjectKey::parse(&key.to_string()).unwrap(), key);
/// let key = ObjectKey::quality_rows("statistics", "2013-03-02", "daily_bars", "0f3a");
/// assert_eq!(key.to_string(), "quality/statistics/day=2013-03-02/daily_bars-0f3a.parquet");
/// assert_eq!(ObjectKey::parse(&key.to_string()).unwrap(), key);
/// let key = ObjectKey::runs("2013-03-02", "check", "0f3a");
/// assert_eq!(key.to_string(), "runs/day=2013-03-02/check-0f3a.parquet");
/// assert_eq!(ObjectKey::parse(&key.to_string()).unwrap(), key);
/// let key = ObjectKey::history("daily_bars", "polygon-1d");
/// assert_eq!(key.to_string(), "quality/history/dataset=daily_bars/polygon-1d.json");
/// assert_eq!(ObjectKey::parse(&key.to_string()).unwrap(), key);
/// let key = ObjectKey::staged("daily_bars", "0f3a");
/// assert_eq!(key.to_string(), "staged/dataset=daily_bars/0f3a.arrow");
/// assert_eq!(ObjectKey::parse(&key.to_string()).unwrap(), key);
/// let key = ObjectKey::keys("orders", &[("month".into(), "2026-11".into())]);
/// assert_eq!(key.to_string(), "state/keys/orders/month=2026-11/part-0.keys");
/// assert_eq!(ObjectKey::parse(&key.to_string()).unwrap(), key);
/// for text in ["inbox/orders/2026/a b.csv.gz", "ingested/dataset=orders/drop-0f3a.json", "state/backfill/0f3a.json"] {
///     assert_eq!(ObjectKey::parse(text).unwrap().to_string(), text);
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ObjectKey {
    /// `landing/dataset=<dataset>/<name>`: a landing object whose lines all belong to one dataset (a load, a file drop).
    Landing {
        /// The dataset of every line.
        dataset: String,
        /// The rest of the key.
        name: String,
    },
    /// `staged/dataset=<dataset>/<id>.arrow`.
    Staged {
        /// The dataset.
        dataset: String,
        /// The checked object's identity, see [`check_id`].
        id: String,
    },
    /// `quarantine/dataset=<dataset>/<id>.ndjson.gz`.
    Quarantine {
        /// The dataset, `unknown` for lines that name none.
        dataset: String,
        /// The checked object's identity.
        id: String,
    },
    /// `quality/dataset=<dataset>/<id>.json`.
    Quality {
        /// The dataset.
        dataset: String,
        /// The checked object's identity.
        id: String,
    },
    /// `quality/<table>/day=<day>/<dataset>-<id>.parquet`: what one check measured, as rows of a table.
    QualityRows {
        /// `rule_results` or `statistics`.
        table: String,
        /// The UTC day of the check, `YYYY-MM-DD`.
        day: String,
        /// The dataset.
        dataset: String,
        /// The checked object's identity.
        id: String,
    },
    /// `runs/day=<day>/<stage>-<id>.parquet`: what one run of a stage did, as rows of the table `runs`.
    Runs {
        /// The UTC day on which it began, `YYYY-MM-DD`.
        day: String,
        /// The stage.
        stage: String,
        /// Names the work: done again, it replaces the object.
        id: String,
    },
    /// `quality/history/dataset=<dataset>/<context>.json`: the metrics of the newest checks in one context.
    History {
        /// The dataset.
        dataset: String,
        /// What the checks have in common besides the dataset, e.g. `polygon-1d`.
        context: String,
    },
    /// `bronze/<table>/<column>=<value>/.../part-0.parquet`, or the same below `silver/`.
    Table {
        /// [`Zone::Bronze`] or [`Zone::Silver`].
        zone: Zone,
        /// The table.
        table: String,
        /// Partition columns and values, in the contract's order.
        partition: Vec<(String, String)>,
    },
    /// `state/keys/<table>/<column>=<value>/.../part-0.keys`: which business keys a partition may hold.
    Keys {
        /// The table.
        table: String,
        /// Partition columns and values, in the contract's order.
        partition: Vec<(String, String)>,
    },
    /// `inbox/<dataset>/<name>`: a file that somebody dropped.
    Inbox {
        /// The dataset of its rows.
        dataset: String,
        /// The file's name, with folders below the dataset's.
        name: String,
    },
    /// `ingested/dataset=<dataset>/<id>.json`: what became of a dropped file.
    Ingested {
        /// The dataset.
        dataset: String,
        /// The kind of record and what it is about.
        id: String,
    },
    /// `state/<work>/<id>.json`: where long work is.
    State {
        /// The kind of work, e.g. `backfill`.
        work: String,
        /// Names the work.
        id: String,
    },
}

const PART: &str = "part-0.parquet";
const KEYS: &str = "part-0.keys";

impl ObjectKey {
    /// A landing object of one dataset.
    pub fn landing(dataset: &str, name: &str) -> Self {
        Self::Landing { dataset: dataset.into(), name: name.into() }
    }

    /// The staged rows of one checked object.
    pub fn staged(dataset: &str, id: &str) -> Self {
        Self::Staged { dataset: dataset.into(), id: id.into() }
    }

    /// The quarantined rows of one checked object.
    pub fn quarantine(dataset: &str, id: &str) -> Self {
        Self::Quarantine { dataset: dataset.into(), id: id.into() }
    }

    /// The result document of one checked object.
    pub fn quality(dataset: &str, id: &str) -> Self {
        Self::Quality { dataset: dataset.into(), id: id.into() }
    }

    /// What one check measured, as rows of a table.
    pub fn quality_rows(table: &str, day: &str, dataset: &str, id: &str) -> Self {
        Self::QualityRows { table: table.into(), day: day.into(), dataset: dataset.into(), id: id.into() }
    }

    /// What one run of a stage did.
    pub fn runs(day: &str, stage: &str, id: &str) -> Self {
        Self::Runs { day: day.into(), stage: stage.into(), id: id.into() }
    }

    /// The metrics of the newest checks of a dataset in one context.
    pub fn history(dataset: &str, context: &str) -> Self {
        Self::History { dataset: dataset.into(), context: context.into() }
    }

    /// The one file of a partition of a table in this zone.
    pub fn table(zone: Zone, table: &str, partition: &[(String, String)]) -> Self {
        Self::Table { zone, table: table.into(), partition: partition.to_vec() }
    }

    /// The list of the business keys in a partition.
    pub fn keys(table: &str, partition: &[(String, String)]) -> Self {
        Self::Keys { table: table.into(), partition: partition.to_vec() }
    }

    /// The prefix of the lists of a table's business keys.
    pub fn keys_prefix(table: &str) -> String {
        format!("{}keys/{table}/", Zone::State.prefix())
    }

    /// What became of a dropped file.
    pub fn ingested(dataset: &str, id: &str) -> Self {
        Self::Ingested { dataset: dataset.into(), id: id.into() }
    }

    /// Where long work is.
    pub fn state(work: &str, id: &str) -> Self {
        Self::State { work: work.into(), id: id.into() }
    }

    /// The prefix under which a zone keeps one dataset's objects.
    pub fn dataset_prefix(zone: Zone, dataset: &str) -> String {
        match zone {
            Zone::Bronze | Zone::Silver | Zone::Inbox => format!("{}{dataset}/", zone.prefix()),
            _ => format!("{}dataset={dataset}/", zone.prefix()),
        }
    }

    /// The folder of this object, with its slash.
    pub fn folder(&self) -> String {
        let key = self.to_string();
        key.rfind('/').map_or_else(String::new, |slash| key[..=slash].to_owned())
    }

    /// Reads a key that one of the constructors made. `InvalidInput` for any other text.
    pub fn parse(key: &str) -> Result<Self> {
        let other = || Error::invalid(format!("{key:?} is not a key of the lake's layout"));
        let (zone, rest) = key.split_once('/').ok_or_else(other)?;
        let tables = Zone::TABLES.into_iter().find(|tables| tables.prefix().strip_suffix('/') == Some(zone));
        if let Some(zone) = tables {
            let (table, partition) = Self::parse_partition(rest, PART).ok_or_else(other)?;
            return Ok(Self::Table { zone, table, partition });
        }
        if let ("state", Some(rest)) = (zone, rest.strip_prefix("keys/"))
            && let Some((table, partition)) = Self::parse_partition(rest, KEYS)
        {
            return Ok(Self::Keys { table, partition });
        }
        if zone == "quality"
            && let Some(key) = Self::parse_quality(rest)
        {
            return Ok(key);
        }
        if zone == "runs" {
            return Self::parse_runs(rest).ok_or_else(other);
        }
        if zone == "inbox" || zone == "state" {
            let (folder, name) =
                rest.split_once('/').filter(|(a, b)| !a.is_empty() && !b.is_empty()).ok_or_else(other)?;
            let folder = folder.to_owned();
            return if zone == "inbox" {
                Ok(Self::Inbox { dataset: folder, name: name.to_owned() })
            } else {
                Ok(Self::State { work: folder, id: name.strip_suffix(".json").ok_or_else(other)?.to_owned() })
            };
        }
        let (dataset, name) = rest
            .split_once('/')
            .and_then(|(folder, name)| Some((folder.strip_prefix("dataset=")?.to_owned(), name)))
            .ok_or_else(other)?;
        let id = |extension: &str| name.strip_suffix(extension).map(str::to_owned).ok_or_else(other);
        match zone {
            "landing" => Ok(Self::Landing { dataset, name: name.to_owned() }),
            "staged" => Ok(Self::Staged { dataset, id: id(".arrow")? }),
            "quarantine" => Ok(Self::Quarantine { dataset, id: id(".ndjson.gz")? }),
            "ingested" => Ok(Self::Ingested { dataset, id: id(".json")? }),
            "quality" => Ok(Self::Quality { dataset, id: id(".json")? }),
            _ => Err(other()),
        }
    }

    /// `<table>/<column>=<value>/.../<file>`.
    fn parse_partition(rest: &str, file: &str) -> Option<(String, Vec<(String, String)>)> {
        let (table, rest) = rest.split_once('/')?;
        let partition = match rest.strip_suffix(file)? {
            "" => Vec::new(),
            folders => {
                let pair = |segment: &str| {
                    segment.split_once('=').map(|(column, value)| (column.to_owned(), value.to_owned()))
                };
                folders.strip_suffix('/')?.split('/').map(pair).collect::<Option<_>>()?
            }
        };
        Some((table.to_owned(), partition))
    }

    /// The keys of `quality/` that are no result documents.
    fn parse_quality(rest: &str) -> Option<Self> {
        let (table, rest) = rest.split_once('/')?;
        let (folder, name) = rest.split_once('/')?;
        if table == "history" {
            let dataset = folder.strip_prefix("dataset=")?;
            return Some(Self::history(dataset, name.strip_suffix(".json")?));
        }
        let (dataset, id) = name.strip_suffix(".parquet")?.rsplit_once('-')?;
        Some(Self::quality_rows(table, folder.strip_prefix("day=")?, dataset, id))
    }

    /// `day=<day>/<stage>-<id>.parquet`.
    fn parse_runs(rest: &str) -> Option<Self> {
        let (folder, name) = rest.split_once('/')?;
        let (stage, id) = name.strip_suffix(".parquet")?.split_once('-')?;
        Some(Self::runs(folder.strip_prefix("day=")?, stage, id))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Landing { dataset, name } => write!(f, "landing/dataset={dataset}/{name}"),
            Self::Staged { dataset, id } => write!(f, "staged/dataset={dataset}/{id}.arrow"),
            Self::Quarantine { dataset, id } => write!(f, "quarantine/dataset={dataset}/{id}.ndjson.gz"),
            Self::Quality { dataset, id } => write!(f, "quality/dataset={dataset}/{id}.json"),
            Self::QualityRows { table, day, dataset, id } => {
                write!(f, "quality/{table}/day={day}/{dataset}-{id}.parquet")
            }
            Self::Runs { day, stage, id } => write!(f, "runs/day={day}/{stage}-{id}.parquet"),
            Self::History { dataset, context } => {
                write!(f, "quality/history/dataset={dataset}/{context}.json")
            }
            Self::Inbox { dataset, name } => write!(f, "inbox/{dataset}/{name}"),
            Self::Ingested { dataset, id } => write!(f, "ingested/dataset={dataset}/{id}.json"),
            Self::State { work, id } => write!(f, "state/{work}/{id}.json"),
            Self::Table { zone, table, partition } => {
                write_partition(f, zone.prefix(), table, partition, PART)
            }
            Self::Keys { table, partition } => write_partition(f, "state/keys/", table, partition, KEYS),
        }
    }
}

fn write_partition(
    f: &mut fmt::Formatter<'_>,
    prefix: &str,
    table: &str,
    partition: &[(String, String)],
    file: &str,
) -> fmt::Result {
    write!(f, "{prefix}{table}/")?;
    for (column, value) in partition {
        write!(f, "{column}={value}/")?;
    }
    f.write_str(file)
}

/// The identity of checking one version of one landing object: every output of `check` is named by it, so that a second
/// delivery of the same event writes the same keys with the same bytes.
pub fn check_id(landing_key: &str, version: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(landing_key.as_bytes());
    hash.update([0]);
    hash.update(version.as_bytes());
    hex::encode(&hash.finalize()[..16])
}

/// The document in which the workers that ask one source share its pace. It is no data: no stage reads it, and losing it costs a
/// source's rhythm for one window.
pub fn pacing_key(source: &str) -> String {
    format!("pacing/source={source}.json")
}

/// The SHA-256 of `bytes` in lowercase hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Whether `key` may name an object: relative, no empty, `.` or `..` segment, no control character.
pub fn is_valid_key(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 1024
        && !key.chars().any(char::is_control)
        && key.split('/').all(|segment| !segment.is_empty() && segment != "." && segment != "..")
}

/// `InvalidInput` for a key that cannot name an object, see [`is_valid_key`].
pub fn check_key(key: &str) -> Result<()> {
    if is_valid_key(key) {
        return Ok(());
    }
    Err(Error::invalid(format!("{key:?} is not a valid key")))
}
