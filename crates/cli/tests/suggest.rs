//! `quotelake contract suggest` and `contract lint`: what is proposed of files, and that the files load by it.

use std::path::Path;
use std::process::Command;

use crate::common::proposals::{World, column};
use quotelake_cli::contract_lint::lint;
use quotelake_cli::suggest::propose;
use serde_json::Value;

/// One column of values beside an id, and what is proposed of it.
fn of_values(values: &[&str]) -> (String, String) {
    let mut text = "id,value\n".to_owned();
    for (id, value) in values.iter().enumerate() {
        let value = if value.contains([',', '"']) {
            format!("\"{}\"", value.replace('"', "\"\""))
        } else {
            (*value).to_owned()
        };
        text.push_str(&format!("k{id},{value}\n"));
    }
    let proposal = World::new().propose("things.csv", text).unwrap();
    assert_eq!(proposal.rows, values.len() as u64);
    column(&proposal, "value")
}

#[test]
fn types_are_what_all_values_are() {
    // values, what the column has, what the comment says
    let cases: &[(&[&str], &str, &str)] = &[
        (&["1", "22", "-333"], "physicalType: bigint, required: true", "whole numbers of up to 3 digits"),
        (&["1", "", "3"], "physicalType: bigint, description", "1 of 3 rows have no value"),
        (&["007", "123", "456"], "physicalType: string, required: true", "some begin with 0, such as 007"),
        (
            &["1.5", "2.25", "-10"],
            "physicalType: \"decimal(18,4)\", required: true",
            "2 digits before and 2 behind the point; 4 behind it are kept, more are refused",
        ),
        (&["123456789012345678901", "1"], "physicalType: \"decimal(38,0)\"", "21 digits"),
        (&["1234567890123456789012345678901234567890", "1"], "physicalType: string", "40 of them"),
        (&["1.5e-7", "2"], "physicalType: double", "exponent"),
        (&["true", "false", "true"], "physicalType: boolean", "true and false"),
        (&["0", "1", "1"], "physicalType: bigint", "if they mean no and yes"),
        (&["2024-03-04", "2024-03-05"], "physicalType: date, required: true", "dates, yyyy-mm-dd"),
        (&["13/03/2024", "01/02/2024"], "dateFormat, value: \"%d/%m/%Y\"", "dates, dd/mm/yyyy"),
        (&["03/13/2024", "01/02/2024"], "dateFormat, value: \"%m/%d/%Y\"", "dates, mm/dd/yyyy"),
        (
            &["03/04/2024", "01/02/2024"],
            "physicalType: string",
            "AMBIGUOUS: every value fits dd/mm/yyyy (\"%d/%m/%Y\") and mm/dd/yyyy",
        ),
        (&["04-Mar-2024", "05-Mar-2024"], "dateFormat, value: \"%d-%b-%Y\"", "dd-Mon-yyyy"),
        (&["20240304", "20240305"], "physicalType: bigint", "a day written as yyyymmdd"),
        (
            &["2024-03-04T09:30:00Z", "2024-03-04T09:31:00.5+01:00"],
            "physicalType: timestamp, required: true",
            "instants, such as 2024-03-04T09:30:00Z",
        ),
        (
            &["2024-03-04 09:30:00", "2024-03-05 09:30:00"],
            "timezone, value: UTC",
            "AMBIGUOUS: no value names a zone",
        ),
        (&["1", "N/A", "3"], "nullTexts, value: [\"N/A\"]", "stands for a missing value"),
        (&["red", "NULL", "blue"], "physicalType: string, required: true", "\"NULL\" is kept as text"),
        (&["a, b", "c \"d\"", "é"], "physicalType: string, required: true", "text of 1 to 5 characters"),
        (&["", "", ""], "physicalType: string, description", "no row has a value: the type is unknown"),
        (&["1", "x", "2024-03-04"], "physicalType: string, required: true", "text of 1 to 10 characters"),
        (&["1,234", "5,678"], "physicalType: string", "AMBIGUOUS: 1,234 is a number in two ways"),
        (
            &["2024-03-04", "0000-00-00"],
            "placeholderDates, value: [\"0000-00-00\"]",
            "1 of 2 rows have no value",
        ),
        (
            &["2024-03-04", "9999-12-31"],
            "physicalType: date, required: true",
            "some are 9999-12-31; if that stands for no date",
        ),
        (&["+5", "6"], "physicalType: string", "text"),
    ];
    for (values, has, says) in cases {
        let (comments, column) = of_values(values);
        assert!(column.contains(has), "{values:?}: {column}\n{comments}");
        assert!(comments.contains(says), "{values:?}: {column}\n{comments}");
    }
}

