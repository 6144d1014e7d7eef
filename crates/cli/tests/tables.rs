//! Tables on a narrow and a wide terminal, by the program, on the sample recording and the sample files.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::samples;

/// Runs the program on a screen of so many columns; without, on none.
fn shown(width: Option<usize>, folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
    command.args(arguments).current_dir(folder).env_remove("COLUMNS").env_remove("POLYGON_API_KEY");
    if let Some(width) = width {
        command.env("COLUMNS", width.to_string());
    }
    let output = command.output().unwrap();
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 2 | 3)), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A folder with the lake of the demo, and a lake of the orders, some of them bad.
fn lakes() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    shown(None, folder.path(), &["demo", "--lake", "lake", "--recording", samples().to_str().unwrap()]);
    let (contract, orders) = orders();
    shown(None, folder.path(), &["load", "--lake", "orders", "--contract", &contract, &orders]);
    folder
}

fn orders() -> (String, String) {
    let of = |name: &str| project().join("samples").join(name).display().to_string();
    (of("contracts/orders.yaml"), of("csv/orders.csv"))
}

fn too_wide(text: &str, width: usize) -> Vec<&str> {
    // What is to be copied stays whole: a command, the path of a file.
    let is_whole = |line: &&str| line.starts_with("next ") || line.trim_start().starts_with('/');
    text.lines().filter(|line| line.chars().count() > width).filter(|line| !is_whole(line)).collect()
}

#[test]
fn no_table_is_wider_than_the_terminal() {
    let folder = lakes();
    let (contract, orders) = orders();
    let bars = project().join("crates/contract/contracts/bars.dqdl").display().to_string();
    let recording = samples().display().to_string();
    let config = project().join("samples/run/polygon.yaml").display().to_string();
    let commands: &[&[&str]] = &[
        &["demo", "--lake", "again", "--recording", &recording],
        &["status", "--lake", "lake"],
        &["gaps", "--lake", "lake", "--dataset", "daily_bars"],
        &["quarantine", "ls", "--lake", "orders"],
        &["warnings", "ls", "--lake", "lake"],
        &["dlq", "ls", "--lake", "lake"],
        &["verify", "--lake", "lake"],
        &["doctor", "--lake", "lake"],
        &["doctor", "--config", &config],
        &["models", "ls", "--lake", "lake"],
        &["models", "show", "daily_stats", "--lake", "lake"],
        &["refine", "--lake", "lake", "--dry-run"],
        &["rules", "explain", "--dataset", "daily_bars"],
        &["rules", "test", &bars, "--data", "lake/bronze/daily_bars"],
        &["check", "--rules", &bars, "lake/bronze/daily_bars"],
        &["check", "--contract", &contract, &orders],
        &["load", "--lake", "orders", "--dataset", "orders", &orders],
        &["profiles"],
        &["cost"],
    ];
    for arguments in commands {
        for width in [60, 80, 140] {
            // A path is not broken, and how long that of the test's folder is depends on the machine.
            let text =
                shown(Some(width), folder.path(), arguments).replace(folder.path().to_str().unwrap(), "/tmp");
            let wide = too_wide(&text, width);
            assert!(
                !text.trim().is_empty() && wide.is_empty(),
                "{arguments:?} at {width}: {wide:#?}\n{text}"
            );
        }
    }
}

#[test]
fn a_program_reads_whole_cells_and_a_person_may() {
    let folder = lakes();
    let arguments = ["status", "--lake", "lake"];
    let plain = shown(None, folder.path(), &arguments);
    assert!(plain.contains("rules passed") && !plain.contains("--wide"), "{plain}");
    let narrow = shown(Some(80), folder.path(), &arguments);
    assert!(narrow.contains("not shown: ") && narrow.contains("--wide shows all"), "{narrow}");
    let wide = shown(Some(80), folder.path(), &["--wide", "status", "--lake", "lake"]);
    assert_eq!(wide, plain, "--wide is what a program gets");
    assert!(!plain.contains('\u{1b}'), "colours are for terminals");
}

/// What depends on the hour is shown as if it were another, of the same width.
fn at_no_time(text: &str) -> String {
    let mut all = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("T").filter(|at| rest.is_char_boundary(*at)) {
        let begin = at.saturating_sub(10);
        let instant = rest.get(begin..at + 10).filter(|part| {
            part.len() == 20
                && part.ends_with('Z')
                && part.as_bytes()[4] == b'-'
                && part.as_bytes()[13] == b':'
        });
        match instant {
            Some(_) => {
                all.push_str(&rest[..begin]);
                all.push_str("2026-01-01T00:00:00Z");
                rest = &rest[at + 10..];
            }
            None => {
                all.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
            }
        }
    }
    all + rest
}

#[test]
fn tables_look_like_this() {
    let folder = lakes();
    let (contract, orders) = orders();
    let commands: &[(&str, &[&str])] = &[
        ("quarantine", &["quarantine", "ls", "--lake", "orders"]),
        ("warnings", &["warnings", "ls", "--lake", "lake"]),
        ("check", &["check", "--contract", &contract, &orders]),
        ("explain", &["rules", "explain", "--dataset", "splits"]),
        // What a model in SQL reads is known to the engine.
        #[cfg(feature = "sql")]
        ("models", &["models", "ls", "--lake", "lake"]),
    ];
    for (name, arguments) in commands {
        for width in [80, 140] {
            let text = shown(Some(width), folder.path(), arguments);
            let text = text.replace(&project().display().to_string(), "PROJECT");
            insta::assert_snapshot!(format!("{name}_{width}"), at_no_time(&text));
        }
    }
}

/// Rows on standard output are rows, whatever the terminal's width is.
#[test]
fn rows_of_a_csv_are_not_broken() {
    let folder = lakes();
    for arguments in [
        &["export", "adjusted", "--lake", "lake", "--symbols", "AAPL.XNAS"][..],
        &["quarantine", "ls", "--lake", "orders", "--csv"],
        &["warnings", "ls", "--lake", "lake", "--csv"],
    ] {
        let whole = shown(None, folder.path(), arguments);
        assert!(whole.lines().count() > 2, "{arguments:?}: {whole}");
        assert_eq!(shown(Some(20), folder.path(), arguments), whole, "{arguments:?}");
    }
}

#[test]
fn help_is_broken_at_words_and_has_examples() {
    let folder = tempfile::tempdir().unwrap();
    for command in
        ["demo", "run", "load", "check", "status", "query", "report", "doctor", "dlq", "completions"]
    {
        let help = shown(Some(80), folder.path(), &[command, "--help"]);
        assert!(help.contains("Examples:\n  quotelake "), "{help}");
        let told = help.split("Examples:").next().unwrap();
        let wide: Vec<&str> = told.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
    }
}

/// The scripts are what the shells take, where these are there.
#[test]
fn completions_complete() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = shown(None, folder.path(), &["completions", shell]);
        for known in ["quarantine", "warnings", "--wide"] {
            let known = if shell == "fish" { known.trim_start_matches('-') } else { known };
            assert!(script.contains(known), "{shell} lacks {known}");
        }
        let path = folder.path().join(shell);
        std::fs::write(&path, script).unwrap();
        if let Ok(output) = Command::new(shell).arg(check).arg(&path).output() {
            assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let ask = "source ./bash; COMP_WORDS=(quotelake warn); COMP_CWORD=1; _quotelake quotelake warn quotelake; \
               echo \"${COMPREPLY[@]}\"";
    if let Ok(output) = Command::new("bash").args(["-c", ask]).current_dir(folder.path()).output() {
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "warnings");
    }
}
