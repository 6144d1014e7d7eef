//! Rules about the files that the data is in: FileSize, FileFreshness, FileUniqueness, FileMatch.
//!
//! | Rule type | Holds for a file | Metrics of `Dataset.*` besides `FileCount` |
//! |---|---|---|
//! | FileSize | its size satisfies the condition; a KB is 1024 bytes | `FileSize.Compliance`, `MinimumFileSize`, `MaximumFileSize` |
//! | FileFreshness | its time, or its age, satisfies the condition | `FileFreshness.Compliance` |
//! | FileUniqueness | no other file has its content; with `matchFileName`, nor its name | `FileUniquenessRatio` |
//! | FileMatch | its hash is one of the list; of two paths, the contents are the same | |
//!
//! Without a path the files are those that the data was read from. FileSize and FileFreshness hold when every file does, or a share
//! that satisfies the threshold. `recentFiles` keeps the latest files, then `uriRegex` those whose path it is found in. No file at all
//! fails the rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use regex::Regex;

use super::column_values::instants::{instant, time_zone};
use super::tag;
use crate::ast::{self, Condition, Duration, Operator, Size, Test, TextOperand, TextTest, TimeUnit};
use crate::check::{
    Accumulator, Check, Context, EmptyPolicy, Goal, Input, Measurement, Refusal, Totals, Verdict, unescape,
};
use crate::column::DAY_NANOS;
use crate::files::{FileFact, FileSource, HashAlgorithm};
use crate::rule_types::RuleType;

/// Paths that a message names.
const NAMED: usize = 3;

#[derive(Debug, Clone)]
struct Files {
    source: Arc<dyn FileSource>,
    path: Option<String>,
    latest: Option<usize>,
    uri: Option<Regex>,
    wanted: Wanted,
}

#[derive(Debug, Clone)]
enum Wanted {
    Size(Test<i128>, Goal),
    /// Of the time in nanoseconds since 1970-01-01.
    Time {
        test: Test<i128>,
        by_day: bool,
        goal: Goal,
    },
    /// Of the age in nanoseconds.
    Age {
        now: i128,
        test: Test<i128>,
        goal: Goal,
    },
    Unique {
        algorithm: HashAlgorithm,
        by_name: bool,
        goal: Goal,
    },
    Hash {
        algorithm: HashAlgorithm,
        negated: bool,
        known: Vec<String>,
    },
    SameAs {
        algorithm: HashAlgorithm,
        other: String,
    },
}

pub(super) fn compile(check: &ast::Check, context: &Context<'_>) -> Result<Box<dyn Check>, Refusal> {
    let source = context.files.clone().ok_or_else(|| {
        Refusal::Error(format!(
            "{} is not supported here: it is about files, and none are known",
            check.rule_type
        ))
    })?;
    let goal = || Goal::of_threshold(check.threshold.as_ref());
    let wrong = || Refusal::Error(format!("this condition is none of {}", check.rule_type));
    let path = |at: usize| check.parameters.get(at).map(|parameter| unescape(&parameter.value));
    let algorithm = algorithm(tag(&check.tags, "hashAlgorithm"))?;
    let wanted = match (check.rule_type, &check.condition) {
        (RuleType::FileSize, Some(Condition::Size(test))) => Wanted::Size(test.map(bytes)?, goal()?),
        (RuleType::FileFreshness, Some(Condition::Duration(test))) => {
            let now = i128::from(context.instant.timestamp()) * 1_000_000_000
                + i128::from(context.instant.timestamp_subsec_nanos());
            Wanted::Age { now, test: test.map(|age| Ok(nanos(age)))?, goal: goal()? }
        }
        (RuleType::FileFreshness, Some(Condition::Date(test))) => {
            let zone: Tz = time_zone(tag(&check.tags, "timeZone"), test)?;
            let is_day = |operand: &&ast::DateOperand| matches!(operand, ast::DateOperand::Date(_));
            let equality =
                matches!(test, Test::In { .. } | Test::Compare(Operator::Equal | Operator::NotEqual, _));
            let by_day = equality && test.operands().iter().all(is_day);
            let test = test.map(|operand| match instant(operand, zone, context)? {
                Some(instant) => Ok(instant),
                None => Err("a file's time is never NULL".to_owned()),
            })?;
            Wanted::Time { test, by_day, goal: goal()? }
        }
        (RuleType::FileUniqueness, condition) => {
            let by_name = tag(&check.tags, "matchFileName").eq_ignore_ascii_case("true");
            Wanted::Unique { algorithm, by_name, goal: Goal::of(condition.as_ref())? }
        }
        (RuleType::FileMatch, None) => Wanted::SameAs { algorithm, other: path(1).ok_or_else(wrong)? },
        (RuleType::FileMatch, Some(Condition::Text(test))) => hashes(test, algorithm)?,
        _ => return Err(wrong()),
    };
    let latest = match tag(&check.tags, "recentFiles") {
        "" => None,
        count => Some(
            count
                .parse()
                .map_err(|_| Refusal::Error(format!("`recentFiles = {count}` is no number of files")))?,
        ),
    };
    let uri = match tag(&check.tags, "uriRegex") {
        "" => None,
        pattern => Some(crate::pattern::compile(pattern, |translated| translated)?),
    };
    Ok(Box::new(Files { source, path: path(0), latest, uri, wanted }))
}