#[test]
fn what_one_column_decides_holds_for_the_file() {
    let proposal = World::new()
        .propose("orders.csv", "id,ordered,sent\n1,03/04/2024,13/04/2024\n2,01/02/2024,02/02/2024\n")
        .unwrap();
    let (comments, ordered) = column(&proposal, "ordered");
    assert!(ordered.contains("dateFormat, value: \"%d/%m/%Y\""), "{ordered}");
    assert!(comments.contains("column \"sent\" decides"), "{comments}");
}

#[test]
fn keys_are_the_smallest_sets() {
    let propose = |text: &str| World::new().propose("rows.csv", text).unwrap();
    let one = propose("amount,order_id,day\n5,1,2024-03-01\n5,2,2024-03-01\n");
    assert!(column(&one, "order_id").1.contains("primaryKey: true, primaryKeyPosition: 1"));
    assert!(one.contract.contains("# Key: order_id: no two rows share it"), "{}", one.contract);
    let two = propose("symbol,day,price\nA,2024-03-01,5\nA,2024-03-02,5\nB,2024-03-01,5\nB,2024-03-02,5\n");
    assert!(
        column(&two, "symbol").1.contains("primaryKeyPosition: 1")
            && column(&two, "day").1.contains("primaryKeyPosition: 2")
    );
    assert!(two.contract.contains("transformLogic: \"strftime(day, '%Y-%m')\""), "{}", two.contract);
    let either = propose("id,code,day\n1,x,2024-03-01\n2,y,2024-03-01\n");
    assert!(either.contract.contains("# Key: AMBIGUOUS: so do code"), "{}", either.contract);
}

#[test]
fn headers_become_names() {
    let proposal = World::new()
        .propose(
            "Minhas Vendas 2024.csv",
            "Código;Preço Unitário;dataset;Data\n1;12,50;x;2024-03-01\n2;7,25;y;2024-03-02\n",
        )
        .unwrap();
    assert_eq!(proposal.dataset, "minhas_vendas_2024");
    assert!(proposal.contract.contains("{property: csvDelimiter, value: \";\"}"));
    assert!(column(&proposal, "codigo").1.contains("physicalName: \"Código\""));
    assert!(column(&proposal, "preco_unitario").1.contains("numberFormat, value: pt-BR"));
    assert!(column(&proposal, "dataset_value").1.contains("physicalName: \"dataset\""));
}

#[test]
fn bytes_that_are_no_utf_8() {
    let proposal = World::new().propose("a.csv", b"id;nome\n1;L\xe1pis\n2;Ma\xe7\xe3\n").unwrap();
    assert!(
        proposal.contract.contains("{property: csvEncoding, value: iso-8859-1}"),
        "{}",
        proposal.contract
    );
    assert!(proposal.contract.contains("read as iso-8859-1, look at the accents"));
    assert!(proposal.ruleset.contains("# Proposed from 2 rows."), "{}", proposal.ruleset);
    let proposal = World::new().propose("a.csv", b"id;price\n1;\x80 5\n").unwrap();
    assert!(proposal.contract.contains("{property: csvEncoding, value: windows-1252}"));
}

/// Made by openpyxl: a text, a date, a number, a truth value and a note that one row lacks.
#[test]
fn a_workbook() {
    let proposal = World::new().propose("trades.xlsx", include_bytes!("fixtures/trades.xlsx")).unwrap();
    assert_eq!(proposal.rows, 3);
    assert!(column(&proposal, "traded_on").1.contains("physicalType: date, required: true"));
    assert!(column(&proposal, "price").1.contains("physicalType: \"decimal(18,4)\", required: true"));
    assert!(column(&proposal, "settled").1.contains("physicalType: boolean, required: true"));
    assert!(!column(&proposal, "note").1.contains("required"));
    assert!(proposal.ruleset.contains("# Proposed from 3 rows."), "{}", proposal.ruleset);
}

#[test]
fn lines_of_json() {
    let text = "{\"orderId\":1,\"name\":\"a\",\"price\":1.50,\"ok\":true,\"at\":\"2024-03-04T00:00:00Z\",\"tags\":[1]}\n{\"orderId\":2,\"name\":null,\"price\":2,\"ok\":false,\"at\":\"2024-03-05T00:00:00Z\",\"late\":\"007\"}\n";
    let proposal = World::new().propose("things.ndjson", text).unwrap();
    assert!(column(&proposal, "order_id").1.contains("physicalName: \"orderId\", logicalType: integer, physicalType: bigint, required: true, primaryKey: true"));
    assert!(column(&proposal, "price").1.contains("decimal(18,4)"));
    assert!(column(&proposal, "ok").1.contains("physicalType: boolean"));
    assert!(column(&proposal, "name").1.contains("physicalType: string, description"));
    assert!(column(&proposal, "late").1.contains("physicalType: string"));
    assert!(
        proposal.contract.contains("# Seen: member \"tags\" holds lists or objects"),
        "{}",
        proposal.contract
    );
}

