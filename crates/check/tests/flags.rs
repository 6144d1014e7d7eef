//! Rows that are remarkable and go on: published with a flag, never set aside for being unlikely.

use std::collections::BTreeMap;

use crate::support::{KEY, World, bar};
use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use quotelake_check::{CheckReport, check_object};
use quotelake_contract::Contracts;
use quotelake_core::ports::Lake as _;
use quotelake_table::Columnar as _;
use quotelake_table::staged::StagedObjects;
use quotelake_testkit::CallPlan;
use serde_json::{Value, json};

/// What was staged of an object's daily bars: date, flags, and the column `volume` as text.
struct Staged {
    report: CheckReport,
    rows: BTreeMap<String, (Option<String>, Option<String>)>,
}

async fn staged(world: &World) -> Staged {
    let report = check_object(&world.context(&CallPlan::new()), KEY, "d").await.unwrap();
    let contract = Contracts::built_in().unwrap().get("daily_bars").unwrap().contract.clone();
    let mut objects = StagedObjects::new(contract.clone());
    for meta in world.lake.list("staged/").await.unwrap() {
        objects.open(world.lake.as_ref(), &meta.key, meta.size).await.unwrap();
    }
    let mut rows = BTreeMap::new();
    for (partition, _) in objects.partitions() {
        let blocks = objects.fetch(world.lake.as_ref(), &partition).await.unwrap();
        let batch = objects.rows(&blocks).unwrap();
        let text = |name: &str| {
            let column = batch.read(contract.index_of(name).unwrap()).unwrap();
            cast(&column, &DataType::Utf8).unwrap()
        };
        let (dates, flags, volumes) = (text("trading_date"), text("flags"), text("volume"));
        let value = |column: &arrow::array::ArrayRef, row: usize| {
            column.is_valid(row).then(|| column.as_string::<i32>().value(row).to_owned())
        };
        for row in 0..dates.len() {
            rows.insert(value(&dates, row).unwrap(), (value(&flags, row), value(&volumes, row)));
        }
    }
    Staged { report, rows }
}

fn on(day: &str, changes: Value) -> String {
    let mut all =
        json!({"trading_date": day, "bar_start": format!("{day}T00:00:00Z"), "exchange_mic": "XXXX"});
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    bar("A", all)
}

fn prices(day: &str, [open, high, low, close]: [f64; 4]) -> String {
    on(day, json!({"open": open, "high": high, "low": low, "close": close}))
}

fn flags_of(staged: &Staged) -> Vec<(&str, &str)> {
    staged.rows.iter().map(|(date, (flags, _))| (date.as_str(), flags.as_deref().unwrap_or(""))).collect()
}

#[tokio::test]
async fn what_real_markets_do_is_published_with_a_flag() {
    let world = World::with(&[
        // London: the opening auction printed outside the session's range.
        prices("2022-01-06", [0.71, 0.74, 0.73, 0.735]),
        prices("2022-01-07", [0.735, 0.784, 0.74, 0.755]),
        prices("2022-01-10", [0.75, 0.76, 0.74, 0.77]),
        prices("2022-01-11", [0.0, 0.77, 0.74, 0.76]),
        // Several at once, in alphabetical order.
        on(
            "2022-01-14",
            json!({"open": 0.80, "high": 0.77, "low": 0.74, "close": 0.73, "adj_close": "NaN", "vwap": 0.76}),
        ),
        // One price in another unit than the others.
        prices("2022-01-12", [0.75, 76.0, 0.74, 0.75]),
        // A high below the low by less than a thousandth is rounding.
        prices("2022-01-13", [0.7401, 0.7401, 0.7402, 0.7401]),
    ])
    .await;
    let staged = staged(&world).await;
    assert_eq!(staged.report.rows.quarantined, 0);
    assert_eq!(
        flags_of(&staged),
        [
            ("2022-01-06", "open_outside_range"),
            ("2022-01-07", "open_outside_range"),
            ("2022-01-10", "close_outside_range"),
            ("2022-01-11", "open_outside_range,price_zero"),
            ("2022-01-12", "wide_range"),
            ("2022-01-13", "close_outside_range,high_below_low,open_outside_range"),
            ("2022-01-14", "adj_close_refused,close_outside_range,open_outside_range"),
        ]
    );
    let document = &staged.report.documents[0];
    assert_eq!(document.flags["open_outside_range"], 5);
    // What warns is still a rule that failed.
    let warned = |rule: &&dqdl::GlueRuleResult| rule.result == "FAIL" && rule.labels.contains_key("flag");
    assert!(document.glue.rule_results.iter().filter(warned).count() >= 4);
}

