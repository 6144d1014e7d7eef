//! The shape of the workspace, held by a test: who may depend on whom, how thick a function's binary is, and that each file says
//! what it is for.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every crate that a package reaches by its normal dependencies, with its default features.
fn reached(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--package",
            package,
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

fn assert_reaches_none(package: &str, forbidden: &[&str]) {
    let reached = reached(package);
    let found: Vec<&String> =
        reached.iter().filter(|name| forbidden.iter().any(|prefix| name.starts_with(prefix))).collect();
    assert!(found.is_empty(), "{package} reaches {found:?}");
}

#[test]
fn core_and_dqdl_reach_no_aws_http_or_lambda_crate() {
    for package in ["quotelake-core", "dqdl"] {
        assert_reaches_none(package, &["aws-", "aws_", "lambda", "hyper", "reqwest", "rustls", "tokio"]);
    }
    let ours: Vec<String> =
        reached("dqdl").into_iter().filter(|name| name.starts_with("quotelake")).collect();
    assert_eq!(ours, ["quotelake-arrow"], "Arrow's parts, and nothing of the lake");
}

#[test]
fn transform_depends_on_core_sources_and_the_shell_of_functions_only() {
    let ours: Vec<String> =
        reached("quotelake-transform").into_iter().filter(|name| name.starts_with("quotelake")).collect();
    assert_eq!(
        ours,
        [
            "quotelake-arrow",
            "quotelake-core",
            "quotelake-sources",
            "quotelake-telemetry",
            "quotelake-transform"
        ]
    );
    assert_reaches_none("quotelake-transform", &["reqwest", "rustls"]);
}

#[test]
fn the_command_line_builds_without_aws_lambda_a_sql_engine_or_unused_kernels() {
    assert_reaches_none("quotelake", &["aws-", "datafusion", "lambda", "arrow-arith", "arrow-string"]);
}

#[test]
fn only_the_aws_crate_names_an_sdk_crate() {
    for entry in std::fs::read_dir(workspace().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        if !folder.ends_with("aws") {
            for prefix in ["aws-sdk-", "aws-config", "aws-smithy", "aws-types", "aws-credential"] {
                assert!(!manifest.contains(prefix), "{} names {prefix}", folder.display());
            }
        }
    }
}

#[test]
fn aws_is_a_feature_that_is_off() {
    for package in ["quotelake-platform", "quotelake-fetch", "quotelake-check", "quotelake-publish"] {
        assert_reaches_none(package, &["aws-", "quotelake-aws"]);
    }
}

#[test]
fn one_crypto_provider_is_in_the_tree() {
    let lock = std::fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
    for name in ["aws-lc-rs", "aws-lc-sys", "openssl-sys"] {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name}: TLS is rustls with ring");
    }
}

#[test]
fn the_tree_has_one_arrow_and_parquet_line() {
    let lock = std::fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
    for name in ["arrow", "parquet", "arrow-array", "sqlparser", "rustls", "hyper"] {
        assert_eq!(lock.matches(&format!("name = \"{name}\"\n")).count(), 1, "{name}");
    }
}

#[test]
fn a_functions_binary_is_at_most_forty_lines() {
    let mut functions = 0;
    for name in ["fetch", "ingest", "transform", "check", "publish"] {
        let main =
            std::fs::read_to_string(workspace().join("crates").join(name).join("src/main.rs")).unwrap();
        assert!(main.lines().count() <= 40, "{name}: {} lines", main.lines().count());
        functions += 1;
    }
    assert_eq!(functions, 5);
}

#[test]
fn every_source_file_begins_with_what_it_is_for() {
    let folder = |path: PathBuf| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = folder(workspace().join("crates")).map(|one| one.join("src")).collect();
    let (mut files, mut silent) = (0, Vec::new());
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(folder(path));
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            files += 1;
            silent.extend((!text.lines().take(3).any(|line| line.starts_with("//!"))).then_some(path));
        }
    }
    assert!(files > 300 && silent.is_empty(), "{} of {files} have no header: {silent:?}", silent.len());
}
