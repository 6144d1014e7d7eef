//! The calendar of New York against 13 years of real daily bars.

use crate::wiki;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use quotelake_market::calendar::Calendar;

#[test]
fn bars_lie_on_sessions_and_on_every_one() {
    let nyse = Calendar::of_mic("XNYS").unwrap();
    let mut found = Vec::new();
    for ticker in wiki::TICKERS {
        let dates: BTreeSet<NaiveDate> = wiki::bars(ticker).iter().map(wiki::Bar::date).collect();
        let (first, last) = (*dates.first().unwrap(), *dates.last().unwrap());
        for date in &dates {
            assert_eq!(nyse.is_session(*date), Some(true), "{ticker} has a bar on {date}");
        }
        let mut session = first;
        let mut sessions = 1;
        while let Some(next) = nyse.next_session(session).filter(|next| *next <= last) {
            if !dates.contains(&next) {
                found.push((ticker, next.to_string()));
            }
            (session, sessions) = (next, sessions + 1);
        }
        assert_eq!(nyse.sessions_between(first, last), Some(sessions - 1));
        println!("{ticker}: {} bars, {sessions} sessions from {first} to {last}", dates.len());
    }
    // No exception: the five never missed a session in these years.
    assert_eq!(found, []);
}
