//! What is judged without a load, and what a load left as dead letters.

use super::*;

#[test]
fn check_judges_and_writes_nothing() {
    let world = World::new();
    let good = world.file("good.ndjson", split("A"));
    let ran = quotelake(&["check", "--json", "--dataset", "splits", &good]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let glue = &ran.json["results"][0]["glue"];
    assert_eq!(glue["Score"], 1.0);
    assert_eq!(glue["RulesetName"], "splits.dqdl");
    let bad = world.file("bad.ndjson", split("A").replace("\"split_from\":1", "\"split_from\":-1"));
    let ran = quotelake(&["check", "--json", "--dataset", "splits", &bad]);
    assert_eq!((ran.code, &ran.json["rows"]["quarantined"]), (2, &Value::from(1)));
    assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 2);
}

#[test]
fn shipped_rulesets_are_portable_and_explained() {
    for name in ["bars", "dividends", "splits"] {
        let ran = quotelake(&[
            "rules",
            "lint",
            "--json",
            &project(&format!("crates/contract/contracts/{name}.dqdl")),
        ]);
        // Nothing but the one thing that Glue before version 4 lacks.
        let findings = ran.json.as_array().unwrap();
        assert_eq!(ran.code, 0, "{name}");
        assert!(
            findings.iter().all(|f| f["message"] == "`where` needs Glue 4.0 or later"),
            "{name}: {findings:?}"
        );
    }
    let world = World::new();
    let crlf = world.file("crlf.dqdl", "Rules = [\r\n RowCount > 0\r\n]\r\n");
    let ran = quotelake(&["rules", "lint", "--json", &crlf]);
    assert_eq!(ran.code, 2);
    assert!(ran.json.to_string().contains("carriage return"), "{}", ran.json);
    let ran = quotelake(&["rules", "explain", "--json", "--dataset", "splits"]);
    let judged: Vec<&str> =
        ran.json.as_array().unwrap().iter().map(|rule| rule["judges"].as_str().unwrap()).collect();
    assert_eq!(judged, ["the batch", "each row, at the end", "each row", "each row", "each row", "each row"]);
}

#[test]
fn a_dead_letter_is_listed_shown_and_sent_back() {
    let world = World::new();
    world.load(&world.file("good.ndjson", split("A")));
    let lake = world.lake();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use quotelake_core::ports::Queue as _;
        let folder = world.path("lake/_platform/queues");
        let clock = std::sync::Arc::new(quotelake_local::SystemClock);
        let queue = quotelake_local::FolderQueue::open(folder, "publish-dlq", clock).unwrap();
        queue
            .send(quotelake_testkit::build::dead_letter(r#"{"dataset":"splits"}"#, "invalid_input"))
            .await
            .unwrap();
        queue.send(quotelake_testkit::build::dead_letter("x", "config")).await.unwrap();
    });
    let listed = quotelake(&["dlq", "ls", "--json", "--lake", &lake]).json;
    let causes: Vec<&str> =
        listed.as_array().unwrap().iter().map(|row| row["error_code"].as_str().unwrap()).collect();
    assert_eq!(causes, ["config", "invalid_input"]);
    let redrive = |extra: &[&str]| {
        let mut args = vec!["dlq", "redrive", "--json", "--lake", &lake, "--cause", "invalid_input"];
        args.extend(extra);
        quotelake(&args).json
    };
    assert_eq!(redrive(&["--dry-run"])["moved"], 0);
    assert_eq!(redrive(&["--dry-run"])["chosen"], 1);
    assert_eq!(redrive(&[])["moved"], 1);
    let shown = quotelake(&["dlq", "show", "--json", "--lake", &lake]).json;
    assert_eq!(shown.as_array().unwrap().len(), 1);
    assert_eq!(shown[0]["body"], "x");
}
