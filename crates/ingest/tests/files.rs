//! Files as people have them: how they are packed, encoded and laid out, what comes from their names, and what is refused.

use crate::support;

use crate::support::{bzip2, contract, gzip, land, landed, parsed, refused, utf16, zip, zstd};
use quotelake_core::ErrorKind;

const PLAIN: &str = "{\"dataset\":\"t\",\"id\":\"1\",\"s\":\"x\"}\n";

#[tokio::test]
async fn a_quote_that_is_never_closed_rejects_the_file() {
    let contract = contract("", "id,s");
    for (text, says) in [
        ("id,s\n1,\"open\n2,ok\n3,ok\n", "the quote on line 2, column 3 is never closed"),
        (
            "id,s\n1,\"open\n2,ok\n3,\"also open\n4,ok\n",
            "the quote on line 2, column 3 opens a cell of several lines, and on line 4, column 4 text follows a \
             closing quote",
        ),
    ] {
        let error = refused(&contract, "a.csv", text).await;
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test]
async fn a_stray_quote_costs_its_row_unless_the_contract_is_lenient() {
    let text = "id,s\n1,5\" pipe\n2,\"5\" pipe\"\n3,\"a\"b,c\"\n4,ok\n";
    let (report, lines) = land(&contract("", "id,s"), "a.csv", text).await.unwrap();
    assert_eq!((report.rows, report.unreadable), (4, 3));
    let wanted = [
        "{\"ingest_origin\":{\"file\":\"a.csv\",\"line\":2}}",
        "{\"ingest_fault\":{\"detail\":\"line 2: column 4: a quote is inside a cell that does not begin with one\",\
         \"raw\":\"1,5\\\" pipe\",\"reason\":\"stray_quote\"}}",
        "{\"ingest_fault\":{\"detail\":\"line 3: column 6: text follows a closing quote\",\
         \"raw\":\"2,\\\"5\\\" pipe\\\"\",\"reason\":\"stray_quote\"}}",
        "{\"ingest_fault\":{\"detail\":\"line 4: column 6: text follows a closing quote\",\
         \"raw\":\"3,\\\"a\\\"b,c\\\"\",\"reason\":\"stray_quote\"}}",
        "{\"dataset\":\"t\",\"id\":\"4\",\"s\":\"ok\"}",
    ];
    assert_eq!(lines.lines().collect::<Vec<_>>(), wanted);
    let lenient = contract("{property: quoting, value: lenient}", "id,s");
    let rows = landed(&lenient, "a.csv", "id,s\n1,5\" pipe\n2,\"5\" pipe\"\n4,ok\n").await;
    assert!(rows.contains("\"s\":\"5\\\" pipe\"") && rows.contains("\"s\":\"5 pipe\\\"\""), "{rows}");
    let none = contract("{property: quoting, value: none}", "id,s");
    assert!(landed(&none, "a.csv", "id,s\n1,\"open\n").await.contains("\"s\":\"\\\"open\""));
}

#[tokio::test]
async fn text_of_windows_1252_is_not_taken_for_latin_1() {
    let bytes = b"id,s\n1,\x80 \x93smart\x94 \x96 \xe9\n2,\xe9\n".as_slice();
    let latin = contract("{property: csvEncoding, value: iso-8859-1}", "id,s");
    let (report, lines) = land(&latin, "a.csv", bytes).await.unwrap();
    assert_eq!((report.rows, report.unreadable), (2, 1));
    let says = "line 2: column \\\"s\\\" holds byte 0x80, a control character in iso-8859-1; in windows-1252 it is \\\"€\\\"";
    assert!(lines.contains(says) && lines.contains("\"id\":\"2\",\"s\":\"é\""), "{lines}");
    let windows = contract("{property: csvEncoding, value: windows-1252}", "id,s");
    assert!(landed(&windows, "a.csv", bytes).await.contains("\"s\":\"€ “smart” – é\""));
    // Five bytes are no character of windows-1252.
    let (report, lines) = land(&windows, "a.csv", b"id,s\n1,\x81\n".as_slice()).await.unwrap();
    assert_eq!(report.unreadable, 1);
    assert!(lines.contains("holds byte 0x81, a control character in windows-1252"), "{lines}");
    let utf8 = contract("", "id,s");
    assert_eq!(land(&utf8, "a.csv", bytes).await.unwrap().0.unreadable, 2);
}

#[tokio::test]
async fn utf_16_with_and_without_a_mark() {
    let text = "id,s\r\n1,é€😀\r\n";
    let row = "{\"dataset\":\"t\",\"id\":\"1\",\"s\":\"é€😀\"}\n";
    let plain = contract("", "id,s");
    assert_eq!(landed(&plain, "a.csv", utf16(text, true, true)).await, row);
    assert_eq!(landed(&plain, "a.csv", utf16(text, false, true)).await, row);
    assert_eq!(landed(&plain, "a.csv.gz", gzip(&utf16(text, false, true))).await, row);
    let little = contract("{property: csvEncoding, value: utf-16le}", "id,s");
    assert_eq!(landed(&little, "a.csv", utf16(text, false, false)).await, row);
    let any = contract("{property: csvEncoding, value: utf-16}", "id,s");
    assert!(refused(&any, "a.csv", utf16(text, false, false)).await.contains("has no byte order mark"));
    let error = refused(&plain, "a.csv", utf16(text, false, false)).await;
    assert!(error.contains("It holds NUL bytes, as UTF-16 does"), "{error}");
    let windows = contract("{property: csvEncoding, value: windows-1252}", "id,s");
    let error = refused(&windows, "a.csv", "\u{feff}id,s\n1,x\n").await;
    assert!(error.contains("begins with the byte order mark of UTF-8, and the contract says"), "{error}");
    // Half of a character at the end, and a surrogate without its other half.
    let mut cut = utf16("id,s\n1,x\n2,y", false, true);
    cut.push(0x41);
    assert_eq!(land(&plain, "a.csv", cut).await.unwrap().0.unreadable, 1);
}

/// U+FFFD and U+0085 are characters that a file may hold; bytes that are no text are told by the decoder, and not by what came of them.
#[tokio::test]
async fn what_is_no_text_is_told_by_the_bytes() {
    let text = "id,s\na\u{fffd},x\u{85}y\n";
    let row = "{\"dataset\":\"t\",\"id\":\"a\u{fffd}\",\"s\":\"x\u{85}y\"}\n";
    assert_eq!(landed(&contract("", "id,s"), "a.csv", text).await, row);
    for (encoding, big, mark) in
        [("", false, true), ("", true, true), ("utf-16le", false, false), ("utf-16be", true, false)]
    {
        let said = if encoding.is_empty() {
            String::new()
        } else {
            format!("{{property: csvEncoding, value: {encoding}}}")
        };
        assert_eq!(
            landed(&contract(&said, "id,s"), "a.csv", utf16(text, big, mark)).await,
            row,
            "{encoding} {big}"
        );
    }
    // Half of a surrogate pair between two good rows, and half of a character at the end.
    let mut broken = utf16("id,s\na,x\nb,", false, true);
    broken.extend([0x00, 0xd8]);
    broken.extend(utf16("\nc,z\n", false, false));
    let (report, lines) = land(&contract("", "id,s"), "a.csv", broken).await.unwrap();
    assert_eq!((report.rows, report.unreadable), (3, 1), "{lines}");
    assert!(lines.contains("holds bytes that are no text in utf-16le"), "{lines}");
    let mut cut = utf16("id,s\na,x\nb,y", false, true);
    cut.push(0x41);
    let (report, _) = land(&contract("", "id,s"), "a.csv", cut).await.unwrap();
    assert_eq!((report.rows, report.unreadable), (2, 1));
    let shift_jis = [b"id,s\na,\x82\xa0\nb,".as_slice(), b"\x82\n"].concat();
    let (report, lines) =
        land(&contract("{property: csvEncoding, value: shift_jis}", "id,s"), "a.csv", shift_jis)
            .await
            .unwrap();
    assert_eq!((report.rows, report.unreadable), (2, 1), "{lines}");
    assert!(lines.contains("\u{3042}") && lines.contains("no text in shift_jis"), "{lines}");
}

/// What tells rows without a key apart is what a file holds, however it is packed and called.
#[tokio::test]
async fn packed_again_a_file_is_the_same_file() {
    let keyless = "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: t\n    customProperties: [{property: key, value: none}, {property: partitionBy, value: none}]\n    properties:\n      - {name: s, logicalType: string, physicalType: string}\n";
    let contracts = parsed(keyless);
    let text = b"s\nx\ny\nx\n".as_slice();
    let plain = landed(&contracts, "a.csv", text).await;
    let sha256 = quotelake_core::sha256_hex(text);
    assert!(plain.contains(&format!("\"file_sha256\":\"{sha256}\",\"file_row\":3")), "{plain}");
    let mut named =
        flate2::GzBuilder::new().filename("old.csv").mtime(7).write(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut named, text).unwrap();
    for (name, bytes) in [
        ("b.csv.gz", gzip(text)),
        ("c.csv.gz", named.finish().unwrap()),
        ("d.csv.zst", zstd(text)),
        ("e.csv.bz2", bzip2(text)),
        ("f.zip", zip(&[("f.csv", text, true)])),
        ("g.zip", zip(&[("g.csv", text, false)])),
    ] {
        assert_eq!(landed(&contracts, name, bytes).await, plain, "{name}");
    }
    // The frames that pzstd and others put before the text, and between.
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(text)].concat();
    assert_eq!(landed(&contracts, "h.csv.zst", skippable).await, plain);
    let empty = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    assert!(refused(&contracts, "i.zip", empty).await.contains("holds no file"));
}

