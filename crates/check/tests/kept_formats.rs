//! Result documents and quarantined rows, as earlier versions wrote them, are read; those of now are written as they are kept here.
//!
//! What is kept here lies in lakes: it is not changed. See `docs/reference/stored-formats.md`.

use quotelake_check::{Decision, QuarantinedRow, ResultDocument};

/// `dq-result/1`, before observations, flags, blocked series, contexts and runs.
const FIRST_RESULT: &str = concat!(
    r#"{"schema":"dq-result/1","glue":{"ResultId":"dqresult-1","Score":0.5,"RulesetName":"bars.dqdl","#,
    r#""EvaluationContext":"daily_bars","StartedOn":"2026-11-21T10:15:13.000Z","CompletedOn":"2026-11-21T10:15:14.000Z","#,
    r#""JobName":"quotelake-check","JobRunId":"45707d","RuleResults":[{"Name":"Rule_1","Description":"IsComplete \"close\"","#,
    r#""Result":"PASS","EvaluatedRule":"IsComplete \"close\""}],"AggregatedMetrics":{"TotalRowsProcessed":2.0,"#,
    r#""TotalRowsPassed":1.0,"TotalRowsFailed":1.0,"TotalRulesProcessed":2.0,"TotalRulesPassed":1.0,"TotalRulesFailed":1.0}},"#,
    r#""gate":{"decision":"publish_with_quarantine","reasons":[]},"rows":{"rows_in":2,"staged":1,"quarantined":1,"duplicates":0},"#,
    r#""quarantine":{"key":"quarantine/dataset=daily_bars/45707d.ndjson.gz","by_reason":{"high_below_low":1}},"#,
    r#""lineage":{"dataset":"daily_bars","contract_version":"1.0.0","ruleset":"bars.dqdl","ruleset_sha256":"aa","#,
    r#""source":"landing/2026/11/21/10/x.gz","source_sha256":"bb","check_id":"45707d","#,
    r#""staged":"staged/dataset=daily_bars/45707d.arrow","unknown_fields":{}}}"#
);

/// `dq-result/1` with everything that a document may have.
const RESULT: &str = concat!(
    r#"{"schema":"dq-result/1","glue":{"ResultId":"dqresult-1","Score":0.5,"RulesetName":"bars.dqdl","#,
    r#""EvaluationContext":"daily_bars","StartedOn":"2026-11-21T10:15:13.000Z","CompletedOn":"2026-11-21T10:15:14.000Z","#,
    r#""JobName":"quotelake-check","JobRunId":"45707d","RuleResults":[{"Name":"Rule_1","Description":"IsComplete \"close\"","#,
    r#""EvaluationMessage":"why","Result":"FAIL","EvaluatedMetrics":{"Column.close.Completeness":0.5},"#,
    r#""EvaluatedRule":"IsComplete \"close\"","RuleMetrics":{"RowsFailed":1.0},"Labels":{"reason":"close_missing"}}],"#,
    r#""AggregatedMetrics":{"TotalRowsProcessed":2.0,"TotalRowsPassed":1.0,"TotalRowsFailed":1.0,"#,
    r#""TotalRulesProcessed":2.0,"TotalRulesPassed":1.0,"TotalRulesFailed":1.0}},"#,
    r#""gate":{"decision":"block","reasons":["too many"],"blocked_series":[{"series":"polygon A 1d","rows":2,"reasons":["why"]}]},"#,
    r#""rows":{"rows_in":2,"staged":0,"quarantined":2,"duplicates":0},"quarantine":{"key":null,"by_reason":{"batch_blocked":2}},"#,
    r#""flags":{"unlikely":1},"lineage":{"dataset":"daily_bars","contract_version":"1.0.0","ruleset":"bars.dqdl","#,
    r#""ruleset_sha256":"aa","source":"landing/x.gz","source_sha256":"bb","check_id":"45707d","staged":null,"#,
    r#""context":"polygon-1d","run_ids":["run-1"],"unknown_fields":{"later":2}}}"#
);

#[test]
fn result_documents_of_version_1_are_read_and_written() {
    let document = ResultDocument::parse(FIRST_RESULT.as_bytes()).unwrap();
    assert_eq!(document.gate.decision, Decision::PublishWithQuarantine);
    assert_eq!((document.rows.rows_in, document.rows.quarantined), (2, 1));
    assert!(document.flags.is_empty() && document.gate.blocked_series.is_empty());
    let document = ResultDocument::parse(RESULT.as_bytes()).unwrap();
    assert_eq!(serde_json::to_string(&document).unwrap(), RESULT);
}

#[test]
fn a_document_of_another_version_is_refused_by_name() {
    let next = RESULT.replacen("dq-result/1", "dq-result/2", 1);
    let error = ResultDocument::parse(next.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("dq-result/2"), "{error}");
}

/// Before a row knew its file.
const FIRST_ROW: &str = r#"{"dataset":"orders","reason":"type_mismatch","reasons":[{"reason":"type_mismatch","severity":"error","column":"price","detail":"\"4,10\" is not a number"}],"source":"landing/x.gz","line":8,"check_id":"45707d","raw":"{}"}"#;
const ROW: &str = r#"{"dataset":"orders","reason":"total","reasons":[{"reason":"total","severity":"critical","rule":"ColumnSum \"total\" > 0"}],"source":"landing/x.gz","line":8,"file":"a.csv","file_line":9,"check_id":"45707d","raw_base64":"//4="}"#;

#[test]
fn quarantined_rows() {
    for (kept, place) in [(FIRST_ROW, "landing/x.gz:8"), (ROW, "a.csv:9")] {
        let row: QuarantinedRow = serde_json::from_str(kept).unwrap();
        assert_eq!(row.place(), place);
        assert_eq!(serde_json::to_string(&row).unwrap(), kept);
    }
}