fn algorithm(name: &str) -> Result<HashAlgorithm, Refusal> {
    match name.to_ascii_uppercase().as_str() {
        "MD5" => Ok(HashAlgorithm::Md5),
        "SHA-1" => Ok(HashAlgorithm::Sha1),
        "" | "SHA-256" => Ok(HashAlgorithm::Sha256),
        _ => Err(Refusal::Error(format!("`hashAlgorithm = \"{name}\"` is none of MD5, SHA-1 and SHA-256"))),
    }
}

fn hashes(test: &TextTest, algorithm: HashAlgorithm) -> Result<Wanted, Refusal> {
    let (operands, negated): (Vec<&TextOperand>, bool) = match test {
        TextTest::In { negated, values } => (values.iter().collect(), *negated),
        TextTest::Equal { negated, value } => (vec![value], *negated),
        TextTest::Matches { .. } => {
            return Err(Refusal::Error("FileMatch takes a list of hashes".to_owned()));
        }
    };
    let text = |operand: &TextOperand| match operand {
        TextOperand::Text(text) => Ok(unescape(text).to_ascii_lowercase()),
        _ => Err(Refusal::Error("FileMatch takes a list of hashes".to_owned())),
    };
    let known = operands.into_iter().map(text).collect::<Result<_, _>>()?;
    Ok(Wanted::Hash { algorithm, negated, known })
}

fn bytes(size: &Size) -> Result<i128, String> {
    let power = match size.unit.as_str() {
        "" | "B" => 0,
        "KB" => 1,
        "MB" => 2,
        "GB" => 3,
        "TB" => 4,
        other => return Err(format!("{other} is no unit of sizes")),
    };
    Ok(i128::from(size.amount) * 1024_i128.pow(power))
}

fn nanos(age: &Duration) -> i128 {
    let minutes: i128 = match age.unit {
        TimeUnit::Days => 24 * 60,
        TimeUnit::Hours => 60,
        TimeUnit::Minutes => 1,
    };
    i128::from(age.amount) * minutes * 60_000_000_000
}

impl<T> Test<T> {
    /// The same test of other operands.
    fn map<U>(&self, value: impl Fn(&T) -> Result<U, String>) -> Result<Test<U>, String> {
        Ok(match self {
            Self::Compare(operator, operand) => Test::Compare(*operator, value(operand)?),
            Self::Between { negated, low, high } => {
                Test::Between { negated: *negated, low: value(low)?, high: value(high)? }
            }
            Self::In { negated, values } => {
                Test::In { negated: *negated, values: values.iter().map(value).collect::<Result<_, _>>()? }
            }
        })
    }
}

fn holds(test: &Test<i128>, value: i128) -> bool {
    match test {
        Test::Compare(operator, operand) => operator.accepts(value.cmp(operand)),
        Test::Between { negated: false, low, high } => value > *low && value < *high,
        Test::Between { negated: true, low, high } => value <= *low || value >= *high,
        Test::In { negated, values } => values.contains(&value) != *negated,
    }
}

impl Check for Files {
    fn empty_policy(&self) -> EmptyPolicy {
        EmptyPolicy::Always
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(self.clone())
    }
}

impl Accumulator for Files {
    fn observe(&mut self, _input: &Input<'_>) -> Result<(), String> {
        Ok(())
    }

    fn finish(self: Box<Self>, _totals: &Totals) -> Measurement {
        self.measure().unwrap_or_else(Measurement::refused)
    }
}

fn metric(name: &str) -> String {
    format!("Dataset.*.{name}")
}

