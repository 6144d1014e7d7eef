//! Whatever is done to the files of a lake: its tables are the same, or the object is named and nothing is lost that was there
//! before.
#![allow(clippy::panic, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock};

use crate::common::{copy_folder, files};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use bytes::Bytes;
use proptest::prelude::*;
use quotelake_cli::laptop::{Laptop, QUEUES};
use quotelake_cli::verify::{Verified, Wrong, verify};
use quotelake_contract::Contracts;
use quotelake_core::ObjectKey;
use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_local::{FolderLake, JsonCatalog, SystemClock};
use quotelake_platform::contracts;
use quotelake_table::parquet_file;
use serde_json::Value;

const ORDERS: &str = include_str!("../../../samples/contracts/orders.yaml");
const RULES: &str = include_str!("../../../samples/contracts/orders.dqdl");

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A lake with pages, landed and staged objects that wait, published files, results, contracts and state, each with its record;
/// and the same lake when all is published.
struct Base {
    _folder: tempfile::TempDir,
    waiting: PathBuf,
    done: PathBuf,
}

static BASE: LazyLock<Base> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let (waiting, done) = (folder.path().join("waiting"), folder.path().join("done"));
    copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lake-a5f8830/lake"), &waiting);
    std::thread::scope(|scope| {
        scope.spawn(|| runtime().block_on(prepare(&waiting, &done))).join().unwrap();
    });
    Base { _folder: folder, waiting, done }
});

async fn prepare(waiting: &Path, done: &Path) {
    let lake = FolderLake::open(waiting).unwrap();
    for meta in lake.list("").await.unwrap() {
        lake.accept(&meta.key).await.unwrap();
    }
    contracts::store(&lake, "orders", ORDERS, Some(RULES)).await.unwrap();
    lake.put("state/backfill/0a.json", Bytes::from_static(b"{}"), Precondition::None).await.unwrap();
    copy_folder(waiting, done);
    assert_eq!(pass(done).await.unwrap(), Vec::<String>::new());
}

/// What is written about the whole pass: an error, or the dead letters.
async fn pass(lake: &Path) -> quotelake_core::Result<Vec<String>> {
    let laptop = Laptop::open(lake, Arc::new(SystemClock)).await?;
    laptop.settle(None, None).await?;
    let mut letters = Vec::new();
    for name in QUEUES {
        for letter in laptop.queue(&format!("{name}-dlq"))?.list().await? {
            letters.push(format!("{} {:?}", letter.message.body, letter.message.attributes));
        }
    }
    Ok(letters)
}

async fn verified(lake: &Path) -> Verified {
    let folder = FolderLake::read_only(lake);
    let catalog = JsonCatalog::read_only(lake.join("_platform/catalog"));
    let contracts = contracts::load(&folder).await.unwrap_or_else(|_| Contracts::built_in().unwrap());
    verify(&folder, &catalog, &contracts).await.unwrap()
}

/// The rows of each published file that can be read, each as text.
fn tables(lake: &Path) -> BTreeMap<String, Vec<String>> {
    let contracts = Contracts::built_in().unwrap();
    let mut tables = BTreeMap::new();
    for path in files(&lake.join("bronze")).into_keys() {
        let key = format!("bronze/{path}");
        let Ok(ObjectKey::Table { table, .. }) = ObjectKey::parse(&key) else { continue };
        let contract = &contracts.get(&table).unwrap().contract;
        let Ok(batch) = parquet_file::read(contract, fs::read(lake.join(&key)).unwrap().into()) else {
            continue;
        };
        let plain = |column: &arrow::array::ArrayRef| match column.data_type() {
            DataType::Timestamp(..) => cast(column, &DataType::Int64).unwrap(),
            _ => Arc::clone(column),
        };
        let columns: Vec<_> = batch.columns().iter().map(plain).collect();
        let row = |row: usize| {
            let texts = columns.iter().map(|column| array_value_to_string(column, row).unwrap());
            texts.collect::<Vec<_>>().join("|")
        };
        tables.insert(key, (0..batch.num_rows()).map(row).collect());
    }
    tables
}

/// The same without the column of flags, the last one: what was beside a row when it was checked is no part of it.
fn without_flags(tables: BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let plain = |row: String| row.rsplit_once('|').map(|(row, _)| row.to_owned()).unwrap_or(row);
    tables.into_iter().map(|(key, rows)| (key, rows.into_iter().map(plain).collect())).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    Flip(usize),
    Cut(usize),
    Empty,
    Double,
    Swap(usize),
    Delete,
}

