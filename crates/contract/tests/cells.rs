//! The cell reader against readers that are not ours: Python's `datetime.strptime`, `datetime.fromisoformat` and `decimal`; and
//! against nonsense. The comparison with Python is skipped, and says so, where there is no `python3`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use quotelake_contract::cell::{
    CellReader, CellValue, DateSystem, Form, Formats, Fractions, NumberFormat, Pattern, TimeFormat,
};

/// What Python says of lines of tab-separated fields, one answer a line. `None` where there is no Python.
fn python(script: &str, lines: &str) -> Option<Vec<String>> {
    let child =
        Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    #[expect(clippy::disallowed_methods, reason = "CI says that nothing may be skipped")]
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    let mut child = match child {
        Ok(child) => child,
        Err(error) if !ci => {
            #[expect(clippy::print_stderr, reason = "a skipped test says so")]
            {
                eprintln!("SKIPPED: python3 does not start: {error}");
            }
            return None;
        }
        Err(error) => panic!("python3 does not start: {error}"),
    };
    let mut stdin = child.stdin.take().unwrap();
    let lines = lines.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

fn samples<T: std::fmt::Debug>(count: u32, strategy: impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(20_261_129), ..Config::default() });
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

const STRPTIME: &str = r"
import sys
from datetime import datetime
for line in sys.stdin:
    form, text = line.rstrip('\n').split('\t')
    try:
        print(datetime.strptime(text, form).strftime('%Y-%m-%dT%H:%M:%S.%f')[:23].rjust(23, '0'))
    except ValueError:
        print('-')
";

#[test]
fn formats_read_what_strptime_reads() {
    let years = prop::sample::select(vec!["%Y", "%y"]);
    let months = prop::sample::select(vec!["%m", "%m", "%b", "%B"]);
    let times = prop::sample::select(vec![
        vec![],
        vec!["%H", "%M"],
        vec!["%H", "%M", "%S"],
        vec!["%H", "%M", "%S", "%f"],
        vec!["%I", "%M", "%p"],
    ]);
    let parts = (years, months, times, any::<bool>()).prop_flat_map(|(year, month, time, by_day)| {
        let mut parts = if by_day { vec![year, "%j"] } else { vec![year, month, "%d"] };
        parts.extend(time);
        Just(parts).prop_shuffle()
    });
    let separators = prop::collection::vec(prop::sample::select(vec!["/", "-", ".", ":", " ", "T", ", "]), 8);
    let values =
        prop::collection::vec(("[0-9]{1,2}|(19|20)[0-9]{2}|Jan|february|SEP|AM|pm", 0u32..20, 1u32..100), 8);
    let mut lines = String::new();
    let mut ours = Vec::new();
    for (parts, separators, values) in samples(4000, (parts, separators, values)) {
        // The separators of a text are mostly those of its format, and its values mostly fit their parts.
        let (mut form, mut text) = (String::new(), String::new());
        for (index, part) in parts.iter().enumerate() {
            let (value, luck, number) = &values[index];
            let fitting = match *part {
                "%Y" => format!("{}", 1950 + number),
                "%y" => format!("{:02}", number % 100),
                "%m" | "%I" => format!("{}", number % 12 + 1),
                "%d" => format!("{:02}", number % 31 + 1),
                "%b" => ["Jan", "feb", "MAR", "Dec"][*number as usize % 4].to_owned(),
                "%B" => ["January", "may", "OCTOBER"][*number as usize % 3].to_owned(),
                "%p" => ["AM", "pm"][*number as usize % 2].to_owned(),
                "%j" => format!("{:03}", number * 4),
                "%f" => format!("{number}"),
                _ => format!("{:02}", number % 60),
            };
            form.push_str(part);
            text.push_str(if *luck > 0 { &fitting } else { value });
            if index + 1 < parts.len() {
                form.push_str(separators[index]);
                text.push_str(if *luck == 1 { "/" } else { separators[index] });
            }
        }
        let Ok(pattern) = Pattern::parse(&form) else { continue };
        let written = pattern.read(&text).map(|written| {
            let ms = written.time.unwrap_or_default().ms;
            let (second, ms) = (ms / 1000, ms % 1000);
            format!(
                "{}T{:02}:{:02}:{:02}.{ms:03}",
                written.date,
                second / 3600,
                second / 60 % 60,
                second % 60
            )
        });
        ours.push((form.clone(), text.clone(), written.unwrap_or_else(|| "-".to_owned())));
        writeln!(lines, "{form}\t{text}").unwrap();
    }
    let Some(theirs) = python(STRPTIME, &lines) else { return };
    assert_eq!(theirs.len(), ours.len());
    let read = ours.iter().filter(|(_, _, read)| read != "-").count();
    assert!(read > 500 && read < ours.len(), "{read} of {} were read", ours.len());
    for ((form, text, ours), theirs) in ours.iter().zip(&theirs) {
        // Python takes a second 61 and a four-digit year's digits from beside it; where both read, they read the same.
        if ours != "-" {
            assert_eq!(ours, theirs, "{form} {text}");
        }
    }
    let refused =
        ours.iter().zip(&theirs).filter(|((_, _, ours), theirs)| ours == "-" && *theirs != "-").count();
    assert!(refused * 10 < read, "{refused} texts are read by strptime alone, {read} by both");
}

