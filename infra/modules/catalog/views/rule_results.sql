SELECT
  dataset,
  CAST(from_iso8601_timestamp(glue.completedon) AS date) AS day,
  lineage.check_id AS check_id,
  lineage.ruleset AS ruleset,
  rule.evaluatedrule AS rule,
  rule.result AS result,
  element_at(rule.labels, 'reason') AS reason,
  coalesce(element_at(rule.labels, 'severity'), 'error') AS severity,
  rule.evaluationmessage AS message,
  element_at(rule.rulemetrics, 'rowspassed') AS rows_passed,
  element_at(rule.rulemetrics, 'rowsfailed') AS rows_failed
FROM quality_results
CROSS JOIN UNNEST(glue.ruleresults) AS rule (
  name, description, evaluationmessage, result, evaluatedrule, evaluatedmetrics, rulemetrics, labels
)
