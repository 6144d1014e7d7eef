//! A column chunk of codes into a sorted dictionary.
//!
//! `ArrowWriter` numbers a dictionary's values as they come, and hashes each text although it has codes already. Values in order
//! compress better (half of a price's bytes are those of the one before), cost less to find when they have codes, and say
//! least and greatest at once. 49,906 bars of 500 symbols took 3.0 bytes for a price (3.4 plain), 3.7 for a volume (4.3).
//!
//! Decimals of more than 18 digits that hardly repeat are written here as well, plain: `ArrowWriter` allocates for each of them.
//!
//! What a reader relies on and `ArrowWriter` would see to is kept here: offsets in a chunk's metadata are counted from the
//! chunk's own start (`append_column` moves them), statistics and both indexes say what is in the pages, and the bytes follow
//! from the rows alone. The reasons are in ADR 0011 (docs/adr/0011-sorted-dictionaries.md).

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal64Type, Decimal128Type, Int32Type, Int64Type};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use super::data_page;
use super::ranks::ranked;
use super::steps::Steps;
use super::wide_steps::WideSteps;

/// Codes hardly compress, and values in order do at any level: 2 to 9 save at most a thirtieth and take ten times as long
/// (ADR 0014).
pub(super) const ZSTD_LEVEL: i32 = 1;
// Of what is above, the program has no code: it would pack as this does, and say nothing (.cargo/config.toml).
const _: () = assert!(ZSTD_LEVEL <= 3);

/// Readers skip by page, by the least and greatest value that the column index has of each.
const PAGE_ROWS: usize = 20_000;
/// Room for a page's header; most take less.
const HEADER_BYTES: usize = 64;
/// What a chunk may keep of the room that it was given: more is given back.
const SPARE_BYTES: usize = 4096;

/// Encodes chunks, one after the other.
pub(super) struct Encoder {
    zstd: Compressor<'static>,
    compression: Compression,
}

type Result<T> = std::result::Result<T, ParquetError>;

