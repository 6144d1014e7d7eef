//! A workbook that openpyxl wrote (`fixtures/make_book.py`): typed cells by column type, the sheet by contract, bad workbooks.

use crate::support::{land, parsed, refused, zip};
use quotelake_core::ErrorKind;

const BOOK: &[u8] = include_bytes!("fixtures/book.xlsx");

fn contract(sheet: &str) -> String {
    format!(
        "apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: t
    customProperties:
      - {{property: sheet, value: {sheet}}}
      - {{property: skipRows, value: 1}}
      - {{property: footerText, value: Total}}
      - {{property: numberFormat, value: pt-BR}}
    properties:
      - {{name: id, logicalType: string, physicalType: string, required: true, primaryKey: true, partitioned: true}}
      - {{name: day, physicalName: \"on\", logicalType: date, physicalType: date}}
      - {{name: seen_at, physicalName: at, logicalType: timestamp, physicalType: timestamp, customProperties: [{{property: timezone, value: UTC}}]}}
      - {{name: price, logicalType: number, physicalType: \"decimal(18,8)\"}}
      - {{name: count, logicalType: integer, physicalType: int}}
      - {{name: paid, logicalType: boolean, physicalType: boolean}}
      - {{name: note, logicalType: string, physicalType: string}}
"
    )
}

#[tokio::test]
async fn typed_cells_go_by_their_value_and_not_by_how_they_are_shown() {
    let (report, lines) = land(&parsed(&contract("Orders")), "book.xlsx", BOOK).await.unwrap();
    assert_eq!((report.rows, report.unreadable), (8, 1));
    let lines: Vec<&str> = lines.lines().collect();
    let wanted = [
        r#"{"ingest_origin":{"file":"book.xlsx","line":4}}"#,
        r#"{"dataset":"t","id":"A-1","day":"2026-01-02","seen_at":"2026-01-02T03:04:05.678","price":1234.5,"count":7,"paid":true,"note":"plain"}"#,
        r#"{"dataset":"t","id":"A-2","day":"1900-03-01","seen_at":"2026-01-02T00:00:00","price":0.1,"count":-7,"paid":false,"note":"12345678901"}"#,
        r#"{"dataset":"t","id":"3","day":"9999-12-31","seen_at":"2026-12-31T23:59:59","price":0.0000001,"count":0,"paid":null,"note":"with \"quotes\", and\na line"}"#,
        r#"{"dataset":"t","id":"A-4"}"#,
    ];
    assert_eq!(lines[..5], wanted);
    // Cells that are text are read as the contract says of texts: 1234.5 is no number in pt-BR.
    assert!(lines[5].contains(r#""day":"2026-01-02","seen_at":"2026-01-02T03:04:05Z","#), "{}", lines[5]);
    assert!(lines[5].contains(r#""note":"TRUE""#), "{}", lines[5]);
    assert!(lines[6].contains(r#""note":"12:30:00""#), "{}", lines[6]);
    // A date with a time in a column of dates is for `check` to refuse.
    assert!(
        lines[7].contains(r#""day":"2026-01-02T10:00:00""#) && lines[7].contains(r#""count":1.5"#),
        "{}",
        lines[7]
    );
    assert!(lines[8].contains("line 11: has 8 fields, the header has 7"), "{}", lines[8]);
    assert_eq!(lines.len(), 9);
}

#[tokio::test]
async fn sheets_are_found_by_name_and_place() {
    let (by_place, _) = land(&parsed(&contract("2")), "book.xlsx", BOOK).await.unwrap();
    assert_eq!(by_place.rows, 8);
    let error = refused(&parsed(&contract("Order")), "book.xlsx", BOOK).await;
    assert!(error.contains("has no sheet \"Order\"; it has \"Notes\", \"Orders\""), "{error}");
    // Packed once more, and under a name that does not say it.
    let said = contract("Orders")
        .replace("customProperties:\n", "customProperties:\n      - {property: fileFormat, value: xlsx}\n");
    let (report, _) = land(&parsed(&said), "book.bin", BOOK).await.unwrap();
    assert_eq!(report.rows, 8);
}

#[tokio::test]
async fn a_damaged_workbook_is_refused_and_never_more() {
    let contracts = parsed(&contract("Orders"));
    // One byte after the other is another one: what can still be read is read, everything else is a sentence.
    for at in (0..BOOK.len()).step_by(37) {
        let mut bytes = BOOK.to_vec();
        bytes[at] ^= 0xff;
        if let Err(error) = land(&contracts, "book.xlsx", bytes).await {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "byte {at}: {error}");
        }
    }
    for cut in (0..BOOK.len()).step_by(501) {
        let error = refused(&contracts, "book.xlsx", &BOOK[..cut]).await;
        assert!(error.contains("workbook") || error.contains("zip"), "cut at {cut}: {error}");
    }
}

#[tokio::test]
async fn a_workbook_that_unpacks_to_a_gigabyte_is_refused_before_it_does() {
    let zeros = vec![0; 90 << 20];
    let sheet = |name| (name, zeros.as_slice(), true);
    let bomb = zip(&[sheet("xl/a.xml"), sheet("xl/b.xml"), sheet("xl/c.xml")]);
    assert!(bomb.len() < 1 << 20);
    let error = refused(&parsed(&contract("Orders")), "bomb.xlsx", bomb).await;
    assert!(error.contains("is a workbook that unpacks to more than 256 MiB: save it as CSV"), "{error}");
}