fn harms() -> impl Strategy<Value = Harm> {
    prop_oneof![
        4 => any::<usize>().prop_map(Harm::Flip),
        2 => any::<usize>().prop_map(Harm::Cut),
        1 => Just(Harm::Empty),
        1 => Just(Harm::Double),
        1 => any::<usize>().prop_map(Harm::Swap),
        1 => Just(Harm::Delete),
    ]
}

/// Harms one of the objects of a kind; returns those that are not what they were.
fn harm(lake: &Path, kind: &str, which: usize, harm: Harm) -> Vec<String> {
    let mut keys: Vec<String> =
        files(&lake.join(kind)).into_keys().map(|path| format!("{kind}/{path}")).collect();
    keys.retain(|key| !key.rsplit('/').next().unwrap().starts_with('.'));
    let key = keys[which % keys.len()].clone();
    let path = lake.join(&key);
    let before = fs::read(&path).unwrap();
    let mut now = before.clone();
    match harm {
        Harm::Flip(at) if !now.is_empty() => {
            let at = at % (now.len() * 8);
            now[at / 8] ^= 1 << (at % 8);
        }
        Harm::Flip(_) => {}
        Harm::Cut(to) => now.truncate(to % now.len().max(1)),
        Harm::Empty => now.clear(),
        Harm::Double => now.extend(before.clone()),
        Harm::Swap(with) => {
            let other = keys[with % keys.len()].clone();
            now = fs::read(lake.join(&other)).unwrap();
            fs::write(lake.join(&other), &before).unwrap();
            fs::write(path, &now).unwrap();
            return if now == before { Vec::new() } else { vec![key, other] };
        }
        Harm::Delete => {
            fs::remove_file(path).unwrap();
            return vec![key];
        }
    }
    fs::write(path, &now).unwrap();
    if now == before { Vec::new() } else { vec![key] }
}

/// Harms a lake, goes on with it, and looks at what came of it.
async fn try_harm(base: &Path, kind: &str, which: usize, harming: Harm) {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    copy_folder(base, &lake);
    let before = tables(&lake);
    let keys = harm(&lake, kind, which, harming);
    let harmed: Vec<Option<Vec<u8>>> = keys.iter().map(|key| fs::read(lake.join(key)).ok()).collect();
    let found = verified(&lake).await;
    for key in &keys {
        let is_named = found.findings.iter().any(|finding| &finding.key == key);
        assert!(is_named, "verify does not name {key}: {:?}", found.findings);
    }
    let told = match pass(&lake).await {
        Ok(letters) => letters.join("\n"),
        Err(error) => error.to_string(),
    };
    // Tables are as they would have been, or the pass names an object. One that has nothing to do with the object reads none.
    let (mut after_all, mut wanted_all) = (tables(&lake), tables(&BASE.done));
    if base == BASE.done {
        keys.iter().for_each(|key| drop((after_all.remove(key), wanted_all.remove(key))));
    }
    let after = tables(&lake);
    let is_named = keys.iter().any(|key| told.contains(key.as_str()));
    let is_same = after_all == wanted_all;
    assert!(is_same || is_named, "{harming:?} of {keys:?} changed a table without a word: {told}");
    assert!(!told.contains("panicked"), "{told}");
    // No row that was published is gone, and what was harmed is kept, where it was or aside.
    for (key, rows) in &before {
        if keys.contains(key) {
            continue;
        }
        let kept = &after[key];
        assert!(kept.len() >= rows.len(), "{harming:?} of {keys:?}: rows of {key} are gone");
        let wanted = &tables(&BASE.done)[key];
        assert!(
            kept.iter().all(|row| wanted.contains(row)),
            "{harming:?} of {keys:?}: {key} has rows of its own"
        );
    }
    for (key, bytes) in keys.iter().zip(harmed) {
        let Some(bytes) = bytes else { continue };
        let kept = [lake.join(key), lake.join("undelivered").join(key)];
        // A result is written again when its object is checked again.
        let is_kept = kept.iter().any(|path| fs::read(path).is_ok_and(|kept| kept == bytes));
        assert!(is_kept || kind == "quality", "{harming:?}: {key} is gone");
    }
}

