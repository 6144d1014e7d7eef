//! What the tests of the executor share.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::sync::atomic::{AtomicU32, Ordering};

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use quotelake_core::ports::{Clock, Secret, Secrets};
use quotelake_core::{Envelope, Error, Result};
use quotelake_sources::Failure;
use quotelake_sources::http::{PageSink, Sleep};
use tokio::time::Instant;

/// The time of day that tokio's clock shows, which tests may pause, and which runs as fast as is asked: at 100, a second is 10 ms.
#[derive(Debug, Clone, Copy)]
pub struct TestClock {
    start: Instant,
    epoch: DateTime<Utc>,
    speed: u32,
}

impl TestClock {
    pub fn new(epoch: &str, speed: u32) -> Self {
        Self { start: Instant::now(), epoch: epoch.parse().unwrap(), speed }
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.epoch + TimeDelta::from_std(self.start.elapsed() * self.speed).unwrap()
    }
}

#[async_trait]
impl Sleep for TestClock {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration / self.speed).await;
    }
}

/// Keeps the pages.
#[derive(Debug, Default)]
pub struct Collected {
    pub pages: Vec<Envelope>,
    pub finished: u32,
}

#[async_trait]
impl PageSink for Collected {
    async fn deliver(&mut self, page: Envelope) -> Result<(), Failure> {
        self.pages.push(page);
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Failure> {
        self.finished += 1;
        Ok(())
    }
}

/// Gives `old` until it is told to forget it, then `new`.
#[derive(Debug)]
pub struct RotatedSecret {
    pub old: &'static str,
    pub new: &'static str,
    pub forgotten: AtomicU32,
    pub reads: AtomicU32,
}

impl RotatedSecret {
    pub fn new(old: &'static str, new: &'static str) -> Self {
        Self { old, new, forgotten: AtomicU32::new(0), reads: AtomicU32::new(0) }
    }
}

#[async_trait]
impl Secrets for RotatedSecret {
    async fn read(&self, reference: &str) -> Result<Secret> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if reference != "test:key" {
            return Err(Error::not_found(format!("no secret {reference}")));
        }
        let forgotten = self.forgotten.load(Ordering::SeqCst) > 0;
        Ok(Secret::new(if forgotten { self.new } else { self.old }))
    }

    async fn forget(&self, _reference: &str) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }
}
