//! A sheet of an Excel workbook, as rows of typed cells.

use std::fmt::Write as _;
use std::io::Cursor;

use calamine::{DataRef, ExcelDateTime, Reader as _, Xlsx};
use quotelake_contract::{Column, ColumnType, FileLayout, Sheet};
use quotelake_core::{Error, Result};

/// The largest workbook, as it is stored: it is read whole.
pub(crate) const MAX_BYTES: usize = 64 << 20;
/// The most that the parts of a workbook unpack to.
pub(crate) const MAX_UNPACKED_BYTES: u64 = 256 << 20;

/// Columns of a sheet, see <https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3>.
const MAX_COLUMNS: usize = 16_384;

/// A row of a sheet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SheetRow {
    /// Its number in the sheet, from 1.
    pub(crate) line: u64,
    /// Its cells from column A to the last that is not empty.
    pub(crate) cells: Vec<SheetCell>,
}

/// A cell of a sheet, by the type that the workbook gives it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SheetCell {
    Empty,
    Text(String),
    Number(f64),
    Bool(bool),
    /// A date, or a date with a time, of no zone.
    Date {
        /// `2026-01-02`.
        date: String,
        /// `03:04:05.678`, `None` at midnight.
        time: Option<String>,
    },
}

impl SheetRow {
    /// The row as text, for people: cells with tabs between.
    pub(crate) fn raw(&self) -> String {
        self.cells.iter().map(SheetCell::text).collect::<Vec<_>>().join("\t")
    }
}

impl SheetCell {
    /// The cell as text: a number in its shortest form, a date as ISO writes it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(true) => "TRUE".into(),
            Self::Bool(false) => "FALSE".into(),
            Self::Date { date, time: None } => date.clone(),
            Self::Date { date, time: Some(time) } => format!("{date}T{time}"),
        }
    }

    /// Writes the cell's own value where its type goes with the column's, whatever the contract says of texts. False where
    /// it is to be read as text.
    pub(crate) fn write_typed(&self, column: &Column, line: &mut Vec<u8>) -> bool {
        let text = self.text();
        let is_number = matches!(
            column.ty,
            ColumnType::Int | ColumnType::Bigint | ColumnType::Double | ColumnType::Decimal { .. }
        );
        let value = match (self, column.ty) {
            (Self::Empty, _) => "null".to_owned(),
            (Self::Number(_), _) | (Self::Date { .. }, _)
                if column.cell.formats().null_texts.contains(&text) =>
            {
                "null".to_owned()
            }
            (Self::Number(_), _) if is_number => text,
            (Self::Number(_), ColumnType::String) => format!("\"{text}\""),
            (Self::Bool(value), ColumnType::Boolean) => value.to_string(),
            (Self::Date { date, .. }, ColumnType::Date | ColumnType::Timestamp)
                if column.cell.formats().placeholder_dates.contains(date) =>
            {
                "null".to_owned()
            }
            (Self::Date { .. }, ColumnType::Date | ColumnType::String) => format!("\"{text}\""),
            (Self::Date { date, time }, ColumnType::Timestamp) => {
                format!("\"{date}T{}\"", time.as_deref().unwrap_or("00:00:00"))
            }
            _ => return false,
        };
        line.extend_from_slice(value.as_bytes());
        true
    }

    fn of(value: &DataRef<'_>) -> Self {
        match value {
            DataRef::Empty => Self::Empty,
            DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
                Self::Text(text.clone())
            }
            DataRef::SharedString(text) => Self::Text((*text).to_owned()),
            DataRef::Int(number) => Self::Text(number.to_string()),
            DataRef::Float(number) => Self::Number(*number),
            DataRef::Bool(value) => Self::Bool(*value),
            DataRef::DateTime(instant) => Self::of_instant(instant),
            DataRef::Error(error) => Self::Text(error.to_string()),
        }
    }

    /// A serial number with a date's format. Below 1 it is a time alone, and one with a duration's format is a number.
    fn of_instant(instant: &ExcelDateTime) -> Self {
        if !instant.is_datetime() {
            return Self::Number(instant.as_f64());
        }
        let (year, month, day, hour, minute, second, milli) = instant.to_ymd_hms_milli();
        let mut time = format!("{hour:02}:{minute:02}:{second:02}");
        if milli > 0 {
            // Writing to a text cannot fail.
            let _ = write!(time, ".{milli:03}");
        }
        if instant.as_f64() < 1.0 {
            return Self::Text(time);
        }
        let is_midnight = (hour, minute, second, milli) == (0, 0, 0, 0);
        Self::Date { date: format!("{year:04}-{month:02}-{day:02}"), time: (!is_midnight).then_some(time) }
    }
}

/// Hands out the rows of the contract's sheet that are not empty, those apart that the layout passes over. `InvalidInput` for what
/// is no workbook, and where the sheet is not there.
pub(crate) fn for_each_row(
    bytes: Vec<u8>,
    layout: &FileLayout,
    take: &mut dyn FnMut(SheetRow) -> Result<()>,
) -> Result<()> {
    let unreadable = |e: calamine::XlsxError| {
        Error::invalid("is no workbook that can be read (.xlsx, not encrypted)").with_source(e)
    };
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let name = sheet_name(&workbook.sheet_names(), layout.sheet.as_ref())?;
    let mut cells = workbook.worksheet_cells_reader(&name).map_err(unreadable)?;
    let mut row = SheetRow { line: 0, cells: Vec::new() };
    while let Some(cell) = cells.next_cell().map_err(unreadable)? {
        let (line, column) = cell.get_position();
        let line = u64::from(line) + 1;
        if line != row.line {
            hand_out(&mut row, layout, take)?;
            row.line = line;
        }
        let value = SheetCell::of(cell.get_value());
        if value != SheetCell::Empty {
            let column = column as usize;
            if column >= MAX_COLUMNS {
                return Err(Error::invalid(format!("row {line} has a cell in column {}", column + 1)));
            }
            if row.cells.len() <= column {
                row.cells.resize(column + 1, SheetCell::Empty);
            }
            row.cells[column] = value;
        }
    }
    hand_out(&mut row, layout, take)
}

fn hand_out(
    row: &mut SheetRow,
    layout: &FileLayout,
    take: &mut dyn FnMut(SheetRow) -> Result<()>,
) -> Result<()> {
    let full = std::mem::replace(row, SheetRow { line: 0, cells: Vec::new() });
    let is_comment = || {
        layout
            .comment
            .as_ref()
            .zip(full.cells.first())
            .is_some_and(|(beginning, cell)| cell.text().starts_with(beginning.as_str()))
    };
    if full.cells.is_empty() || full.line <= u64::from(layout.skip_rows) || is_comment() {
        return Ok(());
    }
    take(full)
}

fn sheet_name(names: &[String], wanted: Option<&Sheet>) -> Result<String> {
    let found = match wanted {
        None => names.first(),
        Some(Sheet::Name(name)) => names.iter().find(|other| *other == name),
        Some(Sheet::Place(place)) => names.get(*place as usize - 1),
    };
    found.cloned().ok_or_else(|| {
        let wanted = match wanted {
            None => "no sheet".to_owned(),
            Some(Sheet::Name(name)) => format!("no sheet {name:?}"),
            Some(Sheet::Place(place)) => format!("no sheet {place}"),
        };
        let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        Error::invalid(format!("has {wanted}; it has {}", names.join(", ")))
    })
}
