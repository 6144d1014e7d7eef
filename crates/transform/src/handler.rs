//! Firehose's transformation event to its answer: each record an envelope in base64, or its canonical lines in base64, under
//! the same id. Keeps the answer below Lambda's limit: a record whose lines do not fit fails, alone.

use base64_simd::STANDARD as BASE64;
use quotelake_core::{Envelope, Error, Result};
use quotelake_sources::page::write_lines;

use crate::{
    Context, Data, FirehoseEvent, FirehoseRecord, FirehoseResponse, RecordResult, TransformedRecord,
};

/// `{"records":[]}`.
const FRAME_BYTES: usize = 14;
/// `{"recordId":,"result":"ProcessingFailed","data":""},` without the id, with the longest verdict.
const RECORD_FRAME_BYTES: usize = 52;

/// Answers a batch: every record id exactly once, in order.
///
/// Never fails and never panics: whatever is wrong with a record, a panic of its mapper included, costs that record alone, which
/// then is `ProcessingFailed`. There is nothing to retry, for nothing here depends on time or on another service.
pub fn handle(event: &FirehoseEvent, context: &Context) -> FirehoseResponse {
    let unchanged: Vec<usize> = event.records.iter().map(|record| encoded(&record.data)).collect();
    let mut budget = Budget::new(event, &unchanged, context.max_response_bytes);
    let mut rows = 0;
    let mut counts = [0u64; 3];
    let mut records = Vec::with_capacity(event.records.len());
    // One page's lines after the other: what is written once stays near.
    let mut text = Vec::new();
    for (record, unchanged) in event.records.iter().zip(unchanged) {
        budget.set_aside -= unchanged;
        let (result, data) = match lines(record, context, &mut text) {
            Ok(0) => (RecordResult::Dropped, Data::default()),
            Ok(lines) => {
                if budget.take_if_room(BASE64.encoded_length(text.len())) {
                    rows += lines;
                    (RecordResult::Ok, Data::encode(&text))
                } else {
                    let what = format!("its {lines} lines would make the response too large");
                    fail(event, record, &Error::invalid(what), unchanged, &mut budget)
                }
            }
            Err(error) => fail(event, record, &error, unchanged, &mut budget),
        };
        counts[result as usize] += 1;
        records.push(TransformedRecord { record_id: record.record_id.clone(), result, data });
    }
    tracing::info!(
        target: "quotelake::metrics",
        records_failed = counts[RecordResult::ProcessingFailed as usize],
    );
    tracing::info!(
        invocation_id = event.invocation_id,
        records = event.records.len(),
        ok = counts[RecordResult::Ok as usize],
        dropped = counts[RecordResult::Dropped as usize],
        processing_failed = counts[RecordResult::ProcessingFailed as usize],
        rows,
        response_bytes = budget.used,
        "transformed a batch"
    );
    FirehoseResponse { records }
}

/// Gives the record back as it came, where it fits; the stream's source backup has it in any case.
fn fail(
    event: &FirehoseEvent,
    record: &FirehoseRecord,
    error: &Error,
    unchanged: usize,
    budget: &mut Budget,
) -> (RecordResult, Data) {
    tracing::warn!(
        invocation_id = event.invocation_id,
        record_id = record.record_id,
        error = %error,
        "record cannot be transformed"
    );
    let fits = budget.take_if_room(unchanged);
    (RecordResult::ProcessingFailed, if fits { Data::from(record.data.as_str()) } else { Data::default() })
}

/// Writes a record's lines into `text`, which starts over with each record, and counts them.
fn lines(record: &FirehoseRecord, context: &Context, text: &mut Vec<u8>) -> Result<u64> {
    text.clear();
    let bytes = BASE64
        .decode_to_vec(&record.data)
        .map_err(|e| Error::invalid("data is not base64").with_source(e))?;
    let envelope = Envelope::from_record(&bytes)?;
    let page = write_lines(&context.sources, &envelope, text)?;
    page.log(&envelope);
    Ok(page.rows)
}

/// Keeps the response below its bound. What giving every record still to come back unchanged would take is set aside, so that
/// a large page never costs a later record its data.
struct Budget {
    limit: usize,
    used: usize,
    /// For the records behind the current one.
    set_aside: usize,
}

impl Budget {
    /// `unchanged` is what each record takes when it comes back as it is.
    fn new(event: &FirehoseEvent, unchanged: &[usize], limit: usize) -> Self {
        let frames: usize = event.records.iter().map(frame).sum();
        Self { limit, used: FRAME_BYTES + frames, set_aside: unchanged.iter().sum() }
    }

    /// Spends `cost` bytes on the record's data if they fit.
    fn take_if_room(&mut self, cost: usize) -> bool {
        let fits = self.used + cost + self.set_aside <= self.limit;
        if fits {
            self.used += cost;
        }
        fits
    }
}

fn frame(record: &FirehoseRecord) -> usize {
    RECORD_FRAME_BYTES + encoded(&record.record_id) + 2
}

/// The bytes of a text inside a JSON string.
fn encoded(text: &str) -> usize {
    // Base64 has nothing to escape. Looking at all of it takes many bytes at a time.
    let escapes = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    if !text.bytes().fold(false, |found, byte| found | escapes(byte)) {
        return text.len();
    }
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 2,
            0x00..=0x1f => 6,
            _ => 1,
        })
        .sum()
}