impl Encoder {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            zstd: Compressor::new(ZSTD_LEVEL)?,
            compression: Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?),
        })
    }

    /// The chunk of a column, as it is to be appended to a row group.
    pub(super) fn encode(
        &mut self,
        prepared: &Prepared,
        descriptor: &ColumnDescPtr,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        let Prepared { values, rows, nulls } = prepared;
        match values {
            PreparedValues::Coded(coded) => self.coded(coded, *rows, nulls.as_ref(), descriptor),
            PreparedValues::Wide(values, width) => {
                self.plain(values, *width, *rows, nulls.as_ref(), descriptor)
            }
        }
    }

    fn coded(
        &mut self,
        coded: &Coded,
        rows: usize,
        nulls: Option<&NullBuffer>,
        descriptor: &ColumnDescPtr,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        let dictionary = Dictionary { plain: coded.values.plain(), values: coded.values.len() as u32 };
        let statistics = coded.values.statistics(nulls.map_or(0, NullBuffer::null_count) as u64);
        // The bits of the greatest code; none where there is one value. There is no chunk of codes without a value.
        let width = u32::BITS - (coded.values.len() as u32 - 1).leading_zeros();
        let mut codes = coded.codes.as_slice();
        let packed = codes.len() * width as usize / 8;
        self.chunk((Some(dictionary), packed), statistics, rows, nulls, descriptor, |rows, nulls, values| {
            let page_codes;
            (page_codes, codes) = codes.split_at(values);
            // Codes compare as their values do.
            let bounds = page_codes.iter().min().zip(page_codes.iter().max());
            DataPage {
                data: data_page::codes(page_codes, width, rows, nulls, descriptor),
                bounds: bounds.map(|(low, high)| (coded.values.bound(*low), coded.values.bound(*high))),
            }
        })
    }

    fn plain(
        &mut self,
        values: &[i128],
        width: usize,
        rows: usize,
        nulls: Option<&NullBuffer>,
        descriptor: &ColumnDescPtr,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        let bound = |value: &i128| big_endian(*value)[16 - width..].to_vec();
        let bounds = |values: &[i128]| Some((bound(values.iter().min()?), bound(values.iter().max()?)));
        let missing = nulls.map_or(0, NullBuffer::null_count) as u64;
        let (low, high) = values.iter().min().zip(values.iter().max()).unzip();
        let statistics = wide_statistics(low.map(&bound), high.map(&bound), missing);
        let mut rest = values;
        let packed = values.len() * width;
        self.chunk((None, packed), statistics, rows, nulls, descriptor, |rows, nulls, values| {
            let page_values;
            (page_values, rest) = rest.split_at(values);
            DataPage {
                data: data_page::plain(&plain_decimals(page_values, width), rows, nulls, descriptor),
                bounds: bounds(page_values),
            }
        })
    }

    /// A chunk of pages, whose values take so many bytes before they are compressed. `page` gives one of so many rows: which of them
    /// have a value, and how many.
    fn chunk(
        &mut self,
        (dictionary, packed): (Option<Dictionary>, usize),
        statistics: Statistics,
        rows: usize,
        nulls: Option<&NullBuffer>,
        descriptor: &ColumnDescPtr,
        mut page: impl FnMut(usize, Option<&NullBuffer>, usize) -> DataPage,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        let mut chunk = TrackedWrite::new(room(dictionary.as_ref(), packed, rows));
        let mut pages =
            Pages { writer: SerializedPageWriter::new(&mut chunk), compressed: 0, uncompressed: 0 };
        let mut column_index = ColumnIndexBuilder::new(descriptor.physical_type());
        let mut offset_index = OffsetIndexBuilder::new();
        let mut first_page = 0;
        let is_coded = dictionary.is_some();
        if let Some(dictionary) = dictionary {
            let page = self.dictionary_page(&dictionary)?;
            first_page = pages.write(page, dictionary.plain.len())?.bytes_written;
        }
        for start in (0..rows).step_by(PAGE_ROWS) {
            let page_rows = PAGE_ROWS.min(rows - start);
            let page_nulls = nulls.map(|nulls| nulls.slice(start, page_rows));
            let missing = page_nulls.as_ref().map_or(0, NullBuffer::null_count);
            let DataPage { data, bounds } = page(page_rows, page_nulls.as_ref(), page_rows - missing);
            let page = Page::DataPage {
                buf: self.zstd.compress(&data)?.into(),
                // Rows without a value count too: they have a level and no code.
                num_values: page_rows as u32,
                encoding: if is_coded { Encoding::RLE_DICTIONARY } else { Encoding::PLAIN },
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                // They are in the column index, where a reader finds them without the page.
                statistics: None,
            };
            let spec = pages.write(page, data.len())?;
            offset_index.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
            offset_index.append_row_count(page_rows as i64);
            match bounds {
                Some((least, greatest)) => column_index.append(false, least, greatest, missing as i64),
                None => column_index.append(true, Vec::new(), Vec::new(), missing as i64),
            }
        }
        let Pages { compressed, uncompressed, .. } = pages;
        let bytes = handed_out(chunk.into_inner()?);
        let mut encodings = vec![Encoding::PLAIN, Encoding::RLE];
        encodings.extend(is_coded.then_some(Encoding::RLE_DICTIONARY));
        let metadata = ColumnChunkMetaData::builder(descriptor.clone())
            .set_compression(self.compression)
            .set_encodings(encodings)
            .set_total_compressed_size(compressed as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_num_values(rows as i64)
            .set_dictionary_page_offset(is_coded.then_some(0))
            .set_data_page_offset(first_page as i64)
            .set_statistics(statistics)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: Some(column_index.build()?),
            offset_index: Some(offset_index.build()),
        };
        Ok((bytes, close))
    }
    fn dictionary_page(&mut self, dictionary: &Dictionary) -> Result<Page> {
        Ok(Page::DictionaryPage {
            buf: self.zstd.compress(&dictionary.plain)?.into(),
            num_values: dictionary.values,
            encoding: Encoding::PLAIN,
            is_sorted: true,
        })
    }
}

/// Room for a chunk of so many rows, at its size: one that grows is twice as large in the end, and lies where memory was still free
/// behind all else.
fn room(dictionary: Option<&Dictionary>, packed: usize, rows: usize) -> Vec<u8> {
    let plain = dictionary.map_or(0, |dictionary| dictionary.plain.len());
    Vec::with_capacity(plain + packed + (2 + rows / PAGE_ROWS) * HEADER_BYTES)
}

/// A chunk without the room that it did not need.
fn handed_out(mut chunk: Vec<u8>) -> Bytes {
    if chunk.capacity() - chunk.len() > SPARE_BYTES {
        chunk.shrink_to_fit();
    }
    chunk.into()
}

/// A column as it is encoded here, without the column itself: what is left to do takes little memory.
pub(super) struct Prepared {
    values: PreparedValues,
    rows: usize,
    nulls: Option<NullBuffer>,
}

enum PreparedValues {
    Coded(Coded),
    /// Decimals of more than 18 digits that hardly repeat, those that there are, and the bytes that each takes.
    Wide(ScalarBuffer<i128>, usize),
}

