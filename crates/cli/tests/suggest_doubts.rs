//! `quotelake contract suggest` on files that can be read in two ways: what is decided by the file, and what a person is asked.

use std::process::Command;

use crate::common::proposals::{World, column};

fn quotelake(args: &[&str]) -> i32 {
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake")).args(args).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
    output.status.code().unwrap()
}

/// What a seed gives is the same on every machine.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

/// A file without quoting has cells that begin with a quote: taken for the beginning of a cell it would swallow rows. Every line is a row, or
/// a person is asked.
#[test]
fn a_quote_at_the_beginning_of_a_cell_swallows_no_row() {
    let body = |at: usize| match at {
        5 => "\"Great\" they said".to_owned(),
        9 => "\"open at start".to_owned(),
        17 => "and again \"here".to_owned(),
        25 => "\"second open".to_owned(),
        30 => "closing\"".to_owned(),
        33 => "\"all quoted\"".to_owned(),
        other => format!("ok {other}"),
    };
    for delimiter in ['\t', ',', ';'] {
        let rows: String = (0..40)
            .map(|at| {
                [at.to_string(), (at % 5 + 1).to_string(), body(at), format!("2026-01-{:02}", at % 28 + 1)]
                    .join(&delimiter.to_string())
                    + "\n"
            })
            .collect();
        let header = ["id", "stars", "body", "day"].join(&delimiter.to_string());
        let proposal = World::new().propose("rev.txt", format!("{header}\n{rows}")).unwrap();
        assert_eq!((proposal.rows, proposal.set_aside), (40, 0), "{}", proposal.contract);
        assert!(proposal.contract.contains("{property: quoting, value: none}"), "{}", proposal.contract);
        assert!(proposal.contract.contains("AMBIGUOUS: quotes begin cells"), "{}", proposal.contract);
    }
    // In a file of quoted cells with a stray quote the quotes are no part of the cells.
    let inches = "id,body,day\n\"1\",\"5\" pipe\",\"2026-01-02\"\n\"2\",\"a, b\",\"2026-01-03\"\n";
    let proposal = World::new().propose("inches.csv", inches).unwrap();
    assert!(proposal.contract.contains("{property: quoting, value: lenient}"), "{}", proposal.contract);
    // By the standard, and doubtful all the same.
    let joined =
        "id,day,body\n1,2026-01-02,\"open\n2,2026-01-03,ok\n3,2026-01-04,closing\"\n4,2026-01-05,x\n";
    let proposal = World::new().propose("joined.csv", joined).unwrap();
    assert!(
        proposal.contract.contains("AMBIGUOUS: quotes begin cells") && proposal.rows == 4,
        "{}",
        proposal.contract
    );
}

/// Files of random cells with quotes anywhere, written without quoting: as many rows as lines, or AMBIGUOUS says what is in doubt.
#[test]
fn as_many_rows_as_lines_or_a_person_is_asked() {
    let mut random = Seeded(0x0018_2026);
    for file in 0..60 {
        let rows = 12 + random.below(20);
        let mut text = "id|body|day\n".to_owned();
        for row in 0..rows {
            let quotes = ["", "", "", "\"", "\"\"", "a\"b", "\"c"];
            let body = format!(
                "{}word {row}{}",
                quotes[random.below(quotes.len())],
                ["", "", "\"", "x\""][random.below(4)]
            );
            text.push_str(&format!("{row}|{body}|2026-01-{:02}\n", row % 28 + 1));
        }
        let proposal = World::new()
            .propose("bodies.csv", &text)
            .unwrap_or_else(|error| panic!("{file}: {error}\n{text}"));
        let is_asked = proposal.contract.contains("AMBIGUOUS: quotes begin")
            || proposal.contract.contains("AMBIGUOUS: 1 lines")
            || proposal.contract.contains("lines are inside cells");
        assert!(
            proposal.rows + proposal.set_aside == rows as u64 || is_asked,
            "{file}: {} of {rows}\n{text}{}",
            proposal.rows,
            proposal.contract
        );
    }
}

