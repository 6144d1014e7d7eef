//! Nothing that a vendor, a file or a database may have put into a text reaches a terminal as it is.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What hides, in every kind: a command to the terminal, a link, a C1 control, a turned text, no width, a tag.
const EVIL: &str =
    "A\u{1b}[2J\u{1b}]8;;https://example.com\u{7}L\u{9b}3A\u{202e}B\u{2066}\u{200b}\u{feff}\u{e0041}Z";

fn is_hidden(c: char) -> bool {
    quotelake_core::is_hidden(c) && c != '\n'
}

/// Runs the program, as text on a wide and a narrow screen and as JSON, and looks at every character that it prints.
fn shows(arguments: &[&str]) -> String {
    let mut all = String::new();
    for (form, columns) in [(&[][..], ""), (&[], "40"), (&["--json"], "")] {
        let output = Command::new(env!("CARGO_BIN_EXE_quotelake"))
            .args(form)
            .args(arguments)
            .env("RUST_LOG", "info")
            .env("COLUMNS", columns)
            .output()
            .unwrap();
        for bytes in [output.stdout, output.stderr] {
            let text = String::from_utf8(bytes).unwrap();
            assert!(!text.chars().any(is_hidden), "{arguments:?} {form:?}: {text:?}");
            all.push_str(&text);
        }
    }
    all
}

fn bar(symbol: &str, date: &str, close: &str) -> String {
    let symbol = serde_json::to_string(symbol).unwrap();
    format!(
        r#"{{"dataset":"daily_bars","provider":"polygon","provider_symbol":{symbol},"symbol":{symbol},"asset_class":"equity","exchange_mic":"XNAS","exchange_tz":"America/New_York","interval":"1d","adjustment":"raw","session":"regular","trading_date":"{date}","bar_start":"{date}T05:00:00.000Z","open":10,"high":12,"low":9,"close":{close},"volume":5,"currency":"USD","quote_unit":"USD","unit_divisor":1,"delay_class":"eod","is_final":true,"provider_ts":1,"fetched_at":"2013-03-02T02:00:00.000Z","request_id":"r","run_id":{symbol},"unit_id":{symbol},"raw_sha256":"s","schema_version":1}}"#
    )
}

#[test]
fn no_command_lets_hidden_characters_through() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").display().to_string();
    let good = folder.path().join("good.ndjson");
    std::fs::write(&good, [bar(EVIL, "2013-01-02", "11"), bar(EVIL, "2013-01-08", "11")].join("\n")).unwrap();
    shows(&["load", "--lake", &lake, "--dataset", "daily_bars", good.to_str().unwrap()]);
    // A bar that is not published, and lines that are nothing.
    let rows = [
        bar(EVIL, "2013-01-03", "-11"),
        format!("{{\"dataset\":{}}}", serde_json::to_string(EVIL).unwrap()),
        format!("not JSON {EVIL}"),
    ];
    let file = folder.path().join(format!("{}.ndjson", EVIL.replace('/', "")));
    std::fs::write(&file, rows.join("\n")).unwrap();
    let file = file.to_str().unwrap();
    let told = shows(&["load", "--lake", &lake, "--dataset", "daily_bars", file]);
    assert!(told.contains("quarantine"), "{told}");
    let status = shows(&["status", "--lake", &lake]);
    assert!(status.contains("\\u{1b}[2J") && status.contains("late"), "the symbol is shown: {status}");
    let ls = shows(&["quarantine", "ls", "--lake", &lake, "--max", "100"]);
    assert!(ls.contains("\\u{202e}"), "{ls}");
    let gaps = shows(&["gaps", "--lake", &lake, "--dataset", "daily_bars"]);
    assert!(gaps.contains("\\u{1b}"), "{gaps}");
    shows(&["check", "--dataset", "daily_bars", file]);
    shows(&["doctor", "--lake", &lake]);
    shows(&["repair", "--lake", &lake]);
    shows(&["warnings", "ls", "--lake", &lake]);
    shows(&["quarantine", "ls", "--lake", &lake, "--csv"]);
    shows(&["dlq", "ls", "--lake", &lake]);
    let config = folder.path().join("run.yaml");
    std::fs::write(&config, format!("jobs: []\n\"{}\": 1\n", EVIL.escape_debug())).unwrap();
    let wrong = shows(&["run", "--lake", &lake, "--config", config.to_str().unwrap()]);
    assert!(wrong.contains("error"), "{wrong}");
    shows(&["load", "--lake", &lake, "--dataset", EVIL, file]);
    let ruleset = folder.path().join("rules.dqdl");
    std::fs::write(&ruleset, format!("Rules = [ {EVIL} ]\n")).unwrap();
    shows(&["rules", "lint", ruleset.to_str().unwrap()]);
}

/// There is one way to standard output and one to standard error, and both write out what hides.
#[test]
fn no_source_file_prints_past_the_one_way() {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut sources = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    assert!(sources.len() > 50);
    let mut printing = Vec::new();
    for path in sources {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if ["println!", "print!", "stdout()", "stderr()", "dbg!"].iter().any(|call| code.contains(call)) {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                printing.push((name, number + 1, code.trim().to_owned()));
            }
        }
    }
    printing.sort();
    let places: Vec<(&str, &str)> =
        printing.iter().map(|(name, _, code)| (name.as_str(), code.as_str())).collect();
    assert_eq!(
        places,
        [
            ("lib.rs", "let code = if error.use_stderr() { USAGE } else { 0 };"),
            ("lib.rs", "eprintln!(\"{}\", output::complaint(error, json));"),
            ("output.rs", "if self.form != Form::Text || !std::io::stderr().is_terminal() {"),
            ("output.rs", "match writeln!(std::io::stdout().lock(), \"{text}\") {"),
            // Whether it is a terminal is asked, nothing is written.
            ("screen.rs", "let is_terminal = std::io::stdout().is_terminal();"),
        ],
        "{printing:?}"
    );
}
