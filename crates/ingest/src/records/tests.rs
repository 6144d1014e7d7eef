//! Records as RFC 4180 has them, whatever the pieces are, and beside Python's reader.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, and says when it is skipped")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use quotelake_contract::Quoting;

use super::*;

type Read = (u64, Vec<String>, Option<String>);

fn read_pieces(layout: &FileLayout, text: &[u8], piece: usize) -> Result<Vec<Read>> {
    let mut found = Vec::new();
    let mut take = |record: Record<'_>| {
        let string = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let held = record.hold();
        let cells = held.record().cells().map(|(cell, _)| string(cell)).collect();
        found.push((
            record.line,
            cells,
            record.fault().map(|fault| format!("{}: {fault}", string(record.raw))),
        ));
        Ok(())
    };
    let mut records = Records::new(layout, layout.delimiter.unwrap_or(b','));
    for piece in text.chunks(piece) {
        records.push(piece, &mut take)?;
    }
    records.finish(&mut take)?;
    Ok(found)
}

/// Reads a text in pieces of every size, which must not matter.
fn read(layout: &FileLayout, text: &str) -> Result<Vec<Read>, String> {
    let whole = read_pieces(layout, text.as_bytes(), 1000).map_err(|e| e.to_string());
    for piece in 1..text.len() {
        let pieces = read_pieces(layout, text.as_bytes(), piece).map_err(|e| e.to_string());
        assert_eq!(pieces, whole, "pieces of {piece} of {text:?}");
    }
    whole
}

fn rows(layout: &FileLayout, text: &str) -> Vec<(u64, Vec<String>)> {
    let read = read(layout, text).unwrap();
    assert!(read.iter().all(|(_, _, fault)| fault.is_none()), "{read:?}");
    read.into_iter().map(|(line, cells, _)| (line, cells)).collect()
}

fn row<const N: usize>(line: u64, cells: [&str; N]) -> (u64, Vec<String>) {
    (line, cells.map(str::to_owned).to_vec())
}

#[test]
fn the_cut_of_the_pieces_does_not_matter() {
    let text = "a,b\r\n1,\"x\n\"\"y\"\"\"\r\n\n\r,\r\"\",\" \"\nlast,5 pipe";
    let found = rows(&FileLayout::default(), text);
    assert_eq!(
        found,
        [
            row(1, ["a", "b"]),
            row(2, ["1", "x\n\"y\""]),
            row(6, ["", ""]),
            row(7, ["", " "]),
            row(8, ["last", "5 pipe"]),
        ]
    );
    assert_eq!(rows(&FileLayout::default(), "a,"), [row(1, ["a", ""])]);
    assert_eq!(rows(&FileLayout::default(), "\"\"\"\","), [row(1, ["\"", ""])]);
    assert_eq!(rows(&FileLayout::default(), "\r\n\r\n"), []);
}

#[test]
fn a_stray_quote_costs_its_row() {
    let found = read(&FileLayout::default(), "k,5\" pipe\n\"5\" pipe\",x\n\"a\"b,c\"\nok,\"k\"\n").unwrap();
    let faults: Vec<_> = found.iter().map(|(line, _, fault)| (*line, fault.as_deref())).collect();
    assert_eq!(
        faults,
        [
            (1, Some("k,5\" pipe: column 4: a quote is inside a cell that does not begin with one")),
            (2, Some("\"5\" pipe\",x: column 4: text follows a closing quote")),
            (3, Some("\"a\"b,c\": column 4: text follows a closing quote")),
            (4, None),
        ]
    );
    let lenient = FileLayout { quoting: Quoting::Lenient, ..FileLayout::default() };
    assert_eq!(
        rows(&lenient, "k,5\" pipe\n\"5\" pipe\",x\n\"a\"\"b\"c\"\"d,e\n"),
        [row(1, ["k", "5\" pipe"]), row(2, ["5 pipe\"", "x"]), row(3, ["a\"bc\"\"d", "e"])]
    );
}

