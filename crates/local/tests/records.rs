//! What was put in a folder is what is read, or an error that names the object: whatever was done to its files, wherever a process
//! died, no matter who writes at the same time.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use quotelake_core::ErrorKind;
use quotelake_core::ports::{Lake as _, Object, Precondition};
use quotelake_local::{Durability, FolderLake};

const KEY: &str = "bronze/t/month=1/part-0.parquet";

fn open(root: &Path) -> FolderLake {
    FolderLake::open_with(root, Durability::ProcessCrash).unwrap()
}

async fn put(lake: &FolderLake, key: &str, bytes: &[u8]) {
    lake.put(key, Bytes::copy_from_slice(bytes), Precondition::None).await.unwrap();
}

fn record_of(root: &Path, key: &str) -> PathBuf {
    let path = root.join(key);
    path.with_file_name(format!(".{}.sum", path.file_name().unwrap().to_str().unwrap()))
}

async fn kind(lake: &FolderLake, key: &str) -> ErrorKind {
    let error = lake.get(key).await.unwrap_err();
    assert!(error.to_string().contains(key), "{error}");
    error.kind()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// What may become of a file.
#[derive(Debug, Clone)]
enum Harm {
    Flip { at: usize, bit: u8 },
    Cut { to: usize },
    Append { bytes: Vec<u8> },
    Double,
    Other { seed: u8 },
}

fn harmed(bytes: &[u8], harm: &Harm) -> Vec<u8> {
    let mut harmed = bytes.to_vec();
    match harm {
        Harm::Flip { at, bit } if !bytes.is_empty() => harmed[at % bytes.len()] ^= 1 << bit,
        Harm::Flip { .. } => {}
        Harm::Cut { to } => harmed.truncate(to % (bytes.len() + 1)),
        Harm::Append { bytes } => harmed.extend(bytes),
        Harm::Double => harmed.extend(bytes),
        Harm::Other { seed } => {
            harmed.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(3).wrapping_add(*seed))
        }
    }
    harmed
}

fn harms() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (any::<usize>(), 0..8u8).prop_map(|(at, bit)| Harm::Flip { at, bit }),
        any::<usize>().prop_map(|to| Harm::Cut { to }),
        prop::collection::vec(any::<u8>(), 1..99).prop_map(|bytes| Harm::Append { bytes }),
        Just(Harm::Double),
        any::<u8>().prop_map(|seed| Harm::Other { seed }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whole or in part, an object gives the bytes that were put or `Damaged`; a part may also be one that is not harmed.
    #[test]
    fn no_other_bytes_are_read_than_were_put(
        size in prop_oneof![0..300usize, 60_000..70_000usize, 131_000..200_000usize],
        harm in harms(),
        start in any::<u64>(),
        length in 0..100_000u64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..size).map(|i| (i * 7919 % 251) as u8).collect();
        block_on(async {
            let lake = open(dir.path());
            put(&lake, KEY, &bytes).await;
            let now = harmed(&bytes, &harm);
            fs::write(dir.path().join(KEY), &now).unwrap();
            let is_whole = now == bytes;
            match lake.get(KEY).await {
                Ok(Object { bytes: found, verified, .. }) => assert!(is_whole && verified && *found == *bytes),
                Err(error) => assert!(!is_whole && error.kind() == ErrorKind::Damaged, "{error}"),
            }
            let start = start % (size as u64 + 2);
            let end = (start + length).min(size as u64);
            match lake.get_range(KEY, start..start + length).await {
                Ok(found) => assert_eq!(*found, bytes[(start.min(end)) as usize..end as usize]),
                Err(error) => assert!(!is_whole && error.kind() == ErrorKind::Damaged, "{error}"),
            }
            assert_eq!(*lake.get_unchecked(KEY).await.unwrap().bytes, *now, "to be looked at all the same");
        });
    }
}

