//! `quotelake models`: models of a lake, their faults and their tests; what works without a SQL engine, and what says how to get one.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

struct Ran {
    code: i32,
    json: Value,
    text: String,
}

fn quotelake(args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake")).args(args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let first = text.lines().next().unwrap_or_default();
    let json = serde_json::from_str(&text).or_else(|_| serde_json::from_str(first)).unwrap_or(Value::Null);
    Ran { code: output.status.code().unwrap(), json, text }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A lake with the samples' tables, and their models.
fn lake(folder: &Path) -> String {
    let lake = folder.join("lake").display().to_string();
    for name in ["orders", "reviews", "shipments"] {
        let contract = repository().join(format!("samples/contracts/{name}.yaml")).display().to_string();
        let csv = repository().join(format!("samples/csv/{name}.csv")).display().to_string();
        let ran = quotelake(&["load", "--lake", &lake, "--dataset", name, "--contract", &contract, &csv]);
        assert!(ran.code == 0 || ran.code == 2, "{}", ran.text);
    }
    let models = Path::new(&lake).join("models");
    std::fs::create_dir_all(models.join("tests")).unwrap();
    for place in ["", "tests"] {
        for file in std::fs::read_dir(repository().join("samples/models").join(place)).unwrap() {
            let file = file.unwrap().path();
            if file.is_file() {
                std::fs::copy(&file, models.join(place).join(file.file_name().unwrap())).unwrap();
            }
        }
    }
    lake
}

#[test]
fn a_lakes_models_are_listed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let ran = quotelake(&["models", "ls", "--json", "--lake", &lake]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    let models = ran.json.as_array().unwrap();
    let named = |name: &str| models.iter().find(|model| model["model"] == name).unwrap();
    assert_eq!(named("orders_by_month")["ships"], false);
    assert_eq!(named("orders_by_month")["on"], true);
    assert_eq!(named("weekly_bars")["ships"], true);
    assert_eq!(named("weekly_bars")["on"], false);
    assert_eq!(named("trading_sessions")["engine"], "native");
    assert_eq!(named("adjusted_daily_bars")["kept"], "view");

    let ran = quotelake(&["models", "show", "shipments_by_day", "--json", "--lake", &lake]);
    assert_eq!(ran.json["key"], serde_json::json!(["shipped_on", "carrier"]), "{}", ran.text);
    let ran = quotelake(&["models", "show", "shipments_by_day", "--sql", "duckdb", "--lake", &lake]);
    assert!(ran.text.starts_with("CREATE OR REPLACE VIEW shipments_by_day AS\n"), "{}", ran.text);
    let ran = quotelake(&["models", "show", "shipment_by_day", "--lake", &lake]);
    assert_eq!(ran.code, 1);
    assert!(ran.text.contains("there is no model \"shipment_by_day\""), "{}", ran.text);
}

#[cfg(not(feature = "sql"))]
#[test]
fn without_an_engine_a_broken_model_is_named_and_the_lake_opens() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    std::fs::write(Path::new(&lake).join("models/torn.yaml"), "name: [").unwrap();
    let ran = quotelake(&["status", "--json", "--lake", &lake]);
    assert!(
        ran.code == 0
            && ran.text.contains("a model is left out key=\"models/torn.yaml\" reason=not an ODCS contract"),
        "{}",
        ran.text
    );
}

#[cfg(not(feature = "sql"))]
#[test]
fn without_an_engine_a_command_says_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    for command in ["lint", "test"] {
        let ran = quotelake(&["models", command, "--lake", &lake]);
        assert!(
            ran.text.contains("this build has no SQL engine") && ran.text.contains("make full"),
            "{}",
            ran.text
        );
    }
}

#[cfg(feature = "sql")]
mod with_an_engine {
    use super::*;

    #[test]
    fn a_broken_model_is_named_and_the_lake_opens() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(folder.path());
        let models = Path::new(&lake).join("models");
        std::fs::write(models.join("torn.yaml"), "name: [").unwrap();
        std::fs::write(models.join("review_scores.dqdl"), "Rules = [ Row ]").unwrap();
        let ran = quotelake(&["status", "--json", "--lake", &lake]);
        assert!(ran.code == 2 && ran.text.contains("a model is left out"), "{}", ran.text);
        let ran = quotelake(&["models", "lint", "--lake", &lake]);
        assert_eq!(ran.code, 2, "{}", ran.text);
        assert!(ran.text.contains("models/torn.yaml: not an ODCS contract"), "{}", ran.text);
        assert!(ran.text.contains("models/review_scores.dqdl: "), "{}", ran.text);
        assert!(ran.text.contains("4 models, 2 findings"), "{}", ran.text);
    }

    #[test]
    fn samples_are_sound_and_their_tests_pass() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(folder.path());
        let ran = quotelake(&["models", "lint", "--lake", &lake]);
        assert_eq!(ran.text.trim(), "3 models, 0 findings");
        let ran = quotelake(&["models", "test", "--lake", &lake]);
        assert_eq!(
            ran.text.trim(),
            "orders_by_month: passed, 3 rows\nreview_scores: passed, 2 rows\nshipments_by_day: passed, 2 rows\n0 of 3 models failed"
        );
        let ran = quotelake(&["refine", "--lake", &lake, "--json"]);
        assert_eq!(ran.code, 0, "{}", ran.text);
        let sql =
            "select shipments, late, undelivered from shipments_by_day order by shipped_on, carrier limit 1";
        let ran = quotelake(&["query", "--json", "--lake", &lake, sql]);
        assert_eq!(ran.json["rows"][0], serde_json::json!(["1", "0", "0"]), "{}", ran.text);
    }

    #[test]
    fn faults_have_line_and_column_and_a_failed_test_shows_both_sides() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(folder.path());
        let file = Path::new(&lake).join("models/review_scores.sql");
        let sql = std::fs::read_to_string(&file).unwrap();
        std::fs::write(
            &file,
            sql.replace("min(r.score)", "median(r.score)").replace("r.product,", "r.produkt,"),
        )
        .unwrap();
        let ran = quotelake(&["models", "lint", "--lake", &lake]);
        assert_eq!(ran.code, 2);
        assert!(
            ran.text
                .contains("models/review_scores.sql:3:5: there is no column r.produkt here [unknown_column]"),
            "{}",
            ran.text
        );
        assert!(
            ran.text.contains("models/review_scores.sql:6:5: median and other percentiles"),
            "{}",
            ran.text
        );

        std::fs::write(&file, sql.replace("min(r.score)", "max(r.score)")).unwrap();
        let ran = quotelake(&["models", "test", "review_scores", "--json", "--lake", &lake]);
        assert_eq!(ran.code, 2, "{}", ran.text);
        let outcome = &ran.json["models"][0]["outcome"];
        assert_eq!(outcome["missing"], serde_json::json!([["Pencil", "3", "8.17", "7.0", "9.5", "1"]]));
        assert_eq!(outcome["unexpected"], serde_json::json!([["Pencil", "3", "8.17", "9.5", "9.5", "1"]]));
    }

    #[test]
    fn the_list_of_what_is_not_portable_is_printed() {
        let ran = quotelake(&["models", "lint", "--list", "--json"]);
        let entries = ran.json["not_portable"].as_array().unwrap();
        assert!(entries.len() > 40 && entries.iter().all(|entry| entry["example"] != ""), "{}", ran.text);
    }
}
