use chrono::Timelike as _;
use proptest::prelude::*;

use super::*;

const TABLES: &[(&str, &str)] = &[
    ("XNYS", include_str!("../../calendars/XNYS.json")),
    ("XLON", include_str!("../../calendars/XLON.json")),
    ("BVMF", include_str!("../../calendars/BVMF.json")),
];

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn calendar(mic: &str) -> &'static Calendar {
    Calendar::of_mic(mic).unwrap()
}

fn close(mic: &str, day: &str) -> String {
    calendar(mic).session_close(date(day)).unwrap().format("%Y-%m-%dT%H:%MZ").to_string()
}

/// The checksums are the package's own: every close of every session, half days and summer time included.
#[test]
fn tables_say_what_their_source_says() {
    for (mic, text) in TABLES {
        let (calendar, table) = table::parse(text).unwrap();
        assert_eq!(calendar.mic(), *mic);
        assert_eq!(&calendar, Calendar::of_mic(mic).unwrap());
        assert!(calendar.hours[0].from <= calendar.first);
        for times in [&calendar.early_closes, &calendar.late_opens] {
            assert!(
                times.is_sorted() && times.iter().all(|(day, _)| calendar.is_session(*day) == Some(true))
            );
        }
        let sessions = calendar.sessions.as_ref().unwrap();
        assert_eq!(sessions.len(), table.sessions);
        let minutes: i64 =
            sessions.iter().map(|day| calendar.session_close(*day).unwrap().timestamp() / 60).sum();
        assert_eq!(minutes, table.close_minutes, "{mic}");
        assert!(sessions.iter().all(|day| calendar.session_open(*day) < calendar.session_close(*day)));
    }
}

