//! What every adapter of `Lake` has to do, as one test: reads and ranges, preconditions, odd and invalid keys, listings, and
//! races of writers, readers and deletes. A second suite is for lakes that only read.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use quotelake_core::ErrorKind;
use quotelake_core::ports::{Lake, Precondition, Version};

/// Keys that adapters get wrong: other scripts, what URL encoding touches, names that a file system treats specially.
const ODD_KEYS: [&str; 9] = [
    "suite/odd/dataset=daily_bars/month=2013-03/part-0.parquet",
    "suite/odd/a b/c+d&e%20f?g#h.json",
    "suite/odd/ações/preço médio.csv",
    "suite/odd/日本/株価.parquet",
    "suite/odd/.hidden",
    "suite/odd/...",
    "suite/odd/~/$HOME/`x`",
    "suite/odd/quote'\"\\back",
    "suite/odd/UPPER.Case",
];

/// The contract of a [`Lake`].
pub async fn lake_suite(lake: Arc<dyn Lake>) {
    let lake_ref = &*lake;
    put_get_head_delete(lake_ref).await;
    what_is_known_of_objects(lake_ref).await;
    ranges(lake_ref).await;
    preconditions(lake_ref).await;
    odd_keys(lake_ref).await;
    invalid_keys(lake_ref).await;
    listing(lake_ref).await;
    one_winner_if_absent(&lake).await;
    one_winner_if_version(&lake).await;
    no_lost_update(&lake).await;
    no_torn_read(&lake).await;
    folders_come_and_go(&lake).await;
}

async fn put(lake: &dyn Lake, key: &str, text: &str) -> Version {
    lake.put(key, Bytes::copy_from_slice(text.as_bytes()), Precondition::None).await.expect(key)
}