#[tokio::test]
async fn a_real_fall_of_a_third_is_flagged_with_a_history_and_without() {
    let fall = [
        prices("2022-11-09", [118.6, 120.9, 117.4, 120.0]),
        prices("2022-11-10", [112.0, 114.2, 74.1, 79.4]),
        prices("2022-11-11", [90.5, 91.3, 73.8, 85.6]),
    ];
    let world = World::with(&fall).await;
    let alone = staged(&world).await;
    assert_eq!((alone.report.rows.staged, alone.report.rows.quarantined), (3, 0));
    let flags = flags_of(&alone);
    assert!(flags[1].1.contains("large_move") && flags[1].1.contains("unexplained_split"), "{flags:?}");
    assert_eq!((flags[0].1, flags[2].1), ("", ""));

    let first: chrono::NaiveDate = "2022-09-10".parse().unwrap();
    let history: Vec<String> = (0..60)
        .map(|at| {
            let close = 119.0 + f64::from(at % 5);
            prices(
                &(first + chrono::Days::new(at as u64)).to_string(),
                [close, close + 1.0, close - 1.0, close],
            )
        })
        .collect();
    world.publish("daily_bars", &history).await;
    let with_history = staged(&world).await;
    assert_eq!((with_history.report.rows.staged, with_history.report.rows.quarantined), (3, 0));
    let flags = flags_of(&with_history);
    assert!(flags[1].1.contains("outlier_return"), "{flags:?}");
}

#[tokio::test]
async fn a_fall_that_the_history_is_too_short_for_does_not_pass_in_silence() {
    let world = World::with(&[
        prices("2022-11-09", [190.0, 191.0, 189.0, 190.0]),
        prices("2022-11-10", [10.0, 10.1, 9.9, 10.0]),
    ])
    .await;
    assert_eq!(flags_of(&staged(&world).await), [("2022-11-09", ""), ("2022-11-10", "large_move")]);
}

#[tokio::test]
async fn prices_below_zero_are_for_those_that_have_them() {
    let negative = json!({"open": 10.0, "high": 13.0, "low": -40.3, "close": -37.63});
    for (class, rows) in [("equity", (0, 1)), ("crypto", (0, 1)), ("future", (1, 0)), ("rate", (1, 0))] {
        let mut changes = negative.clone();
        changes["asset_class"] = json!(class);
        let world = World::with(&[on("2020-04-20", changes)]).await;
        let staged = staged(&world).await;
        let counts = (staged.report.rows.staged, staged.report.rows.quarantined);
        assert_eq!(counts, rows, "{class}");
        if rows.0 == 1 {
            assert_eq!(flags_of(&staged), [("2020-04-20", "negative_price")]);
        }
    }
    // One price throughout the day: the low is not above the high.
    let flat = json!({"asset_class": "rate", "open": -0.5, "high": -0.5, "low": -0.5, "close": -0.5});
    let world = World::with(&[on("2020-04-20", flat)]).await;
    assert_eq!(flags_of(&staged(&world).await), [("2020-04-20", "negative_price")]);
}

#[tokio::test]
async fn the_day_twice_in_one_answer_is_there_once_by_its_later_stamp() {
    let row = |stamp: u64, volume: u64| {
        on(
            "2024-09-03",
            json!({"volume": volume, "is_final": false, "provider_ts": stamp, "fetched_at": "2024-09-03T20:30:00Z"}),
        )
    };
    for lines in [
        [row(1_725_370_200_000, 5), row(1_725_393_600_000, 7)],
        [row(1_725_393_600_000, 7), row(1_725_370_200_000, 5)],
    ] {
        let world = World::with(&lines).await;
        let staged = staged(&world).await;
        let rows = staged.report.rows;
        assert_eq!((rows.staged, rows.quarantined, rows.duplicates), (1, 0, 1));
        assert!(staged.rows["2024-09-03"].1.as_deref().unwrap().starts_with('7'));
    }
}

#[tokio::test]
async fn an_informational_value_that_does_not_fit_is_missing_with_a_flag() {
    let world = World::with(&[
        on("2022-01-06", json!({"volume": "Infinity", "vwap": "NaN", "trade_count": 1.5})),
        on(
            "2022-01-07",
            json!({"volume": null, "refused": {"volume": {"value": "1,5", "reason": "cannot be read"}}}),
        ),
        on("2022-01-10", json!({"volume": 12.5})),
    ])
    .await;
    let staged = staged(&world).await;
    assert_eq!(staged.report.rows.quarantined, 0);
    assert_eq!(
        flags_of(&staged),
        [
            ("2022-01-06", "trade_count_refused,volume_refused,vwap_refused"),
            ("2022-01-07", "volume_refused"),
            ("2022-01-10", "")
        ]
    );
    assert_eq!((&staged.rows["2022-01-06"].1, &staged.rows["2022-01-07"].1), (&None, &None));
}
