# The most that roles of a stack may do, whatever their own policies say: what functions, the stream, schedules and the optional parts
# do, on the environment's own resources. No right over roles, keys or anybody else's data is in it.

locals {
  boundary = { for environment, prefix in local.prefix : environment => [
    { Sid = "Objects", Effect = "Allow", Action = [
      "s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads", "s3:GetObject", "s3:PutObject", "s3:DeleteObject",
      "s3:AbortMultipartUpload",
    ], Resource = ["arn:${var.partition}:s3:::${prefix}-*", "arn:${var.partition}:s3:::${prefix}-*/*"] },
    { Sid = "Queues", Effect = "Allow", Action = [
      "sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes",
    ], Resource = ["${local.arn.sqs}:${prefix}-*"] },
    { Sid = "Send", Effect = "Allow", Action = ["firehose:PutRecordBatch", "events:PutEvents", "sns:Publish"], Resource = [
      "${local.arn.firehose}:deliverystream/${prefix}", "${local.arn.events}:event-bus/${prefix}", "${local.arn.sns}:${prefix}",
    ] },
    { Sid = "Invoke", Effect = "Allow", Action = [
      "lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "lambda:GetFunctionConfiguration",
    ], Resource = ["${local.arn.lambda}:function:${prefix}-*"] },
    { Sid = "Machines", Effect = "Allow", Action = [
      "states:StartExecution", "states:DescribeExecution", "states:StopExecution",
    ], Resource = ["${local.arn.states}:stateMachine:${prefix}-*", "${local.arn.states}:execution:${prefix}-*"] },
    { Sid = "Catalog", Effect = "Allow", Action = [
      "glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:CreateTable", "glue:UpdateTable", "glue:GetPartition", "glue:GetPartitions",
      "glue:BatchGetPartition", "glue:BatchCreatePartition", "glue:UpdatePartition",
      ], Resource = [
      "${local.arn.glue}:catalog", "${local.arn.glue}:database/${local.database[environment]}",
      "${local.arn.glue}:table/${local.database[environment]}/*",
    ] },
    { Sid = "Queries", Effect = "Allow", Action = ["athena:StartQueryExecution"], Resource = ["${local.arn.athena}:workgroup/${prefix}-*"] },
    { Sid = "Keys", Effect = "Allow", Action = ["ssm:GetParameter", "secretsmanager:GetSecretValue"], Resource = concat(
      ["${local.arn.ssm}:parameter/${var.name}/*", "arn:${var.partition}:secretsmanager:*:${var.account_id}:secret:${var.name}/*"],
      var.more_secret_arns,
    ) },
    { Sid = "Logs", Effect = "Allow", Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], Resource = [
      for group in ["lambda/${prefix}-*", "kinesisfirehose/${prefix}*", "vendedlogs/states/${prefix}*"] : "${local.arn.logs}:log-group:/aws/${group}"
    ] },
    { Sid = "CrawlerLogs", Effect = "Allow", Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], Resource = [
      "${local.arn.logs}:log-group:/aws-glue/crawlers*",
    ] },
    # These take no resource: see infra/iam-exceptions.json.
    { Sid = "NoResource", Effect = "Allow", Action = [
      "xray:PutTraceSegments", "xray:PutTelemetryRecords", "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
      "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses", "logs:CreateLogDelivery",
      "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy",
      "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
    ], Resource = "*" },
  ] }
}