async fn put_get_head_delete(lake: &dyn Lake) {
    let key = "suite/basic/object";
    assert_eq!(lake.get(key).await.unwrap_err().kind(), ErrorKind::NotFound, "get of no object");
    assert_eq!(
        lake.get_range(key, 0..1).await.unwrap_err().kind(),
        ErrorKind::NotFound,
        "get_range of no object"
    );
    assert_eq!(lake.head(key).await.unwrap(), None, "head of no object");
    lake.delete(key).await.expect("delete of no object succeeds");

    let first = put(lake, key, "one").await;
    let object = lake.get(key).await.unwrap();
    assert_eq!((&object.bytes[..], &object.version), (&b"one"[..], &first), "get returns what put wrote");
    let head = lake.head(key).await.unwrap().expect("head of an object");
    assert_eq!((head.key.as_str(), head.size, &head.version), (key, 3, &first));

    // The same size and the same moment: the version has to tell them apart.
    let second = put(lake, key, "two").await;
    assert_ne!(first, second, "equal versions mean equal bytes");
    let third = put(lake, key, "six").await;
    assert!(third != first && third != second, "equal versions mean equal bytes");
    assert_eq!(lake.get(key).await.unwrap().bytes, "six", "put replaces");

    put(lake, "suite/basic/empty", "").await;
    assert_eq!(lake.get("suite/basic/empty").await.unwrap().bytes, "", "an object may be empty");
    assert_eq!(lake.head("suite/basic/empty").await.unwrap().unwrap().size, 0);

    // A folder is not an object, and a part of a key is not one.
    assert_eq!(lake.head("suite/basic").await.unwrap(), None, "a prefix is no object");
    assert_eq!(lake.get("suite/basic").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(lake.get("suite/basic/object/below").await.unwrap_err().kind(), ErrorKind::NotFound);
    lake.delete("suite/basic").await.expect("delete of a prefix that is no object does nothing");
    assert!(lake.head(key).await.unwrap().is_some());

    lake.delete(key).await.unwrap();
    assert_eq!(lake.head(key).await.unwrap(), None, "delete removes");
    lake.delete(key).await.expect("a second delete succeeds");
}

async fn what_is_known_of_objects(lake: &dyn Lake) {
    let key = "suite/known/object";
    assert_eq!(lake.get_unchecked(key).await.unwrap_err().kind(), ErrorKind::NotFound);
    for text in ["one", "another", ""] {
        put(lake, key, text).await;
        let object = lake.get(key).await.unwrap();
        assert!(object.verified && object.bytes == text, "what was put is held against what is known of it");
        let unchecked = lake.get_unchecked(key).await.unwrap();
        assert_eq!((unchecked.bytes, unchecked.version), (object.bytes, object.version));
        assert!(!unchecked.verified);
    }
    assert!(lake.missing("suite/").await.unwrap().is_empty());
    lake.delete(key).await.unwrap();
    assert!(lake.missing("suite/").await.unwrap().is_empty(), "what was deleted is not missing");
}

async fn ranges(lake: &dyn Lake) {
    let key = "suite/range";
    put(lake, key, "0123456789").await;
    let cases = [
        (0..10, "0123456789"),
        (0..0, ""),
        (2..5, "234"),
        (8..10, "89"),
        (8..99, "89"),
        (10..11, ""),
        (99..100, ""),
    ];
    for (range, expected) in cases {
        let text = format!("bytes {range:?}");
        assert_eq!(lake.get_range(key, range).await.expect(&text), expected, "{text}");
    }
    assert_eq!(lake.get_range(key, 3..u64::MAX).await.unwrap(), "3456789");
}

async fn preconditions(lake: &dyn Lake) {
    let key = "suite/precondition";
    let put = async |text: &'static str, when| lake.put(key, Bytes::from_static(text.as_bytes()), when).await;
    let conflict =
        |result: Result<Version, quotelake_core::Error>| result.unwrap_err().kind() == ErrorKind::Conflict;

    let foreign = Version::new("no such version");
    assert!(conflict(put("a", Precondition::IfVersion(foreign.clone())).await), "no object has no version");
    assert_eq!(lake.head(key).await.unwrap(), None, "a refused put writes nothing");
    let first = put("a", Precondition::IfAbsent).await.expect("the key is free");
    assert!(conflict(put("b", Precondition::IfAbsent).await), "the key is taken");
    assert!(conflict(put("b", Precondition::IfVersion(foreign)).await), "another version");
    assert_eq!(lake.get(key).await.unwrap().bytes, "a", "a refused put changes nothing");
    let second = put("b", Precondition::IfVersion(first.clone())).await.expect("the version matches");
    assert_eq!(lake.get(key).await.unwrap().version, second);
    assert!(conflict(put("c", Precondition::IfVersion(first)).await), "the version is an old one");
    lake.delete(key).await.unwrap();
    assert!(conflict(put("c", Precondition::IfVersion(second)).await), "the object was deleted");
    put("d", Precondition::IfAbsent).await.expect("a deleted key is free again");
}

async fn odd_keys(lake: &dyn Lake) {
    for key in ODD_KEYS {
        put(lake, key, key).await;
    }
    for key in ODD_KEYS {
        assert_eq!(lake.get(key).await.expect(key).bytes, key);
    }
    let mut expected = ODD_KEYS.to_vec();
    expected.sort_unstable();
    assert_eq!(keys(lake, "suite/odd/").await, expected, "keys are listed as they were put, in key order");
    for key in ODD_KEYS {
        lake.delete(key).await.expect(key);
    }
    assert!(keys(lake, "suite/odd/").await.is_empty());
}

async fn invalid_keys(lake: &dyn Lake) {
    let invalid = |kind: ErrorKind, key: &str| assert_eq!(kind, ErrorKind::InvalidInput, "{key:?}");
    for key in
        ["", "/", "/absolute", "a/", "a//b", "./a", "a/./b", "../outside", "a/../../outside", "a\nb", "a\0b"]
    {
        let refused = lake.put(key, Bytes::from_static(b"x"), Precondition::None).await;
        invalid(refused.unwrap_err().kind(), key);
        invalid(lake.get(key).await.unwrap_err().kind(), key);
        invalid(lake.get_range(key, 0..1).await.unwrap_err().kind(), key);
        invalid(lake.get_unchecked(key).await.unwrap_err().kind(), key);
        invalid(lake.head(key).await.unwrap_err().kind(), key);
        invalid(lake.delete(key).await.unwrap_err().kind(), key);
    }
}

async fn listing(lake: &dyn Lake) {
    // `-` sorts before `/` and `0` after it: the order of a walk over folders is not the order of keys.
    let all = [
        "suite/list/a",
        "suite/list/a-b",
        "suite/list/b/c",
        "suite/list/b/d/e",
        "suite/list/b-f",
        "suite/list/b0",
    ];
    for key in all {
        put(lake, key, key).await;
    }
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    assert_eq!(keys(lake, "suite/list/").await, sorted, "in key order");
    assert_eq!(keys(lake, "suite/lis").await, sorted, "a prefix is text, not a folder");
    assert_eq!(
        keys(lake, "suite/list/b").await,
        ["suite/list/b-f", "suite/list/b/c", "suite/list/b/d/e", "suite/list/b0"]
    );
    assert_eq!(keys(lake, "suite/list/b/").await, ["suite/list/b/c", "suite/list/b/d/e"]);
    assert_eq!(
        keys(lake, "suite/list/a").await,
        ["suite/list/a", "suite/list/a-b"],
        "a whole key is a prefix of itself"
    );
    for none in [
        "suite/list/nothing",
        "suite/list/a/",
        "suite/list/b/c/d",
        "/",
        "..",
        "suite/../suite/list",
        "suite//list",
    ] {
        assert!(keys(lake, none).await.is_empty(), "{none:?} starts no key");
    }
    for meta in lake.list("suite/list/").await.unwrap() {
        assert_eq!(
            Some(&meta),
            lake.head(&meta.key).await.unwrap().as_ref(),
            "a listing says what head says"
        );
        assert_eq!(meta.size, meta.key.len() as u64);
    }
    let everything = keys(lake, "").await;
    assert!(
        sorted.iter().all(|key| everything.iter().any(|listed| listed == key)),
        "the empty prefix lists all"
    );
}

async fn keys(lake: &dyn Lake, prefix: &str) -> Vec<String> {
    lake.list(prefix).await.expect(prefix).into_iter().map(|meta| meta.key).collect()
}

const RACERS: usize = 16;

/// Starts `RACERS` puts at once, each of bytes that the key never held, and makes sure that exactly one wins.
async fn race(lake: &Arc<dyn Lake>, key: &str, round: u32, when: Precondition) {
    let start = Arc::new(tokio::sync::Barrier::new(RACERS));
    let puts = (0..RACERS).map(|racer| {
        let (lake, key, when, start) = (Arc::clone(lake), key.to_owned(), when.clone(), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            lake.put(&key, Bytes::from(format!("round {round} racer {racer}")), when).await
        })
    });
    let mut winners = Vec::new();
    for (racer, result) in join_all(puts).await.into_iter().enumerate() {
        match result.expect("no put panics") {
            Ok(version) => winners.push((racer, version)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "a loser is told so: {error}"),
        }
    }
    assert_eq!(winners.len(), 1, "exactly one wins");
    let (winner, version) = winners.remove(0);
    let object = lake.get(key).await.unwrap();
    assert_eq!(object.bytes, format!("round {round} racer {winner}"), "the winner's bytes stay");
    assert_eq!(object.version, version, "the winner knows its version");
}

