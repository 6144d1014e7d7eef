//! Cases worked by hand: every reason for which an event is skipped, and every step with few digits.

use chrono::NaiveDate;
use quotelake_contract::Preference;
use quotelake_market::adjustment::{Actions, DividendShares, Factors, Inputs, Method, adjusted_bars};

use crate::native::{Given, bar, batch, dividend, rows, split};

const FACTORS: [&str; 6] = [
    "valid_from",
    "valid_to",
    "split_factor",
    "volume_factor",
    "price_factor_previous_close",
    "price_factor_ex_close",
];
const EVENTS: [&str; 6] = ["event_date", "effective_date", "kind", "ordinal", "status", "reason"];

/// Five sessions, the third a Monday.
fn week() -> Given {
    let closes = [
        ("2024-01-04", "100"),
        ("2024-01-05", "80"),
        ("2024-01-08", "64"),
        ("2024-01-09", "50"),
        ("2024-01-10", "40"),
    ];
    Given::bars(&closes)
}

fn reasons(given: &Given) -> Vec<String> {
    rows(&given.tables().events, &EVENTS)
}

#[test]
fn a_split_and_a_dividend() {
    let given = week().split(split("2024-01-05", "1", "4")).dividend(dividend("2024-01-10", "10"));
    let tables = given.tables();
    // 40 of 50 are left; at the close of the ex-date 40 buys what 50 were.
    assert_eq!(
        rows(&tables.factors, &FACTORS),
        ["2024-01-04 2024-01-04 0.25 4 0.2 0.2", "2024-01-05 2024-01-09 1 1 0.8 0.8", "2024-01-10 - 1 1 1 1",]
    );
    let columns = [
        "event_date",
        "kind",
        "split_ratio",
        "amount_in_bar_basis",
        "previous_close",
        "ex_close",
        "step_previous_close",
        "step_ex_close",
        "status",
        "stated_by",
        "action_sha256",
    ];
    assert_eq!(
        rows(&tables.events, &columns),
        [
            "2024-01-05 split 4 - 100 80 0.25 0.25 applied polygon 5p1",
            "2024-01-10 dividend - 10 50 40 0.8 0.8 applied polygon d1v",
        ]
    );
    assert_eq!(rows(&tables.factors, &["base_date"])[0], "2024-01-10");
    assert!(tables.refused.is_empty());
}

#[test]
fn a_split_and_a_dividend_of_one_date_in_both_orders() {
    // 2:1 and 16 a share, closes 80 and 64.
    let given = week().split(split("2024-01-08", "1", "2")).dividend(dividend("2024-01-08", "16"));
    let factors = |shares| {
        let tables = given.inputs().with_same_day("polygon", shares).tables().unwrap();
        rows(&tables.factors, &["price_factor_previous_close", "price_factor_ex_close"])[0].clone()
    };
    // In new shares, 32 for an old one: (80 - 32) / 80 / 2, and 64 / (64 + 16) / 2.
    assert_eq!(factors(DividendShares::New), "0.3 0.4");
    // In old shares, 8 for a new one: (80 - 16) / 80 / 2, and 64 / (64 + 8) / 2.
    assert_eq!(factors(DividendShares::Old), "0.4 0.444444444444444444");
    // Nobody says otherwise: new shares.
    assert_eq!(rows(&given.tables().factors, &["price_factor_previous_close"])[0], "0.3");
}

#[test]
fn on_days_without_a_session_the_next_one_counts_and_the_order_of_dates_stays() {
    // The dividend goes ex on a Saturday, the split follows on Sunday: both show on Monday, and 16 are in old shares.
    let given = week().split(split("2024-01-07", "1", "2")).dividend(dividend("2024-01-06", "16"));
    let tables = given.tables();
    assert_eq!(
        rows(&tables.events, &EVENTS),
        ["2024-01-06 2024-01-08 dividend 1 applied -", "2024-01-07 2024-01-08 split 1 applied -"]
    );
    assert_eq!(rows(&tables.factors, &FACTORS)[0], "2024-01-04 2024-01-07 0.5 2 0.4 0.444444444444444444");
}

#[test]
fn dividends_of_one_date_are_one_sum() {
    let given = week()
        .dividend(dividend("2024-01-08", "8"))
        .dividend(dividend("2024-01-08", "12").with("dividend_type", "special"));
    let tables = given.tables();
    // (80 - 20) / 80, and 64 / (64 + 20).
    assert_eq!(rows(&tables.factors, &FACTORS)[0], "2024-01-04 2024-01-07 1 1 0.75 0.761904761904761905");
    // 72 / 80 and then 60 / 72.
    assert_eq!(
        rows(&tables.events, &["ordinal", "step_previous_close"]),
        ["1 0.9", "2 0.833333333333333333"]
    );
}

