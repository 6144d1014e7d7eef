output "stack" {
  description = "Everything that scripts and people have to know: names, URLs, ARNs."
  value       = { for name, value in module.quotelake : name => value if !startswith(name, "view_") }
}