/// `1.234` is a thousand and a bit more than one in a contract that says nothing of numbers as in any other.
#[tokio::test]
async fn plain_numbers_that_may_be_grouped_are_said() {
    let numbers = "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: t\n    customProperties: [{property: partitionBy, value: none}]\n    properties:\n      - {name: id, logicalType: string, physicalType: string, required: true, primaryKey: true}\n      - {name: n, logicalType: number, physicalType: \"decimal(18,3)\"}\n";
    let contracts = parsed(numbers);
    for (cells, says) in [
        (
            &["4.371", "1.403", "12.500"][..],
            Some("all 3 texts that 1234.56 and 1.234,56 read differently fit both"),
        ),
        (&["4.371", "7"], Some("all 1 texts")),
        (&["4.371", "1.5"], None),
        (&["4.371", "0.500"], None),
        (&["4.371", "1234.5"], None),
        (&["1", "22"], None),
        (&["1.234,50", "4.371", "9.000,00"], Some("is the file in 1.234,56?")),
    ] {
        let rows: String = cells.iter().enumerate().map(|(id, cell)| format!("{id};{cell}\n")).collect();
        let layout = numbers.replace(
            "[{property: partitionBy",
            "[{property: csvDelimiter, value: \";\"}, {property: partitionBy",
        );
        let contracts =
            if cells.iter().any(|cell| cell.contains(',')) { parsed(&layout) } else { contracts.clone() };
        let text = format!("id;n\n{rows}");
        let text = if cells.iter().any(|cell| cell.contains(',')) { text } else { text.replace(';', ",") };
        let (report, lines) = land(&contracts, "a.csv", text).await.unwrap();
        match says {
            None => assert_eq!(report.notes, [""; 0], "{cells:?}"),
            Some(says) => assert!(
                report.notes.len() == 1 && report.notes[0].contains(says),
                "{cells:?}: {:?}",
                report.notes
            ),
        }
        // In a file whose other texts are in the other format a text that fits both is refused where it lies among theirs.
        assert_eq!(
            lines.contains("and none that only 1234.56 fits"),
            cells.len() == 3 && cells[0].contains(','),
            "{lines}"
        );
    }
}