#[test]
fn where_nobody_can_tell_where_rows_begin_the_file_ends() {
    let strict = FileLayout::default();
    for (text, says) in [
        ("h\n1,é,\"open\n2\n", "the quote on line 2, column 5 is never closed"),
        (
            "h\n1,\"open\n2,ok\n3,\"also open\n4\n",
            "the quote on line 2, column 3 opens a cell of several lines, and on line 4, column 4 text follows",
        ),
        (
            "h\n\"a\nb\",5\" pipe\n",
            "the record that begins on line 2 has several lines, and on line 3, column 5 a quote is inside",
        ),
    ] {
        let error = read(&strict, text).unwrap_err();
        assert!(error.starts_with(says), "{error}");
    }
    let lenient = FileLayout { quoting: Quoting::Lenient, ..strict };
    assert!(read(&lenient, "a\n\"open\n").unwrap_err().contains("line 2, column 1 is never closed"));
}

/// A row that is refused costs itself and no other, and makes none: lines inside a cell that it opens are no rows.
#[test]
fn a_refused_row_opens_no_cell_of_several_lines() {
    let text =
        "id,d,s,n\n1,2026-01-02,5\" pipe,\"a note:\n9,2026-01-09,cancelled,see\nend\"\n4,2026-01-04,ok,x\n";
    let error = read(&FileLayout::default(), text).unwrap_err();
    assert_eq!(
        error,
        "on line 2, column 15 a quote is inside a cell that does not begin with one, and the quote on line 2, column 22 opens a \
         cell that is not closed on its line: nobody can tell where rows begin; the whole file is rejected"
    );
    let behind = "a,b\n\"x\"y,\"z\n1,2\n";
    assert!(
        read(&FileLayout::default(), behind).unwrap_err().contains("and the quote on line 2, column 6 opens")
    );
    // Closed on its line, it costs the row alone.
    let closed = read(&FileLayout::default(), "k,5\" pipe,\"a, \"\"b\"\"\",\nok,1,2,3\n").unwrap();
    assert_eq!(
        closed.iter().map(|(line, _, fault)| (*line, fault.is_some())).collect::<Vec<_>>(),
        [(1, true), (2, false)]
    );
}

/// Beside a row that is refused come the rows that Python's reader finds when it lets a stray quote be a character, each of them, and no
/// other.
#[test]
fn the_rows_beside_a_refused_one_are_pythons() {
    let texts = texts();
    let Some(expected) = by_python(&texts, "lenient") else { return };
    let mut beside = 0;
    for (text, expected) in texts.iter().zip(expected) {
        let Ok(found) = read_pieces(&FileLayout::default(), text.as_bytes(), 5) else { continue };
        let Some(expected) = expected else { continue };
        assert_eq!(found.len(), expected.len(), "{text:?}: {found:?} {expected:?}");
        for ((_, cells, fault), expected) in found.iter().zip(&expected) {
            assert!(fault.is_some() || cells == expected, "{text:?}: {found:?} {expected:?}");
        }
        beside += usize::from(found.iter().any(|(.., fault)| fault.is_some()));
    }
    assert!(beside > 200, "{beside}");
}

#[test]
fn a_quote_without_end_in_a_large_file_is_named_with_its_place() {
    let mut text = b"a,b\n1,\"".to_vec();
    text.resize(MAX_RECORD_BYTES * 2, b'x');
    let mut records = Records::new(&FileLayout::default(), b',');
    let error = records.push(&text, &mut |_| Ok(())).unwrap_err().to_string();
    assert_eq!(
        error,
        "the record that begins on line 2 is longer than 4 MiB: the quote on line 2, column 3 was never closed"
    );
}

