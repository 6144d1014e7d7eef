//! The rows of a file to canonical records.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use quotelake_core::{BodyEncoding, Context as _, ENVELOPE_VERSION, Envelope, Error, FetchUnit, Result};
use quotelake_landing::IngestFault;

use super::cells::{Cells, When, date_form};
use super::header::{self, Columns};
use super::model::{DateForm, Field};
use super::values::{Stamp, epoch_end_ms, period};
use super::{Profile, Settings, events, model, names, spacing};
use crate::origin::{Origin, RecordInstrument};
use crate::record::{Bar, Record};
use crate::{DatasetName, Interval};

/// A file and where it came from.
#[derive(Debug, Clone, Copy)]
pub struct FileFacts<'a> {
    /// Its name, with or without folders.
    pub name: &'a str,
    /// SHA-256 of the file as it is stored, lowercase hex.
    pub sha256: &'a str,
    /// When it was downloaded.
    pub fetched_at: DateTime<Utc>,
    /// The load.
    pub run_id: &'a str,
}

/// A row of a file, header rows among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileRow {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its cells.
    pub cells: Vec<String>,
    /// As it is in the file.
    pub raw: String,
}

/// What became of a file's rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileRows {
    /// The records, by instrument and time.
    pub records: Vec<Record>,
    /// Rows that could not be parsed.
    pub faults: Vec<IngestFault>,
    /// What else is worth a word.
    pub notes: Vec<String>,
}

/// Reads a file's rows. `InvalidInput` says why the whole file is refused: what it does not say is not said beside it, its header is
/// not the profile's, its dates fit two forms, its rows are of another length than they are to be.
pub fn read_rows(
    profile: &'static Profile,
    dataset: DatasetName,
    settings: &Settings,
    file: FileFacts<'_>,
    rows: &[FileRow],
) -> Result<FileRows> {
    let header = header::find(profile, dataset, rows)?;
    let (mut fit, mut out): (Vec<&FileRow>, _) = (Vec::new(), FileRows::default());
    for row in &rows[header.rows..] {
        if row.cells.len() == header.width {
            fit.push(row);
        } else {
            let detail =
                format!("line {}: has {} fields, the header has {}", row.line, row.cells.len(), header.width);
            out.faults.push(IngestFault { reason: "field_count".into(), detail, raw: row.raw.clone() });
        }
    }
    let several = header.groups.len() > 1;
    for columns in &header.groups {
        let mut group = Group::new(profile, dataset, settings, file, columns, &fit)?;
        let (mut bars, mut found) = (Vec::new(), Vec::new());
        for row in &fit {
            group.row(row, &mut bars, &mut found)?;
        }
        bars.sort_by(|a, b| key(a).cmp(&key(b)));
        spacing::check(group.interval, settings.interval, &bars)?;
        check_newest(&bars, file.fetched_at)?;
        let of = columns.ticker.as_deref().filter(|_| several).map(|ticker| format!("{ticker}: "));
        let of = of.unwrap_or_default();
        match model::event_field(dataset) {
            Some(_) => out.records.extend(events::of_dataset(dataset, found)),
            None => {
                if group.gaps > 0 {
                    let gaps = group.gaps;
                    out.notes.push(format!("{of}{gaps} rows have no price and no volume: gaps, left out"));
                }
                out.notes.extend(events::note(&found).map(|note| format!("{of}{note}")));
                out.records.append(&mut bars);
            }
        }
    }
    Ok(out)
}

fn key(record: &Record) -> (Option<&str>, Option<DateTime<Utc>>) {
    (record.provider_symbol(), bar_of(record).and_then(|bar| bar.bar_start).map(|start| start.0))
}

pub(super) fn bar_of(record: &Record) -> Option<&Bar> {
    match record {
        Record::DailyBars(bar) | Record::IntradayBars(bar) => Some(bar),
        _ => None,
    }
}