/// Lines inside a cell that look like rows may be rows that a quote joined: RFC 4180 has nothing against them, so it is said.
#[tokio::test]
async fn lines_in_a_cell_that_look_like_rows_are_said() {
    let contracts = contract("", "id,d,s");
    let joined = "id,d,s\n1,x,\"open\n2,x,ok\n3,x,closing\"\n4,x,x\n";
    let (report, _) = land(&contracts, "a.csv", joined).await.unwrap();
    assert_eq!(report.rows, 2);
    assert!(report.notes[0].starts_with("2 lines are inside cells in quotes"), "{:?}", report.notes);
    let address = "id,d,s\n1,x,\"a street\na town, a country\"\n2,x,x\n";
    assert_eq!(land(&contracts, "a.csv", address).await.unwrap().0.notes, [""; 0]);
}

#[tokio::test]
async fn a_header_that_does_not_fit_is_named_in_one_line() {
    let wide: Vec<String> = (0..10_000).map(|column| format!("c{column}")).collect();
    let error = refused(&contract("", "id,s"), "a.csv", format!("{}\n", wide.join(","))).await;
    assert!(error.len() < 400 && error.contains("\"c9\" and 9990 more"), "{error}");
}

#[tokio::test]
async fn packed_files_are_read_by_their_bytes() {
    let contract = contract("", "id,s");
    let text = b"id,s\n1,x\n";
    for (name, bytes) in [
        ("a.csv", text.to_vec()),
        ("a.csv.gz", gzip(text)),
        ("a.csv", gzip(text)),
        ("a.csv.zst", zstd(text)),
        ("a.csv.zst", [zstd(b"id,s\n"), zstd(b"1,x\n")].concat()),
        ("a.csv.bz2", bzip2(text)),
        ("a.csv.bz2", [bzip2(b"id,s\n"), bzip2(b"1,x\n")].concat()),
        ("a.csv.zip", zip(&[("a.csv", text, true)])),
        ("a.zip", zip(&[("__MACOSX/._a.csv", b"x", false), ("folder/", b"", false), ("a.csv", text, false)])),
        ("a.tsv", b"id\ts\n1\tx\n".to_vec()),
        ("a.zip", zip(&[("a.tab", b"id\ts\n1\tx\n", true)])),
    ] {
        assert_eq!(landed(&contract, name, bytes).await, PLAIN, "{name}");
    }
}

