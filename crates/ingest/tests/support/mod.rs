//! Contracts of text columns, packed files, and what a file becomes.
#![allow(dead_code, clippy::unwrap_used, reason = "not every test uses everything, and a test may panic")]

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::Compression;
use quotelake_contract::Contracts;
use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_core::{ErrorKind, Result};
use quotelake_ingest::{IngestReport, ingest_object};
use quotelake_local::MemoryLake;

/// The contract of dataset `t` with these custom properties: text columns `id`, `s`, ... by their headers in files.
pub(crate) fn yaml(properties: &str, headers: &str) -> String {
    let columns = headers.split(',').map(|header| {
        let name = header.split(' ').next().unwrap();
        let key = if name == "id" { ", required: true, primaryKey: true" } else { "" };
        format!("      - {{name: {name}, physicalName: \"{header}\", logicalType: string, physicalType: string{key}}}\n")
    });
    format!(
        "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: t\n    customProperties: [{properties}]\n    \
         properties:\n{}      - {{name: month, logicalType: string, physicalType: string, partitioned: true, transformLogic: id}}\n",
        columns.collect::<String>()
    )
}

pub(crate) fn parsed(yaml: &str) -> Contracts {
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(yaml, None).unwrap();
    contracts
}

pub(crate) fn contract(properties: &str, headers: &str) -> Contracts {
    parsed(&yaml(properties, headers))
}

/// What a file of dataset `t` becomes: the report, and all lines.
pub(crate) async fn land(
    contracts: &Contracts,
    name: &str,
    bytes: impl Into<Bytes>,
) -> Result<(IngestReport, String)> {
    let (inbox, lake) = (MemoryLake::new(), MemoryLake::new());
    let key = format!("inbox/t/{name}");
    inbox.put(&key, bytes.into(), Precondition::None).await?;
    let report = ingest_object(&inbox, &lake, contracts, &key).await?;
    let mut text = String::new();
    for key in &report.landing_keys {
        let bytes = lake.get(key).await?.bytes;
        flate2::read::MultiGzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
    }
    Ok((report, text))
}

/// The rows of a file of which every row can be read.
pub(crate) async fn landed(contracts: &Contracts, name: &str, bytes: impl Into<Bytes>) -> String {
    let (report, lines) =
        land(contracts, name, bytes).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(report.unreadable, 0, "{name}: {lines}");
    let rows: Vec<&str> = lines.lines().filter(|line| !line.starts_with("{\"ingest_origin\"")).collect();
    assert_eq!(rows.len() as u64, report.rows, "{name}: {lines}");
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// Why a whole file is refused.
pub(crate) async fn refused(contracts: &Contracts, name: &str, bytes: impl Into<Bytes>) -> String {
    let error = land(contracts, name, bytes).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}: {error}");
    error.to_string()
}

pub(crate) fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
    let mark = if mark { "\u{feff}" } else { "" };
    let units = mark.encode_utf16().chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 0).unwrap()
}

pub(crate) fn bzip2(text: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// An archive of files, each deflated or stored.
pub(crate) fn zip(files: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    let short = |value: usize| (value as u16).to_le_bytes();
    let long = |value: usize| (value as u32).to_le_bytes();
    for (name, text, deflated) in files {
        let mut packed = text.to_vec();
        if *deflated {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            packed = encoder.finish().unwrap();
        }
        let mut crc = flate2::Crc::new();
        crc.update(text);
        let mut common = Vec::new();
        common.extend(short(20));
        common.extend(short(0));
        common.extend(short(if *deflated { 8 } else { 0 }));
        common.extend(long(0));
        common.extend(crc.sum().to_le_bytes());
        common.extend(long(packed.len()));
        common.extend(long(text.len()));
        common.extend(short(name.len()));
        common.extend(short(0));
        directory.extend(b"PK\x01\x02");
        directory.extend(short(20));
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(long(archive.len()));
        directory.extend(name.as_bytes());
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(name.as_bytes());
        archive.extend(packed);
    }
    let begin = archive.len();
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06");
    archive.extend([0; 4]);
    archive.extend(short(files.len()));
    archive.extend(short(files.len()));
    archive.extend(long(directory.len()));
    archive.extend(long(begin));
    archive.extend(short(0));
    archive
}
