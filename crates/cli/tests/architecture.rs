//! The shape of the workspace, held by a test: who may depend on whom, how thick a function's binary is, how long a
//! function of Rust, and that each file says what it is for.

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

/// Every file of Rust below a folder of the workspace, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&workspace().join(folder), &mut found);
    assert!(!found.is_empty(), "{folder}");
    found
}

#[test]
fn core_is_small_and_touches_nothing() {
    let sources = sources("crates/core/src");
    let lines: usize = sources.iter().map(|(_, text)| text.lines().count()).sum();
    assert!(lines <= 3500, "core has {lines} lines: what is no word of every stage belongs in another crate");
    for (path, text) in sources {
        for world in
            ["std::fs", "std::net", "std::env", "std::process", "std::thread", "SystemTime", "Utc::now"]
        {
            assert!(!text.contains(world), "{} names {world}", path.display());
        }
    }
    let found: Vec<String> = reached("quotelake-core")
        .into_iter()
        .filter(|name| {
            name != "quotelake-core" && ["arrow", "parquet", "quotelake"].iter().any(|p| name.starts_with(p))
        })
        .collect();
    assert!(found.is_empty(), "core reaches {found:?}");
}

/// Where the files of tables are is known to the crate of tables and to the type of keys.
#[test]
fn only_the_table_crate_knows_where_a_tables_files_are() {
    for entry in std::fs::read_dir(workspace().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // The fakes of tests make keys of their own.
        if ["core", "table", "testkit"].contains(&name.as_str()) {
            continue;
        }
        for (path, text) in sources(&format!("crates/{name}/src")) {
            for key in ["bronze/", "silver/", "ObjectKey::table", "ObjectKey::Table"] {
                assert!(!text.contains(key), "{} names {key}", path.display());
            }
        }
    }
}

#[test]
fn transform_reaches_words_and_sources_and_no_port() {
    let ours: Vec<String> =
        reached("quotelake-transform").into_iter().filter(|name| name.starts_with("quotelake")).collect();
    assert_eq!(
        ours,
        [
            "quotelake-arrow",
            "quotelake-contract",
            "quotelake-core",
            "quotelake-landing",
            "quotelake-market",
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

/// A file of tests that nothing names would never be compiled, and what it tests would be tested by nobody.
#[test]
fn every_file_of_tests_is_in_a_program_of_tests() {
    let (mut seen, mut left_out) = (0, Vec::new());
    for krate in std::fs::read_dir(workspace().join("crates")).unwrap() {
        let krate = krate.unwrap().path();
        let tests = krate.join("tests");
        let manifest = std::fs::read_to_string(krate.join("Cargo.toml")).unwrap();
        if !manifest.contains("autotests = false") || !tests.is_dir() {
            assert!(!tests.join("all.rs").exists(), "{}: autotests has to be off", krate.display());
            continue;
        }
        let named = std::fs::read_to_string(tests.join("all.rs")).unwrap();
        for entry in std::fs::read_dir(&tests).unwrap() {
            let path = entry.unwrap().path();
            let is_rust = path.extension().is_some_and(|end| end == "rs") || path.join("mod.rs").exists();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_named = named.lines().any(|line| line == format!("mod {name};"))
                || manifest.contains(&format!("[[test]]\nname = \"{name}\"\n"));
            seen += usize::from(is_rust);
            left_out.extend((is_rust && !is_named).then_some(path));
        }
    }
    assert!(seen > 100 && left_out.is_empty(), "of {seen} files these are in no program: {left_out:?}");
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

#[test]
fn a_file_is_at_most_five_hundred_lines() {
    let files = sources("crates");
    let long =
        files.iter().map(|(path, text)| (path, text.lines().count())).filter(|(_, lines)| *lines > 500);
    let long: Vec<String> = long.map(|(path, lines)| format!("{}: {lines} lines", path.display())).collect();
    assert!(files.len() > 600 && long.is_empty(), "of {}: {}", files.len(), long.join(", "));
}

#[test]
fn a_function_is_at_most_seventy_lines() {
    let (mut functions, mut long) = (0, Vec::new());
    let is_source = |path: &Path| path.components().any(|part| part.as_os_str() == "src");
    for (path, text) in sources("crates").into_iter().filter(|(path, _)| is_source(path)) {
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate().filter(|(_, line)| begins_function(line)) {
            functions += 1;
            // As rustfmt has it, a function ends with the brace that is indented as its first line.
            let end = format!("{:1$}}}", "", line.len() - line.trim_start().len());
            let is_end = |line: &&str| line.starts_with(&end);
            let length = match line.ends_with(['}', ';']) {
                true => 1,
                false => lines[start..].iter().position(is_end).map_or(0, |last| last + 1),
            };
            if length > 70 {
                long.push(format!("{}:{}: {length} lines", path.display(), start + 1));
            }
        }
    }
    assert!(functions > 3000 && long.is_empty(), "of {functions}: {}", long.join(", "));
}

fn begins_function(line: &str) -> bool {
    let is_qualifier = |word: &&str| word.starts_with("pub") || matches!(*word, "const" | "async" | "extern");
    let mut words = line.split_whitespace().skip_while(is_qualifier);
    words.next() == Some("fn") && words.next().is_some_and(|name| !name.starts_with('('))
}

#[test]
fn functions_are_known_by_their_first_line() {
    for line in
        ["fn a() {", "    pub(super) async fn b(", "    const fn c<T>(x: T)", "pub fn d<'a>(x: &'a str)"]
    {
        assert!(begins_function(line), "{line}");
    }
    for line in
        ["// fn a() {", "let a: fn(u8) = b;", "    fn (", "let is = \"fn a\";", "type A = dyn Fn(u8);"]
    {
        assert!(!begins_function(line), "{line}");
    }
}
