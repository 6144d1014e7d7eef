//! The other ends of queues, buses and topics.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::{MessageSystemAttributeName as System, QueueAttributeName};
use chrono::TimeDelta;
use quotelake_aws::SqsQueue;
use quotelake_core::ports::{Event, HandBack, Message, Queue};
use quotelake_core::{Error, Result};
use quotelake_testkit::suites::{Delivered, EventReader, ReceivingQueue};
use serde_json::Value;

use crate::support::{Emulator, Kind};

/// Makes a queue and returns its URL. The name of a FIFO queue gets its suffix.
pub(crate) async fn new_queue(emulator: &Emulator, name: &str, fifo: bool) -> String {
    let client = aws_sdk_sqs::Client::new(&emulator.sdk().await);
    let name = if fifo { format!("{name}.fifo") } else { name.to_owned() };
    let mut request = client.create_queue().queue_name(name);
    if fifo {
        request = request.attributes(QueueAttributeName::FifoQueue, "true");
    }
    request.send().await.unwrap().queue_url.unwrap()
}

/// Where an emulator's receiving end is not what AWS's is. Each entry is worked around for that emulator alone, at the place that
/// names it; the suite is the same for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deviation {
    /// AWS: "DeleteMessage" of a message that is deleted succeeds. MiniStack 1.5.33 answers ReceiptHandleIsInvalid.
    SecondDeleteFails,
    /// AWS: the handle of an earlier receive need not delete a message. moto 5.2.5 deletes by any handle that it ever gave.
    OldHandleDeletes,
}

const DEVIATIONS: [(Kind, Deviation); 2] =
    [(Kind::MiniStack, Deviation::SecondDeleteFails), (Kind::Moto, Deviation::OldHandleDeletes)];

/// A FIFO queue for messages with a group, a standard one for those without: SQS has no queue that is both, and the contract of
/// the port speaks of both.
pub(crate) struct TwoQueues {
    kind: Kind,
    /// The newest handle of each message, by its id.
    newest: Mutex<HashMap<String, String>>,
    client: aws_sdk_sqs::Client,
    /// Standard, FIFO.
    urls: [String; 2],
    queues: [SqsQueue; 2],
}

impl fmt::Debug for TwoQueues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwoQueues").field("urls", &self.urls).finish_non_exhaustive()
    }
}

impl TwoQueues {
    pub(crate) async fn new(emulator: &Emulator) -> Self {
        let urls = [new_queue(emulator, "suite", false).await, new_queue(emulator, "suite", true).await];
        let aws = emulator.aws().await;
        let queues = urls.clone().map(|url| SqsQueue::new(&aws, url));
        let client = aws_sdk_sqs::Client::new(aws.sdk_config());
        Self { kind: emulator.kind, newest: Mutex::default(), client, urls, queues }
    }

    fn deviates(&self, by: Deviation) -> bool {
        DEVIATIONS.contains(&(self.kind, by))
    }

    pub(crate) fn standard_url(&self) -> &str {
        &self.urls[0]
    }

    /// Takes every message of the standard queue.
    pub(crate) async fn drain_messages(&self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let batch = self.receive_from(0, 10, TimeDelta::seconds(60)).await;
            if batch.is_empty() {
                return messages;
            }
            messages.extend(batch.into_iter().map(|delivered| delivered.message));
        }
    }

    async fn receive_from(&self, queue: usize, max: usize, visibility: TimeDelta) -> Vec<Delivered> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.urls[queue])
            .max_number_of_messages(i32::try_from(max.min(10)).unwrap())
            .visibility_timeout(i32::try_from(visibility.num_seconds()).unwrap())
            .message_attribute_names("All")
            .message_system_attribute_names(System::All)
            .send()
            .await
            .unwrap();
        let messages = answer.messages.unwrap_or_default();
        let mut newest = self.newest.lock().unwrap();
        for message in &messages {
            let (id, handle) = (message.message_id.clone().unwrap(), message.receipt_handle.clone().unwrap());
            newest.insert(id, handle);
        }
        messages.into_iter().map(|message| delivered(queue, message)).collect()
    }
}

fn delivered(queue: usize, message: aws_sdk_sqs::types::Message) -> Delivered {
    let system = message.attributes.unwrap_or_default();
    let attributes = message.message_attributes.unwrap_or_default().into_iter();
    let attributes: BTreeMap<String, String> = attributes
        .map(|(name, value)| {
            let text = value.string_value.unwrap();
            // How an empty text travels, see the adapter.
            (name, if value.data_type == "String.empty" { String::new() } else { text })
        })
        .collect();
    Delivered {
        message: Message {
            body: message.body.unwrap(),
            group: system.get(&System::MessageGroupId).cloned(),
            attributes,
            ..Message::default()
        },
        receive_count: system[&System::ApproximateReceiveCount].parse().unwrap(),
        handle: format!("{queue} {}", message.receipt_handle.unwrap()),
    }
}