#[tokio::test]
async fn packed_files_that_are_cut_or_hold_something_else_are_refused() {
    let contract = contract("", "id,s");
    let text: Vec<u8> = (0..20_000)
        .flat_map(|n: u32| format!("{n},{}\n", n.wrapping_mul(2_654_435_761)).into_bytes())
        .collect();
    let text = [b"id,s\n".to_vec(), text].concat();
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let mut damaged = zip(&[("a.csv", &text, true)]);
    damaged[200] ^= 0x55;
    for (name, bytes, says) in [
        ("a.csv.gz", half(gzip(&text)), "gzip cannot be read to its end"),
        ("a.csv.zst", half(zstd(&text)), "zstd cannot be read to its end"),
        ("a.csv.bz2", half(bzip2(&text)), "bzip2 cannot be read to its end"),
        ("a.csv.zip", half(zip(&[("a.csv", &text, true)])), "zip cannot be read to its end"),
        ("a.csv.zip", damaged, "zip cannot be read to its end"),
        (
            "a.zip",
            zip(&[("a.csv", &text, true), ("b.csv", &text, true)]),
            "zip holds 2 files (a.csv, b.csv); wanted is one",
        ),
        (
            "a.zip",
            zip(&[("readme.pdf", b"x", false)]),
            "the name \"readme.pdf\" does not say what kind of file it is",
        ),
        (
            "a.csv",
            zip(&[("[Content_Types].xml", b"", false), ("xl/workbook.xml", b"", false)]),
            "is a workbook of Excel",
        ),
        ("a.xlsx", b"id,s\n".to_vec(), "is no workbook that can be read"),
    ] {
        let error = refused(&contract, name, bytes).await;
        assert!(error.contains(says), "{name}: {error}");
    }
}