#[test]
fn parquet() {
    use arrow::array::{
        ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    };
    let at = TimestampMicrosecondArray::from(vec![1_709_539_200_000_000, 1_709_539_200_123_000])
        .with_timezone("UTC");
    let columns: [(&str, ArrayRef); 6] = [
        ("Trade Id", std::sync::Arc::new(Int64Array::from(vec![1, 2]))),
        ("day", std::sync::Arc::new(Date32Array::from(vec![19_786, 19_787]))),
        ("at", std::sync::Arc::new(at)),
        (
            "price",
            std::sync::Arc::new(
                Decimal128Array::from(vec![Some(1050), None]).with_precision_and_scale(10, 2).unwrap(),
            ),
        ),
        ("ratio", std::sync::Arc::new(Float64Array::from(vec![0.5, 1.0]))),
        ("name", std::sync::Arc::new(StringArray::from(vec!["007", "x"]))),
    ];
    let batch = arrow::array::RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let proposal = World::new().propose("trades.parquet", bytes).unwrap();
    assert_eq!(proposal.rows, 2);
    assert!(column(&proposal, "trade_id").1.contains(
        "physicalName: \"Trade Id\", logicalType: integer, physicalType: bigint, required: true, primaryKey"
    ));
    assert!(column(&proposal, "day").1.contains("physicalType: date, required: true"));
    assert!(column(&proposal, "at").1.contains("physicalType: timestamp, required: true"));
    assert!(!proposal.contract.contains("is left out"), "{}", proposal.contract);
    assert!(column(&proposal, "price").1.contains("\"decimal(18,4)\", description"));
    assert!(column(&proposal, "ratio").1.contains("physicalType: double"));
    assert!(column(&proposal, "name").1.contains("physicalType: string"));
}