#[async_trait]
impl Queue for TwoQueues {
    async fn send(&self, message: Message) -> Result<()> {
        self.queues[usize::from(message.group.is_some())].send(message).await
    }
}

#[async_trait]
impl HandBack for TwoQueues {
    async fn hand_back(&self, handle: &str, after_seconds: u32) -> Result<()> {
        let (queue, handle) = handle.split_once(' ').unwrap();
        self.queues[queue.parse::<usize>().unwrap()].hand_back(handle, after_seconds).await
    }
}

#[async_trait]
impl ReceivingQueue for TwoQueues {
    async fn receive(&self, max: usize, visibility: TimeDelta) -> Result<Vec<Delivered>> {
        let mut received = self.receive_from(1, max, visibility).await;
        if received.len() < max {
            received.extend(self.receive_from(0, max - received.len(), visibility).await);
        }
        Ok(received)
    }

    async fn ack(&self, handle: &str) -> Result<()> {
        let (queue, handle) = handle.split_once(' ').unwrap();
        let url = &self.urls[queue.parse::<usize>().unwrap()];
        if self.deviates(Deviation::OldHandleDeletes)
            && !self.newest.lock().unwrap().values().any(|newest| newest == handle)
        {
            return Ok(());
        }
        let deleted = self.client.delete_message().queue_url(url).receipt_handle(handle).send().await;
        match deleted.map_err(|error| error.into_service_error()) {
            Err(error)
                if error.is_receipt_handle_is_invalid() && self.deviates(Deviation::SecondDeleteFails) =>
            {
                Ok(())
            }
            other => other.map(drop).map_err(|error| Error::unavailable("ack").with_source(error)),
        }
    }
}

/// A queue behind a bus and another behind a topic, and all that came out of them.
pub(crate) struct Subscriber {
    client: aws_sdk_sqs::Client,
    /// Behind the bus, behind the topic.
    urls: [String; 2],
    seen: [Mutex<Vec<Value>>; 2],
}

impl Subscriber {
    /// Subscribes to what `source` says on a new bus, and to a new topic of the same name; returns the topic's ARN as well.
    pub(crate) async fn to_bus_and_topic(emulator: &Emulator, name: &str, source: &str) -> (Self, String) {
        let sdk = emulator.sdk().await;
        let client = aws_sdk_sqs::Client::new(&sdk);
        let urls = [
            new_queue(emulator, &format!("{name}-events"), false).await,
            new_queue(emulator, &format!("{name}-notices"), false).await,
        ];
        let mut arns = Vec::new();
        for url in &urls {
            let request = client.get_queue_attributes().queue_url(url);
            let answer = request.attribute_names(QueueAttributeName::QueueArn).send().await.unwrap();
            arns.push(answer.attributes.unwrap()[&QueueAttributeName::QueueArn].clone());
        }
        let bus = aws_sdk_eventbridge::Client::new(&sdk);
        bus.create_event_bus().name(name).send().await.unwrap();
        let rule = bus.put_rule().name("all").event_bus_name(name);
        rule.event_pattern(format!(r#"{{"source":["{source}"]}}"#)).send().await.unwrap();
        let target = Target::builder().id("queue").arn(&arns[0]).build().unwrap();
        bus.put_targets().rule("all").event_bus_name(name).targets(target).send().await.unwrap();

        let sns = aws_sdk_sns::Client::new(&sdk);
        let topic = sns.create_topic().name(name).send().await.unwrap().topic_arn.unwrap();
        sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(&arns[1]).send().await.unwrap();
        (Self { client, urls, seen: Default::default() }, topic)
    }

    /// Takes what has arrived; waits a little for what is on its way.
    async fn take(&self, queue: usize) -> Vec<Value> {
        let mut quiet = 0;
        while quiet < 3 {
            let request = self.client.receive_message().queue_url(&self.urls[queue]);
            let answer = request.max_number_of_messages(10).send().await.unwrap();
            let messages = answer.messages.unwrap_or_default();
            quiet = if messages.is_empty() { quiet + 1 } else { 0 };
            for message in messages {
                let body = serde_json::from_str(&message.body.unwrap()).unwrap();
                self.seen[queue].lock().unwrap().push(body);
                let handle = message.receipt_handle.unwrap();
                let delete = self.client.delete_message().queue_url(&self.urls[queue]);
                delete.receipt_handle(handle).send().await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.seen[queue].lock().unwrap().clone()
    }
}

#[async_trait]
impl EventReader for Subscriber {
    async fn events(&self) -> Vec<Event> {
        let events = self.take(0).await.into_iter();
        events.map(|event| serde_json::from_value(event).unwrap()).collect()
    }

    async fn notices(&self) -> Vec<(String, String)> {
        let text = |notice: &Value, field: &str| notice[field].as_str().unwrap().to_owned();
        let notices = self.take(1).await.into_iter();
        notices.map(|notice| (text(&notice, "Subject"), text(&notice, "Message"))).collect()
    }
}
