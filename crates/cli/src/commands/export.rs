//! `quotelake export adjusted`: daily bars times the factors of splits and dividends, as CSV.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray, Decimal128Array, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::DataType;
use futures::{StreamExt as _, TryStreamExt as _};
use quotelake_core::{Error, Result};
use quotelake_market::DailySeries;
use quotelake_market::adjustment::{ADJUSTED_BAR_COLUMNS, Factors, Method, adjusted_bars};
use quotelake_refine::dates::Dates;
use quotelake_refine::native::adjustment;
use quotelake_refine::tables::Tables;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::open_existing;
use crate::args::{ExportAdjustedArgs, ExportCommand};
use crate::laptop::Laptop;
use crate::number::counted;
use crate::output::{Exit, Output, Text, push_csv_cell};
use crate::tables::{daily_series, texts};

/// The columns of the file.
const COLUMNS: [&str; 9] = [
    "symbol",
    "trading_date",
    "adj_open",
    "adj_high",
    "adj_low",
    "adj_close",
    "adj_volume",
    "split_factor",
    "dividend_factor",
];

/// A line takes about so many bytes.
const LINE_BYTES: usize = 128;
/// Partitions of bars that are made lines at the same time.
const AT_A_TIME: usize = 2;

/// What was written.
#[derive(Debug, Serialize)]
struct Exported {
    method: String,
    rows: u64,
    /// The series of each symbol.
    series: Vec<String>,
    /// Series that nobody can adjust, with the reason.
    refused: Vec<String>,
    out: Option<String>,
}

/// Runs the command.
pub async fn run(command: ExportCommand, output: Output) -> Result<Exit> {
    let ExportCommand::Adjusted(args) = command;
    if args.out.is_none() && output.is_json() {
        return Err(Error::config("with --json, name the file of the rows with --out"));
    }
    let laptop = open_existing(&args.lake.lake).await?;
    let method: Method = args.method.parse()?;
    let tables = Tables::new(laptop.lake().as_ref(), &laptop.contracts);
    let computed = adjustment(tables, args.base).await?;
    let chosen = chosen(&laptop, &args, &computed.factors)?;
    let wanted = |name: &str| args.symbols.is_empty() || args.symbols.iter().any(|symbol| symbol == name);
    let refused: Vec<String> = computed
        .refused
        .iter()
        .filter(|refused| wanted(&refused.symbol) || wanted(&refused.series.provider_symbol))
        .map(|refused| format!("{}: {}", refused.series, refused.reason))
        .collect();
    if chosen.is_empty() {
        let why = match refused.as_slice() {
            [] => "the lake has no daily bars of it".to_owned(),
            refused => format!("refused: {}", refused.join("; ")),
        };
        let what = if args.symbols.is_empty() { "any symbol".to_owned() } else { args.symbols.join(", ") };
        return Err(Error::not_found(format!("no adjusted prices of {what}: {why}")));
    }
    let is_chosen = |name: &&String| {
        chosen.iter().any(|(symbol, series)| *name == symbol || **name == series.provider_symbol)
    };
    let lacking: Vec<&str> =
        args.symbols.iter().filter(|name| !is_chosen(name)).map(String::as_str).collect();
    if !lacking.is_empty() {
        return Err(Error::not_found(format!(
            "no adjusted prices of {}: nothing is written",
            lacking.join(", ")
        )));
    }
    let mut factors = Factors::new(method);
    factors.add(&computed.factors)?;
    let (factors, chosen) = (Arc::new(factors), Arc::new(chosen));
    let rows = match &args.out {
        Some(path) => to_file(tables, &factors, &chosen, path).await?,
        None => write(tables, &factors, &chosen, &mut |lines| output.say(Text::verbatim(lines))).await?,
    };
    let exported = Exported {
        method: method.to_string(),
        rows,
        series: chosen.values().map(ToString::to_string).collect(),
        refused,
        out: args.out.as_ref().map(|path| path.display().to_string()),
    };
    // Rows on standard output are all that goes there.
    if args.out.is_some() {
        output.finish(&exported, || text(&exported))?;
    }
    Ok(Exit::Done)
}

fn text(exported: &Exported) -> String {
    let mut text = format!(
        "{} of {} to {}, adjusted by {}\n",
        counted(exported.rows, "row", "rows"),
        counted(exported.series.len() as u64, "symbol", "symbols"),
        exported.out.as_deref().unwrap_or("standard output"),
        exported.method
    );
    for refused in &exported.refused {
        text.push_str(&format!("left out: {refused}\n"));
    }
    text
}