#[test]
fn what_a_series_is_adjusted_for_is_not_done_again() {
    let given = week().split(split("2024-01-08", "1", "2")).dividend(dividend("2024-01-05", "20"));
    // Prices in today's shares: 10 of 100, and 80 / 90.
    let tables = given.clone().with_bars("adjustment", "split").tables();
    assert_eq!(
        rows(&tables.factors, &FACTORS),
        ["2024-01-04 2024-01-04 1 1 0.9 0.888888888888888889", "2024-01-05 - 1 1 1 1"]
    );
    assert_eq!(
        rows(&tables.events, &["kind", "amount_in_bar_basis", "status", "reason"]),
        ["dividend 10 applied -", "split - skipped already_adjusted"]
    );
    let tables = given.clone().with_bars("adjustment", "split_dividend").tables();
    assert_eq!(rows(&tables.factors, &FACTORS), ["2024-01-04 - 1 1 1 1"]);
    assert_eq!(rows(&tables.events, &["reason"]), ["already_adjusted", "already_adjusted"]);
    let tables = given.with_bars("adjustment", "unknown").tables();
    assert_eq!(
        (tables.factors.num_rows(), rows(&tables.events, &["reason"])),
        (0, vec!["unknown_adjustment".to_owned(); 2])
    );
    let refused: Vec<String> =
        tables.refused.iter().map(|one| format!("{}: {}", one.series, one.reason)).collect();
    assert_eq!(refused, ["X of polygon (unknown, regular): unknown_adjustment"]);
}

#[test]
fn amounts_that_were_divided_by_splits_are_brought_to_the_shares_of_the_bars() {
    // 20 a share then, stated as 5 after a 4:1 split on the last day but one.
    let adjusted = dividend("2024-01-05", "5").with("split_adjusted", "true");
    let given = week().split(split("2024-01-09", "1", "4")).dividend(adjusted.clone());
    let first = |given: &Given| rows(&given.tables().factors, &["price_factor_previous_close"])[0].clone();
    assert_eq!(first(&given), "0.2"); // 80 / 100 / 4
    // Stated before the split was executed, it was not divided by it.
    let early = week().split(split("2024-01-09", "1", "4"));
    let early = early.dividend(adjusted.clone().with("fetched_at", "2024-01-08T12:00:00Z"));
    assert_eq!(first(&early), "0.2375"); // 95 / 100 / 4
    // Bars in today's shares: 5 of 100. Bars that were fetched before the split have the shares of then: 20.
    assert_eq!(first(&given.clone().with_bars("adjustment", "split")), "0.95");
    let bars = given.with_bars("adjustment", "split").with_bars("fetched_at", "2024-01-08T12:00:00Z");
    assert_eq!(first(&bars), "0.8");
}

#[test]
fn a_dividend_that_a_source_states_anew_after_a_split_counts_once() {
    let stated = |amount, day: &str| {
        let row = dividend("2024-01-05", amount).with("split_adjusted", "true");
        row.with("fetched_at", &format!("{day}T12:00:00Z"))
    };
    let given = week().split(split("2024-01-09", "1", "3")).with_bars("adjustment", "split");
    let given = given.dividend(stated("20", "2024-01-06")).dividend(stated("6.666667", "2024-01-12"));
    assert_eq!(
        rows(&given.tables().events, &["kind", "amount", "status", "reason"]),
        [
            "dividend 6.666667 applied -",
            "dividend 20 skipped restated_after_split",
            "split - skipped already_adjusted"
        ]
    );
    // Two distributions of one date, stated at one time, are two.
    let given = week().dividend(stated("20", "2024-01-12")).dividend(stated("6.666667", "2024-01-12"));
    assert_eq!(rows(&given.tables().events, &["status"]), ["applied", "applied"]);
}

#[test]
fn before_the_first_bar_and_after_the_last_nothing_has_an_effect() {
    let given = week()
        .split(split("2024-01-04", "1", "2"))
        .split(split("2000-01-03", "1", "2"))
        .split(split("2024-01-11", "1", "2"))
        .dividend(dividend("2024-01-04", "1"))
        .dividend(dividend("2000-01-03", "1"))
        .dividend(dividend("2024-01-11", "1"));
    assert_eq!(
        reasons(&given),
        [
            "2000-01-03 - split 1 skipped before_first_bar",
            "2000-01-03 - dividend 1 skipped no_previous_close",
            "2024-01-04 2024-01-04 split 1 skipped before_first_bar",
            "2024-01-04 2024-01-04 dividend 1 skipped no_previous_close",
            "2024-01-11 - split 1 skipped after_last_bar",
            "2024-01-11 - dividend 1 skipped after_last_bar",
        ]
    );
    assert_eq!(rows(&given.tables().factors, &FACTORS), ["2024-01-04 - 1 1 1 1"]);
}

