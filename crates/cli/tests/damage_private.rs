//! Whatever is done to what a lake keeps beside its objects (messages, accepted pages, the catalog) or about them (key lists,
//! receipts, paces, quarantine): its tables are the same, or the file is named, and nothing is lost that a command cannot bring again.
#![allow(clippy::panic, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

use crate::common::{copy_folder, files};
use bytes::Bytes;
use proptest::prelude::*;
use quotelake_cli::laptop::{Laptop, QUEUES};
use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_local::{FolderLake, SystemClock};
use quotelake_platform::contracts;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

const ORDERS: &str = include_str!("../../../samples/contracts/orders.yaml");
const RULES: &str = include_str!("../../../samples/contracts/orders.dqdl");
const CSV: &str = "Order ID,Line,Product,Quantity,Unit price,Currency,Ordered on,Shipped on,Updated at\n\
    A-1,1,Ink,2,7.25,GBP,2024-02-28,,2024-02-28 10:00:00\n\
    A-2,1,Ink,1,7.25,GBP,2024-03-01,,2024-03-01 10:00:00\n\
    A-3,1,Ink,0,7.25,GBP,2024-03-01,,2024-03-01 10:00:00\n";

/// A lake with work that waits: messages of two queues, staged and landed objects, pages that the stream accepted; and the same lake
/// when all is done, with quarantine, key lists, receipts and a pace.
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
    lake.put("pacing/source=polygon.json", Bytes::from_static(b"{}"), Precondition::None).await.unwrap();
    // Messages as this version writes them, and pages that wait: those of the oldest object of raw/.
    let laptop = Laptop::open(waiting, Arc::new(SystemClock)).await.unwrap();
    for name in ["check", "publish"] {
        let queue = laptop.queue(name).unwrap();
        queue.receive(10, chrono::TimeDelta::seconds(1)).await.unwrap();
        assert!(queue.release_hidden().await.unwrap() > 0, "messages of {name} are written again");
    }
    let raw = lake.list("raw/").await.unwrap().remove(0);
    let pages = quotelake_landing::gzip::unpack(&lake.get(&raw.key).await.unwrap().bytes).unwrap();
    let records: Vec<Bytes> = pages
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.len() > 1)
        .map(Bytes::copy_from_slice)
        .collect();
    laptop.stream().put(&records).await.unwrap();
    copy_folder(waiting, done);
    fs::create_dir_all(done.join("inbox/orders")).unwrap();
    fs::write(done.join("inbox/orders/a.csv"), CSV).unwrap();
    let output = quotelake(&["inbox", "run", "--quiet-ms", "0", "--lake", done.to_str().unwrap()]);
    assert_eq!(output.0, 2, "{}", output.1);
}

fn quotelake(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake")).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!text.contains("panicked"), "{arguments:?}: {text}");
    (output.status.code().unwrap(), text)
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
        5 => any::<usize>().prop_map(Harm::Flip),
        2 => any::<usize>().prop_map(Harm::Cut),
        1 => Just(Harm::Empty),
        1 => Just(Harm::Double),
        1 => any::<usize>().prop_map(Harm::Swap),
        1 => Just(Harm::Delete),
    ]
}

/// Harms one of the files of a kind. `None` where nothing changed.
fn harm(lake: &Path, kind: &Kind, which: usize, harm: Harm) -> Option<String> {
    let mut names: Vec<String> = files(&lake.join(kind.folder)).into_keys().collect();
    names.retain(|name| {
        let last = name.rsplit('/').next().unwrap();
        last.ends_with(kind.ending) && !last.starts_with('.')
    });
    let name = names[which % names.len()].clone();
    let path = lake.join(kind.folder).join(&name);
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
            let other = lake.join(kind.folder).join(&names[with % names.len()]);
            now = fs::read(&other).unwrap();
            fs::write(other, &before).unwrap();
        }
        Harm::Delete => {
            fs::remove_file(&path).unwrap();
            return Some(name);
        }
    }
    fs::write(path, &now).unwrap();
    (now != before).then_some(name)
}

/// A kind of file: where it lies, how its names end, and what a deletion may cost that nothing can tell.
struct Kind {
    folder: &'static str,
    ending: &'static str,
    /// Whether a deleted one is the only trace of something.
    is_only_trace: bool,
}

