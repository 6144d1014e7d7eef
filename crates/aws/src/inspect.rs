//! Looks at a deployed stack for what people get wrong, or change by hand: reads only.

use std::collections::BTreeMap;

use aws_sdk_firehose::types::{CompressionFormat, DeliveryStreamStatus, S3BackupMode};
use aws_sdk_s3::types::BucketVersioningStatus;
use aws_sdk_sqs::types::QueueAttributeName;
use quotelake_contract::{Contract, Contracts, glue_columns};
use quotelake_core::{Error, ErrorKind, Finding, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::Aws;
use crate::error::failed;

/// What Terraform writes into the vendor key's parameter before somebody sets it (`infra/modules/quotelake/main.tf`).
const NO_KEY: &str = "not set";
/// Days that SQS may keep a message at most, in seconds.
const LONGEST_RETENTION: u64 = 14 * 24 * 3600;
/// Prefixes whose new objects are told to a queue, and that queue.
const NOTIFIED: [(&str, &str); 3] =
    [("landing/", "check"), ("inbox/", "ingest"), ("undelivered/", "undelivered")];
/// Queues with dead letters of their own.
const WORK: [&str; 5] = ["fetch", "ingest", "check", "publish", "refine"];
/// Only where models are computed.
const OF_MODELS: &str = "refine";

/// The names that Terraform's output `stack` gives.
#[derive(Debug, Clone, Deserialize)]
pub struct Stack {
    /// The lake's bucket.
    pub bucket: String,
    /// The Glue database.
    pub database: String,
    /// Queue URLs by name: `check`, `check-dlq`...
    pub queues: BTreeMap<String, String>,
    /// The delivery stream.
    pub stream: String,
    /// The event bus.
    pub bus: String,
    /// The topic that people hear of things from.
    pub topic_arn: String,
    /// The SSM parameter of the vendor's key, where it is kept there.
    #[serde(default)]
    pub secret_parameter: Option<String>,
}

impl Stack {
    fn has_models(&self) -> bool {
        self.queues.contains_key(OF_MODELS)
    }

    /// Reads `terraform output -json stack`, or the whole of `terraform output -json`.
    pub fn from_json(text: &str) -> Result<Self> {
        let value: Value =
            serde_json::from_str(text).map_err(|e| Error::config("the stack is no JSON").with_source(e))?;
        let value = value.get("stack").unwrap_or(&value);
        let value = value.get("value").unwrap_or(value);
        Self::deserialize(value)
            .map_err(|e| Error::config("not the output `stack` of infra/envs").with_source(e))
    }
}

const APPLY: &str = "`make deploy` puts it back";

/// Looks at every part of a stack. A part that cannot be read is a finding, not an error: the others are looked at too.
pub async fn inspect(aws: &Aws, stack: &Stack, contracts: &Contracts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut note = |subject: &str, found: Result<Vec<Finding>>| match found {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(Finding::error(
            subject,
            error.to_string(),
            "see that the name is right, and that these credentials may read it",
        )),
    };
    note("bucket", bucket(aws, stack).await);
    note("notifications", notifications(aws, stack).await);
    for name in WORK.into_iter().filter(|name| *name != OF_MODELS || stack.has_models()) {
        note(&format!("queue {name}"), queue(aws, stack, name).await);
    }
    note("stream", stream(aws, stack).await);
    match contracts.all() {
        Ok(datasets) => {
            for dataset in datasets {
                let is_model = dataset.contract.refine.is_some();
                if is_model && !stack.has_models() {
                    continue;
                }
                match table(aws, stack, &dataset.contract).await {
                    // Which models are switched on is the lake's to say: the others have none.
                    Err(error) if is_model && error.kind() == ErrorKind::NotFound => {}
                    found => note(&format!("table {}", dataset.contract.name), found),
                }
            }
        }
        Err(error) => note("contracts", Err(error)),
    }
    if let Some(name) = &stack.secret_parameter {
        note("vendor key", key(aws, name).await);
    }
    note("topic", topic(aws, stack).await);
    note("bus", bus(aws, stack).await);
    findings
}

async fn bucket(aws: &Aws, stack: &Stack) -> Result<Vec<Finding>> {
    let (client, subject) = (aws.s3(), "bucket");
    let what = |part: &str| format!("reading {part} of s3://{}", stack.bucket);
    let mut findings = Vec::new();
    let versioning = client.get_bucket_versioning().bucket(&stack.bucket).send().await;
    let versioning = versioning.map_err(|e| failed(what("versioning"), e))?;
    findings.push(if versioning.status() == Some(&BucketVersioningStatus::Enabled) {
        Finding::ok(subject, "versions are kept")
    } else {
        Finding::warning(subject, "versions are not kept: what is overwritten is gone", APPLY)
    });
    let block = client.get_public_access_block().bucket(&stack.bucket).send().await;
    let block = block.map_err(|e| failed(what("the public access block"), e))?;
    let whole = block.public_access_block_configuration().is_some_and(|block| {
        [
            block.block_public_acls,
            block.block_public_policy,
            block.ignore_public_acls,
            block.restrict_public_buckets,
        ]
        .iter()
        .all(|on| *on == Some(true))
    });
    findings.push(if whole {
        Finding::ok(subject, "public access is blocked")
    } else {
        Finding::error(subject, "public access is not blocked", APPLY)
    });
    Ok(findings)
}

async fn notifications(aws: &Aws, stack: &Stack) -> Result<Vec<Finding>> {
    let answer = aws.s3().get_bucket_notification_configuration().bucket(&stack.bucket).send().await;
    let answer = answer.map_err(|e| failed(format!("reading notifications of s3://{}", stack.bucket), e))?;
    let told = |prefix: &str, queue: &str| {
        answer.queue_configurations().iter().any(|one| {
            let rules = one.filter().and_then(|filter| filter.key()).map(|key| key.filter_rules());
            let matches = rules.unwrap_or_default().iter().any(|rule| rule.value() == Some(prefix));
            matches && one.queue_arn().rsplit(':').next() == Some(queue)
        })
    };
    Ok(NOTIFIED
        .iter()
        .map(|(prefix, name)| {
            let subject = format!("notifications of {prefix}");
            let Some(queue) = stack.queues.get(*name).map(|url| last(url)) else {
                return Finding::error(subject, format!("queue {name} is not in the stack's output"), APPLY);
            };
            if told(prefix, queue) {
                Finding::ok(subject, format!("go to {queue}"))
            } else {
                Finding::error(subject, format!("do not go to {queue}: new objects wait unseen"), APPLY)
            }
        })
        .collect())
}

async fn queue(aws: &Aws, stack: &Stack, name: &str) -> Result<Vec<Finding>> {
    let subject = format!("queue {name}");
    let (Some(url), Some(letters)) = (stack.queues.get(name), stack.queues.get(&format!("{name}-dlq")))
    else {
        return Ok(vec![Finding::error(subject, "is not in the stack's output", APPLY)]);
    };
    let work = attributes(aws, url).await?;
    let dead = attributes(aws, letters).await?;
    let number = |name: QueueAttributeName| -> Result<u64> {
        let number = dead.get(&name).and_then(|text| text.parse().ok());
        number
            .ok_or_else(|| Error::unavailable(format!("queue {letters} does not say its {}", name.as_str())))
    };
    let mut findings = Vec::new();
    let policy: Option<Value> =
        work.get(&QueueAttributeName::RedrivePolicy).and_then(|text| serde_json::from_str(text).ok());
    let target = policy.as_ref().and_then(|policy| policy["deadLetterTargetArn"].as_str());
    findings.push(if target.and_then(|arn| arn.rsplit(':').next()) == Some(last(letters)) {
        Finding::ok(subject.as_str(), format!("failed messages go to {}", last(letters)))
    } else {
        Finding::error(subject.as_str(), format!("failed messages do not go to {}", last(letters)), APPLY)
    });
    let kept = number(QueueAttributeName::MessageRetentionPeriod)?;
    if kept < LONGEST_RETENTION {
        let days = kept / (24 * 3600);
        findings.push(Finding::warning(
            subject.as_str(),
            format!("dead letters are kept {days} days, of which those count that they waited before"),
            APPLY,
        ));
    }
    let waiting = number(QueueAttributeName::ApproximateNumberOfMessages)?;
    if waiting > 0 {
        findings.push(Finding::warning(
            subject,
            format!("{waiting} dead letters wait"),
            format!("`quotelake dlq ls --sqs {letters}`, docs/runbooks/dead-letters.md"),
        ));
    }
    Ok(findings)
}

type Attributes = std::collections::HashMap<QueueAttributeName, String>;

async fn attributes(aws: &Aws, url: &str) -> Result<Attributes> {
    let client = aws_sdk_sqs::Client::new(aws.sdk_config());
    let answer =
        client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All).send().await;
    let answer = answer.map_err(|e| failed(format!("reading queue {url}"), e))?;
    Ok(answer.attributes.unwrap_or_default())
}