#[test]
fn dividends_that_no_price_can_carry_are_skipped() {
    let closes = [
        ("2024-01-04", "10"),
        ("2024-01-05", "-1"),
        ("2024-01-08", "10"),
        ("2024-01-30", "10"),
        ("2024-01-31", "10"),
    ];
    let one = |date, amount| Given::bars(&closes).dividend(dividend(date, amount));
    let reason = |given: Given| rows(&given.tables().events, &["reason"])[0].clone();
    assert_eq!(reason(one("2024-01-31", "10")), "above_close");
    assert_eq!(reason(one("2024-01-31", "9.99")), "-");
    assert_eq!(reason(one("2024-01-31", "0")), "amount_not_positive");
    assert_eq!(reason(one("2024-01-30", "1")), "stale_previous_close");
    assert_eq!(reason(one("2024-01-20", "1")), "stale_previous_close");
    assert_eq!(reason(one("2024-01-08", "1")), "no_previous_close");
    assert_eq!(reason(one("2024-01-05", "1")), "no_ex_close");
    let foreign = |row| Given::bars(&closes).dividend(row);
    assert_eq!(reason(foreign(dividend("2024-01-31", "1").with("currency", "GBP"))), "dividend_currency");
    // The sum is above the close, so neither counts.
    let both = one("2024-01-31", "6").dividend(dividend("2024-01-31", "4").with("dividend_type", "special"));
    assert_eq!(rows(&both.tables().events, &["reason"]), ["above_close", "above_close"]);
    // Ten days are not stale.
    let near =
        Given::bars(&[("2024-01-05", "10"), ("2024-01-15", "10")]).dividend(dividend("2024-01-15", "1"));
    assert_eq!(reason(near), "-");
    // A split needs no price.
    let split = Given::bars(&closes).split(split("2024-01-20", "1", "2"));
    assert_eq!(rows(&split.tables().events, &["effective_date", "reason"]), ["2024-01-30 -"]);
}

#[test]
fn rows_that_say_the_same_count_once_and_splits_that_contradict_each_other_not_at_all() {
    let paid = |day: &str| dividend("2024-01-08", "8").with("pay_date", day);
    // Without its date of payment at first; two instalments of one amount are two dividends.
    let given = week()
        .dividend(dividend("2024-01-08", "8"))
        .dividend(paid("2024-02-01"))
        .dividend(paid("2024-03-01"));
    assert_eq!(rows(&given.tables().events, &["reason"]), ["duplicate", "-", "-"]);
    assert_eq!(rows(&given.tables().factors, &["price_factor_previous_close"])[0], "0.8");
    let other = |from, to| split("2024-01-08", from, to).with("provider_symbol", "X US");
    let given = week().split(split("2024-01-08", "1", "2")).split(other("5", "10"));
    assert_eq!(rows(&given.tables().events, &["reason"]), ["-", "duplicate"]);
    let given = week().split(split("2024-01-08", "1", "2")).split(other("1", "4"));
    assert_eq!(rows(&given.tables().events, &["reason"]), ["contradictory_splits", "contradictory_splits"]);
    let given = week().split(split("2024-01-08", "0", "2"));
    assert_eq!(rows(&given.tables().events, &["reason", "split_ratio"]), ["ratio_not_positive -"]);
}

#[test]
fn relative_to_a_base_date() {
    let given = week()
        .split(split("2024-01-05", "1", "2"))
        .split(split("2024-01-10", "1", "2"))
        .dividend(dividend("2024-01-09", "16"));
    let based = |day: &str| {
        let base: NaiveDate = day.parse().unwrap();
        given.inputs().with_base(base).tables().unwrap()
    };
    let tables = based("2024-01-09");
    // The split of the 10th is not known to the base date, and prices behind it are in other shares.
    assert_eq!(
        rows(&tables.factors, &FACTORS),
        [
            "2024-01-04 2024-01-04 0.5 2 0.375 0.378787878787878788",
            "2024-01-05 2024-01-08 1 1 0.75 0.757575757575757576",
            "2024-01-09 2024-01-09 1 1 1 1",
        ]
    );
    assert_eq!(rows(&tables.events, &["reason"]), ["-", "-", "after_base_date"]);
    assert_eq!(rows(&tables.factors, &["base_date"]), ["2024-01-09"; 3]);
    // A day before the first event, prices are as they were traded.
    assert_eq!(rows(&based("2024-01-04").factors, &FACTORS), ["2024-01-04 2024-01-04 1 1 1 1"]);
}

