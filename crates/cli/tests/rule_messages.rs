//! What the program says of rulesets before there are data: `rules lint`, `load` and `check` with a contract; and proposals.

use std::path::Path;
use std::process::{Command, Output};

fn quotelake(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_quotelake")).current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

const CONTRACT: &str = "apiVersion: v3.1.0
kind: DataContract
id: parcels
name: parcels
version: 1.0.0
status: active
schema:
  - name: parcels
    customProperties:
      - property: ruleset
        value: parcels.dqdl
      - property: partitionBy
        value: none
    properties:
      - name: parcel_no
        logicalType: integer
        physicalType: bigint
        required: true
        primaryKey: true
      - name: zone
        logicalType: string
        physicalType: string
      - name: grams
        logicalType: integer
        physicalType: bigint
      - name: sent_on
        logicalType: date
        physicalType: date
";

/// A folder with the contract, these rules and two parcels.
fn parcels(rules: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("parcels.yaml", CONTRACT);
    write("parcels.dqdl", rules);
    write("parcels.csv", "parcel_no,zone,grams,sent_on\n1,N,250,2025-03-04\n2,S,900,2025-03-05\n");
    folder
}

#[test]
fn a_wrong_column_is_found_before_any_data() {
    // The rule, where its mistake is, and what is said.
    for (rule, place, said) in [
        ("IsComplete \"parcelno\"", "2:14", "did you mean \"parcel_no\"?"),
        ("(IsComplete \"zone\") and (IsUnique \"parcel\")", "2:37", "there is none of that name"),
        ("IsPrimaryKey \"parcel_no\" \"zona\"", "2:28", "did you mean \"zone\"?"),
        ("ColumnValues \"zone\" > 5", "2:3", "cannot be compared with a number"),
        ("IsComplete \"zone\" where \"gramms > 0\"", "2:28", "did you mean \"grams\"?"),
        (
            "CustomSql \"select count(*) from primary where weight > 0\" > 0",
            "2:49",
            "names a column \"weight\"",
        ),
        ("Mean \"zone\" > 1", "2:3", "zone"),
        ("ColumnCorrelation \"grams\" \"height\" > 0.5", "2:29", "there is none of that name"),
        ("RowCount > avg(last(3)) where \"sendt_on is null\"", "2:34", "did you mean \"sent_on\"?"),
    ] {
        let folder = parcels(&format!("Rules = [\n  {rule}\n]\n"));
        let (code, out, _) =
            quotelake(folder.path(), &["rules", "lint", "parcels.dqdl", "--contract", "parcels.yaml"]);
        assert!(
            out.contains(&format!("parcels.dqdl:{place}: error: ")) && out.contains(said),
            "{rule}\n{out}"
        );
        assert_eq!(code, 2, "{rule}: {out}");
        // Without the contract it is a ruleset like any other.
        assert_eq!(quotelake(folder.path(), &["rules", "lint", "parcels.dqdl"]).0, 0, "{rule}");
        for command in ["load", "check"] {
            let arguments = [command, "--dataset", "parcels", "--contract", "parcels.yaml", "parcels.csv"];
            let (code, _, stderr) = quotelake(folder.path(), &arguments);
            assert!(code == 1 && stderr.contains(said), "{command} {rule}: {code} {stderr}");
            assert_eq!(stderr.matches("line 2, column").count(), 1, "{stderr}");
        }
        assert!(!folder.path().join("quotelake-data/bronze").exists());
    }
}

#[test]
fn rules_that_fit_load() {
    let rules = "Rules = [\n  IsComplete \"PARCEL_NO\",\n  ColumnExists \"zone\",\n  ColumnValues \"sent_on\" > \"2020-01-01\",\n  RowCount > avg(last(3)),\n  CustomSql \"select count(*) from primary where grams > 0\" > 0\n]\n";
    let folder = parcels(rules);
    let (code, out, _) =
        quotelake(folder.path(), &["rules", "lint", "parcels.dqdl", "--contract", "parcels.yaml"]);
    assert_eq!(code, 0, "{out}");
    let (code, _, stderr) = quotelake(
        folder.path(),
        &["load", "--dataset", "parcels", "--contract", "parcels.yaml", "parcels.csv"],
    );
    assert_eq!(code, 0, "{stderr}");
    // The shipped rulesets fit their contracts, columns that are derived among them.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/contracts");
    for (dataset, rules) in
        [("daily_bars", "bars"), ("intraday_bars", "bars"), ("dividends", "dividends"), ("splits", "splits")]
    {
        let file = root.join(format!("{rules}.dqdl"));
        let (code, out, _) =
            quotelake(folder.path(), &["rules", "lint", file.to_str().unwrap(), "--dataset", dataset]);
        assert_eq!(code, 0, "{dataset}: {out}");
    }
}

#[test]
fn a_mistake_is_said_once_with_its_place() {
    let folder = parcels("Rules = [\n  IsComplete 'zone',\n  RowCount => 1\n]\n");
    let (code, out, _) = quotelake(folder.path(), &["rules", "lint", "parcels.dqdl"]);
    assert_eq!(code, 2);
    assert_eq!(
        out.trim_end().lines().collect::<Vec<_>>(),
        [
            "parcels.dqdl:2:14: error: texts and names are written in double quotes, not in single ones; write `\"zone\"`",
            "parcels.dqdl:3:12: error: `=>` is no operator of the language; write `>=`",
        ]
    );
}

#[test]
fn csv_needs_no_contract_for_a_proposal_and_days_are_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = "order_no,sold_on,shop,amount,note\n".to_owned();
    for at in 0..200 {
        // In the last days a shop opens, and amounts are much larger.
        let (day, late) = (1 + at / 8, at >= 170);
        let shop = if late && at % 2 == 0 { "M\u{e9}rida" } else { ["K\u{f6}ln", "Lyon"][at % 2] };
        let amount = if late { 9_000 + at } else { 10 + at % 17 };
        csv.push_str(&format!("{at},2025-03-{day:02},{shop},{amount},\"said \"\"{at}\"\"\"\n"));
    }
    std::fs::write(folder.path().join("orders.csv"), csv).unwrap();
    let (code, out, stderr) =
        quotelake(folder.path(), &["rules", "suggest", "--data", "orders.csv", "--out", "p.dqdl"]);
    assert_eq!(code, 0, "{out}{stderr}");
    let ruleset = std::fs::read_to_string(folder.path().join("p.dqdl")).unwrap();
    for said in [
        "order_no",
        "M\u{e9}rida",
        "DefaultLabels = [\"severity\"=\"warn\"]",
        "would have been proposed, and failed from 2025-03-",
    ] {
        assert!(ruleset.contains(said), "{said}\n{ruleset}");
    }
    assert_eq!(quotelake(folder.path(), &["rules", "lint", "p.dqdl"]).0, 0);
}

#[test]
fn proposals_for_the_samples() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/csv");
    let folder = tempfile::tempdir().unwrap();
    for name in ["orders.csv", "reviews.csv", "shipments.csv"] {
        let data = root.join(name);
        let (code, out, stderr) =
            quotelake(folder.path(), &["rules", "suggest", "--data", data.to_str().unwrap()]);
        // A file whose rows have too many cells is refused with its line; nothing is made up.
        assert!(
            code == 0 && dqdl::parse(&out).is_ok() || code == 1 && stderr.contains("line"),
            "{name}: {code} {out}{stderr}"
        );
    }
}
