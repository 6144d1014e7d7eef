//! Data pages, and the hybrid of runs and packed bits that codes and levels are written in.

use arrow::buffer::NullBuffer;
use parquet::schema::types::ColumnDescPtr;

/// Equal codes that are worth a run of their own.
const SHORTEST_RUN: usize = 8;

/// A data page of codes, version 1: which rows have a value, where a row may have none; then the codes.
pub(super) fn codes(
    codes: &[u32],
    width: u32,
    rows: usize,
    nulls: Option<&NullBuffer>,
    descriptor: &ColumnDescPtr,
) -> Vec<u8> {
    let mut page = Vec::with_capacity(codes.len() * width as usize / 8 + 64);
    levels(rows, nulls, descriptor, &mut page);
    page.push(width as u8);
    hybrid(codes, width, &mut page);
    page
}

/// A data page of values, version 1: the same, and the values one after the other.
pub(super) fn plain(
    values: &[u8],
    rows: usize,
    nulls: Option<&NullBuffer>,
    descriptor: &ColumnDescPtr,
) -> Vec<u8> {
    let mut page = Vec::with_capacity(values.len() + rows / 8 + 64);
    levels(rows, nulls, descriptor, &mut page);
    page.extend_from_slice(values);
    page
}

/// Which rows have a value, where a row may have none.
fn levels(rows: usize, nulls: Option<&NullBuffer>, descriptor: &ColumnDescPtr, page: &mut Vec<u8>) {
    if descriptor.max_def_level() == 0 {
        return;
    }
    let mut levels = Vec::new();
    match nulls {
        Some(nulls) => hybrid(&nulls.iter().map(u32::from).collect::<Vec<_>>(), 1, &mut levels),
        None => run(1, rows, 1, &mut levels),
    }
    page.extend((levels.len() as u32).to_le_bytes());
    page.extend(levels);
}

/// The hybrid of runs and packed bits, <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.
fn hybrid(codes: &[u32], width: u32, out: &mut Vec<u8>) {
    let mut packed_from = 0;
    let mut at = 0;
    while at < codes.len() {
        let length = codes[at..].iter().take_while(|code| **code == codes[at]).count();
        // Packed codes come in eights: a run first fills up the eight that it begins in.
        let fill = (at - packed_from).next_multiple_of(8) - (at - packed_from);
        if length >= SHORTEST_RUN + fill {
            packed(&codes[packed_from..at + fill], width, out);
            run(codes[at], length - fill, width, out);
            packed_from = at + length;
        }
        at += length;
    }
    packed(&codes[packed_from..], width, out);
}

fn run(code: u32, length: usize, width: u32, out: &mut Vec<u8>) {
    varint((length as u64) << 1, out);
    out.extend(&code.to_le_bytes()[..width.div_ceil(8) as usize]);
}

fn packed(codes: &[u32], width: u32, out: &mut Vec<u8>) {
    if codes.is_empty() {
        return;
    }
    let eights = codes.len().div_ceil(8);
    varint((eights as u64) << 1 | 1, out);
    let end = out.len() + eights * width as usize;
    let (mut bits, mut held) = (0u64, 0);
    for code in codes {
        bits |= u64::from(*code) << held;
        held += width;
        if held >= 32 {
            out.extend(&(bits as u32).to_le_bytes());
            bits >>= 32;
            held -= 32;
        }
    }
    out.extend(&bits.to_le_bytes());
    // The last eight is filled up with zeros.
    out.resize(end, 0);
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