impl Prepared {
    /// `None` for a column that is better encoded otherwise.
    pub(super) fn of(column: &ArrayRef, descriptor: &ColumnDescPtr) -> Option<Self> {
        let values = match column.data_type() {
            DataType::Dictionary(..) => PreparedValues::Coded(Coded::texts(column)?),
            // Up to nine digits are 32 bits in a file, which `Values::plain` does not write.
            DataType::Decimal64(..) if descriptor.physical_type() == Type::INT64 => {
                PreparedValues::Coded(Coded::numbers::<Decimal64Type>(column)?)
            }
            DataType::Int64 => PreparedValues::Coded(Coded::numbers::<Int64Type>(column)?),
            DataType::Decimal128(..) => return Self::decimals(column, descriptor),
            _ => return None,
        };
        // A few rows are written in another way with a mask than without: one that hides nothing is none.
        let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        Some(Self { values, rows: column.len(), nulls })
    }

    /// Decimals of more than 18 digits: codes where they repeat.
    fn decimals(column: &ArrayRef, descriptor: &ColumnDescPtr) -> Option<Self> {
        let decimals = column.as_primitive_opt::<Decimal128Type>()?;
        let width = usize::try_from(descriptor.type_length()).unwrap_or(0);
        // The type's numbers have no more bytes than that.
        if !(1..=16).contains(&width) {
            return None;
        }
        let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
        let values: ScalarBuffer<i128> = match nulls {
            None => decimals.values().clone(),
            Some(nulls) => collected(column, nulls.valid_indices().map(|row| decimals.value(row))).into(),
        };
        let values = match Coded::wide(&values, width) {
            Some(coded) => PreparedValues::Coded(coded),
            None => PreparedValues::Wide(values, width),
        };
        Some(Self { values, rows: column.len(), nulls: nulls.cloned() })
    }
}

/// The pages of a chunk on their way, and the bytes of all of them.
struct Pages<'w> {
    writer: SerializedPageWriter<'w, Vec<u8>>,
    compressed: usize,
    uncompressed: usize,
}

impl Pages<'_> {
    /// Writes a page that took so many bytes before it was compressed.
    fn write(&mut self, page: Page, uncompressed: usize) -> Result<PageWriteSpec> {
        let spec = self.writer.write_page(CompressedPage::new(page, uncompressed))?;
        self.compressed += spec.compressed_size;
        self.uncompressed += spec.uncompressed_size;
        Ok(spec)
    }
}

/// The page that codes stand for.
struct Dictionary {
    plain: Vec<u8>,
    values: u32,
}

/// A page before it is compressed, with its least and greatest value, where it has one.
struct DataPage {
    data: Vec<u8>,
    bounds: Option<(Vec<u8>, Vec<u8>)>,
}

/// A column's distinct values in order, and the code of each row that has a value.
struct Coded {
    values: Values,
    codes: Vec<u32>,
}

enum Values {
    Numbers(Vec<i64>),
    /// Decimals of more than 18 digits, and the bytes that each takes.
    Wide(Vec<i128>, usize),
    /// Texts, and the places of those that occur, in their order.
    Texts(StringArray, Vec<u32>),
}

impl Coded {
    /// Of a dictionary-coded column: those of its values that occur.
    fn texts(column: &ArrayRef) -> Option<Self> {
        let column = column.as_dictionary_opt::<Int32Type>()?;
        let known: &StringArray = column.values().as_string_opt()?;
        let keys = || {
            let keys = column.keys();
            keys.values()
                .iter()
                .enumerate()
                .filter(|(row, _)| keys.is_valid(*row))
                .map(|(_, key)| *key as usize)
        };
        // The dictionary of a batch holds texts of other batches and partitions as well. Those would make the chunk larger and its
        // statistics, which are the first and the last value, wider than its rows.
        let mut occurs = vec![false; known.len()];
        keys().for_each(|key| occurs[key] = true);
        let mut order: Vec<usize> = (0..known.len()).filter(|key| occurs[*key]).collect();
        // By bytes, which is Parquet's order of texts too: readers compare statistics by it.
        order.sort_unstable_by_key(|key| known.value(*key));
        let mut texts: Vec<u32> = Vec::with_capacity(order.len());
        let mut code_of = vec![0; known.len()];
        for key in order {
            // A value may appear twice in a dictionary: concatenated batches do that.
            if texts.last().is_none_or(|last| known.value(*last as usize) != known.value(key)) {
                texts.push(key as u32);
            }
            code_of[key] = texts.len() as u32 - 1;
        }
        if texts.is_empty() {
            return None;
        }
        let codes = collected(column, keys().map(|key| code_of[key]));
        Some(Self { values: Values::Texts(known.clone(), texts), codes })
    }