/// A bar that begins after the file was written: then the file's time is not when it was downloaded, and nothing could be said about
/// which of its bars were still open. A day of the calendar's far east begins before UTC's.
fn check_newest(records: &[Record], fetched_at: DateTime<Utc>) -> Result<()> {
    let newest = records.iter().filter_map(bar_of).filter_map(|bar| bar.bar_start).max();
    match newest {
        Some(newest) if newest.0 > fetched_at + TimeDelta::hours(14) => Err(Error::invalid(format!(
            "holds a bar of {}, and was last changed on {}: say when it was downloaded, e.g. --set fetched_at={}T22:00:00Z",
            newest.0.date_naive(),
            fetched_at.date_naive(),
            newest.0.date_naive(),
        ))),
        _ => Ok(()),
    }
}

/// The rows of one header, on their way.
struct Group<'a> {
    profile: &'static Profile,
    dataset: DatasetName,
    settings: &'a Settings,
    file: FileFacts<'a>,
    columns: &'a Columns,
    form: DateForm,
    interval: Interval,
    adjustment: &'static str,
    stamp_zone: Option<Tz>,
    /// The instrument of rows that do not name theirs.
    symbol: Option<String>,
    origins: BTreeMap<String, (Origin, RecordInstrument)>,
    gaps: u64,
}

impl<'a> Group<'a> {
    fn new(
        profile: &'static Profile,
        dataset: DatasetName,
        settings: &'a Settings,
        file: FileFacts<'a>,
        columns: &'a Columns,
        rows: &[&FileRow],
    ) -> Result<Self> {
        let of_name = names::named(&profile.file_names, file.name);
        let symbol = match (&columns.ticker, columns.place(Field::Ticker)) {
            (_, Some(_)) => None,
            (Some(ticker), None) => Some(ticker.clone()),
            (None, None) => {
                let of_name = || of_name.as_ref().map(|named| named.symbol.clone());
                let symbol = settings.symbol.clone().or_else(of_name).ok_or_else(|| {
                    Error::invalid(format!(
                        "its name {:?} names no instrument: say it, e.g. --set symbol=BARC.L",
                        names::stem(file.name)
                    ))
                })?;
                Some(if profile.upper { symbol.to_uppercase() } else { symbol })
            }
        };
        let adjusted = columns.place(Field::AdjClose).is_some();
        let layout = columns.layout.adjustment.as_ref();
        let unadjusted = profile.adjustment_without_adj_close.as_ref().filter(|_| !adjusted);
        let adjustment = model::adjustment(layout.or(unadjusted).unwrap_or(&profile.adjustment))?;
        let mut group = Self {
            profile,
            dataset,
            settings,
            file,
            columns,
            form: date_form(columns, settings, rows)?,
            interval: Interval::Day1,
            adjustment: settings.adjustment.unwrap_or(adjustment),
            stamp_zone: settings.stamp_tz.or(profile.stamp_zone()?),
            symbol,
            origins: BTreeMap::new(),
            gaps: 0,
        };
        let of_name = of_name.as_ref().and_then(|named| named.interval.as_deref());
        group.interval = group.interval_of(of_name, rows)?;
        if model::event_field(dataset).is_some() && group.interval != Interval::Day1 {
            let interval = group.interval;
            return Err(Error::invalid(format!("holds bars of {interval}; {dataset} are read of days")));
        }
        let local = matches!(group.form, DateForm::IsoLocal)
            || columns.place(Field::Time).is_some() && group.interval != Interval::Day1;
        if local && group.stamp_zone.is_none() {
            return Err(Error::invalid(
                "its times name no zone, and the vendor documents none: say it, e.g. --set stamp_tz=Europe/Warsaw",
            ));
        }
        // What is missing is said of the file, before any row.
        if let Some(symbol) = group.symbol.clone() {
            group.origin(&symbol)?;
        }
        Ok(group)
    }

