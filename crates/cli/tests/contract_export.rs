//! `quotelake contract export`: contracts for tools that know only the standard.

use std::path::Path;
use std::process::Command;

use quotelake_contract::Contracts;
use serde_yaml_ng::Value;

fn export(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake"))
        .args(["contract", "export"])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_shipped_contract_gets_a_server_and_the_rules_that_the_standard_has_a_form_for() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    for dataset in ["daily_bars", "intraday_bars", "dividends", "splits", "fund_snapshots", "market_holidays"]
    {
        let (code, yaml, stderr) = export(&["--dataset", dataset, "--lake", lake]);
        assert_eq!(code, 0, "{stderr}");
        // It is a contract still, of the same columns.
        let mut contracts = Contracts::built_in().unwrap();
        let before = contracts.get(dataset).unwrap().contract.columns.len();
        assert_eq!(contracts.add(&yaml, None).unwrap(), dataset);
        assert_eq!(contracts.get(dataset).unwrap().contract.columns.len(), before);
        let document: Value = serde_yaml_ng::from_str(&yaml).unwrap();
        let server = &document["servers"][0];
        assert_eq!(server["type"], "local");
        assert_eq!(server["format"], "parquet");
        let path = server["path"].as_str().unwrap();
        assert!(
            Path::new(path).is_absolute() && path.ends_with(&format!("bronze/{dataset}/**/*.parquet")),
            "{path}"
        );
        assert!(document["schema"][0]["quality"].is_sequence(), "{yaml}");
    }
}

#[test]
fn a_contract_of_ones_own_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let yaml = "apiVersion: v3.1.0\nkind: DataContract\nid: parcels\nname: parcels\nversion: 1.0.0\nstatus: active\nschema:\n  - name: parcels\n    customProperties:\n      - property: ruleset\n        value: parcels.dqdl\n      - property: partitionBy\n        value: none\n    properties:\n      - name: parcel\n        logicalType: integer\n        physicalType: bigint\n        required: true\n        primaryKey: true\n      - name: zone\n        logicalType: string\n        physicalType: string\n      - name: grams\n        logicalType: integer\n        physicalType: bigint\n";
    let rules = "Rules = [\n  IsComplete \"parcel\",\n  IsUnique \"parcel\",\n  RowCount between 0 and 500,\n  ColumnValues \"zone\" in [\"N\", \"S\", \"a\\\"b\", \"c\\\\d\"],\n  ColumnValues \"grams\" > 1 where \"nvl(grams, 0) > 1\",\n  ColumnValues \"grams\" > 1 where \"grams <=> 5\",\n  ColumnValues \"grams\" > 1 where \"datediff(zone, zone) > 1\",\n  ColumnValues \"grams\" > 1 where \"primary.grams > 3\",\n  ColumnValues \"grams\" > 1 where \"zone rlike 'a'\",\n  ColumnValues \"grams\" > 0,\n  ColumnValues \"grams\" = NULL where \"grams > 9000\",\n  (ColumnValues \"grams\" < 10) labels=[\"severity\"=\"warn\"],\n  Mean \"grams\" > 5\n]\n";
    std::fs::write(at("parcels.yaml"), yaml).unwrap();
    std::fs::write(at("parcels.dqdl"), rules).unwrap();
    let contract = at("parcels.yaml");
    let arguments = [
        "--dataset",
        "parcels",
        "--contract",
        contract.to_str().unwrap(),
        "--lake",
        folder.path().to_str().unwrap(),
    ];
    let (code, exported, stderr) = export(&arguments);
    assert_eq!(code, 0, "{stderr}");
    let document: Value = serde_yaml_ng::from_str(&exported).unwrap();
    let table = document["schema"][0]["quality"].as_sequence().unwrap();
    assert_eq!(table.len(), 3, "{exported}");
    assert_eq!(table[0]["metric"], "rowCount");
    assert_eq!(table[0]["mustBeBetween"], serde_yaml_ng::from_str::<Value>("[1, 499]").unwrap());
    assert_eq!(table[1]["query"], "SELECT count(*) FROM parcels WHERE (\"grams\" <= 0 OR \"grams\" IS NULL)");
    assert_eq!(
        table[2]["query"],
        "SELECT count(*) FROM parcels WHERE (grams > 9000) AND \"grams\" IS NOT NULL"
    );
    let properties = &document["schema"][0]["properties"];
    assert_eq!(properties[0]["quality"][0]["metric"], "nullValues");
    assert_eq!(properties[0]["quality"][1]["metric"], "duplicateValues");
    // The texts themselves, and not as the rule writes them; predicates in Spark's SQL alone are left out.
    let valid = properties[1]["quality"][0]["arguments"]["validValues"].as_sequence().unwrap();
    assert_eq!(
        valid.iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>(),
        ["N", "S", "a\"b", "c\\d"]
    );
    assert!(properties[2]["quality"].is_null());
    let (code, _, stderr) = export(&["--dataset", "none"]);
    assert!(code != 0 && stderr.contains("there is no contract of"), "{stderr}");
}
