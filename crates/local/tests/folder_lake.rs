//! What a lake on a folder promises beyond the port: privacy, staying inside, and errors that say what to do.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use quotelake_core::ErrorKind;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_local::{Durability, FolderLake};

fn open(root: &Path) -> FolderLake {
    FolderLake::open_with(root, Durability::ProcessCrash).unwrap()
}

async fn put(lake: &dyn Lake, key: &str) -> Result<(), ErrorKind> {
    let put = lake.put(key, Bytes::from_static(b"x"), Precondition::None).await;
    put.map(|_| ()).map_err(|error| error.kind())
}

async fn keys(lake: &dyn Lake, prefix: &str) -> Vec<String> {
    lake.list(prefix).await.unwrap().into_iter().map(|meta| meta.key).collect()
}

#[tokio::test]
async fn the_private_folder_is_no_part_of_the_key_space() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    for key in ["_platform", "_platform/catalog/daily_bars.json", "_platform/tmp/x"] {
        assert_eq!(put(&lake, key).await, Err(ErrorKind::InvalidInput), "{key}");
        assert_eq!(lake.get(key).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{key}");
        assert_eq!(lake.delete(key).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{key}");
    }
    // Only the folder itself: a neighbour's name may begin like it, and a deeper one may be called so.
    for key in ["_platform2/x", "bronze/_platform/x"] {
        put(&lake, key).await.unwrap();
    }
    fs::write(lake.private_folder().join("secret"), "s").unwrap();
    assert_eq!(keys(&lake, "").await, ["_platform2/x", "bronze/_platform/x"]);
    assert_eq!(keys(&lake, "_platform").await, ["_platform2/x"]);
    for prefix in ["_platform/", "_platform/tmp/", "_platform/s"] {
        assert!(keys(&lake, prefix).await.is_empty(), "{prefix}");
    }
}

#[tokio::test]
async fn no_key_leaves_the_root_through_a_link() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("file"), "private").unwrap();
    let lake = open(dir.path());
    symlink(outside.path(), dir.path().join("folder")).unwrap();
    symlink(outside.path().join("file"), dir.path().join("link")).unwrap();
    for key in ["folder/file", "folder/new/file", "link"] {
        assert_eq!(lake.get(key).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{key}");
        assert_eq!(put(&lake, key).await, Err(ErrorKind::InvalidInput), "{key}");
        assert_eq!(lake.delete(key).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{key}");
    }
    assert!(
        keys(&lake, "").await.is_empty() && keys(&lake, "folder/").await.is_empty(),
        "links are not listed"
    );
    assert_eq!(fs::read_to_string(outside.path().join("file")).unwrap(), "private");
    assert!(!outside.path().join("new").exists());
}

#[tokio::test]
async fn errors_say_what_to_do_and_name_the_path() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    put(&lake, "a").await.unwrap();
    assert_eq!(put(&lake, "a/b").await, Err(ErrorKind::Unsupported), "a file cannot be a folder too");
    put(&lake, "folder/b").await.unwrap();
    assert_eq!(put(&lake, "folder").await, Err(ErrorKind::Unsupported), "nor a folder a file");
    assert_eq!(put(&lake, &"n".repeat(300)).await, Err(ErrorKind::InvalidInput), "no file has such a name");
    assert_eq!(lake.head(&"n".repeat(300)).await.unwrap(), None);

    // Permissions bind everybody but root.
    let locked = dir.path().join("folder");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    let refused = lake.put("folder/c", Bytes::new(), Precondition::None).await;
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    if let Err(error) = refused {
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("folder/c") && error.to_string().contains("denied"), "{error}");
    }
    assert!(
        fs::read_dir(dir.path().join("_platform/tmp")).unwrap().next().is_none(),
        "failures leave nothing behind"
    );
}

#[tokio::test]
async fn deleting_removes_emptied_folders_and_never_the_root() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    put(&lake, "bronze/t/month=1/part-0.parquet").await.unwrap();
    put(&lake, "bronze/u").await.unwrap();
    lake.delete("bronze/t/month=1/part-0.parquet").await.unwrap();
    assert!(!dir.path().join("bronze/t").exists() && dir.path().join("bronze/u").exists());
    lake.delete("bronze/u").await.unwrap();
    assert!(!dir.path().join("bronze").exists() && dir.path().exists());
    put(&lake, "bronze/u").await.unwrap();
}

/// Two handles share nothing but the disk, as two processes do.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn preconditions_hold_between_processes() {
    let dir = tempfile::tempdir().unwrap();
    let lakes: Vec<Arc<FolderLake>> = (0..16).map(|_| Arc::new(open(dir.path()))).collect();
    let first = lakes[0].put("counter", Bytes::from_static(b"0"), Precondition::None).await.unwrap();
    for when in [Precondition::IfVersion(first), Precondition::IfAbsent] {
        let key = if when == Precondition::IfAbsent { "fresh" } else { "counter" };
        let puts = lakes.iter().enumerate().map(|(number, lake)| {
            let (lake, when) = (Arc::clone(lake), when.clone());
            tokio::spawn(async move { lake.put(key, number.to_string().into(), when).await })
        });
        let results = join_all(puts).await.into_iter().map(Result::unwrap);
        assert_eq!(results.filter(Result::is_ok).count(), 1, "{key}: exactly one wins");
    }
}

#[tokio::test]
async fn a_version_is_new_for_every_write_and_old_for_none() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    let mut versions = std::collections::BTreeSet::new();
    for number in 0..200 {
        // Equal size, same millisecond, and the file system hands the freed inode out again.
        let bytes = Bytes::from(format!("{number:03}"));
        let put = lake.put("x", bytes, Precondition::None).await.unwrap();
        assert_eq!(lake.head("x").await.unwrap().unwrap().version, put);
        assert_eq!(lake.get("x").await.unwrap().version, put);
        assert!(versions.insert(put));
    }
}