/// The series of each symbol: of the named provider, else the preferred one.
fn chosen(
    laptop: &Laptop,
    args: &ExportAdjustedArgs,
    factors: &RecordBatch,
) -> Result<BTreeMap<String, DailySeries>> {
    let preference = laptop.contracts.preference();
    let mut chosen: BTreeMap<String, DailySeries> = BTreeMap::new();
    for (series, symbol) in daily_series(factors)?.into_iter().zip(texts(factors, "symbol")?) {
        let symbol = symbol.unwrap_or_default();
        let named = |name: &String| *name == symbol || *name == series.provider_symbol;
        if !(args.symbols.is_empty() || args.symbols.iter().any(named))
            || args.provider.as_ref().is_some_and(|provider| *provider != series.provider)
        {
            continue;
        }
        match chosen.get_mut(&symbol) {
            Some(best) if series.compare_by(best, preference).is_lt() => *best = series,
            Some(_) => {}
            None => drop(chosen.insert(symbol, series)),
        }
    }
    Ok(chosen)
}

/// Writes beside the file first, so that there is the whole of it or what was there before.
async fn to_file(
    tables: Tables<'_>,
    factors: &Arc<Factors>,
    chosen: &Arc<BTreeMap<String, DailySeries>>,
    path: &Path,
) -> Result<u64> {
    let failed =
        |e: std::io::Error| Error::unavailable(format!("cannot write {}", path.display())).with_source(e);
    let mut name = path.file_name().map(ToOwned::to_owned).unwrap_or_default();
    name.push(".part");
    let beside = path.with_file_name(name);
    let mut out = BufWriter::new(File::create(&beside).map_err(failed)?);
    let rows = write(tables, factors, chosen, &mut |lines| {
        out.write_all(lines.as_bytes()).and_then(|()| out.write_all(b"\n")).map_err(failed)
    })
    .await;
    let done = rows.and_then(|rows| {
        out.into_inner().map_err(|e| failed(e.into_error()))?.sync_all().map_err(failed)?;
        std::fs::rename(&beside, path).map_err(failed)?;
        Ok(rows)
    });
    if done.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    done
}

/// Gives the lines to `out`, a partition of the bars at a time, which come in order of time: by date and symbol. They are made beside the
/// reading of the next ones.
async fn write(
    tables: Tables<'_>,
    factors: &Arc<Factors>,
    chosen: &Arc<BTreeMap<String, DailySeries>>,
    out: &mut (dyn FnMut(&str) -> Result<()> + Send),
) -> Result<u64> {
    out(&COLUMNS.join(","))?;
    let mut count = 0;
    let bars = tables.scan("daily_bars", &ADJUSTED_BAR_COLUMNS, Dates::ALL).await?;
    let mut made = bars
        .map(|bars| {
            let (factors, chosen) = (Arc::clone(factors), Arc::clone(chosen));
            async move {
                let bars = bars?;
                let made = spawn_blocking(move || {
                    let rows = adjusted_bars(&of_series(&bars, &chosen)?, &factors)?;
                    Ok::<_, Error>((rows.num_rows(), lines(&rows)?))
                });
                made.await.map_err(|e| Error::bug("writing CSV stopped").with_source(e))?
            }
        })
        .buffered(AT_A_TIME);
    while let Some((rows, lines)) = made.try_next().await? {
        if rows > 0 {
            count += rows as u64;
            out(&lines)?;
        }
    }
    Ok(count)
}

/// The rows of the chosen series.
fn of_series(batch: &RecordBatch, chosen: &BTreeMap<String, DailySeries>) -> Result<RecordBatch> {
    let column = |name: &str| {
        let column = batch.column_by_name(name).ok_or_else(|| Error::bug(format!("no column {name}")))?;
        Ok::<_, Error>(arrow::compute::cast(column, &DataType::Utf8)?)
    };
    let names = ["provider", "provider_symbol", "adjustment", "session"];
    let columns = names.iter().map(|name| column(name)).collect::<Result<Vec<_>>>()?;
    let symbols = column("symbol")?;
    let (symbols, columns) = (
        symbols.as_string::<i32>(),
        columns.iter().map(|column| column.as_string::<i32>()).collect::<Vec<_>>(),
    );
    let kept: BooleanArray = (0..batch.num_rows())
        .map(|row| {
            let series = symbols.is_valid(row).then(|| chosen.get(symbols.value(row))).flatten();
            Some(series.is_some_and(|series| {
                let wanted = [&series.provider, &series.provider_symbol, &series.adjustment, &series.session];
                columns.iter().zip(wanted).all(|(column, wanted)| column.value(row) == wanted)
            }))
        })
        .collect();
    Ok(filter_record_batch(batch, &kept)?)
}

