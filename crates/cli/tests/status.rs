//! `quotelake status` and `quotelake doctor`, by the program, on the sample recording.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::samples;
use serde_json::Value;

fn quotelake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quotelake"))
        .args(arguments)
        .env_remove("POLYGON_API_KEY")
        .output()
        .unwrap()
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn demo(lake: &Path) {
    let recording = samples();
    let output =
        quotelake(&["demo", "--lake", lake.to_str().unwrap(), "--recording", recording.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The findings about one subject: severity and text.
fn of<'a>(findings: &'a Value, subject: &str) -> Vec<(&'a str, &'a str)> {
    let findings = findings.as_array().unwrap().iter().filter(|finding| finding["subject"] == subject);
    findings.map(|f| (f["severity"].as_str().unwrap(), f["found"].as_str().unwrap())).collect()
}

#[test]
fn status_counts_sessions_and_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    demo(&lake);
    let place = lake.to_str().unwrap();
    let output = quotelake(&["--json", "status", "--lake", place]);
    // Nothing waits, and bars that end in 2013 are late.
    assert_eq!(output.status.code(), Some(2));
    let status = answer(&output);
    let bars = status["tables"].as_array().unwrap().iter().find(|t| t["table"] == "daily_bars").unwrap();
    assert_eq!((bars["rows"].as_u64(), bars["last"].as_str()), (Some(12_154), Some("2013-03-01")));
    assert_eq!(bars["series"], serde_json::json!({"all": 5, "current": 0, "late": 5, "no_calendar": 0}));
    assert_eq!(bars["last_check"]["decision"], "publish");
    assert_eq!(status["late"].as_array().unwrap().len(), 5);
    assert!(status["late"][0]["sessions_behind"].as_u64().unwrap() > 3000, "{}", status["late"][0]);

    let one = quotelake(&["--json", "status", "--lake", place, "--symbols", "AAPL"]);
    assert_eq!(answer(&one)["late"].as_array().unwrap().len(), 1);
    // The folder by another name: a URI, as a bucket is named; its queues are not looked at.
    let uri = answer(&quotelake(&["--json", "status", "--lake", &format!("file://{place}")]));
    assert_eq!(uri["tables"], status["tables"]);
    assert_eq!(uri["queues"], serde_json::json!([]));

    let text = String::from_utf8(quotelake(&["status", "--lake", place]).stdout).unwrap();
    assert!(text.contains("2013-03-01") && text.contains("sessions behind"), "{text}");
}

#[test]
fn doctor_names_what_is_wrong_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    demo(&lake);
    let place = lake.to_str().unwrap();
    let sound = quotelake(&["--json", "doctor", "--lake", place]);
    assert_eq!(of(&answer(&sound), "lake").len(), 1, "{}", answer(&sound));
    assert_eq!(of(&answer(&sound), "lake")[0].0, "ok");

    let config = folder.path().join("run.yaml");
    let watchlist = samples().join("../watchlists/us_samples.json").canonicalize().unwrap();
    let write = |source: &str, dataset: &str| {
        let text = format!(
            "lake: {place}\nwatchlists: [{}]\npolygon:\n  secret: env:POLYGON_API_KEY\njobs:\n- {{source: {source}, watchlist: us_samples, datasets: [{dataset}], from: today, to: today}}\n",
            watchlist.display()
        );
        std::fs::write(&config, text).unwrap();
        quotelake(&["--json", "doctor", "--config", config.to_str().unwrap()])
    };
    let output = write("polygon", "daily_bars");
    assert_eq!(output.status.code(), Some(3), "the key is not set");
    let findings = answer(&output);
    let job = of(&findings, "job 1");
    assert!(
        job.iter().any(|(severity, found)| *severity == "error" && found.contains("POLYGON_API_KEY")),
        "{findings}"
    );
    assert_eq!(of(&findings, "lake").len(), 1, "the configuration's lake is looked at");

    let findings = answer(&write("polygon", "fund_snapshots"));
    assert!(of(&findings, "job 1").contains(&("error", "polygon has no fund_snapshots")), "{findings}");
    let findings = answer(&write("nobody", "daily_bars"));
    assert!(of(&findings, "job 1")[0].1.contains("nobody"), "{findings}");

    // A contract of the lake that cannot be read is found, not stumbled over.
    std::fs::create_dir_all(lake.join("contracts")).unwrap();
    std::fs::write(lake.join("contracts/mine.yaml"), "kind: DataContract\n").unwrap();
    let output = quotelake(&["--json", "doctor", "--lake", place]);
    assert_eq!(output.status.code(), Some(3));
    assert!(of(&answer(&output), "lake")[0].1.contains("mine"), "{}", answer(&output));

    assert_eq!(quotelake(&["doctor"]).status.code(), Some(64), "nothing is named");
    let stack = quotelake(&["doctor", "--stack", "stack.json"]);
    assert_eq!(stack.status.code(), Some(1));
}