async fn stream(aws: &Aws, stack: &Stack) -> Result<Vec<Finding>> {
    let (client, subject) = (aws_sdk_firehose::Client::new(aws.sdk_config()), "stream");
    let answer = client.describe_delivery_stream().delivery_stream_name(&stack.stream).send().await;
    let answer = answer.map_err(|e| failed(format!("reading stream {}", stack.stream), e))?;
    let Some(found) = answer.delivery_stream_description() else {
        return Ok(vec![Finding::error(subject, format!("{} is not there", stack.stream), APPLY)]);
    };
    let mut findings = Vec::new();
    if *found.delivery_stream_status() != DeliveryStreamStatus::Active {
        let status = found.delivery_stream_status();
        findings.push(Finding::error(subject, format!("is {status}, not ACTIVE"), "wait, then look again"));
    }
    let Some(s3) = found.destinations().first().and_then(|one| one.extended_s3_destination_description())
    else {
        findings.push(Finding::error(subject, "delivers to no bucket", APPLY));
        return Ok(findings);
    };
    let transforms = s3
        .processing_configuration()
        .is_some_and(|processing| processing.enabled() == Some(true) && !processing.processors().is_empty());
    findings.push(if transforms {
        Finding::ok(subject, "transform is called")
    } else {
        Finding::error(subject, "transform is not called: vendor pages would land as they are", APPLY)
    });
    if *s3.compression_format() != CompressionFormat::Gzip {
        findings.push(Finding::warning(subject, "objects are not compressed", APPLY));
    }
    if s3.s3_backup_mode() != Some(&S3BackupMode::Enabled) {
        findings.push(Finding::warning(
            subject,
            "vendor pages are not kept in raw/: nothing could be rebuilt from them",
            APPLY,
        ));
    }
    Ok(findings)
}