/// A test for each kind of stored object.
macro_rules! kinds {
    ($($name:ident: $kind:literal of $base:ident;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 20, max_shrink_iters: 8, ..ProptestConfig::default() })]
            $(
                #[test]
                fn $name(which in any::<usize>(), harming in harms()) {
                    runtime().block_on(try_harm(&BASE.$base, $kind, which, harming));
                }
            )*
        }
    };
}

kinds! {
    published_files: "bronze" of waiting;
    staged_rows: "staged" of waiting;
    landed_objects: "landing" of waiting;
    pages: "raw" of waiting;
    contracts_and_rules: "contracts" of waiting;
    checkpoints: "state" of waiting;
    results: "quality" of done;
    published_files_at_rest: "bronze" of done;
}

fn quotelake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quotelake")).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", text(&output.stdout), text(&output.stderr)))
}

fn find(answer: &Value, key: &str) -> Option<String> {
    let findings = answer["findings"].as_array().unwrap();
    findings.iter().find(|one| one["key"] == key).map(|one| one["wrong"].as_str().unwrap().to_owned())
}

/// A lake of its own for a test.
fn copy_of(base: &Path) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    copy_folder(base, &lake);
    (folder, lake)
}

const FEBRUARY: &str = "bronze/daily_bars/month=2005-02/part-0.parquet";

#[test]
fn a_sound_lake_is_verified_and_one_that_was_made_before_records_after_its_next_write() {
    let (_folder, lake) = copy_of(&BASE.done);
    // The report lies in the folder and is no object.
    fs::write(lake.join("report.html"), "<html>").unwrap();
    let answer = quotelake(&["--json", "verify", "--lake", lake.to_str().unwrap()]);
    assert_eq!(answer.status.code(), Some(0), "{}", json(&answer));
    let answer = json(&answer);
    assert_eq!((&answer["findings"], &answer["unverified"]), (&serde_json::json!([]), &0.into()));
    assert_eq!(answer["rows"], 51, "{answer}");

    // The lake as that version left it: read, said to be unverified, and with records of all that is written from now on.
    let old = lake.with_file_name("old");
    copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lake-a5f8830/lake"), &old);
    let before = quotelake(&["--json", "verify", "--lake", old.to_str().unwrap()]);
    assert_eq!(before.status.code(), Some(2), "{}", json(&before));
    assert_eq!(json(&before)["intact"], 0);
    assert!(runtime().block_on(pass(&old)).unwrap().is_empty());
    let after = quotelake(&["--json", "verify", "--lake", old.to_str().unwrap()]);
    assert_eq!(after.status.code(), Some(2), "{}", json(&after));
    let after = json(&after);
    assert_eq!(find(&after, "bronze/"), None, "every table was written: {after}");
    assert_eq!(find(&after, "raw/").as_deref(), Some("unverified"), "{after}");
    let accepted =
        quotelake(&["verify", "--lake", old.to_str().unwrap(), "--accept", "raw/", "--accept", "landing/"]);
    assert_eq!(accepted.status.code(), Some(0));
    assert_eq!(quotelake(&["verify", "--lake", old.to_str().unwrap()]).status.code(), Some(0));
}

#[test]
fn what_is_gone_misplaced_or_foreign_is_said() {
    let (_folder, lake) = copy_of(&BASE.done);
    let bars = lake.join("bronze/daily_bars");
    // A folder restored under another month, with its records; one that is gone with them; a file of nobody.
    copy_folder(&bars.join("month=2005-02"), &bars.join("month=2005-03"));
    fs::remove_dir_all(bars.join("month=2000-03")).unwrap();
    fs::create_dir_all(lake.join("bronze/notes")).unwrap();
    fs::write(lake.join("bronze/notes/part-0.parquet"), "x").unwrap();
    fs::write(lake.join("todo.txt"), "x").unwrap();
    let answer = json(&quotelake(&["--json", "verify", "--lake", lake.to_str().unwrap()]));
    for (key, wrong) in [
        ("bronze/daily_bars/month=2005-03/part-0.parquet", "misplaced"),
        ("bronze/daily_bars/month=2000-03/part-0.parquet", "missing"),
        ("bronze/notes/", "foreign"),
        ("todo.txt", "foreign"),
    ] {
        assert_eq!(find(&answer, key).as_deref(), Some(wrong), "{key}: {answer}");
    }
    // The doctor sees names and sizes.
    let answer = quotelake(&["--json", "doctor", "--lake", lake.to_str().unwrap()]);
    assert_eq!(answer.status.code(), Some(3));
    assert!(json(&answer).to_string().contains("month=2000-03"), "{}", json(&answer));
    fs::write(lake.join(FEBRUARY), "cut").unwrap();
    let answer = json(&quotelake(&["--json", "doctor", "--lake", lake.to_str().unwrap()])).to_string();
    assert!(answer.contains(FEBRUARY) && answer.contains("bytes were written, 3 are there"), "{answer}");
}