impl Files {
    /// The files that the rule is about.
    fn list(&self, path: Option<&str>) -> Result<Vec<FileFact>, String> {
        let mut files = self.source.files(path)?;
        if let Some(latest) = self.latest {
            if let Some(unknown) = files.iter().find(|file| file.modified.is_none()) {
                return Err(format!("it is not known when {} was written", unknown.path));
            }
            files.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.path.cmp(&b.path)));
            files.truncate(latest);
        }
        if let Some(uri) = &self.uri {
            files.retain(|file| uri.is_match(&file.path));
        }
        Ok(files)
    }

    fn measure(&self) -> Result<Measurement, String> {
        let files = self.list(self.path.as_deref())?;
        let count = (metric("FileCount"), files.len() as f64);
        if files.is_empty() {
            return Ok(Measurement::new([count], Verdict::Fail("There are no files".to_owned())));
        }
        let sizes = || files.iter().map(|file| file.bytes);
        match &self.wanted {
            Wanted::Size(test, goal) => {
                let failing = failing(&files, |file| Ok(holds(test, i128::from(file.bytes))))?;
                let extremes = [
                    (metric("MinimumFileSize"), sizes().min().unwrap_or(0) as f64),
                    (metric("MaximumFileSize"), sizes().max().unwrap_or(0) as f64),
                ];
                Ok(share("FileSize.Compliance", &files, &failing, goal, extremes.into_iter().chain([count])))
            }
            Wanted::Time { test, by_day, goal } => {
                let day = i128::from(DAY_NANOS);
                let failing = failing(&files, |file| {
                    let time = written(file)?;
                    Ok(holds(test, if *by_day { time.div_euclid(day) * day } else { time }))
                })?;
                Ok(share("FileFreshness.Compliance", &files, &failing, goal, [count]))
            }
            Wanted::Age { now, test, goal } => {
                let failing = failing(&files, |file| Ok(holds(test, now - written(file)?)))?;
                Ok(share("FileFreshness.Compliance", &files, &failing, goal, [count]))
            }
            Wanted::Unique { algorithm, by_name, goal } => {
                let again = self.repeated(&files, *algorithm, *by_name)?;
                Ok(share("FileUniquenessRatio", &files, &again, goal, [count]))
            }
            Wanted::Hash { algorithm, negated, known } => {
                let failing = failing(&files, |file| {
                    Ok(known.contains(&self.source.hash(file, *algorithm)?) != *negated)
                })?;
                let verdict = match failing.is_empty() {
                    true => Verdict::Pass,
                    false => Verdict::Fail(format!(
                        "{} of the list: {}",
                        if *negated { "The hash is one" } else { "The hash is none" },
                        named(&failing)
                    )),
                };
                Ok(Measurement::new([count], verdict))
            }
            Wanted::SameAs { algorithm, other } => {
                Ok(Measurement::new([count], self.same_contents(&files, *algorithm, other)?))
            }
        }
    }

    /// The files whose name or content another one has as well.
    fn repeated<'f>(
        &self,
        files: &'f [FileFact],
        algorithm: HashAlgorithm,
        by_name: bool,
    ) -> Result<Vec<&'f FileFact>, String> {
        let keys = files.iter().map(|file| match by_name {
            true => Ok(file.path.rsplit('/').next().unwrap_or_default().to_owned()),
            false => self.source.hash(file, algorithm),
        });
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        keys.iter().for_each(|key| *known.entry(key).or_default() += 1);
        let again =
            files.iter().zip(&keys).filter(|(_, key)| known.get(key.as_str()).is_some_and(|n| *n > 1));
        Ok(again.map(|(file, _)| file).collect())
    }

    /// Whether the files have the contents of those of another path, each as often.
    fn same_contents(
        &self,
        files: &[FileFact],
        algorithm: HashAlgorithm,
        other: &str,
    ) -> Result<Verdict, String> {
        let others = self.list(Some(other))?;
        let mut missing: BTreeMap<String, i64> = BTreeMap::new();
        for (files, by) in [(files, 1), (others.as_slice(), -1)] {
            for file in files {
                *missing.entry(self.source.hash(file, algorithm)?).or_default() += by;
            }
        }
        let differing = missing.values().filter(|count| **count != 0).count();
        Ok(match differing {
            0 => Verdict::Pass,
            _ => Verdict::Fail(format!(
                "{} files there, {} in {other}: {differing} contents are not the same number of times in both",
                files.len(),
                others.len()
            )),
        })
    }
}

/// Nanoseconds since 1970-01-01.
fn written(file: &FileFact) -> Result<i128, String> {
    let time = file.modified.ok_or_else(|| format!("it is not known when {} was written", file.path))?;
    Ok(i128::from(time.timestamp()) * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos()))
}

fn failing(
    files: &[FileFact],
    holds: impl Fn(&FileFact) -> Result<bool, String>,
) -> Result<Vec<&FileFact>, String> {
    let mut failing = Vec::new();
    for file in files {
        if !holds(file)? {
            failing.push(file);
        }
    }
    Ok(failing)
}

/// The share of files that hold, judged.
fn share(
    name: &str,
    files: &[FileFact],
    failing: &[&FileFact],
    goal: &Goal,
    beside: impl IntoIterator<Item = (String, f64)>,
) -> Measurement {
    let value = (files.len() - failing.len()) as f64 / files.len() as f64;
    let verdict = match goal.judge(value) {
        Verdict::Fail(message) => {
            let files = if name.contains("Freshness") { named_by(failing, time) } else { named(failing) };
            Verdict::Fail(format!("{message} Files: {files}"))
        }
        verdict => verdict,
    };
    Measurement::new([(metric(name), value)].into_iter().chain(beside), verdict)
}

/// When a file was last written, to the second in UTC.
fn time(file: &FileFact) -> String {
    file.modified.map_or_else(String::new, |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn named(files: &[&FileFact]) -> String {
    named_by(files, |file| format!("{} B", file.bytes))
}

fn named_by(files: &[&FileFact], fact: impl Fn(&FileFact) -> String) -> String {
    let mut text: Vec<String> =
        files.iter().take(NAMED).map(|file| format!("{} ({})", file.path, fact(file))).collect();
    if files.len() > NAMED {
        text.push(format!("and {} more", files.len() - NAMED));
    }
    text.join(", ")
}