#[test]
fn a_table_is_found_among_other_rows() {
    let table = "id,name,price\n1,red,1.50\n2,blue,2.25\n3,green,10.00\n";
    for (text, has) in [
        (format!("Sales of the year\nprinted on 2026-03-04\n\n{table}"), "{property: skipRows, value: 3}"),
        (format!("Sales,,\n{table}"), "{property: skipRows, value: 1}"),
        (format!("{table}Total,,13.75\n"), "{property: footerText, value: \"Total\"}"),
        (format!("{table}(3 rows)\n"), "{property: footerRows, value: 1}"),
        (format!("# made by a program\n{table}"), "{property: comment, value: \"#\"}"),
        (table.replace("1,red", "EUR,,EUR\n1,red"), "{property: headerRows, value: 2}"),
        (table.replace("red", "\"5\\\" red\""), "{property: escape, value: \"\\\\\"}"),
        (table.replace("red", "5\" red"), "{property: quoting, value: lenient}"),
    ] {
        let proposal = World::new().propose("a.csv", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!((proposal.rows, proposal.set_aside), (3, 0), "{text}");
        assert!(proposal.contract.contains(has), "{text}\n{}", proposal.contract);
        assert!(column(&proposal, "price").1.contains("decimal"), "{text}\n{}", proposal.contract);
    }
    // By their place: values alone, and names that are there twice.
    for text in
        ["1,red,1.50\n2,blue,2.25\n3,green,10.00\n", "x,x,x\n1,red,1.50\n2,blue,2.25\n3,green,10.00\n"]
    {
        let proposal = World::new().propose("a.csv", text).unwrap();
        assert_eq!((proposal.rows, proposal.set_aside), (3, 0), "{text}");
        assert!(proposal.contract.contains("{property: headerRows, value: 0}"), "{}", proposal.contract);
        assert!(proposal.contract.contains("AMBIGUOUS"), "{}", proposal.contract);
    }
    // A row that was cut off is a row.
    let cut = World::new().propose("a.csv", format!("{table}4,wh\n")).unwrap();
    assert_eq!((cut.rows, cut.set_aside), (3, 1), "{}", cut.contract);
}

#[test]
fn what_cannot_be_proposed_is_said() {
    let said = |name: &str, text: &str| World::new().propose(name, text).unwrap_err();
    assert!(said("a.csv", "").contains("is empty: there is no header"));
    assert!(said("a.csv", "x,y\n").contains("there are no rows to look at"));
    assert!(said("a.ndjson", "[1]\n").contains("line 1 is no JSON object"));
    let world = World::new();
    let files = [world.file("a.csv", "x,d\n1,2024-03-01\n"), world.file("b.csv", "x,e\n1,2024-03-01\n")];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(propose(&files, None)).unwrap_err().to_string();
    assert!(error.contains("b.csv: its columns are x, e; those of the first file are x, d"), "{error}");
}

fn quotelake(args: &[&str]) -> (i32, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake")).args(args).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null), stderr)
}

#[test]
fn the_projects_samples_load_by_what_is_proposed_of_them() {
    for sample in ["orders.csv", "reviews.csv", "shipments.csv"] {
        let world = World::new();
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../samples/csv")
            .join(sample)
            .display()
            .to_string();
        let out = world.0.path().join("contract.yaml").display().to_string();
        let lake = world.0.path().join("lake").display().to_string();
        let (code, proposal, stderr) =
            quotelake(&["contract", "suggest", "--json", "--out", &out, "--dataset", "proposed", &file]);
        assert_eq!(code, 0, "{sample}: {stderr}");
        let (code, loaded, stderr) = quotelake(&[
            "load",
            "--json",
            "--lake",
            &lake,
            "--dataset",
            "proposed",
            "--contract",
            &out,
            &file,
        ]);
        // A row with more or fewer cells than the header is no row of any contract.
        let code_wanted = if proposal["set_aside"] == 0 { 0 } else { 2 };
        assert_eq!(
            (code, &loaded["quarantined"]),
            (code_wanted, &proposal["set_aside"]),
            "{sample}: {stderr} {loaded}\n{}",
            proposal["contract"].as_str().unwrap()
        );
        assert_eq!(
            (&loaded["inserted"], &loaded["rows_out"]),
            (&proposal["rows"], &proposal["rows"]),
            "{sample}"
        );
        let (code, findings, _) = quotelake(&["contract", "lint", "--json", &out]);
        assert_eq!(code, 0, "{sample}: {findings}");
    }
}

/// A generator of tables: what a seed gives is the same on every machine.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    fn cell(&mut self, kind: usize) -> String {
        let (a, b, c) = (self.below(28) + 1, self.below(12) + 1, self.below(40) + 1990);
        let n = self.below(100_000);
        match kind {
            0 => n.to_string(),
            1 => format!("{}.{:02}", n, a),
            2 => format!("{c}-{b:02}-{a:02}"),
            3 => format!("{a:02}/{b:02}/{c}"),
            4 => format!("{c}-{b:02}-{a:02}T{:02}:{:02}:00Z", a % 24, b),
            5 => format!("{c}-{b:02}-{a:02} {:02}:{:02}:00", a % 24, b),
            6 => ["true", "false"][n % 2].to_owned(),
            7 => format!("{n:07}"),
            8 => ["red", "green", "blue, dark", "\"quoted\"", " padded ", "NULL", "é€", "line\nbreak"][n % 8]
                .to_owned(),
            9 => format!("-{n}.{a}e-{b}"),
            10 => ["1", "2", "x", "2024-03-04", "007", "1,5"][n % 6].to_owned(),
            11 => ["", "N/A", "5", "6"][n % 4].to_owned(),
            _ => String::new(),
        }
    }

    fn table(&mut self) -> String {
        let width = 1 + self.below(6);
        let kinds: Vec<usize> = (0..width).map(|_| self.below(13)).collect();
        let mut text = "Row Id".to_owned();
        (0..width).for_each(|at| text.push_str(&format!(",Col {at}")));
        text.push('\n');
        let missing = self.below(3) == 0;
        for row in 0..1 + self.below(60) {
            text.push_str(&format!("r{row}"));
            for kind in &kinds {
                let cell = if missing && self.below(5) == 0 { String::new() } else { self.cell(*kind) };
                let quoted = cell.contains([',', '"', '\n']);
                text.push(',');
                text.push_str(&if quoted { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell });
            }
            text.push('\n');
        }
        text
    }
}

#[test]
fn generated_files_load_by_what_is_proposed_of_them() {
    for seed in 0..150 {
        let text = Seeded(seed).table();
        // The proposal is held against the file by the code that loads it, and is none where a row is lost.
        let proposal = World::new()
            .propose("generated.csv", &text)
            .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        let rows = csv_rows(&text) - 1;
        assert_eq!(
            (proposal.rows, proposal.set_aside),
            (rows, 0),
            "seed {seed}:\n{text}\n{}",
            proposal.contract
        );
    }
}

