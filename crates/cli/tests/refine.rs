//! `quotelake refine`, by the program, on the sample recording: what is stale, what a switch does, and a process that is killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::common::samples;
use serde_json::Value;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
    command.args(arguments).env_remove("POLYGON_API_KEY");
    command
}

fn refine(lake: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let lake = lake.to_str().unwrap();
    let output: Output =
        program(&[&["--json", "refine", "--lake", lake], arguments].concat()).output().unwrap();
    let answer = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), answer)
}

fn demo(lake: &Path) {
    let recording = samples();
    let arguments = ["demo", "--lake", lake.to_str().unwrap(), "--recording", recording.to_str().unwrap()];
    let output = program(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The files of models by their names below `silver/`.
fn silver(lake: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![lake.join("silver")]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                files.insert(path.strip_prefix(lake).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn stale(lake: &Path) -> Value {
    let output = program(&["--json", "status", "--lake", lake.to_str().unwrap()]).output().unwrap();
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["stale_models"].clone()
}

#[test]
fn the_demos_models_are_on_and_what_is_stale_of_them_is_computed() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    demo(&lake);
    let of_the_demo = silver(&lake);
    assert!(
        of_the_demo.contains_key(Path::new("silver/adjustment_factors/part-0.parquet")),
        "{:?}",
        of_the_demo.keys()
    );
    assert_eq!(stale(&lake), serde_json::json!([]));
    let (code, answer) = refine(&lake, &[]);
    assert_eq!(code, Some(0));
    assert!(answer["models"].as_array().unwrap().iter().all(|model| model["up_to_date"] == true), "{answer}");

    // A file of a model that is gone: named, and computed to the same bytes.
    std::fs::remove_dir_all(lake.join("silver/adjustment_factors")).unwrap();
    let left = stale(&lake);
    assert_eq!(left[0]["model"], "adjustment_factors", "{left}");
    assert_eq!(left[0]["partitions"], serde_json::json!({"table_changed": 1}));
    let (_, dry) = refine(&lake, &["--dry-run"]);
    let factors = |answer: &Value| {
        let models = answer["models"].as_array().unwrap();
        models.iter().find(|model| model["model"] == "adjustment_factors").unwrap().clone()
    };
    assert_eq!(factors(&dry)["would"]["dates"], serde_json::json!(["all"]));
    assert!(factors(&dry)["would"]["rows"].as_u64().unwrap() > 12_000, "{dry}");
    assert!(silver(&lake) != of_the_demo, "a dry run computes nothing");
    assert_eq!(refine(&lake, &[]).0, Some(0));
    assert!(silver(&lake) == of_the_demo, "{:?}", silver(&lake).keys());
    let (_, all) = refine(&lake, &["--model", "adjustment_factors", "--all"]);
    assert_eq!(factors(&all)["report"]["partitions"][0]["changed"], false, "{all}");
}

#[test]
fn a_lake_that_nobody_asked_has_no_models() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    demo(&lake);
    std::fs::remove_file(lake.join("models/enabled.json")).unwrap();
    let (code, answer) = refine(&lake, &[]);
    assert_eq!((code, &answer["models"]), (Some(0), &serde_json::json!([])));
    assert_eq!(stale(&lake), serde_json::json!([]));
    let (_, one) = refine(&lake, &["--model", "adjustment_factors"]);
    assert_eq!(one["models"].as_array().unwrap().len(), 1, "{one}");
    let enabled = std::fs::read_to_string(lake.join("models/enabled.json")).unwrap();
    let enabled: Value = serde_json::from_str(&enabled).unwrap();
    assert_eq!(enabled, serde_json::json!({"models": ["adjustment_factors"]}));
}

#[test]
fn killed_while_it_computes_it_leaves_what_the_next_one_finishes() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    demo(&lake);
    let expected = silver(&lake);
    let mut killed = 0;
    for round in 0..5_u64 {
        std::fs::remove_dir_all(lake.join("silver")).unwrap();
        let mut child = program(&["refine", "--lake", lake.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(30 + 60 * round));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        assert_eq!(refine(&lake, &[]).0, Some(0), "round {round}");
        assert!(silver(&lake) == expected, "round {round}: {:?}", silver(&lake).keys());
        assert_eq!(stale(&lake), serde_json::json!([]), "round {round}");
    }
    assert!(killed > 0, "no process was killed before it was done");
}