#[test]
fn a_point_between_thousands_is_decided_by_the_file() {
    let german = "Datum;Schluss;Stück\n2026-01-05;1.234,50;4.371\n2026-01-06;1.250,10;1.403\n2026-01-07;1.249,99;12.500\n";
    let proposal = World::new().propose("de.csv", german).unwrap();
    let (said, line) = column(&proposal, "stuck");
    assert!(line.contains("physicalType: bigint") && line.contains("numberFormat, value: pt-BR"), "{line}");
    assert!(said.contains("column \"Schluss\" decides"), "{said}");
    let american = "day,close,weight\n2026-01-05,12.34,4.371\n2026-01-06,1.5,1.403\n";
    assert!(column(&World::new().propose("us.csv", american).unwrap(), "weight").1.contains("decimal(18,5)"));
    let alone = "day,weight\n2026-01-05,4.371\n2026-01-06,1.403\n";
    let (said, line) = column(&World::new().propose("alone.csv", alone).unwrap(), "weight");
    assert!(
        line.contains("physicalType: string") && said.contains("AMBIGUOUS: 4.371 is a number in two ways"),
        "{said}"
    );
    // A number of JSON is one.
    let json = "{\"day\":\"2026-01-05\",\"weight\":4.371}\n{\"day\":\"2026-01-06\",\"weight\":1.403}\n";
    assert!(column(&World::new().propose("a.ndjson", json).unwrap(), "weight").1.contains("decimal(18,5)"));
}

#[test]
fn numbers_of_price_files_and_statements() {
    let text = "date\tlast\tchange\tvolume\tflag\tnote\n\
                2026-01-05\t$8,682.28\t9.24%\t4371.00K\tWAHR\t12B\n2026-01-06\t($17,551.26)\t-1.05%\t1.25M\tFALSCH\t14B\n";
    let proposal = World::new().propose("prices.txt", text).unwrap();
    for (name, has) in [
        ("last", "allow: [parentheses], currency: [\"$\"]"),
        ("change", "percent: number"),
        ("volume", "multipliers: {K: 1000, M: 1000000}"),
        ("flag", "booleans, value: [wahr/falsch]"),
        ("note", "physicalType: string"),
    ] {
        let (_, line) = column(&proposal, name);
        assert!(line.contains(has), "{name}: {line}");
    }
    assert!(column(&proposal, "note").0.contains("looks like numbers with `B`"), "{}", proposal.contract);
    assert!(proposal.contract.contains("{property: fileFormat, value: csv}"), "{}", proposal.contract);
}

#[test]
fn what_excel_and_other_systems_save() {
    let units: Vec<u8> = "\u{feff}Beleg\tBetrag\r\n4711\t1,50\r\n4712\t2,25\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let proposal = World::new().propose("excel_unicode.txt", units).unwrap();
    assert_eq!(proposal.rows, 2);
    assert!(column(&proposal, "beleg").1.contains("primaryKey: true"), "{}", proposal.contract);
    let list = "Beleg|Betrag\n-----|------\n4711|1.50\n4712|2.25\n4713|1.75\n";
    let proposal = World::new().propose("sap.csv", list).unwrap();
    assert!(proposal.rows == 3 && proposal.set_aside == 0, "{}", proposal.contract);
    let none = "id,day\n1,2024-03-04\n2,0001-01-01\n3,2024-03-05\n";
    let (said, line) = column(&World::new().propose("net.csv", none).unwrap(), "day");
    assert!(line.contains("physicalType: date") && said.contains("some are 0001-01-01"), "{said}\n{line}");
    // Names of products and days happen to tell few reviews apart.
    let reviews: String =
        (0..30).map(|at| format!("p{},2026-01-{:02},{}\n", at % 7, at % 28 + 1, at % 5)).collect();
    let proposal = World::new().propose("reviews.csv", format!("product,day,stars\n{reviews}")).unwrap();
    assert!(
        proposal.contract.contains("{property: key, value: none}, which keeps every row"),
        "{}",
        proposal.contract
    );
}

/// What a person edited is not written over.
#[test]
fn a_contract_that_is_there_is_written_over_by_force_alone() {
    let world = World::new();
    let file = world.file("t.csv", "id,n\na,1\nb,2\n");
    let out = world.0.path().join("t.yaml");
    let run = |more: &[&str]| {
        let args =
            ["contract", "suggest", "--dataset", "t", "--out", out.to_str().unwrap(), file.to_str().unwrap()];
        quotelake(&[&args[..], more].concat())
    };
    assert_eq!(run(&[]), 0);
    let rules = world.0.path().join("t.dqdl");
    std::fs::write(&rules, "Rules = [ RowCount > 0 ] # mine").unwrap();
    assert_ne!(run(&[]), 0);
    std::fs::remove_file(&out).unwrap();
    assert_ne!(run(&[]), 0);
    assert!(!out.exists() && std::fs::read_to_string(&rules).unwrap().contains("mine"));
    assert_eq!(run(&["--force"]), 0);
    assert!(!std::fs::read_to_string(&rules).unwrap().contains("mine"));
}
