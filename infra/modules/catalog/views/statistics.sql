SELECT DISTINCT
  dataset,
  CAST(from_iso8601_timestamp(glue.completedon) AS date) AS day,
  lineage.check_id AS check_id,
  measured.metric AS metric,
  measured.value AS value
FROM quality_results
CROSS JOIN UNNEST(glue.ruleresults) AS rule (
  name, description, evaluationmessage, result, evaluatedrule, evaluatedmetrics, rulemetrics, labels
)
CROSS JOIN UNNEST(rule.evaluatedmetrics) AS measured (metric, value)