const ISO: &str = r"
import sys
from datetime import datetime, timezone
for line in sys.stdin:
    text = line.rstrip('\n')
    try:
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
        print(at.astimezone(timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%f')[:23] + 'Z')
    except (ValueError, OverflowError):
        print('-')
";

#[test]
fn iso_texts_are_what_python_reads() {
    let text = "(19|20)[0-9]{2}-(0[1-9]|1[0-3])-([0-2][0-9]|3[01])[T ]([01][0-9]|2[0-4]):[0-6][0-9](:[0-5][0-9](\\.[0-9]{3}|\\.[0-9]{6})?)?(Z|[+-][01][0-9](:?[0-5][0-9])?)?";
    let texts = samples(4000, text);
    let form = Form::Instant {
        formats: vec![TimeFormat::Iso],
        zone: Some(chrono_tz::UTC),
        fractions: Fractions::Truncate,
    };
    let reader = CellReader::new(Formats { form, ..Formats::default() });
    let Some(theirs) = python(ISO, &format!("{}\n", texts.join("\n"))) else { return };
    let mut both = 0;
    for (text, theirs) in texts.iter().zip(&theirs) {
        let ours = match reader.read(text) {
            Ok(CellValue::Text(text)) => text.into_owned(),
            Ok(other) => panic!("{text:?}: {other:?}"),
            Err(_) => "-".to_owned(),
        };
        // Hour 24 is the next day's midnight to newer Pythons, and no time to us.
        if text[11..13] == *"24" {
            assert_eq!(ours, "-", "{text}");
            continue;
        }
        // Older Pythons do not read Z, +01 and fractions of other lengths.
        if theirs != "-" {
            assert_eq!(ours, *theirs, "{text}");
            both += 1;
        }
    }
    assert!(both > 1000, "{both}");
}

const DECIMAL: &str = r"
import sys
from decimal import Decimal
for line in sys.stdin:
    text = line.rstrip('\n')
    sign = -1 if text.startswith('(') or text.startswith('-') or text.endswith('-') else 1
    bare = text.strip('()-+$ ').replace(',', '')
    power = {'K': 3, 'M': 6, 'B': 9, '%': -2}.get(bare[-1:], 0)
    print(format(Decimal(bare.rstrip('KMB% ')).scaleb(power) * sign, 'f'))
";

#[test]
fn numbers_are_what_decimal_says() {
    let format = NumberFormat {
        plus: true,
        parentheses: true,
        trailing_minus: true,
        percent: Some(quotelake_contract::cell::Percent::Hundredth),
        currencies: vec!["$".into()],
        multipliers: vec![("K".into(), 3), ("M".into(), 6), ("B".into(), 9)],
        ..NumberFormat::of('.', Some(','))
    };
    let texts = samples(
        3000,
        // Groups of a number do not begin with 0.
        "(-|\\+|-?\\$ ?)?([0-9]{1,3}|[1-9][0-9]{0,2}(,[0-9]{3}){1,4})(\\.[0-9]{1,6})?[KMB%]?|\\([0-9]{1,6}(\\.[0-9]{2})?\\)|[0-9]{1,12}-",
    );
    let Some(theirs) = python(DECIMAL, &format!("{}\n", texts.join("\n"))) else { return };
    for (text, theirs) in texts.iter().zip(&theirs) {
        let ours = format.read(text).unwrap_or_else(|| panic!("{text:?} is not read"));
        let number = |text: &str| text.parse::<quotelake_core::Decimal>().unwrap();
        assert_eq!(number(&ours), number(theirs), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever stands in a contract as a format and in a file as a text: an answer, never a panic, and a canonical value.
    #[test]
    fn nothing_panics(
        format in "(%[YymdbBjaAHIMSfpzZFTRDevsc.%0-]|[-/:., T\u{e9}\u{202f}]|[a-z]){0,12}",
        text in "([0-9]{1,4}|[-/:., T\u{e9}\u{202f}+]|Jan|PM|pm|Z|UTC|[a-zA-Z%]){0,14}",
        any in any::<String>(),
    ) {
        let mut formats = vec![TimeFormat::Iso, TimeFormat::Excel(DateSystem::From1900), TimeFormat::Excel(DateSystem::From1904)];
        formats.extend(TimeFormat::parse(&format).ok());
        for format in formats {
            let form = |instant: bool| match instant {
                false => Form::Date(vec![format.clone()]),
                true => Form::Instant {
                    formats: vec![format.clone(), TimeFormat::Iso],
                    zone: Some(chrono_tz::America::New_York),
                    fractions: Fractions::Truncate,
                },
            };
            for instant in [false, true] {
                let reader = CellReader::new(Formats { form: form(instant), placeholder_dates: vec!["1900-01-01".into()], ..Formats::default() });
                for text in [&text, &any] {
                    if let Ok(CellValue::Text(value)) = reader.read(text) {
                        let canonical = if instant {
                            quotelake_core::time::parse_instant(value.as_bytes()).is_some()
                        } else {
                            quotelake_core::time::parse_date(value.as_bytes()).is_some()
                        };
                        prop_assert!(canonical, "{text:?} became {value:?}");
                    }
                }
            }
        }
    }

    /// A moment written by chrono in a format is read from it.
    #[test]
    fn what_a_format_writes_it_reads(
        seconds in -2_000_000_000i64..4_000_000_000,
        format in prop::sample::select(vec![
            "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%Y%m%d%H%M%S", "%a, %d %b %Y %H:%M:%S", "%A %-d %B %Y %H:%M:%S",
            "%Y-%j %T", "%d.%m.%Y %k:%M:%S", "%FT%T", "%e %b %Y %T",
        ]),
    ) {
        let moment = chrono::DateTime::from_timestamp(seconds, 0).unwrap().naive_utc();
        let text = moment.format(format).to_string();
        let pattern = Pattern::parse(format).unwrap();
        let written = pattern.read(text.trim_start()).unwrap_or_else(|| panic!("{format}: {text:?}"));
        prop_assert_eq!(written.date, moment.date());
        prop_assert_eq!(written.time.unwrap().ms / 1000, seconds.rem_euclid(86_400));
    }
}

#[test]
fn formats_that_make_no_date_are_refused() {
    for (format, says) in [
        ("%d/%m", "does not make a whole date, such as %d/%m/%Y does"),
        ("", "does not make a whole date"),
        ("%d/%m/%Y %q", "%q is none of"),
        ("%d/%m/%Y %", "ends with a %"),
        ("%d/%m/%Y %d", "%d appears twice"),
        ("%d/%m/%Y %y", "has two years"),
        ("%d/%m/%Y %I:%M", "%I and %p go together"),
        ("%d/%m/%Y %M", "has a part of a time without the greater one"),
        ("%d/%m/%Y %H:%M.%f", "has a part of a time without the greater one"),
        ("%Y-%j-%d", "has a day of the year beside a month or a day"),
        ("%d/%m/%Y %s", "%s is none of"),
    ] {
        let error = Pattern::parse(format).unwrap_err().to_string();
        assert!(error.contains(says), "{format:?}: {error}");
    }
}