/// Records of a text, line breaks in quotes aside.
fn csv_rows(text: &str) -> u64 {
    let mut quoted = false;
    text.bytes().fold(0, |rows, byte| {
        quoted ^= byte == b'"';
        rows + u64::from(byte == b'\n' && !quoted)
    })
}

const CONTRACT: &str = r#"apiVersion: v3.1.0
kind: DataContract
id: sales
name: sales
version: 1.0.0
status: active
schema:
  - name: sales
    customProperties:
      - {property: ruleset, value: sales.dqdl}
    properties:
      - {name: id, logicalType: integer, physicalType: bigint, required: true, primaryKey: true, description: "Its number."}
      - {name: price, logicalType: number, physicalType: "decimal(18,2)", description: "In euros."}
      - {name: sold_on, logicalType: date, physicalType: date, required: true, primaryKey: true, description: "The day."}
      - {name: month, logicalType: string, physicalType: string, partitioned: true, transformLogic: "strftime(sold_on, '%Y-%m')"}
"#;

#[test]
fn a_contract_is_looked_at_by_line() {
    let rules = |name: &str| (name == "sales.dqdl").then(|| "Rules = [ IsComplete \"id\" ]".to_owned());
    let shown = |text: &str| {
        let findings = lint(text, rules);
        let line = |f: &quotelake_cli::contract_lint::Finding| {
            format!("{} {}: {}", f.line, if f.is_error { "error" } else { "warning" }, f.message)
        };
        findings.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let blind = "4 warning: has a key and no `revisionColumn`: of two versions of a row the one with the greater content wins, so a correction to a smaller value does not arrive";
    assert_eq!(shown(CONTRACT), blind);
    let faulty = CONTRACT
        .replace("decimal(18,2)", "money")
        .replace("bigint", "integer")
        .replace("physicalType: date", "physicalType: day");
    insta::assert_snapshot!(shown(&faulty), @r#"
12 error: contract of "sales": column "id": physicalType "integer" is unknown; use string, int, bigint, double, decimal(p,s), date, timestamp or boolean
13 error: contract of "sales": column "price": physicalType "money" is unknown; use string, int, bigint, double, decimal(p,s), date, timestamp or boolean
14 error: contract of "sales": column "sold_on": physicalType "day" is unknown; use string, int, bigint, double, decimal(p,s), date, timestamp or boolean
"#);
    let worth = CONTRACT
        .replace("\"decimal(18,2)\"", "double")
        .replace(", description: \"In euros.\"", "")
        .replace("required: true, primaryKey: true, description: \"The day.\"", "required: true, description: \"The day.\"")
        .replace("sales.dqdl", "other.dqdl")
        .replace("      - {name: price", "      # AMBIGUOUS: net or gross\n      - {name: order_date, logicalType: string, physicalType: string, description: x}\n      - {name: price");
    insta::assert_snapshot!(shown(&worth), @r#"
4 warning: 1 of 4 columns have no description
4 warning: has a key and no `revisionColumn`: of two versions of a row the one with the greater content wins, so a correction to a smaller value does not arrive
10 error: ruleset "other.dqdl" is not beside the contract
13 warning: is still ambiguous: decide, and take the comment away
14 warning: speaks of a date and is text: it is neither checked nor compared as one
15 warning: is money in a float of 64 bits: cents get lost; take decimal(p,s)
17 warning: comes from "sold_on", which is not in the key: a row whose value changes moves to another file
"#);
    let keyless = CONTRACT.replace(
        "      - {property: ruleset",
        "      - {property: key, value: none}\n      - {property: ruleset",
    );
    let marked = "is marked `primaryKey`, which has no effect: `key: none` keeps rows as often as they come";
    assert_ne!(keyless, CONTRACT);
    let shown_of_keyless = shown(&keyless);
    assert_eq!(shown_of_keyless.matches(marked).count(), 2, "{shown_of_keyless}");
    assert!(!shown_of_keyless.contains("error"), "{shown_of_keyless}");
    insta::assert_snapshot!(shown("schema: ["), @r#"
2 error: not an ODCS contract: did not find expected node content at line 2 column 1, while parsing a flow node
"#);
    insta::assert_snapshot!(shown(&CONTRACT.replace("name: sales\n    custom", "name: splits\n    custom").replace("sales.dqdl", "no.dqdl")), @r#"
8 warning: has a key and no `revisionColumn`: of two versions of a row the one with the greater content wins, so a correction to a smaller value does not arrive
8 warning: splits is a shipped dataset: this contract takes its place in a lake
10 error: ruleset "no.dqdl" is not beside the contract
"#);
}
