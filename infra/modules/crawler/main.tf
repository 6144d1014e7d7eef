# Optional: a Glue crawler over folders that Quotelake does not write, such as another team's files in the same bucket.
# Tables of datasets need none. A crawl costs at least 2 DPU for 10 minutes, about $0.15.

resource "aws_iam_role" "this" {
  name                 = "${var.name}-crawler"
  permissions_boundary = var.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "glue.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "crawler"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "List", Effect = "Allow", Action = ["s3:ListBucket", "s3:GetBucketLocation"], Resource = var.bucket_arn },
      { Sid = "Read", Effect = "Allow", Action = "s3:GetObject", Resource = "${var.bucket_arn}/${var.prefix}*" },
      {
        Sid    = "Catalog"
        Effect = "Allow"
        Action = [
          "glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:CreateTable", "glue:UpdateTable", "glue:GetPartition",
          "glue:GetPartitions", "glue:BatchGetPartition", "glue:BatchCreatePartition", "glue:UpdatePartition",
        ]
        Resource = [
          "arn:${var.partition}:glue:${var.region}:${var.account_id}:catalog",
          "arn:${var.partition}:glue:${var.region}:${var.account_id}:database/${var.database}",
          "arn:${var.partition}:glue:${var.region}:${var.account_id}:table/${var.database}/*",
        ]
      },
      {
        Sid      = "Log"
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:/aws-glue/crawlers*"
      },
    ]
  })
}

resource "aws_glue_crawler" "this" {
  name          = var.name
  role          = aws_iam_role.this.arn
  database_name = var.database
  table_prefix  = "crawled_"
  # No schedule: it runs when somebody starts it.

  s3_target {
    path = "s3://${var.bucket_name}/${var.prefix}"
  }

  schema_change_policy {
    update_behavior = "LOG"
    delete_behavior = "LOG"
  }

  depends_on = [aws_iam_role_policy.this]
}