/// A file that is gone with its record is known to the catalog alone.
#[test]
fn nothing_is_published_in_the_place_of_a_partition_that_the_catalog_lists_and_that_is_gone() {
    let (_folder, lake) = copy_of(&BASE.done);
    let lake_text = lake.to_str().unwrap();
    let month = lake.join("bronze/daily_bars/month=2005-02");
    let (whole, record) = (fs::read(lake.join(FEBRUARY)).unwrap(), month.join(".part-0.parquet.sum"));
    assert!(record.is_file());
    let record = (fs::read(&record).unwrap(), record);
    let load_again = || {
        let context = runtime().block_on(async {
            let laptop = Laptop::open(&lake, Arc::new(SystemClock)).await.unwrap();
            let landed = laptop.lake().list("landing/").await.unwrap();
            let check = laptop.check_context(Arc::clone(laptop.lake())).unwrap();
            for meta in landed {
                drop(quotelake_check::check_object(&check, &meta.key, "again").await);
            }
            laptop.publish_context().unwrap()
        });
        runtime().block_on(quotelake_publish::drain(&context, "daily_bars"))
    };
    fs::remove_dir_all(&month).unwrap();
    let error = load_again().unwrap_err().to_string();
    assert!(error.contains(&format!("{FEBRUARY} is gone, though the catalog lists it")), "{error}");
    assert!(!month.exists(), "nothing was written in its place");
    let staged = files(&lake.join("staged"));
    assert!(!staged.is_empty(), "the rows for it wait");

    // Restored, it takes them.
    fs::create_dir_all(&month).unwrap();
    fs::write(lake.join(FEBRUARY), &whole).unwrap();
    fs::write(&record.1, &record.0).unwrap();
    load_again().unwrap();
    assert_eq!(fs::read(lake.join(FEBRUARY)).unwrap(), whole);

    // Removed on purpose, it is made anew of what comes.
    fs::remove_dir_all(&month).unwrap();
    assert_eq!(quotelake(&["verify", "--lake", lake_text, "--accept", FEBRUARY]).status.code(), Some(0));
    load_again().unwrap();
    assert!(lake.join(FEBRUARY).is_file());
    assert_eq!(
        quotelake(&["verify", "--lake", lake_text, "--accept", "bronze/none/part-0.parquet"]).status.code(),
        Some(1)
    );

    // Asked for by name as well.
    fs::remove_dir_all(&month).unwrap();
    let rebuilt = quotelake(&["--json", "rebuild", "--lake", lake_text, "--partition", FEBRUARY]);
    assert_eq!(rebuilt.status.code(), Some(0), "{rebuilt:?}");
    assert!(lake.join(FEBRUARY).is_file());
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_verified_and_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, lake) = copy_of(&BASE.done);
    let set = |mode: u32| {
        for path in [lake.clone(), lake.join("_platform"), lake.join("bronze")] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    fs::remove_dir_all(lake.join("_platform/locks")).unwrap();
    fs::remove_dir_all(lake.join("_platform/tmp")).unwrap();
    let before = files(&lake);
    set(0o555);
    let answer = quotelake(&["--json", "verify", "--lake", lake.to_str().unwrap()]);
    set(0o755);
    assert_eq!(answer.status.code(), Some(0), "{}", json(&answer));
    assert_eq!(files(&lake), before);
    assert!(!lake.join("_platform/locks").exists());
}