/// Where a put or a delete stops, what is on disk: never an object that looks damaged or gone.
#[tokio::test]
async fn a_crash_between_object_and_record_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, path, record) = (open(dir.path()), dir.path().join(KEY), record_of(dir.path(), KEY));
    put(&lake, KEY, b"first").await;
    let first = fs::read_to_string(&record).unwrap();
    put(&lake, KEY, b"the second").await;
    let second = fs::read_to_string(&record).unwrap();
    let read = async || lake.get(KEY).await.map(|object| (object.bytes, object.verified)).unwrap();

    // Replacing: both contents are noted before the new one has its name.
    fs::write(&record, format!("{second}{first}")).unwrap();
    assert_eq!(read().await, ("the second".into(), true));
    fs::write(&path, "first").unwrap();
    assert_eq!(read().await, ("first".into(), true));
    assert_eq!(lake.get_range(KEY, 1..3).await.unwrap(), "ir");
    fs::write(&path, "third").unwrap();
    assert_eq!(kind(&lake, KEY).await, ErrorKind::Damaged);
    // The next put is of one content again.
    put(&lake, KEY, b"first").await;
    assert_eq!(fs::read_to_string(&record).unwrap(), first);

    // A new object, or one that is being deleted, whose record is not there; and a record that was cut off.
    for rest in ["", &first[..first.len() / 2]] {
        fs::write(&record, rest).unwrap();
        assert_eq!(read().await, ("first".into(), false), "it is read, and said to be unverified");
    }
    fs::remove_file(&record).unwrap();
    assert_eq!(read().await, ("first".into(), false));
    assert!(lake.missing("").await.unwrap().is_empty());
    assert_eq!(lake.unrecorded("").await.unwrap().len(), 1);
    // A writer that puts the same again, as every stage does after a crash, notes it, though the object stays.
    let again = lake.put(KEY, "first".into(), Precondition::IfAbsent).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(read().await, ("first".into(), true));
    let other = lake.put(KEY, "other".into(), Precondition::IfAbsent).await;
    assert_eq!(other.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(read().await, ("first".into(), true));

    // An object of before there were records, about to be replaced.
    fs::remove_file(&record).unwrap();
    put(&lake, KEY, b"new").await;
    let new = fs::read_to_string(&record).unwrap();
    assert_eq!(read().await, ("new".into(), true), "it has a record from its next write on");
    lake.delete(KEY).await.unwrap();
    assert!(!record.exists() && !path.parent().unwrap().exists(), "nothing is left behind");
    put(&lake, KEY, b"new").await;
    assert_eq!(fs::read_to_string(&record).unwrap(), new, "the same content has the same record");
}

#[tokio::test]
async fn what_was_removed_by_hand_is_missing_and_what_was_deleted_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    for key in ["bronze/a", "bronze/b/c", "bronze/b/d", "raw/e"] {
        put(&lake, key, key.as_bytes()).await;
    }
    lake.delete("bronze/a").await.unwrap();
    fs::remove_file(dir.path().join("bronze/b/c")).unwrap();
    fs::remove_file(dir.path().join("raw/e")).unwrap();
    assert_eq!(lake.missing("").await.unwrap(), ["bronze/b/c", "raw/e"]);
    assert_eq!(lake.missing("bronze/").await.unwrap(), ["bronze/b/c"]);
    assert_eq!(lake.missing("bronze/b/c").await.unwrap(), ["bronze/b/c"]);
    assert_eq!(kind(&lake, "bronze/b/c").await, ErrorKind::NotFound, "it is gone for every reader");
    lake.accept("bronze/b/c").await.unwrap();
    put(&lake, "raw/e", b"again").await;
    assert!(lake.missing("").await.unwrap().is_empty());
    assert_eq!(lake.accept("bronze/b/c").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn objects_that_change_places_are_damaged_both_and_may_be_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    put(&lake, "a", b"12345").await;
    put(&lake, "b", b"54321").await;
    fs::rename(dir.path().join("a"), dir.path().join("c")).unwrap();
    fs::rename(dir.path().join("b"), dir.path().join("a")).unwrap();
    fs::rename(dir.path().join("c"), dir.path().join("b")).unwrap();
    assert_eq!((kind(&lake, "a").await, kind(&lake, "b").await), (ErrorKind::Damaged, ErrorKind::Damaged));
    let error = lake.get("a").await.unwrap_err().to_string();
    assert!(error.starts_with("a is damaged: bytes 0 to 5 were written with the CRC-64 "), "{error}");
    lake.accept("a").await.unwrap();
    assert_eq!(lake.get("a").await.unwrap().bytes, "54321");
    assert_eq!(kind(&lake, "b").await, ErrorKind::Damaged);
}

