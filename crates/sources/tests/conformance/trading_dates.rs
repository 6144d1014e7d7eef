//! Twenty years at three exchanges: however a vendor stamps a session's bar, it is the same bar of the same date under one key.

use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{NaiveDate, NaiveTime, TimeDelta, TimeZone as _};
use quotelake_contract::Contracts;
use quotelake_core::{Envelope, FetchUnit, Page};
use quotelake_market::calendar::Calendar;
use quotelake_sources::brapi::Brapi;
use quotelake_sources::polygon::Polygon;
use quotelake_sources::yahoo::{Yahoo, YahooConfig};
use quotelake_sources::{DatasetName, Instrument, Job, Mapped, Record, Source};
use quotelake_table::{Columnar, merge};

use crate::conformance::suite::batches;

/// A source, its vendor's page of bars with these stamps, the exchanges, and the styles of stamps.
type Vendor = (Arc<dyn Source>, fn(&[i64]) -> String, &'static [&'static str], &'static [Stamp]);

/// Unix milliseconds of a session's bar.
type Stamp = fn(&Calendar, NaiveDate) -> i64;

fn local(calendar: &Calendar, date: NaiveDate, hour: u32) -> i64 {
    let time = NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    // Where a clock change skips midnight, the day starts an hour later.
    let found = [time, time + TimeDelta::hours(1)]
        .into_iter()
        .find_map(|time| calendar.zone().from_local_datetime(&date.and_time(time)).earliest());
    found.unwrap().timestamp_millis()
}

const MIDNIGHT: Stamp = |calendar, date| local(calendar, date, 0);
const AFTERNOON: Stamp = |calendar, date| local(calendar, date, 16);
const MORNING: Stamp = |calendar, date| local(calendar, date, 10);
const OPEN: Stamp = |calendar, date| calendar.session_open(date).unwrap().timestamp_millis();
/// A clock change on the wrong side, as Yahoo has had it.
const LATE_EVENING: Stamp = |calendar, date| local(calendar, date.pred_opt().unwrap(), 23);

fn sessions(calendar: &Calendar) -> Vec<NaiveDate> {
    let (first, last): (NaiveDate, NaiveDate) =
        ("2006-01-01".parse().unwrap(), "2025-12-31".parse().unwrap());
    let (from, to) = calendar.coverage();
    assert!(from <= first && to >= last, "{} knows {from} to {to}", calendar.mic());
    first
        .iter_days()
        .take_while(|date| *date <= last)
        .filter(|date| calendar.is_session(*date) == Some(true))
        .collect()
}

fn unit(source: &dyn Source, calendar: &Calendar, asset_class: &str) -> FetchUnit {
    let instrument = Instrument {
        symbol: "ABCD4".into(),
        mic: Some(calendar.mic().to_owned()),
        exchange_tz: calendar.zone().name().to_owned(),
        currency: Some("USD".into()),
        asset_class: asset_class.into(),
    };
    let job = Job {
        instruments: vec![instrument],
        datasets: vec![DatasetName::DailyBars],
        intraday_interval: None,
        from: "2006-01-01".parse().unwrap(),
        to: "2025-12-31".parse().unwrap(),
    };
    // The page is of all twenty years, however many windows they are planned in.
    FetchUnit {
        from: Some("2006-01-01".into()),
        to: Some("2025-12-31".into()),
        ..source.plan(&job).unwrap().remove(0)
    }
}

fn map(source: &dyn Source, unit: &FetchUnit, body: String) -> Mapped {
    let envelope = Envelope::seal(Page {
        source: source.name().into(),
        unit: unit.clone(),
        run_id: "run-1".into(),
        fetched_at: "2026-06-01T12:00:00Z".parse().unwrap(),
        request_id: "ours".into(),
        status: 200,
        content_type: Some("application/json".into()),
        body: body.into(),
    });
    source.transform(&envelope).unwrap()
}

fn list<T: ToString>(values: impl Iterator<Item = T>) -> String {
    values.map(|value| value.to_string()).collect::<Vec<_>>().join(",")
}

/// Prices differ from day to day, so that a bar under another day's key would show.
fn price(index: usize) -> String {
    format!("{}.{:02}", 10 + index % 90, index % 100)
}