/// The published rows, file by file.
fn tables(lake: &Path) -> BTreeMap<String, String> {
    let mut tables = files(&lake.join("bronze"));
    tables.retain(|name, _| !name.rsplit('/').next().unwrap().starts_with('.'));
    tables
}

/// Harms a lake, goes on with it, brings again what was named, and looks at what came of it.
async fn try_harm(base: &Path, kind: &Kind, which: usize, harming: Harm) {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    copy_folder(base, &lake);
    let Some(name) = harm(&lake, kind, which, harming) else { return };
    let what = format!("{harming:?} of {}/{name}", kind.folder);
    let place = lake.to_str().unwrap();
    // Whatever reads, reads: one file hides nothing else.
    let mut told = String::new();
    for command in ["status", "verify"] {
        let (code, text) = quotelake(&[command, "--json", "--lake", place]);
        assert!([0, 2, 3].contains(&code) || text.contains(&name), "{what}: {command} {code} {text}");
        told.push_str(&text);
    }
    told.push_str(&pass(&lake).await);
    // What is named is brought again by the commands that are named.
    for command in [&["repair", "--apply"][..], &["catalog", "repair", "--apply"], &["dlq", "redrive"]] {
        let (code, text) = quotelake(&[command, &["--json", "--lake", place]].concat());
        assert!([0, 3].contains(&code) || text.contains(&name), "{what}: {command:?} {code} {text}");
        told.push_str(&text);
    }
    told.push_str(&pass(&lake).await);
    assert!(!told.contains("panicked"), "{told}");
    let is_same = tables(&lake) == tables(&BASE.done) || same_without_orders(&lake);
    let is_named = told.contains(&name) || told.contains(name.rsplit('/').next().unwrap());
    let is_untold = kind.is_only_trace && matches!(harming, Harm::Delete);
    assert!(is_same || is_named || is_untold, "{what} changed a table without a word: {told}");
    // No row that was published is gone.
    for (file, before) in tables(base) {
        let now = fs::metadata(lake.join("bronze").join(&file)).map(|file| file.len()).unwrap_or(0);
        assert!(now > 0, "{what}: {file} of {before} is gone");
    }
}

/// Orders are only in the lake that is done.
fn same_without_orders(lake: &Path) -> bool {
    let without = |mut tables: BTreeMap<String, String>| {
        tables.retain(|name, _| !name.starts_with("orders/"));
        tables
    };
    without(tables(lake)) == without(tables(&BASE.done))
}

/// One pass: its error, or its dead letters.
async fn pass(lake: &Path) -> String {
    let laptop = match Laptop::open(lake, Arc::new(SystemClock)).await {
        Ok(laptop) => laptop,
        Err(error) => return error.to_string(),
    };
    if let Err(error) = laptop.settle(None, None).await {
        return error.to_string();
    }
    let mut letters = Vec::new();
    for name in QUEUES {
        for letter in laptop.queue(&format!("{name}-dlq")).unwrap().list().await.unwrap() {
            letters.push(format!("{} {:?}", letter.message.body, letter.message.attributes));
        }
    }
    letters.join("\n")
}

/// A test for each kind of file.
macro_rules! kinds {
    ($($name:ident: $folder:literal $ending:literal of $base:ident $($trace:ident)?;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 4, ..ProptestConfig::default() })]
            $(
                #[test]
                fn $name(which in any::<usize>(), harming in harms()) {
                    let is_only_trace = [$(stringify!($trace))?].contains(&"only_trace");
                    let kind = Kind { folder: $folder, ending: $ending, is_only_trace };
                    runtime().block_on(try_harm(&BASE.$base, &kind, which, harming));
                }
            )*
        }
    };
}

kinds! {
    messages_of_check: "_platform/queues/check/messages" ".json" of waiting;
    messages_of_publish: "_platform/queues/publish/messages" ".json" of waiting;
    accepted_pages: "_platform/stream" ".batch" of waiting only_trace;
    the_catalog: "_platform/catalog" ".json" of waiting;
    quarantined_rows: "quarantine" ".gz" of done;
    quality_rows: "quality" ".parquet" of done;
    lists_of_keys: "state/keys" ".keys" of done;
    contracts_of_tables: "state/contracts" ".json" of done;
    receipts: "ingested" ".json" of done;
    paces: "pacing" ".json" of done;
}