async fn one_winner_if_absent(lake: &Arc<dyn Lake>) {
    for round in 0..4 {
        race(lake, &format!("suite/race/absent-{round}"), round, Precondition::IfAbsent).await;
    }
}

async fn one_winner_if_version(lake: &Arc<dyn Lake>) {
    let key = "suite/race/version";
    let mut version = put(&**lake, key, "start").await;
    for round in 0..4 {
        race(lake, key, round, Precondition::IfVersion(version)).await;
        version = lake.head(key).await.unwrap().unwrap().version;
    }
}

/// A counter that everybody raises with read, add, compare-and-swap ends at the number of raises.
async fn no_lost_update(lake: &Arc<dyn Lake>) {
    let key = "suite/race/counter";
    put(&**lake, key, "0").await;
    let raises = (0..4).map(|_| {
        let lake = Arc::clone(lake);
        tokio::spawn(async move {
            let mut done = 0;
            while done < 8 {
                let object = lake.get(key).await.unwrap();
                let count: u32 = std::str::from_utf8(&object.bytes).unwrap().parse().unwrap();
                let swap =
                    lake.put(key, (count + 1).to_string().into(), Precondition::IfVersion(object.version));
                match swap.await {
                    Ok(_) => done += 1,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                }
            }
        })
    });
    join_all(raises).await.into_iter().for_each(|raise| raise.expect("no raise fails"));
    assert_eq!(lake.get(key).await.unwrap().bytes, "32", "no update is lost");
}