async fn table(aws: &Aws, stack: &Stack, contract: &Contract) -> Result<Vec<Finding>> {
    let subject = format!("table {}", contract.name);
    let client = aws_sdk_glue::Client::new(aws.sdk_config());
    let answer = client.get_table().database_name(&stack.database).name(&contract.name).send().await;
    let answer =
        answer.map_err(|e| failed(format!("reading glue://{}/{}", stack.database, contract.name), e))?;
    let Some(table) = answer.table else {
        return Ok(vec![Finding::error(subject, "is not there", APPLY)]);
    };
    let pair = |name: &str, ty: Option<&str>| format!("{name} {}", ty.unwrap_or("without a type"));
    let columns = table.storage_descriptor().map(|one| one.columns()).unwrap_or_default();
    let found: Vec<String> =
        columns.iter().chain(table.partition_keys()).map(|c| pair(c.name(), c.r#type())).collect();
    let generated = glue_columns(contract);
    let wanted: Vec<String> = ["columns", "partition_keys"]
        .iter()
        .flat_map(|part| generated[*part].as_array().into_iter().flatten())
        .map(|c| pair(c["name"].as_str().unwrap_or_default(), c["type"].as_str()))
        .collect();
    if found == wanted {
        return Ok(vec![Finding::ok(subject, format!("has the contract's {} columns", wanted.len()))]);
    }
    let lacks: Vec<&str> = wanted.iter().filter(|c| !found.contains(c)).map(String::as_str).collect();
    let has: Vec<&str> = found.iter().filter(|c| !wanted.contains(c)).map(String::as_str).collect();
    let text = match (lacks.as_slice(), has.as_slice()) {
        ([], []) => "has the contract's columns in another order".to_owned(),
        (lacks, has) => format!("lacks [{}], has [{}] instead", lacks.join(", "), has.join(", ")),
    };
    Ok(vec![Finding::error(subject, text, "`make generate`, then `make deploy`")])
}

async fn key(aws: &Aws, name: &str) -> Result<Vec<Finding>> {
    let client = aws_sdk_ssm::Client::new(aws.sdk_config());
    let answer = client.get_parameter().name(name).with_decryption(true).send().await;
    let answer = answer.map_err(|e| failed(format!("reading parameter {name}"), e))?;
    let value = answer.parameter.and_then(|parameter| parameter.value).unwrap_or_default();
    Ok(vec![if value.trim().is_empty() || value == NO_KEY {
        Finding::error(
            "vendor key",
            format!("{name} is not set: the vendor would answer 401"),
            format!("aws ssm put-parameter --overwrite --type SecureString --name {name} --value ..."),
        )
    } else if value.trim() != value {
        Finding::error("vendor key", format!("{name} has white space at an end"), "set it again without")
    } else {
        Finding::ok("vendor key", format!("{name} is set"))
    }])
}

async fn topic(aws: &Aws, stack: &Stack) -> Result<Vec<Finding>> {
    let (client, subject) = (aws_sdk_sns::Client::new(aws.sdk_config()), "topic");
    let answer = client.list_subscriptions_by_topic().topic_arn(&stack.topic_arn).send().await;
    let answer = answer.map_err(|e| failed(format!("reading topic {}", stack.topic_arn), e))?;
    let (waiting, confirmed): (Vec<_>, Vec<_>) = answer
        .subscriptions()
        .iter()
        .partition(|one| one.subscription_arn().is_none_or(|arn| !arn.starts_with("arn:")));
    let mut findings = Vec::new();
    for one in &waiting {
        findings.push(Finding::warning(
            subject,
            format!("{} has not confirmed its subscription", one.endpoint().unwrap_or("somebody")),
            "open the mail from AWS Notifications and confirm",
        ));
    }
    findings.push(if confirmed.is_empty() {
        Finding::warning(
            subject,
            "nobody hears of alarms and failures",
            "set `emails`, deploy, confirm the mail",
        )
    } else {
        Finding::ok(subject, format!("{} hear of alarms and failures", confirmed.len()))
    });
    Ok(findings)
}

async fn bus(aws: &Aws, stack: &Stack) -> Result<Vec<Finding>> {
    let client = aws_sdk_eventbridge::Client::new(aws.sdk_config());
    let answer = client.list_rules().event_bus_name(&stack.bus).send().await;
    let answer = answer.map_err(|e| failed(format!("reading bus {}", stack.bus), e))?;
    let off: Vec<&str> = answer
        .rules()
        .iter()
        .filter(|rule| rule.state().is_some_and(|state| state.as_str() == "DISABLED"))
        .filter_map(|rule| rule.name())
        .collect();
    Ok(vec![if off.is_empty() {
        Finding::ok("bus", format!("{} rules are on", answer.rules().len()))
    } else {
        Finding::warning("bus", format!("rules are off: {}", off.join(", ")), APPLY)
    }])
}

/// The name at the end of a URL.
fn last(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_read_from_either_output_of_terraform() {
        let stack = r#"{"bucket":"b","database":"d","queues":{"check":"u"},"stream":"s","bus":"x","topic_arn":"t","more":1}"#;
        let whole = format!(r#"{{"stack":{{"sensitive":false,"value":{stack}}}}}"#);
        for text in [stack, &whole] {
            let stack = Stack::from_json(text).unwrap();
            assert_eq!((stack.bucket.as_str(), stack.queues["check"].as_str()), ("b", "u"));
            assert_eq!(stack.secret_parameter, None);
        }
        let error = Stack::from_json(r#"{"bucket":"b"}"#).unwrap_err();
        assert!(error.to_string().contains("missing field `database`"), "{error}");
    }
}
