output "urls" {
  description = "Queue URLs by name; `<name>-dlq` is a work queue's dead letter queue."
  value = merge(
    { for name, queue in local.queues : name => queue.url },
    { for name, queue in aws_sqs_queue.dead_letters : "${name}-dlq" => queue.url },
  )
}

output "arns" {
  description = "Queue ARNs by name. They are known once the services that send may do so."
  value = merge(
    { for name, queue in local.queues : name => queue.arn },
    { for name, queue in aws_sqs_queue.dead_letters : "${name}-dlq" => queue.arn },
  )
  depends_on = [aws_sqs_queue_policy.senders]
}

output "names" {
  description = "Queue names, for metrics."
  value = merge(
    { for name, queue in local.queues : name => queue.name },
    { for name, queue in aws_sqs_queue.dead_letters : "${name}-dlq" => queue.name },
  )
}
