output "name" {
  description = "The stream's name."
  value       = aws_kinesis_firehose_delivery_stream.this.name
}

output "arn" {
  description = "The stream's ARN."
  value       = aws_kinesis_firehose_delivery_stream.this.arn
}
