//! The port `HandBack` on a folder queue: the message's visibility is changed, as SQS does it.

use async_trait::async_trait;
use chrono::TimeDelta;
use quotelake_core::Result;
use quotelake_core::ports::HandBack;

use super::FolderQueue;

#[async_trait]
impl HandBack for FolderQueue {
    async fn hand_back(&self, receipt_handle: &str, after_seconds: u32) -> Result<()> {
        self.change_visibility(receipt_handle, TimeDelta::seconds(after_seconds.into())).await
    }
}