#[test]
fn damaged_tables_are_refused() {
    let (_, text) = TABLES[0];
    for (from, to) in [
        (r#""2018-12-05", "#, ""),
        (r#""zone": "America/New_York""#, r#""zone": "New York""#),
        (r#""early_closes""#, r#""half_days""#),
        (r#""13:00:00""#, r#""25:00:00""#),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(table::parse(&text.replacen(from, to, 1)).is_err(), "{from}");
    }
}

/// Each of these is in the news of its day; B3's are in its circulars 068/2020-PRE and 072/2020-PRE (open on two holidays
/// that the city had moved), in zipline issue 390 (World Cup), and in its calendar of 2026.
#[test]
fn known_closures() {
    for (mic, day) in [
        ("XNYS", "2001-09-11"),
        ("XNYS", "2001-09-12"),
        ("XNYS", "2001-09-13"),
        ("XNYS", "2001-09-14"),
        ("XNYS", "2004-06-11"),
        ("XNYS", "2007-01-02"),
        ("XNYS", "2012-10-29"),
        ("XNYS", "2012-10-30"),
        ("XNAS", "2018-12-05"),
        ("XNYS", "2022-06-20"),
        ("XNYS", "2025-01-09"),
        ("XLON", "2002-06-03"),
        ("XLON", "2011-04-29"),
        ("XLON", "2020-05-08"),
        ("XLON", "2022-06-03"),
        ("XLON", "2022-09-19"),
        ("XLON", "2023-05-08"),
        ("BVMF", "2014-06-12"),
        ("BVMF", "2026-02-17"),
        ("BVMF", "2026-11-20"),
        ("BVMF", "2026-12-24"),
        ("BVMF", "2026-12-31"),
    ] {
        assert_eq!(calendar(mic).is_session(date(day)), Some(false), "{mic} {day}");
        assert_eq!(calendar(mic).session_close(date(day)), None);
        assert_eq!(calendar(mic).session_open(date(day)), None);
    }
    for (mic, day) in [
        ("XNYS", "2001-09-10"),
        ("XNYS", "2001-09-17"),
        ("XNYS", "2012-10-31"),
        ("XNYS", "2021-06-18"),
        ("XLON", "2022-09-20"),
        ("XLON", "2020-05-04"),
        ("BVMF", "2020-07-09"),
        ("BVMF", "2020-11-20"),
        ("BVMF", "2022-01-25"),
        ("BVMF", "2026-12-30"),
    ] {
        assert_eq!(calendar(mic).is_session(date(day)), Some(true), "{mic} {day}");
    }
}

#[test]
fn half_days_and_late_opens() {
    assert_eq!(close("XNYS", "2013-07-03"), "2013-07-03T17:00Z");
    assert_eq!(close("XNYS", "2012-07-03"), "2012-07-03T17:00Z");
    assert_eq!(close("XNYS", "2013-07-05"), "2013-07-05T20:00Z");
    assert_eq!(close("XNYS", "2026-11-27"), "2026-11-27T18:00Z");
    assert_eq!(close("XLON", "2025-12-24"), "2025-12-24T12:30Z");
    assert_eq!(close("XLON", "2026-12-31"), "2026-12-31T12:30Z");
    let ash_wednesday = calendar("BVMF").session_open(date("2026-02-18")).unwrap();
    assert_eq!(ash_wednesday.with_timezone(&calendar("BVMF").zone()).hour(), 13);
}

/// New York changes its clock two or three weeks before London in spring and a week after it in autumn; Sao Paulo has had
/// no summer time since 2019.
#[test]
fn clock_changes() {
    assert_eq!(
        [close("XNYS", "2026-03-06"), close("XLON", "2026-03-06")],
        ["2026-03-06T21:00Z", "2026-03-06T16:30Z"]
    );
    assert_eq!(
        [close("XNYS", "2026-03-09"), close("XLON", "2026-03-09")],
        ["2026-03-09T20:00Z", "2026-03-09T16:30Z"]
    );
    assert_eq!(
        [close("XNYS", "2026-03-30"), close("XLON", "2026-03-30")],
        ["2026-03-30T20:00Z", "2026-03-30T15:30Z"]
    );
    assert_eq!(
        [close("XNYS", "2026-10-26"), close("XLON", "2026-10-26")],
        ["2026-10-26T20:00Z", "2026-10-26T16:30Z"]
    );
    assert_eq!(
        [close("XNYS", "2026-11-02"), close("XLON", "2026-11-02")],
        ["2026-11-02T21:00Z", "2026-11-02T16:30Z"]
    );
    // Before 2007 the United States changed three weeks later.
    assert_eq!(close("XNYS", "2006-03-20"), "2006-03-20T21:00Z");
    assert_eq!(close("BVMF", "2018-12-10"), "2018-12-10T19:00Z");
    assert_eq!(close("BVMF", "2026-12-10"), "2026-12-10T21:00Z");
}

#[test]
fn neighbours_and_now() {
    let nyse = calendar("XNYS");
    assert_eq!(nyse.next_session(date("2001-09-10")), Some(date("2001-09-17")));
    assert_eq!(nyse.previous_session(date("2001-09-17")), Some(date("2001-09-10")));
    assert_eq!(nyse.next_session(date("2001-09-12")), Some(date("2001-09-17")));
    assert_eq!(nyse.sessions_between(date("2001-09-10"), date("2001-09-17")), Some(1));
    assert_eq!(nyse.sessions_between(date("2001-09-07"), date("2001-09-10")), Some(1));
    assert_eq!(nyse.sessions_between(date("2001-09-10"), date("2001-09-07")), Some(0));
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(nyse.last_closed_session(at("2013-07-03T16:59:59Z")), Some(date("2013-07-02")));
    assert_eq!(nyse.last_closed_session(at("2013-07-03T17:00:00Z")), Some(date("2013-07-03")));
    assert_eq!(nyse.last_closed_session(at("2013-07-07T12:00:00Z")), Some(date("2013-07-05")));
}

#[test]
fn unknown_is_not_closed() {
    assert!(Calendar::of_mic("XTKS").is_none());
    let b3 = calendar("BVMF");
    let (first, last) = b3.coverage();
    for outside in [first.pred_opt().unwrap(), last.succ_opt().unwrap(), NaiveDate::MAX, NaiveDate::MIN] {
        assert_eq!(b3.is_session(outside), None);
        assert_eq!(b3.session_close(outside), None);
        assert_eq!(b3.sessions_between(first.min(outside), last.max(outside)), None);
        assert_eq!(b3.next_session(outside), None);
        assert_eq!(b3.previous_session(outside), None);
    }
    assert_eq!(b3.next_session(date("2026-12-30")), None);
    assert_eq!(b3.last_closed_session("2027-02-01T00:00:00Z".parse().unwrap()), None);
}

#[test]
fn a_closure_announced_late() {
    let nyse = calendar("XNYS").without_sessions(&[date("2027-03-03")]);
    assert_eq!(nyse.is_session(date("2027-03-03")), Some(false));
    assert_eq!(nyse.sessions_between(date("2027-03-01"), date("2027-03-05")), Some(3));
}

#[test]
fn coins_trade_every_day() {
    let coins = Calendar::always_open();
    let sunday = date("2026-11-22");
    assert_eq!(coins.is_session(sunday), Some(true));
    assert_eq!(coins.sessions_between(date("2026-11-20"), sunday), Some(2));
    assert_eq!(coins.next_session(sunday), Some(date("2026-11-23")));
    assert_eq!(coins.previous_session(sunday), Some(date("2026-11-21")));
    assert_eq!(coins.session_open(sunday).unwrap().to_rfc3339(), "2026-11-22T00:00:00+00:00");
    assert_eq!(coins.session_close(sunday).unwrap().to_rfc3339(), "2026-11-23T00:00:00+00:00");
    assert_eq!(coins.last_closed_session("2026-11-22T12:00:00Z".parse().unwrap()), Some(date("2026-11-21")));
}

proptest! {
    #[test]
    fn steps_add_up(mic in 0usize..4, days in prop::array::uniform3(0i32..9_800)) {
        let calendar = match TABLES.get(mic) {
            Some((mic, _)) => calendar(mic),
            None => Calendar::always_open(),
        };
        let mut days = days;
        days.sort_unstable();
        let [a, b, c] = days.map(|n| date("2000-01-01") + chrono::TimeDelta::days(i64::from(n)));
        let steps = |from, to| calendar.sessions_between(from, to).unwrap();
        prop_assert_eq!(steps(a, c), steps(a, b) + steps(b, c));
        if let Some(next) = calendar.next_session(a) {
            prop_assert_eq!(steps(a, next), 1);
            prop_assert_eq!(calendar.is_session(next), Some(true));
            prop_assert_eq!(calendar.previous_session(next), calendar.is_session(a).unwrap().then_some(a).or(calendar.previous_session(a)));
        }
    }
}