    /// Of a column of numbers. `None` where they hardly repeat, or there is none.
    fn numbers<T: ArrowPrimitiveType<Native = i64>>(column: &ArrayRef) -> Option<Self> {
        let column = column.as_primitive_opt::<T>()?;
        match column.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => Self::of(|| column.values().iter().copied()),
            Some(nulls) => {
                let valid = collected(column, nulls.valid_indices().map(|row| column.value(row)));
                Self::of(|| valid.iter().copied())
            }
        }
    }

    fn of<I: ExactSizeIterator<Item = i64>>(numbers: impl Fn() -> I) -> Option<Self> {
        // In steps, prices in cents are numbers small enough to rank by a table, without a hash for each row.
        let steps = Steps::of(&numbers);
        let (ranks, codes) = ranked(|| numbers().map(|number| steps.code(number)), steps.greatest())?;
        let values = ranks.into_iter().map(|code| steps.value(code)).collect();
        Some(Self { values: Values::Numbers(values), codes })
    }

    /// Of decimals of more than 18 digits.
    fn wide(numbers: &[i128], width: usize) -> Option<Self> {
        let steps = WideSteps::of(|| numbers.iter().copied())?;
        let (ranks, codes) = ranked(|| numbers.iter().map(|number| steps.code(*number)), steps.greatest())?;
        let values = ranks.into_iter().map(|code| steps.value(code)).collect();
        Some(Self { values: Values::Wide(values, width), codes })
    }
}

/// What the rows of a column that have a value give. The iterator does not know how many that are: a list that grows by it is up to
/// twice as large as it has to be, and is copied as often as it grows.
fn collected<T>(column: &dyn Array, values: impl Iterator<Item = T>) -> Vec<T> {
    let mut all = Vec::with_capacity(column.len() - column.null_count());
    all.extend(values);
    all
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Wide(numbers, _) => numbers.len(),
            Self::Texts(_, texts) => texts.len(),
        }
    }

    /// The values in the encoding `PLAIN`.
    fn plain(&self) -> Vec<u8> {
        match self {
            Self::Numbers(numbers) => {
                let mut plain = Vec::with_capacity(numbers.len() * 8);
                numbers.iter().for_each(|number| plain.extend_from_slice(&number.to_le_bytes()));
                plain
            }
            Self::Wide(numbers, width) => plain_decimals(numbers, *width),
            Self::Texts(known, texts) => {
                let mut plain = Vec::new();
                for text in texts.iter().map(|text| known.value(*text as usize)) {
                    plain.extend((text.len() as u32).to_le_bytes());
                    plain.extend(text.as_bytes());
                }
                plain
            }
        }
    }

    /// A value as a page's least or greatest.
    fn bound(&self, code: u32) -> Vec<u8> {
        match self {
            Self::Numbers(numbers) => numbers[code as usize].to_le_bytes().to_vec(),
            Self::Wide(numbers, width) => big_endian(numbers[code as usize])[16 - width..].to_vec(),
            Self::Texts(known, texts) => known.value(texts[code as usize] as usize).as_bytes().to_vec(),
        }
    }

    fn statistics(&self, missing: u64) -> Statistics {
        let bytes = |known: &StringArray, text: Option<&u32>| {
            text.map(|text| ByteArray::from(known.value(*text as usize).as_bytes().to_vec()))
        };
        match self {
            Self::Numbers(numbers) => Statistics::int64(
                numbers.first().copied(),
                numbers.last().copied(),
                None,
                Some(missing),
                false,
            ),
            Self::Wide(numbers, width) => {
                let bound = |number: Option<&i128>| number.map(|n| big_endian(*n)[16 - width..].to_vec());
                wide_statistics(bound(numbers.first()), bound(numbers.last()), missing)
            }
            Self::Texts(known, texts) => {
                let (least, greatest) = (bytes(known, texts.first()), bytes(known, texts.last()));
                Statistics::byte_array(least, greatest, None, Some(missing), false)
            }
        }
    }
}

/// A decimal's bytes, as Parquet orders them; the last ones that its type has are its value.
#[inline]
fn big_endian(number: i128) -> [u8; 16] {
    number.to_be_bytes()
}

/// Decimals in the encoding `PLAIN`.
fn plain_decimals(numbers: &[i128], width: usize) -> Vec<u8> {
    let mut plain = Vec::with_capacity(numbers.len() * width + 16);
    for number in numbers {
        // The whole number shifted to the front: what is behind its bytes is overwritten by the next.
        let end = plain.len() + width;
        plain.extend_from_slice(&big_endian(number << (8 * (16 - width))));
        plain.truncate(end);
    }
    plain
}

fn wide_statistics(least: Option<Vec<u8>>, greatest: Option<Vec<u8>>, missing: u64) -> Statistics {
    let bytes = |bound: Option<Vec<u8>>| bound.map(FixedLenByteArray::from);
    Statistics::fixed_len_byte_array(bytes(least), bytes(greatest), None, Some(missing), false)
}

#[cfg(test)]
mod tests;