    /// The length of the bars: what the rows say, the file's name, or what is said beside the file.
    fn interval_of(&self, of_name: Option<&str>, rows: &[&FileRow]) -> Result<Interval> {
        let told = match of_name.map(|text| (text, period(text))) {
            Some((_, Some(interval))) => Some(interval),
            Some((text, None)) => return Err(unknown_length(&format!("{text:?} in its name"))),
            None => None,
        };
        let of_rows = match (self.columns.place(Field::Period), self.columns.place(Field::End)) {
            (Some(place), _) => match rows.first().map(|row| row.cells[place].trim()) {
                Some(text) => Some(period(text).ok_or_else(|| unknown_length(&format!("{text:?}")))?),
                None => None,
            },
            (None, Some(place)) => self.length_of(place, rows)?,
            (None, None) => None,
        };
        if let (Some(told), Some(of_rows)) = (told, of_rows)
            && told != of_rows
        {
            return Err(Error::invalid(format!("its name says {told}, its rows are of {of_rows}")));
        }
        let known = of_rows.or(told);
        match (self.dataset, known) {
            (DatasetName::IntradayBars, Some(Interval::Day1)) => {
                Err(Error::invalid("holds bars of days; load it with --dataset daily_bars"))
            }
            (DatasetName::IntradayBars, known) => Ok(known),
            (_, None | Some(Interval::Day1)) => match self.settings.interval {
                None | Some(Interval::Day1) => return Ok(Interval::Day1),
                Some(set) => {
                    Err(Error::invalid(format!("interval={set} is set, and {} are of days", self.dataset)))
                }
            },
            (_, Some(other)) => Err(Error::invalid(format!(
                "holds bars of {other}, not of days; load it with --dataset intraday_bars"
            ))),
        }
        .and_then(|known| match (known, self.settings.interval) {
            (Some(known), Some(set)) if known != set => {
                Err(Error::invalid(format!("holds bars of {known}, and interval={set} is set")))
            }
            (_, Some(Interval::Day1)) => Err(Error::invalid("interval=1d is not an intraday interval")),
            (Some(known), _) => Ok(known),
            (None, Some(set)) => Ok(set),
            (None, None) => Err(Error::invalid(
                "does not say how long its bars are: say it, e.g. --set interval=5m (1m, 5m, 15m or 1h)",
            )),
        })
    }

    /// The length that most of the first rows have, from their start to their end.
    fn length_of(&self, end: usize, rows: &[&FileRow]) -> Result<Option<Interval>> {
        let date = self.columns.place(Field::Date).unwrap_or_default();
        let mut lengths: BTreeMap<i64, usize> = BTreeMap::new();
        for row in rows.iter().take(100) {
            let start = match self.form.read(row.cells[date].trim()) {
                Some(Stamp::Instant(start)) => start,
                _ => continue,
            };
            if let Some(end) = epoch_end_ms(row.cells[end].trim()) {
                *lengths.entry(end - start).or_default() += 1;
            }
        }
        let Some((length_ms, _)) = lengths.into_iter().max_by_key(|(_, rows)| *rows) else { return Ok(None) };
        let minutes = length_ms / 60_000;
        let known = match minutes {
            1 => Interval::Minute1,
            5 => Interval::Minute5,
            15 => Interval::Minute15,
            60 => Interval::Hour1,
            1440 => Interval::Day1,
            _ => return Err(unknown_length(&format!("{minutes} minutes"))),
        };
        Ok(Some(known))
    }

    fn origin(&mut self, symbol: &str) -> Result<&(Origin, RecordInstrument)> {
        if !self.origins.contains_key(symbol) {
            let made = self.make_origin(symbol)?;
            self.origins.insert(symbol.to_owned(), made);
        }
        self.origins.get(symbol).ok_or_else(|| Error::bug("an instrument was just added"))
    }