fn polygon(stamps: &[i64]) -> String {
    let bars = stamps.iter().enumerate().map(|(index, stamp)| {
        let price = price(index);
        format!(r#"{{"o":{price},"h":{price},"l":{price},"c":{price},"v":1,"t":{stamp}}}"#)
    });
    let bars = list(bars);
    format!(r#"{{"ticker":"ABCD4","adjusted":false,"status":"OK","request_id":"r","results":[{bars}]}}"#)
}

fn yahoo(stamps: &[i64]) -> String {
    let seconds = list(stamps.iter().map(|stamp| stamp / 1000));
    let prices = list((0..stamps.len()).map(price));
    let volumes = list(stamps.iter().map(|_| 1));
    format!(
        r#"{{"chart":{{"result":[{{"meta":{{"currency":"USD","symbol":"ABCD4"}},"timestamp":[{seconds}],"indicators":{{"quote":[{{"open":[{prices}],"high":[{prices}],"low":[{prices}],"close":[{prices}],"volume":[{volumes}]}}]}}}}],"error":null}}}}"#
    )
}

fn brapi(stamps: &[i64]) -> String {
    let bars = stamps.iter().enumerate().map(|(index, stamp)| {
        let (price, seconds) = (price(index), stamp / 1000);
        format!(
            r#"{{"date":{seconds},"open":{price},"high":{price},"low":{price},"close":{price},"volume":1}}"#
        )
    });
    let bars = list(bars);
    format!(r#"{{"results":[{{"symbol":"ABCD4","currency":"BRL","historicalDataPrice":[{bars}]}}]}}"#)
}

#[test]
fn twenty_years_at_three_exchanges_are_one_bar_a_session_however_it_is_stamped() {
    let personal =
        YahooConfig { base_url: "https://vendor.example.com".parse().unwrap(), personal_use: true };
    let sources: [Vendor; 3] = [
        (Arc::new(Polygon::default()), polygon, &["XNYS", "XLON", "BVMF"], &[MIDNIGHT, AFTERNOON]),
        (
            Arc::new(Yahoo::new(personal).unwrap()),
            yahoo,
            &["XNYS", "XLON", "BVMF"],
            &[OPEN, MIDNIGHT, LATE_EVENING],
        ),
        (Arc::new(Brapi::default()), brapi, &["BVMF"], &[MORNING, MIDNIGHT]),
    ];
    let contracts = Contracts::built_in().unwrap();
    let contract = &contracts.get("daily_bars").unwrap().contract;
    for (source, body, mics, styles) in sources {
        for mic in mics {
            let calendar = Calendar::of_mic(mic).unwrap();
            let sessions = sessions(calendar);
            assert!(sessions.len() > 4800, "{mic}: {}", sessions.len());
            let unit = unit(source.as_ref(), calendar, "equity");
            let mut published = None;
            for (style, stamp) in styles.iter().enumerate() {
                let stamps: Vec<i64> = sessions.iter().map(|date| stamp(calendar, *date)).collect();
                let mapped = map(source.as_ref(), &unit, body(&stamps));
                assert!(mapped.warnings.is_empty(), "{:?}", &mapped.warnings[..1]);
                for (index, (record, session)) in mapped.records.iter().zip(&sessions).enumerate() {
                    let Record::DailyBars(bar) = record else { panic!("{record:?}") };
                    assert_eq!(
                        bar.trading_date,
                        Some(*session),
                        "{} at {mic}, style {style}, stamp {}",
                        source.name(),
                        stamps[index]
                    );
                    let final_and_dated = bar.is_final == Some(true)
                        && bar.bar_start.map(|start| start.0.date_naive()) == Some(*session);
                    assert!(final_and_dated, "{bar:?}");
                }
                let batch = batches(&contracts, &mapped).remove("daily_bars").unwrap();
                let before = published.as_ref().map(|table: &RecordBatch| table as &dyn Columnar);
                let merged = merge(contract, before, &batch).unwrap();
                let inserted = if style == 0 { sessions.len() } else { 0 };
                assert_eq!(merged.counts.inserted, inserted, "{} at {mic}, style {style}", source.name());
                let table = merged.batch().unwrap();
                assert_eq!(table.num_rows(), sessions.len());
                published = Some(table);
            }
        }
    }
}