#[test]
fn other_quotes_escapes_comments_and_titles() {
    let layout = FileLayout {
        quote: b'\'',
        escape: Some(b'\\'),
        comment: Some("##".into()),
        skip_rows: 3,
        ..FileLayout::default()
    };
    let text = "a 'title\n\nof \"three\nh,i\n## no 'row\n'it\\'s','\\\\N \\N \\\n x'\n#1,\"\n";
    assert_eq!(
        rows(&layout, text),
        [row(4, ["h", "i"]), row(6, ["it's", "\\N \\N \n x"]), row(8, ["#1", "\""])]
    );
    let none = FileLayout { quoting: Quoting::None, escape: Some(b'\\'), ..FileLayout::default() };
    assert_eq!(rows(&none, "\"a\\,b,c\\\nd\ne,\\N\\"), [row(1, ["\"a,b", "c\nd"]), row(3, ["e", "\\N\\"])]);
}

/// What Python's reader makes of each text of a JSON list: rows, or null where it refuses the text.
const PYTHON: &str = r#"
import csv, io, json, sys
strict = sys.argv[1] == "strict"
def rows(text):
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=strict) if row]
    except csv.Error:
        return None
json.dump([rows(text) for text in json.load(sys.stdin)], sys.stdout)
"#;

type Cells = Vec<Vec<String>>;

fn by_python(texts: &[String], how: &str) -> Option<Vec<Option<Cells>>> {
    let python = Command::new("python3")
        .args(["-c", PYTHON, how])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        eprintln!("SKIPPED: there is no python3 to compare with");
        return None;
    };
    let mut input = python.stdin.take().unwrap();
    let json = serde_json::to_vec(texts).unwrap();
    let writing = std::thread::spawn(move || input.write_all(&json).unwrap());
    let output = python.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Every text of up to five of these characters, and longer ones by chance.
fn texts() -> Vec<String> {
    const LETTERS: [char; 5] = ['a', ',', '"', '\n', '\r'];
    let mut all = vec![String::new()];
    let mut longest = all.clone();
    for _ in 0..5 {
        longest = longest.iter().flat_map(|text| LETTERS.map(|letter| format!("{text}{letter}"))).collect();
        all.extend(longest.iter().cloned());
    }
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    // More often well-formed than not: whole cells, now and then a stray character.
    const PARTS: [&str; 12] =
        ["a", "é ", "\"x\"", "\"\"", "\"y\"\"z\"", "\",\"", "\"\r\n\"", ",", ",", "\n", "\r\n", "\""];
    for _ in 0..4000 {
        let length = next(30);
        all.push((0..length).map(|_| PARTS[next(12) as usize]).collect());
    }
    all
}

/// Same rows, or both refuse. Python is looser than RFC 4180 in one thing: a quote inside a bare cell is text to it; such rows
/// are refused here whatever it says.
#[test]
fn the_rows_are_those_of_pythons_strict_reader() {
    let texts = texts();
    let Some(expected) = by_python(&texts, "strict") else { return };
    let (mut same, mut refused, mut looser) = (0, 0, 0);
    for (text, expected) in texts.iter().zip(expected) {
        let (mut rows, mut faults): (Cells, Vec<String>) = Default::default();
        let mut take = |record: Record<'_>| {
            faults.extend(record.fault());
            rows.push(record.cells().map(|(cell, _)| String::from_utf8(cell.to_vec()).unwrap()).collect());
            Ok(())
        };
        let mut records = Records::new(&FileLayout::default(), b',');
        let ours = text
            .as_bytes()
            .chunks(7)
            .try_for_each(|piece| records.push(piece, &mut take))
            .and_then(|()| records.finish(&mut take));
        if ours.is_err() || !faults.is_empty() {
            let error = ours.as_ref().err().map(ToString::to_string).unwrap_or_default();
            let stray = faults.iter().any(|fault| fault.contains(STRAY)) || error.contains(STRAY);
            assert!(stray || expected.is_none(), "{text:?}: {faults:?} {error}, Python has {expected:?}");
            if expected.is_none() {
                refused += 1
            } else {
                looser += 1
            }
            continue;
        }
        assert_eq!(Some(rows), expected, "{text:?}");
        same += 1;
    }
    assert!(same > 2000 && refused > 500 && looser > 50, "{same} same, {refused} refused, {looser} looser");
}
