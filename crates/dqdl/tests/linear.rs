//! Parsing, printing and linting take time in proportion to the text, whatever its shape.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, Instant};

use dqdl::{Target, lint, parse};

/// Texts that grow with `n`: long lists, deep nesting, long chains, and what is no ruleset at all.
fn texts(n: usize) -> Vec<(&'static str, String)> {
    let rules = |rule: &str| format!("Rules = [ {} ]", vec![rule; n].join(", "));
    let chain = |member: &str, word: &str| format!("Rules = [ {} ]", vec![member; n].join(word));
    let list = vec!["\"a\""; n].join(", ");
    vec![
        ("rules", rules("ColumnValues \"a\" between 1 and 2")),
        ("a flat chain", chain("(IsComplete \"a\")", " and ")),
        ("a mixed chain", chain("(IsComplete \"a\") or (RowCount > 1)", " and ")),
        ("nesting", format!("Rules = [ {}RowCount > 0{} ]", "(".repeat(n), ")".repeat(n))),
        ("nesting without an end", format!("Rules = [ {}", "(".repeat(n))),
        ("a sum", format!("Rules = [ RowCount > {} ]", vec!["1"; n].join(" + "))),
        ("nested numbers", format!("Rules = [ RowCount > {}1{} ]", "(".repeat(n), ")".repeat(n))),
        ("a set", format!("Rules = [ ColumnValues \"a\" in [{list}] ]")),
        ("a key of many columns", format!("Rules = [ IsPrimaryKey {} ]", vec!["\"a\""; n].join(" "))),
        ("a long text", format!("Rules = [ ColumnValues \"a\" = \"{}\" ]", "x\\\"".repeat(n))),
        ("a text without an end", format!("Rules = [ ColumnValues \"a\" = \"{}", "x".repeat(n))),
        ("comments", format!("{}Rules = [ RowCount > 0 ]", "# nothing\n".repeat(n))),
        (
            "variables",
            format!(
                "{}Rules = [ RowCount > 0 ]",
                (0..n).map(|at| format!("v{at} = \"x\"\n")).collect::<String>()
            ),
        ),
        ("a long name", format!("Rules = [ {} > 0 ]", "RowCoun".repeat(n))),
        (
            "labels",
            format!(
                "Rules = [ RowCount > 0 labels=[{}] ]",
                (0..n).map(|at| format!("\"k{at}\"=\"v\"")).collect::<Vec<_>>().join(",")
            ),
        ),
        ("noise", "]=[\"(,".repeat(n)),
    ]
}

/// How long everything that reads a text takes.
fn time(text: &str) -> Duration {
    let start = Instant::now();
    if let Ok(ruleset) = parse(text) {
        let printed: usize = ruleset.rules.iter().map(|rule| rule.to_string().len()).sum();
        std::hint::black_box(printed);
    }
    std::hint::black_box(lint(text, Target::GlueEtl));
    start.elapsed()
}

/// The least of nine times of each text, in turn: what else the machine does is beside both.
fn least(small: &str, large: &str) -> (Duration, Duration) {
    let times = (0..9).map(|_| (time(small), time(large)));
    times.reduce(|(a, b), (c, d)| (a.min(c), b.min(d))).unwrap()
}

#[test]
fn sixteen_times_the_text_takes_no_more_than_sixteen_times_the_time() {
    const SMALL: usize = 2_000;
    const TIMES: u32 = 16;
    // Quadratic work would take 256 times as long; a busy machine may take four times what it should.
    const SLACK: u32 = 4;
    for ((name, small), (_, large)) in texts(SMALL).into_iter().zip(texts(SMALL * TIMES as usize)) {
        let (few, many) = least(&small, &large);
        let few = few.max(Duration::from_micros(50));
        assert!(
            many <= few * TIMES * SLACK,
            "{name}: {few:?} for {} bytes, {many:?} for {}",
            small.len(),
            large.len()
        );
    }
}