async fn no_torn_read(lake: &Arc<dyn Lake>) {
    let key = "suite/torn";
    let content = |round: u8| Bytes::from(vec![round; 100_000 + usize::from(round)]);
    lake.put(key, content(0), Precondition::None).await.unwrap();
    let writer = Arc::clone(lake);
    let writing = tokio::spawn(async move {
        for round in 0..32 {
            writer.put(key, content(round), Precondition::None).await.unwrap();
        }
    });
    while !writing.is_finished() {
        let bytes = lake.get(key).await.unwrap().bytes;
        assert!(bytes == content(bytes[0]), "a reader sees the old bytes or the new ones");
        tokio::task::yield_now().await;
    }
    writing.await.expect("no put fails");
}

/// Puts, deletes and lists of neighbours at the same time disturb nobody.
async fn folders_come_and_go(lake: &Arc<dyn Lake>) {
    let neighbours = (0..4).map(|neighbour| {
        let lake = Arc::clone(lake);
        tokio::spawn(async move {
            let key = format!("suite/churn/folder/deep/{neighbour}");
            for _ in 0..16 {
                lake.put(&key, Bytes::from_static(b"x"), Precondition::None)
                    .await
                    .expect("put beside deletes");
                assert!(
                    keys(&*lake, "suite/churn/").await.contains(&key),
                    "a listing beside deletes is complete"
                );
                lake.delete(&key).await.expect("delete beside puts");
            }
        })
    });
    join_all(neighbours).await.into_iter().for_each(|neighbour| neighbour.expect("no neighbour fails"));
    assert!(keys(&**lake, "suite/churn/").await.is_empty());
}

/// The contract of a [`Lake`] that only reads: `content` is what it holds, by key. A put or a delete is `Unsupported`.
pub async fn read_only_lake_suite(lake: &dyn Lake, content: &[(&str, &str)]) {
    let mut expected: Vec<&str> = content.iter().map(|(key, _)| *key).collect();
    expected.sort_unstable();
    assert_eq!(keys(lake, "").await, expected, "in key order");
    for (key, text) in content {
        let object = lake.get(key).await.expect(key);
        assert_eq!(object.bytes, text.as_bytes());
        let head = lake.head(key).await.unwrap().expect(key);
        assert_eq!((head.size, &head.version), (text.len() as u64, &object.version));
        assert_eq!(keys(lake, key).await.first().map(String::as_str), Some(*key));
        assert_eq!(
            lake.get_range(key, 1..u64::MAX).await.unwrap(),
            text.as_bytes().get(1..).unwrap_or_default()
        );
        assert_eq!(lake.get_range(key, 1_000_000..1_000_001).await.unwrap(), "");
        for when in [Precondition::None, Precondition::IfAbsent, Precondition::IfVersion(object.version)] {
            let refused = lake.put(key, Bytes::from_static(b"x"), when).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unsupported);
        }
        assert_eq!(lake.delete(key).await.unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(lake.get(key).await.unwrap().bytes, text.as_bytes(), "nothing changed");
    }
    assert_eq!(lake.get("suite/none").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(lake.get_range("suite/none", 0..1).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(lake.head("suite/none").await.unwrap(), None);
    assert_eq!(lake.get("../outside").await.unwrap_err().kind(), ErrorKind::InvalidInput);
}
