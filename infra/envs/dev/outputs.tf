output "stack" {
  description = "Everything that scripts and people have to know: names, URLs, ARNs."
  value       = module.quotelake
}
