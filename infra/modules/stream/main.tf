# The delivery stream: what fetch puts in comes out as canonical lines in landing/, untouched in raw/, and where transform
# could not read it in undelivered/. The settings are those of crates/local/src/stream/settings.rs.

locals {
  hour = "!{timestamp:yyyy/MM/dd/HH}/"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/kinesisfirehose/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_stream" "this" {
  for_each       = toset(["delivery", "backup"])
  name           = each.key
  log_group_name = aws_cloudwatch_log_group.this.name
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-stream"
  permissions_boundary = var.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "firehose.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "stream"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Bucket"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = var.bucket_arn
      },
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"]
        Resource = [for prefix in ["raw", "landing", "undelivered"] : "${var.bucket_arn}/${prefix}/*"]
      },
      {
        Sid      = "Transform"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"]
        Resource = var.transform_arn
      },
      {
        Sid      = "Log"
        Effect   = "Allow"
        Action   = "logs:PutLogEvents"
        Resource = [for stream in aws_cloudwatch_log_stream.this : stream.arn]
      },
    ]
  })
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  name        = var.name
  destination = "extended_s3"
  depends_on  = [aws_iam_role_policy.this]

  server_side_encryption {
    enabled  = var.encrypt_in_flight
    key_type = "AWS_OWNED_CMK"
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.this.arn
    bucket_arn          = var.bucket_arn
    prefix              = "landing/${local.hour}"
    error_output_prefix = "undelivered/!{firehose:error-output-type}/${local.hour}"
    buffering_size      = var.buffer_mb
    buffering_interval  = var.buffer_seconds
    compression_format  = "GZIP"
    s3_backup_mode      = "Enabled"

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.this.name
      log_stream_name = aws_cloudwatch_log_stream.this["delivery"].name
    }

    processing_configuration {
      enabled = true
      processors {
        type = "Lambda"
        parameters {
          parameter_name  = "LambdaArn"
          parameter_value = var.transform_arn
        }
        # The answer may hold 6 MB. fetch counts on this size (INVOCATION_BYTES in crates/sources/src/size.rs) when it decides
        # whether a page goes by the stream.
        parameters {
          parameter_name  = "BufferSizeInMBs"
          parameter_value = var.transform_buffer_mb
        }
        # BufferIntervalInSeconds (60) and NumberOfRetries (3) are AWS's defaults: a parameter that says so shows as a change
        # in every plan.
      }
    }

    s3_backup_configuration {
      role_arn           = aws_iam_role.this.arn
      bucket_arn         = var.bucket_arn
      prefix             = "raw/${local.hour}"
      buffering_size     = var.buffer_mb
      buffering_interval = var.buffer_seconds
      compression_format = "GZIP"

      cloudwatch_logging_options {
        enabled         = true
        log_group_name  = aws_cloudwatch_log_group.this.name
        log_stream_name = aws_cloudwatch_log_stream.this["backup"].name
      }
    }
  }
}