    fn make_origin(&self, symbol: &str) -> Result<(Origin, RecordInstrument)> {
        let instrument = self.settings.instrument(self.profile, symbol)?;
        let FileFacts { name, sha256, fetched_at, run_id } = self.file;
        let (dataset, interval) = (self.dataset, self.interval);
        let envelope = Envelope {
            envelope: ENVELOPE_VERSION,
            source: self.profile.name.clone(),
            unit: FetchUnit {
                id: format!("{}/{dataset}/{symbol}/{interval}", self.profile.name),
                endpoint: dataset.to_string(),
                symbol: Some(symbol.to_owned()),
                interval: Some(interval.to_string()),
                exchange_tz: instrument.exchange_tz,
                exchange_mic: instrument.mic,
                currency: instrument.currency,
                asset_class: instrument.asset_class,
                ..FetchUnit::default()
            },
            run_id: run_id.to_owned(),
            fetched_at,
            request_id: name.to_owned(),
            status: 200,
            content_type: None,
            body_encoding: BodyEncoding::Utf8,
            body: String::new(),
            sha256: sha256.to_owned(),
        };
        let suffix = self.profile.suffix;
        let origin =
            Origin::with_tickers(&self.profile.name, &envelope, None, |symbol| suffix.strip(symbol))?;
        let named = origin.instruments().first().cloned();
        Ok((origin, named.ok_or_else(|| Error::bug("a unit of one instrument has none"))?))
    }

    /// One row. Values that cannot be read are refused by name, and go along.
    fn row(&mut self, row: &FileRow, bars: &mut Vec<Record>, events: &mut Vec<Record>) -> Result<()> {
        let Self { profile, columns, interval, form, stamp_zone, adjustment, .. } = *self;
        let cells = Cells { profile, columns, row };
        let symbol = match (&self.symbol, columns.place(Field::Ticker)) {
            (Some(symbol), _) => symbol.clone(),
            (None, Some(place)) => row.cells[place].trim().to_owned(),
            (None, None) => return Err(Error::bug("a file without an instrument")),
        };
        let (origin, named) = self.origin(&symbol).with_context(|| format!("line {}", row.line))?;
        let stamped = cells.stamp(form, stamp_zone, interval);
        if interval == Interval::Day1 {
            events::of_row(&cells, origin, named, &stamped, events);
        }
        let price = named.money.price(|text| profile.numbers.read(text));
        let (open, high, low, close) = (
            cells.read(Field::Open, &price),
            cells.read(Field::High, &price),
            cells.read(Field::Low, &price),
            cells.read(Field::Close, &price),
        );
        let volume = cells.volume();
        let no_volume =
            volume.as_ref().is_none_or(|cell| cell.value().is_some_and(|volume| volume.is_zero()));
        if [&open, &high, &low, &close].into_iter().all(Option::is_none) && no_volume {
            self.gaps += 1;
            return Ok(());
        }
        let mut refusals = Vec::new();
        let (stamp_ms, date) = match stamped {
            Ok(When::Day(date, stamp_ms)) => (Some(stamp_ms), Some(date)),
            Ok(When::Instant(ms)) => (Some(ms), origin.date_of(ms)),
            Err((column, refusal)) => {
                refusals.push((column, refusal));
                (None, None)
            }
        };
        let mut bar = origin.bar_on(named, interval, stamp_ms, date);
        (bar.open, bar.high, bar.low, bar.close, bar.volume) = (open, high, low, close, volume);
        bar.adj_close = cells.read(Field::AdjClose, &price);
        bar.trade_count = cells.read(Field::TradeCount, |text| text.parse::<i64>().ok());
        bar.adjustment = adjustment;
        bar.refusals.extend(refusals);
        if let Some(refusal) = cells.length(interval) {
            bar.refusals.push(("interval", refusal));
        }
        bars.push(match interval {
            Interval::Day1 => Record::DailyBars(bar),
            _ => Record::IntradayBars(bar),
        });
        Ok(())
    }
}

fn unknown_length(what: &str) -> Error {
    Error::invalid(format!("its bars are of {what}; those of 1m, 5m, 15m, 1h and 1d are known"))
}
