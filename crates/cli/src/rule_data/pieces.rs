//! Data in pieces: batches in order with the rows' verdicts, worked out by as many threads as there are cores.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use arrow::array::RecordBatch;
use dqdl::{Plan, RowMasks};
use quotelake_core::{Error, Result};

use super::RuleData;
use crate::parquet_files::{ParquetFiles, RowGroup};

/// Batches of a row group that a worker may be ahead.
const BATCHES_AHEAD: usize = 4;

/// A batch and its rows' verdicts.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) place: Place,
    pub(super) batch: RecordBatch,
    pub(super) masks: RowMasks,
}

/// Where a batch comes from.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) file: String,
    /// Its first row's number in the file, from 1.
    pub(super) first: u64,
    /// The numbers of its rows and their lines, of files that have lines.
    pub(super) rows: Option<Arc<Vec<(u64, u64)>>>,
}

/// Where a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The file.
    pub file: String,
    /// The row's number in the file, from 1; rows that could not be read count.
    pub row: u64,
    /// The line of the file on which it begins, from 1; `None` of Parquet.
    pub line: Option<u64>,
}

impl Place {
    /// Where a row of the batch is.
    pub(super) fn of(&self, row: usize) -> Example {
        let (row, line) = match self.rows.as_ref().and_then(|rows| rows.get(row)) {
            Some((row, line)) => (*row, Some(*line)),
            None => (self.first + row as u64, None),
        };
        Example { file: self.file.clone(), row, line }
    }
}

/// Hands every batch to `take`, in the data's order.
pub(super) fn for_each_piece(
    data: &RuleData,
    plan: &Plan,
    mut take: impl FnMut(Piece) -> Result<()>,
) -> Result<()> {
    match data {
        RuleData::Parquet(files) => parquet_pieces(files, plan, take),
        RuleData::Rows(rows) => rows.batches().try_for_each(|(place, batch)| {
            take(Piece { place: place.clone(), masks: plan.row_masks(batch), batch: batch.clone() })
        }),
    }
}

/// What a worker sends: batches of a row group, then its end.
enum Sent {
    Piece(Piece),
    End,
    Failed(Error),
}

/// Workers read row groups in turn; this thread takes them in order. A worker that is ahead waits: each may hold one group's
/// batches in the channel, no more.
fn parquet_pieces(
    files: &ParquetFiles,
    plan: &Plan,
    mut take: impl FnMut(Piece) -> Result<()>,
) -> Result<()> {
    let groups = files.row_groups();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(groups.len());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let mut channels = BTreeMap::new();
        let (announce, announced) = sync_channel(groups.len().max(1));
        for _ in 0..workers {
            let (announce, next, groups) = (announce.clone(), &next, &groups);
            scope.spawn(move || {
                while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (sender, receiver) = sync_channel(BATCHES_AHEAD);
                    let announced = announce.send((group.place, receiver)).is_ok();
                    if !announced || !read_group(files, plan, group, |sent| sender.send(sent).is_ok()) {
                        return;
                    }
                }
            });
        }
        drop(announce);
        for at in 0..groups.len() {
            while !channels.contains_key(&at) {
                let (started, receiver) =
                    announced.recv().map_err(|e| Error::bug("a reader stopped").with_source(e))?;
                channels.insert(started, receiver);
            }
            let Some(receiver) = channels.remove(&at) else { continue };
            loop {
                match receiver.recv() {
                    Ok(Sent::Piece(piece)) => take(piece)?,
                    Ok(Sent::End) => break,
                    Ok(Sent::Failed(error)) => return Err(error),
                    Err(error) => return Err(Error::bug("a reader stopped").with_source(error)),
                }
            }
        }
        Ok(())
    })
}

/// Sends a row group's batches; false when nobody takes them any more.
fn read_group(files: &ParquetFiles, plan: &Plan, group: &RowGroup, send: impl Fn(Sent) -> bool) -> bool {
    let mut first = group.first_row;
    let batches = match files.read(group) {
        Ok(batches) => batches,
        Err(error) => return send(Sent::Failed(error)),
    };
    for batch in batches {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return send(Sent::Failed(error)),
        };
        let place = Place { file: files.name(group), first, rows: None };
        first += batch.num_rows() as u64;
        let masks = plan.row_masks(&batch);
        if !send(Sent::Piece(Piece { place, batch, masks })) {
            return false;
        }
    }
    send(Sent::End)
}