/// A column of the file.
enum Cells {
    Texts(StringArray),
    /// With so many places.
    Decimals(Decimal128Array, usize),
}

impl Cells {
    fn of(rows: &RecordBatch, name: &str) -> Result<Self> {
        let column = rows.column_by_name(name).ok_or_else(|| Error::bug(format!("no column {name}")))?;
        if let DataType::Decimal128(_, scale @ 0..) = column.data_type() {
            return Ok(Self::Decimals(column.as_primitive().clone(), usize::from(scale.unsigned_abs())));
        }
        let texts = arrow::compute::cast(column, &DataType::Utf8)?;
        Ok(Self::Texts(texts.as_string().clone()))
    }

    /// A missing value is an empty cell.
    fn push(&self, row: usize, lines: &mut String) {
        match self {
            Self::Texts(texts) if texts.is_valid(row) => push_csv_cell(lines, texts.value(row)),
            Self::Decimals(numbers, places) if numbers.is_valid(row) => {
                push_decimal(lines, numbers.value(row), *places);
            }
            _ => {}
        }
    }

    fn text(&self, row: usize) -> &str {
        match self {
            Self::Texts(texts) if texts.is_valid(row) => texts.value(row),
            _ => "",
        }
    }
}

/// The rows as lines of CSV, in order of date and symbol.
fn lines(rows: &RecordBatch) -> Result<String> {
    let columns = COLUMNS.iter().map(|name| Cells::of(rows, name)).collect::<Result<Vec<_>>>()?;
    let mut order: Vec<usize> = (0..rows.num_rows()).collect();
    order.sort_by_key(|row| (columns[1].text(*row), columns[0].text(*row)));
    let mut lines = String::with_capacity(order.len() * LINE_BYTES);
    for (place, row) in order.into_iter().enumerate() {
        if place > 0 {
            lines.push('\n');
        }
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                lines.push(',');
            }
            column.push(row, &mut lines);
        }
    }
    Ok(lines)
}

/// A decimal with all its places.
fn push_decimal(lines: &mut String, number: i128, places: usize) {
    let mut digits = [0u8; 40];
    let mut first = digits.len();
    let mut put = |digit: u8| {
        first -= 1;
        digits[first] = b'0' + digit;
    };
    // Most fit 64 bits, which are divided much faster than 128.
    let (mut short, mut long) = match u64::try_from(number.unsigned_abs()) {
        Ok(short) => (short, 0),
        Err(_) => (0, number.unsigned_abs()),
    };
    let mut count = 0;
    while short > 0 || long > 0 || count <= places {
        if long > 0 {
            put((long % 10) as u8);
            long /= 10;
        } else {
            put((short % 10) as u8);
            short /= 10;
        }
        count += 1;
    }
    if number < 0 {
        lines.push('-');
    }
    let point = digits.len() - places;
    lines.extend(digits[first..point].iter().map(|digit| char::from(*digit)));
    if places > 0 {
        lines.push('.');
        lines.extend(digits[point..].iter().map(|digit| char::from(*digit)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_written_as_they_are_shown_elsewhere() {
        for places in [0, 1, 8, 18] {
            let most = 10i128.pow(38) - 1;
            let numbers = [0, 1, 9, 10, 12_345_678_900, i128::from(u64::MAX), i128::from(u64::MAX) + 1, most];
            for number in numbers.into_iter().flat_map(|number| [number, -number]) {
                let array = Decimal128Array::from(vec![number]).with_precision_and_scale(38, places).unwrap();
                let shown = arrow::util::display::array_value_to_string(&array, 0).unwrap();
                let mut text = String::new();
                push_decimal(&mut text, number, usize::from(places.unsigned_abs()));
                assert_eq!(text, shown);
            }
        }
    }
}
