//! A lock by name between processes, as long as some work on a lake lasts. The command line takes it for work that only one
//! process may do at a time.

use std::path::PathBuf;

use quotelake_core::{Result, sha256_hex};

use crate::files::{self, Lock, blocking};

/// The only one at some work on a lake, among all processes that ask for it by the same name; over when it is dropped. A process
/// that dies loses it.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held until it is dropped")] Lock);

impl Turn {
    /// The turn at once, or `None` while another has it. `folder` is made when missing.
    pub async fn try_take(folder: PathBuf, work: &str) -> Result<Option<Self>> {
        let path = path(folder, work);
        blocking(move || {
            files::create_folder(path.parent().unwrap_or(&path))?;
            Ok(Lock::try_exclusive(&path)?.map(Self))
        })
        .await
    }

    /// Waits for the turn. `folder` is made when missing.
    pub async fn take(folder: PathBuf, work: &str) -> Result<Self> {
        let path = path(folder, work);
        blocking(move || {
            files::create_folder(path.parent().unwrap_or(&path))?;
            Lock::exclusive(&path).map(Self)
        })
        .await
    }
}

/// Names of work may hold what no file name may.
fn path(folder: PathBuf, work: &str) -> PathBuf {
    folder.join(format!("{}.lock", &sha256_hex(work.as_bytes())[..16]))
}
