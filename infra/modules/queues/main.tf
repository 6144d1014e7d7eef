# Work queues, each with a dead letter queue of its own, and queues that only collect.

locals {
  # A FIFO queue's dead letter queue must be FIFO too, and both names must say so.
  suffix = { for name, queue in var.work : name => queue.fifo ? ".fifo" : "" }
}

resource "aws_sqs_queue" "dead_letters" {
  for_each                    = var.work
  name                        = "${var.prefix}-${each.key}-dlq${local.suffix[each.key]}"
  fifo_queue                  = each.value.fifo ? true : null
  content_based_deduplication = each.value.fifo ? true : null
  message_retention_seconds   = 14 * 24 * 3600
  sqs_managed_sse_enabled     = true
}

resource "aws_sqs_queue" "work" {
  for_each                   = var.work
  name                       = "${var.prefix}-${each.key}${local.suffix[each.key]}"
  fifo_queue                 = each.value.fifo ? true : null
  visibility_timeout_seconds = coalesce(each.value.visibility_timeout_seconds, 6 * each.value.function_timeout_seconds)
  message_retention_seconds  = 4 * 24 * 3600
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[each.key].arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  for_each  = var.work
  queue_url = aws_sqs_queue.dead_letters[each.key].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.work[each.key].arn]
  })
}

resource "aws_sqs_queue" "collecting" {
  for_each                  = var.collecting
  name                      = "${var.prefix}-${each.key}"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
}

# Every change of a partition, one group per table. No deduplication by content: a partition may go from A to B and back to A within
# the five minutes for which a FIFO queue remembers. Anyone who reads it brings a dead letter queue of their own.
resource "aws_sqs_queue" "changes" {
  count                       = var.changes ? 1 : 0
  name                        = "${var.prefix}-changes.fifo"
  fifo_queue                  = true
  content_based_deduplication = false
  deduplication_scope         = "messageGroup"
  fifo_throughput_limit       = "perMessageGroupId"
  message_retention_seconds   = 14 * 24 * 3600
  sqs_managed_sse_enabled     = true
}

locals {
  queues = merge(aws_sqs_queue.work, aws_sqs_queue.collecting, { for queue in aws_sqs_queue.changes : "changes" => queue })
}

# Functions send through their roles. Only services that act on their own need a line here.
resource "aws_sqs_queue_policy" "senders" {
  for_each  = var.senders
  queue_url = local.queues[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for index, sender in each.value : {
      Sid       = "Service${index}"
      Effect    = "Allow"
      Principal = { Service = sender.service }
      Action    = "sqs:SendMessage"
      Resource  = local.queues[each.key].arn
      Condition = {
        ArnLike      = { "aws:SourceArn" = sender.source_arn }
        StringEquals = { "aws:SourceAccount" = sender.account_id }
      }
    }]
  })
}