#[tokio::test]
async fn what_unpacks_to_a_gigabyte_is_read_in_pieces() {
    let contract = contract("", "id,s");
    // One row of 64 MiB: no piece is larger than a megabyte, and the row is given up after four.
    let bomb = [b"id,s\n".to_vec(), vec![b'x'; 64 << 20]].concat();
    for (name, bytes) in
        [("a.csv.gz", gzip(&bomb)), ("a.csv.zst", zstd(&bomb)), ("a.csv.zip", zip(&[("a.csv", &bomb, true)]))]
    {
        assert!(bytes.len() < 1 << 20, "{name}: {}", bytes.len());
        let error = refused(&contract, name, bytes).await;
        assert!(error.contains("the record that begins on line 2 is longer than 4 MiB"), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_txt_is_what_the_contract_says() {
    let error = refused(&contract("", "id,s"), "a.txt", "id,s\n1,x\n").await;
    assert!(error.contains("the name \"a.txt\" does not say what kind of file it is"), "{error}");
    let csv = contract("{property: fileFormat, value: csv}", "id,s");
    assert_eq!(landed(&csv, "a.txt", "id,s\n1,x\n").await, PLAIN);
}

#[tokio::test]
async fn titles_comments_headers_and_footers() {
    let spread = "{property: skipRows, value: 2}, {property: comment, value: '#'}, {property: headerRows, value: 2},\
                  {property: footerRows, value: 1}, {property: footerText, value: Total}";
    let text = "Report \"of\n\n#\nid,s\n,of it\n1,x\n# no\n2,y\nTotal,2\nmade by,hand\n";
    let header = contract(spread, "id,s of it");
    let (report, lines) = land(&header, "a.csv", text).await.unwrap();
    // Of the two rows before the total one more is held to be the footer.
    assert_eq!(report.rows, 1, "{lines}");
    let total = spread
        .replace(", {property: footerRows, value: 1}", "")
        .replace("{property: footerRows, value: 1}, ", "");
    let (report, lines) = land(&contract(&total, "id,s of it"), "a.csv", text).await.unwrap();
    assert_eq!(report.rows, 2);
    // The second row is on line 8: line 7 is a comment.
    assert_eq!(lines.matches("ingest_origin").count(), 2, "{lines}");
    assert!(lines.contains("{\"file\":\"a.csv\",\"line\":8}"), "{lines}");
    let last = contract("{property: headerRows, value: 2}, {property: headerFrom, value: last}", "id,s");
    assert_eq!(landed(&last, "a.csv", "Price,AAPL\nid,s\n1,x\n").await, PLAIN);
    let none = contract("{property: headerRows, value: 0}", "id,s");
    assert_eq!(landed(&none, "a.csv", "1,x\n").await, PLAIN);
    let (report, lines) = land(&none, "a.csv", "1,x,y\n").await.unwrap();
    assert_eq!(report.unreadable, 1);
    assert!(lines.contains("line 1: has 3 fields, the contract has 2"), "{lines}");
    assert_eq!(land(&none, "a.csv", "").await.unwrap().0.rows, 0);
    assert!(refused(&last, "a.csv", "id,s\n").await.contains("ends in its header: 1 of 2 rows"));
}

#[tokio::test]
async fn columns_more_and_fewer() {
    let strict = contract("", "id,s,t");
    let error = refused(&strict, "a.csv", "id,s,u\n1,x,y\n").await;
    assert!(error.contains("lacks \"t\"; has unknown \"u\""), "{error}");
    let loose = contract(
        "{property: extraColumns, value: ignore}, {property: optionalColumns, value: [t]}",
        "id,s,t",
    );
    let rows = landed(&loose, "a.csv", "u,id,,s,\n9,1,,x,\n").await;
    assert_eq!(rows, PLAIN);
    assert!(refused(&loose, "a.csv", "id,id,s\n").await.contains("has twice \"id\""));
    let hint = refused(&strict, "a.csv", "id;s;t\n1;x;y\n").await;
    assert!(hint.contains("It holds semicolons: say `csvDelimiter: \";\"`"), "{hint}");
}

#[tokio::test]
async fn columns_from_outside_the_file() {
    let outside = "{property: constants, value: {s: 'x'}}, {property: fileName, value: '{id:upper}_*.csv'}";
    let contract = contract(outside, "id,s,t");
    let rows = landed(&contract, "aapl_2026.csv.gz", gzip(b"t\ny\n")).await;
    assert_eq!(rows, "{\"dataset\":\"t\",\"id\":\"AAPL\",\"s\":\"x\",\"t\":\"y\"}\n");
    let rows = landed(&contract, "aapl_2026.ndjson", "{\"t\":\"y\"}\n\n{}\n").await;
    assert_eq!(rows, "{\"id\":\"AAPL\",\"s\":\"x\",\"t\":\"y\"}\n{\"id\":\"AAPL\",\"s\":\"x\"}\n");
    let error = refused(&contract, "aapl.csv", "t\ny\n").await;
    assert!(error.contains("file name \"aapl.csv\" does not fit \"{id:upper}_*.csv\""), "{error}");
    let error = refused(&contract, "a_b.csv", "id,t\n1,y\n").await;
    assert!(
        error.contains("has, though the contract or an option sets them from outside, \"id\""),
        "{error}"
    );
    // One content under two names is two sets of rows.
    let (first, _) = land(&contract, "a_.csv", "t\ny\n").await.unwrap();
    let (second, _) = land(&contract, "b_.csv", "t\ny\n").await.unwrap();
    assert_ne!(first.landing_keys[0].rsplit('-').next(), second.landing_keys[0].rsplit('-').next());
}

#[tokio::test]
async fn a_value_from_outside_that_does_not_fit_its_column_refuses_the_file() {
    let yaml = support::yaml("{property: constants, value: {n: 'five'}}", "id,s").replace(
        "      - {name: month",
        "      - {name: n, logicalType: integer, physicalType: int}\n      - {name: month",
    );
    let error = refused(&support::parsed(&yaml), "a.csv", "id,s\n1,x\n").await;
    assert!(error.contains("column \"n\", set for the whole file: \"five\""), "{error}");
}

#[tokio::test]
async fn empty_cells_with_and_without_quotes() {
    let text = "id,s\n1,\"\"\n2,\n";
    let missing = contract("", "id,s");
    assert_eq!(landed(&missing, "a.csv", text).await.matches("\"s\":null").count(), 2);
    let kept = contract("{property: quotedEmpty, value: text}", "id,s");
    let rows = landed(&kept, "a.csv", text).await;
    assert!(rows.contains("\"s\":\"\"}") && rows.contains("\"s\":null}"), "{rows}");
}

#[tokio::test]
async fn lines_of_json_are_taken_as_they_stand() {
    let contract = contract("", "id,s");
    let text = "{\"id\":\"1\",\"s\":\"x\"}\n\n{\"id\":\"2\"}\r\nno json\n";
    let (report, lines) = land(&contract, "a.ndjson", text).await.unwrap();
    assert_eq!(report.rows, 3);
    let wanted = "{\"ingest_origin\":{\"file\":\"a.ndjson\",\"line\":1}}\n{\"id\":\"1\",\"s\":\"x\"}\n\
                  {\"ingest_origin\":{\"file\":\"a.ndjson\",\"line\":3}}\n{\"id\":\"2\"}\nno json\n";
    assert_eq!(lines, wanted);
    let long = vec![b'x'; 5 << 20];
    assert!(refused(&contract, "a.jsonl", long).await.contains("line 1 is longer than 4 MiB"));
}

#[tokio::test]
async fn an_unknown_dataset_is_not_found() {
    let error = land(&contract("", "id,s"), "../x/a.csv", "").await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Unavailable);
}