#[test]
fn own_events_come_before_those_of_the_preferred_provider() {
    let given = week()
        .dividend(dividend("2024-01-08", "8").of("yahoo", "X"))
        .dividend(dividend("2024-01-08", "16").of("polygon", "X"))
        .split(split("2024-01-09", "1", "2").of("yahoo", "X"));
    let stated = |given: &Given| rows(&given.tables().events, &["kind", "amount", "stated_by"]);
    assert_eq!(stated(&given), ["dividend 16 polygon", "split - yahoo"]);
    let of = |provider: &str| {
        let mut given = given.clone();
        given.bars = given.bars.into_iter().map(|row| row.of(provider, "X")).collect();
        stated(&given)
    };
    assert_eq!(of("yahoo"), ["dividend 8 yahoo", "split - yahoo"]);
    assert_eq!(of("csv"), ["dividend 16 polygon", "split - yahoo"]);
}

#[test]
fn a_long_chain_of_reverse_splits_keeps_its_digits() {
    // 1:1,562,500 in four steps of 1:25, 1:50, 1:25, 1:50, and a dividend on the way.
    let closes: Vec<(String, &str)> = (1..=6).map(|day| (format!("2024-01-0{day}"), "0.0003")).collect();
    let closes: Vec<(&str, &str)> = closes.iter().map(|(day, close)| (day.as_str(), *close)).collect();
    let given = Given::bars(&closes)
        .split(split("2024-01-02", "25", "1"))
        .split(split("2024-01-03", "50", "1"))
        .dividend(dividend("2024-01-04", "0.0001"))
        .split(split("2024-01-05", "25", "1"))
        .split(split("2024-01-06", "50", "1"));
    let tables = given.tables();
    let first = &rows(&tables.factors, &FACTORS)[0];
    assert_eq!(first, "2024-01-01 2024-01-01 1562500 0.00000064 1041666.666666666666666667 1171875");
    let mut factors = Factors::new(Method::PreviousClose);
    factors.add(&tables.factors).unwrap();
    let bars = adjusted_bars(&batch("daily_bars", &given.bars), &factors).unwrap();
    // 0.0003 * 1,562,500 * 2/3 is 312.5, a thousand shares are 0.00064.
    assert_eq!(rows(&bars, &["trading_date", "adj_close", "adj_volume"])[0], "2024-01-01 312.5 0.00064");
}

#[test]
fn a_factor_that_fits_no_column_refuses_its_series_and_no_other() {
    let mut given =
        week().split(split("2024-01-05", "100000000000", "1")).split(split("2024-01-08", "10000000000", "1"));
    given.bars.push(bar("2024-01-04", "7").of("polygon", "Y"));
    let tables = given.tables();
    assert_eq!(rows(&tables.factors, &["symbol", "price_factor_ex_close"]), ["Y.XNAS 1"]);
    assert_eq!(tables.refused.len(), 1);
    assert_eq!(
        (tables.refused[0].symbol.as_str(), tables.refused[0].reason),
        ("X.XNAS", "factor_out_of_range")
    );
}

#[test]
fn order_and_batches_of_the_input_change_nothing() {
    let mut given = week().split(split("2024-01-08", "1", "2")).dividend(dividend("2024-01-10", "3"));
    given.bars.extend(week().bars.into_iter().map(|row| row.of("yahoo", "Y").with("adjustment", "split")));
    given.bars.push(bar("2024-01-08", "1").with("interval", "5m"));
    let whole = given.tables();
    let mut reversed = given.clone();
    reversed.bars.reverse();
    let mut inputs = Inputs::new(actions(&given), Preference::default());
    for row in &reversed.bars {
        inputs.add_bars(&batch("daily_bars", std::slice::from_ref(row))).unwrap();
    }
    let pieces = inputs.tables().unwrap();
    assert_eq!((&whole.events, &whole.factors), (&pieces.events, &pieces.factors));
    assert_eq!(whole.factors.num_rows(), 4);
}

fn actions(given: &Given) -> Actions {
    let mut actions = Actions::default();
    actions.add_splits(&batch("splits", &given.splits)).unwrap();
    actions.add_dividends(&batch("dividends", &given.dividends)).unwrap();
    actions
}
