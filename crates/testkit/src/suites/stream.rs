//! What every adapter of `RecordStream` has to do, as one test: outcomes in order, batches of any size, records that are too
//! large. That accepted records are delivered is asserted by the caller.

use bytes::Bytes;
use quotelake_core::ErrorKind;
use quotelake_core::ports::{PutOutcome, RecordStream};

/// The contract of a [`RecordStream`]. Returns the records that the stream accepted, in the order in which they were put;
/// the caller goes on to assert that each of them is delivered.
pub async fn stream_suite(stream: &dyn RecordStream) -> Vec<Bytes> {
    let max = stream.max_record_bytes();
    assert!(max >= 100_000, "a vendor page fits");
    assert!(stream.put(&[]).await.unwrap().is_empty(), "an empty batch has no outcomes");

    let mut accepted = Vec::new();
    let mut put = async |records: Vec<Bytes>| {
        let outcomes = stream.put(&records).await.unwrap();
        assert_eq!(outcomes.len(), records.len(), "one outcome per record");
        for (record, outcome) in records.into_iter().zip(outcomes) {
            match outcome {
                PutOutcome::Accepted => {
                    assert!(record.len() <= max, "a record of {} bytes is too large", record.len());
                    accepted.push(record);
                }
                PutOutcome::Rejected(error) => {
                    assert!(record.len() > max, "a record of {} bytes is rejected: {error}", record.len());
                    assert_eq!(
                        error.kind(),
                        ErrorKind::InvalidInput,
                        "sending it again cannot help: {error}"
                    );
                }
            }
        }
    };
    put(vec![Bytes::from_static(b"{\"n\":0}\n")]).await;
    // More than a service takes at once, by count and by bytes: the adapter cuts.
    put((0..1201).map(|number| Bytes::from(format!("{{\"n\":{number}}}\n"))).collect()).await;
    put((0..6).map(|number| filled(number, max)).collect()).await;
    // Bytes are bytes, and a record that is too large spoils none of its neighbours.
    put(vec![
        filled(1, max + 1),
        Bytes::from_static(&[0xff, 0x00, 0x0a, 0x80]),
        filled(2, max + 1),
        Bytes::from_static(b"last\n"),
    ])
    .await;
    put(vec![filled(3, max + 1)]).await;
    assert_eq!(accepted.len(), 1 + 1201 + 6 + 2, "outcomes are in the records' order");
    accepted
}

fn filled(byte: u8, length: usize) -> Bytes {
    vec![b'a' + byte; length].into()
}
