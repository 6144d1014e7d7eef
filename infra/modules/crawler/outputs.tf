output "name" {
  description = "The crawler's name."
  value       = aws_glue_crawler.this.name
}
