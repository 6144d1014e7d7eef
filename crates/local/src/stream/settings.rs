//! The settings of a delivery stream, with Firehose's names and units: buffers in bytes and time, prefixes, retries. The
//! defaults write the zones `landing/`, `raw/` and `undelivered/` of a laptop's lake.

/// How a stream buffers and where it writes. The default is what the infrastructure code sets up on AWS.
///
/// A prefix may hold `!{timestamp:...}` with `yyyy`, `MM`, `dd`, `HH`, `mm`, `ss` and literal text: the UTC arrival of the
/// object's oldest record. The error prefix must hold `!{firehose:error-output-type}`.
/// <https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliverySettings {
    /// The stream's name, in its ARN and in object names.
    pub stream: String,
    /// AWS region, in ARNs and events.
    pub region: String,
    /// The transform function's name, in its ARN.
    pub function: String,
    /// Records are handed to the function in invocations of about this many bytes, 0.2 to 3 MB on AWS.
    pub transform_buffer_bytes: usize,
    /// Bytes of records in one object, but for a batch that has more. Nothing waits for its time: a laptop delivers at the end of a pass.
    pub object_buffer_bytes: u64,
    /// Where transformed records go.
    pub prefix: String,
    /// Where the untouched records go.
    pub backup_prefix: String,
    /// Where failed records go.
    pub error_prefix: String,
    /// How often a failing invocation is tried again.
    pub retries: u32,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            stream: "quotelake".into(),
            region: "us-east-1".into(),
            function: "quotelake-transform".into(),
            transform_buffer_bytes: 200_000,
            object_buffer_bytes: 5 * 1000 * 1000,
            prefix: "landing/!{timestamp:yyyy/MM/dd/HH}/".into(),
            backup_prefix: "raw/!{timestamp:yyyy/MM/dd/HH}/".into(),
            error_prefix: "undelivered/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/".into(),
            retries: 3,
        }
    }
}
