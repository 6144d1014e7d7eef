//! The record that crosses the delivery stream: one vendor page, its body untouched, and where it came from.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::keys::sha256_hex;
use crate::{Error, Result};

/// The format version that [`Envelope::seal`] writes.
pub const ENVELOPE_VERSION: u32 = 1;

/// What was asked for: enough to make sense of the answer without the plan that asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchUnit {
    /// A stable identity: the same request has the same id in every run.
    pub id: String,
    /// What kind of page this is, in the source's terms, e.g. `aggregates`, `splits`, `dividends`.
    pub endpoint: String,
    /// The vendor's symbol, where the request names one.
    pub symbol: Option<String>,
    /// The bar interval, e.g. `1d`, where the page holds bars.
    pub interval: Option<String>,
    /// First day asked for, `YYYY-MM-DD`.
    pub from: Option<String>,
    /// Last day asked for, `YYYY-MM-DD`.
    pub to: Option<String>,
    /// The exchange's IANA time zone, in which trading dates are computed.
    pub exchange_tz: String,
    /// The exchange's ISO 10383 code, where known.
    pub exchange_mic: Option<String>,
    /// The currency that the vendor quotes this symbol in, where the page does not say.
    pub currency: Option<String>,
    /// `equity`, `fund`, `etf`, `index`, `crypto` or `fx`.
    pub asset_class: String,
    /// The instruments wanted of a page that holds several; empty where `symbol` names the only one. They share the unit's zone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instruments: Vec<UnitInstrument>,
    /// The page's number within the unit, from 0.
    pub page: u32,
}

/// One of several instruments that a unit asks for at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitInstrument {
    /// The symbol as the vendor writes it, case kept.
    pub symbol: String,
    /// The exchange's ISO 10383 code, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mic: Option<String>,
    /// The currency that the vendor quotes it in, where the page does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// `equity`, `fund`, `etf`, `index`, `crypto` or `fx`.
    pub asset_class: String,
}

/// How the body is carried in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyEncoding {
    /// The body is UTF-8 and is kept as it is.
    Utf8,
    /// The body is base64.
    Base64,
}

/// One vendor page on its way through the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// [`ENVELOPE_VERSION`].
    pub envelope: u32,
    /// The source's name, e.g. `polygon`.
    pub source: String,
    /// What was asked for.
    pub unit: FetchUnit,
    /// The run that fetched it.
    pub run_id: String,
    /// When the answer arrived.
    pub fetched_at: DateTime<Utc>,
    /// The vendor's id of the request, or ours.
    pub request_id: String,
    /// HTTP status.
    pub status: u16,
    /// The body's media type, as the vendor said.
    pub content_type: Option<String>,
    /// How `body` is carried.
    pub body_encoding: BodyEncoding,
    /// The body.
    pub body: String,
    /// SHA-256 of the body's bytes, lowercase hex.
    pub sha256: String,
}

/// One answer of a vendor, before it is sealed into an [`Envelope`].
#[derive(Debug, Clone)]
pub struct Page {
    /// The source's name, e.g. `polygon`.
    pub source: String,
    /// What was asked for.
    pub unit: FetchUnit,
    /// The run that fetched it.
    pub run_id: String,
    /// When the answer arrived.
    pub fetched_at: DateTime<Utc>,
    /// The vendor's id of the request, or ours.
    pub request_id: String,
    /// HTTP status.
    pub status: u16,
    /// The body's media type, as the vendor said.
    pub content_type: Option<String>,
    /// The vendor's bytes.
    pub body: Bytes,
}

impl Envelope {
    /// Seals a page. The body is carried as text where it is UTF-8, else as base64.
    pub fn seal(page: Page) -> Self {
        let sha256 = sha256_hex(&page.body);
        let (body_encoding, body) = match std::str::from_utf8(&page.body) {
            Ok(text) => (BodyEncoding::Utf8, text.to_owned()),
            Err(_) => (BodyEncoding::Base64, BASE64.encode(&page.body)),
        };
        Self {
            envelope: ENVELOPE_VERSION,
            source: page.source,
            unit: page.unit,
            run_id: page.run_id,
            fetched_at: page.fetched_at,
            request_id: page.request_id,
            status: page.status,
            content_type: page.content_type,
            body_encoding,
            body,
            sha256,
        }
    }

    /// One line of JSON, newline-ended: what is put on the stream.
    pub fn to_record(&self) -> Result<Bytes> {
        let mut line =
            serde_json::to_vec(self).map_err(|e| Error::bug("cannot write an envelope").with_source(e))?;
        line.push(b'\n');
        Ok(line.into())
    }

    /// Reads a record from the stream. `InvalidInput` names the field that is wrong, an unknown version, or a body that
    /// does not match its hash.
    pub fn from_record(record: &[u8]) -> Result<Self> {
        let envelope: Self = serde_json::from_slice(record)
            .map_err(|e| Error::invalid("record is not an envelope").with_source(e))?;
        if envelope.envelope != ENVELOPE_VERSION {
            return Err(Error::invalid(format!(
                "envelope version {} is unknown, this build reads {ENVELOPE_VERSION}",
                envelope.envelope
            )));
        }
        let hash = sha256_hex(&envelope.body_bytes()?);
        if hash != envelope.sha256 {
            return Err(Error::invalid(format!(
                "body's sha256 is {hash}, the envelope says {}",
                envelope.sha256
            )));
        }
        Ok(envelope)
    }

    /// The vendor's bytes.
    pub fn body_bytes(&self) -> Result<Cow<'_, [u8]>> {
        match self.body_encoding {
            BodyEncoding::Utf8 => Ok(Cow::Borrowed(self.body.as_bytes())),
            BodyEncoding::Base64 => BASE64
                .decode(&self.body)
                .map(Cow::Owned)
                .map_err(|e| Error::invalid("envelope's body is not base64").with_source(e)),
        }
    }
}