#[tokio::test]
async fn records_are_hidden_and_reserved() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    let long = format!("inbox/{}", "n".repeat(255));
    put(&lake, KEY, b"x").await;
    put(&lake, &long, b"x").await;
    assert!(lake.get(&long).await.unwrap().verified);
    let listed: Vec<String> = lake.list("").await.unwrap().into_iter().map(|meta| meta.key).collect();
    assert_eq!(listed, [KEY, &long]);
    assert!(lake.list("bronze/t/month=1/.").await.unwrap().is_empty());
    let names = fs::read_dir(dir.path().join(KEY).parent().unwrap()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let (records, objects): (Vec<_>, Vec<_>) = names.partition(|name| name.starts_with('.'));
    assert_eq!(objects, ["part-0.parquet"], "all that a reader of Hive's names sees");
    assert_eq!(records, [".part-0.parquet.sum"]);
    let key = "bronze/t/month=1/.part-0.parquet.sum";
    let refused = lake.put(key, Bytes::new(), Precondition::None).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(lake.get(key).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy has its records with it, where it may be written and where it may only be read.
#[tokio::test]
async fn a_copy_is_verified_as_its_original_is() {
    let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lake = open(dir.path());
    put(&lake, KEY, b"some rows").await;
    put(&lake, "raw/a", b"a page").await;
    copy(&dir.path().join("bronze"), &backup.path().join("bronze"));
    let copied = FolderLake::read_only(backup.path());
    assert!(copied.get(KEY).await.unwrap().verified);
    fs::write(backup.path().join(KEY), "some rowz").unwrap();
    assert_eq!(kind(&copied, KEY).await, ErrorKind::Damaged);
    assert!(!backup.path().join("_platform").exists(), "nothing was written");
    let written = copied.put(KEY, Bytes::new(), Precondition::None).await;
    assert_eq!(written.unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(copied.delete(KEY).await.unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(copied.accept(KEY).await.unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(open(backup.path()).list("").await.unwrap().len(), 1);
}

/// Writers and readers that share nothing but the disk, as processes do: nobody sees damage that is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_give_no_false_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let keys = ["state/a", "state/b"];
    let writers = (0..4u8).map(|writer| {
        let lake = Arc::new(open(dir.path()));
        tokio::spawn(async move {
            for round in 0..60u32 {
                let key = keys[(round as usize + usize::from(writer)) % 2];
                let size = 1 + (round as usize * 977 + usize::from(writer) * 31) % 70_000;
                let bytes = Bytes::from(vec![writer * 60 + (round % 60) as u8; size]);
                lake.put(key, bytes, Precondition::None).await.unwrap();
                if round % 17 == 3 {
                    lake.delete(key).await.unwrap();
                }
            }
        })
    });
    let readers = (0..4).map(|reader| {
        let lake = if reader == 3 { FolderLake::read_only(dir.path()) } else { open(dir.path()) };
        tokio::spawn(async move {
            for round in 0..300 {
                let read = match round % 3 {
                    0 => lake.get(keys[round % 2]).await.map(|object| object.bytes),
                    1 => lake.get_range(keys[round % 2], 10..66_000).await,
                    _ => lake.missing("").await.map(|missing| {
                        assert!(missing.is_empty(), "{missing:?}");
                        Bytes::new()
                    }),
                };
                match read {
                    Ok(bytes) => assert!(bytes.iter().all(|byte| *byte == bytes[0]), "bytes of two writers"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
                }
            }
        })
    });
    for done in futures::future::join_all(writers.chain(readers).collect::<Vec<_>>()).await {
        done.unwrap();
    }
    let lake = open(dir.path());
    for meta in lake.list("").await.unwrap() {
        assert!(lake.get(&meta.key).await.unwrap().verified, "{}", meta.key);
    }
}
