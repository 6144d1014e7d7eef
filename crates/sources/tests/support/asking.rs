//! What the tests of the executor share.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use quotelake_core::ports::{Secret, Secrets};
use quotelake_core::{Error, Page, Result};
use quotelake_sources::Failure;
use quotelake_sources::http::PageSink;

/// Keeps the pages.
#[derive(Debug, Default)]
pub struct Collected {
    pub pages: Vec<Page>,
    pub finished: u32,
}

#[async_trait]
impl PageSink for Collected {
    async fn deliver(&mut self, page: Page) -> Result<(), Failure> {
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