/// A damaged file is named, nothing is merged on it, the rest is published; it is made again from what landed.
#[test]
fn a_damaged_partition_is_rebuilt_from_what_landed() {
    let (_folder, lake) = copy_of(&BASE.waiting);
    // January to March of 2005 landed in the first object, which is still there.
    let wanted = tables(&BASE.done);
    let path = lake.join(FEBRUARY);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() / 3;
    bytes[at] ^= 8;
    fs::write(&path, &bytes).unwrap();
    let config = lake.with_extension("yaml");
    fs::write(&config, "watchlists: []\njobs: []\n").unwrap();
    let (lake_text, config) = (lake.to_str().unwrap(), config.to_str().unwrap());
    let run = || quotelake(&["--json", "run", "--config", config, "--lake", lake_text]);
    let ran = run();
    let said = json(&ran);
    assert!(
        ran.status.code() == Some(3) && said["findings"][0].to_string().contains(FEBRUARY),
        "one table cannot be summed up: {said}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let letters = quotelake(&["--json", "dlq", "ls", "--lake", lake_text]);
    let letters = json(&letters).to_string();
    assert!(letters.contains(FEBRUARY) && letters.contains("rebuild --partition"), "{letters}");
    let after = tables(&lake);
    assert!(!after["bronze/daily_bars/month=2000-03/part-0.parquet"].is_empty(), "its neighbours are there");

    let rebuilt = quotelake(&["--json", "rebuild", "--lake", lake_text, "--partition", FEBRUARY]);
    let answer = json(&rebuilt);
    assert_eq!(answer["set_aside"], format!("undelivered/{FEBRUARY}"), "{answer}");
    assert_eq!(fs::read(lake.join("undelivered").join(FEBRUARY)).unwrap(), bytes);
    assert_eq!(without_flags(tables(&lake)), without_flags(wanted));
    let verified = json(&quotelake(&["--json", "verify", "--lake", lake_text]));
    assert_eq!(verified["findings"], serde_json::json!([]), "{verified}");
}

#[test]
fn a_file_that_is_not_whole_is_rejected_whole_when_it_is_loaded() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/contracts/orders.yaml");
    let line = r#"{"order_id":"A-1","line":1,"product":"pen","quantity":1,"unit_price":1.5,"currency":"GBP","ordered_on":"2026-10-01","updated_at":"2026-10-01T10:00:00Z"}"#;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for _ in 0..2_000 {
        writeln!(gzip, "{line}").unwrap();
    }
    let whole = gzip.finish().unwrap();
    let (mut flipped, cut) = (whole.clone(), whole[..whole.len() - 3].to_vec());
    let at = flipped.len() - 6;
    flipped[at] ^= 1;
    for (name, bytes) in
        [("flipped", flipped), ("cut", cut), ("empty", Vec::new()), ("headless", whole[2..].to_vec())]
    {
        let file = folder.path().join(format!("{name}.ndjson.gz"));
        fs::write(&file, bytes).unwrap();
        let arguments = [
            "load",
            "--lake",
            lake.to_str().unwrap(),
            "--dataset",
            "orders",
            "--contract",
            contract.to_str().unwrap(),
        ];
        let load = quotelake(&[&arguments[..], &[file.to_str().unwrap()]].concat());
        let said = String::from_utf8_lossy(&load.stderr).into_owned();
        assert_eq!(load.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(&format!("{name}.ndjson.gz")), "{said}");
        assert!(
            !lake.join("bronze").exists() && !lake.join("quarantine").exists(),
            "{name}: nothing of it is there"
        );
    }
}

#[test]
fn rows_of_no_known_dataset_count() {
    let (_folder, lake) = copy_of(&BASE.done);
    runtime().block_on(async {
        let laptop = Laptop::open(&lake, Arc::new(SystemClock)).await.unwrap();
        let landing = laptop.landing_lake().unwrap();
        let rows = Bytes::from_static(b"{\"dataset\":\"nobody\"}\nno json\n");
        landing.put("landing/2026/11/29/07/rows.ndjson", rows, Precondition::None).await.unwrap();
    });
    let config = lake.with_extension("yaml");
    fs::write(&config, "watchlists: []\njobs: []\n").unwrap();
    let arguments = ["--json", "run", "--config", config.to_str().unwrap(), "--lake", lake.to_str().unwrap()];
    let run = quotelake(&arguments);
    assert_eq!(run.status.code(), Some(2), "{}", json(&run));
    assert_eq!(
        (&json(&run)["checked"]["rows_in"], &json(&run)["checked"]["quarantined"]),
        (&2.into(), &2.into())
    );
    assert_eq!(runtime().block_on(verified(&lake)).worst(), None::<Wrong>);
}
