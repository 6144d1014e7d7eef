output "name" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.bucket
}

output "arn" {
  description = "The bucket's ARN."
  value       = aws_s3_bucket.this.arn
}

output "noncurrent_days_by_prefix" {
  description = "Days that noncurrent versions stay under prefixes that say so."
  value       = var.noncurrent_days_by_prefix
}

output "archived" {
  description = "Days after which objects under a prefix move to Glacier Instant Retrieval."
  value       = var.archive_days
}
