//! Rows judged beside others: published bars, corporate actions, calendars, earlier checks; and what is kept of a check.

use std::collections::BTreeMap;

use crate::support::{KEY, World, bar};
use chrono::NaiveDate;
use quotelake_check::{CheckReport, Decision, check_object};
use quotelake_contract::QualityTables;
use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_market::calendar::Calendar;
use quotelake_table::parquet_file;
use quotelake_testkit::CallPlan;
use serde_json::{Value, json};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Daily bars of New York's sessions between two dates, at closes that `close` gives by their number.
fn bars(symbol: &str, from: &str, to: &str, changes: &Value, close: impl Fn(usize) -> f64) -> Vec<String> {
    let calendar = Calendar::of_mic("XNYS").unwrap();
    let sessions = date(from).iter_days().take_while(|day| *day <= date(to));
    let sessions = sessions.filter(|day| calendar.is_session(*day) == Some(true));
    sessions.enumerate().map(|(at, day)| bar_on(symbol, day, close(at), changes)).collect()
}

fn bar_on(symbol: &str, day: NaiveDate, close: f64, changes: &Value) -> String {
    let rounded = |price: f64| (price * 1e4).round() / 1e4;
    let close = rounded(close);
    let mut all = json!({
        "exchange_mic": "XNYS", "trading_date": day.to_string(), "bar_start": format!("{day}T00:00:00Z"),
        "open": close, "high": rounded(close * 1.01), "low": rounded(close * 0.99), "close": close
    });
    let own = changes.as_object().unwrap();
    all.as_object_mut().unwrap().extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
    bar(symbol, all)
}

/// A slow swing around a price: no two bars alike, none an outlier.
fn swing(price: f64) -> impl Fn(usize) -> f64 {
    move |at| price * (1.0 + 0.01 * ((at % 7) as f64 - 3.0) / 3.0)
}

fn split(symbol: &str, day: &str) -> String {
    json!({
        "dataset": "splits", "provider": "polygon", "provider_symbol": symbol, "symbol": format!("{symbol}.XNAS"),
        "asset_class": "equity", "execution_date": day, "split_from": 1, "split_to": 2, "split_type": "split",
        "fetched_at": "2013-03-02T02:00:00Z", "request_id": "r", "run_id": "run", "unit_id": "u",
        "raw_sha256": "s", "schema_version": 1
    })
    .to_string()
}

fn dividend(symbol: &str, day: &str, amount: f64) -> String {
    json!({
        "dataset": "dividends", "provider": "polygon", "provider_symbol": symbol,
        "symbol": format!("{symbol}.XNAS"), "asset_class": "equity", "dividend_type": "cash", "ex_date": day,
        "ex_date_source": "given", "amount": amount, "currency": "USD", "quote_unit": "USD",
        "split_adjusted": false, "fetched_at": "2013-03-02T02:00:00Z", "request_id": "r", "run_id": "run",
        "unit_id": "u", "raw_sha256": "s", "schema_version": 1
    })
    .to_string()
}

async fn check(world: &World) -> CheckReport {
    check_object(&world.context(&CallPlan::new()), KEY, "d").await.unwrap()
}

async fn reasons(world: &World) -> Vec<(String, u64)> {
    world.quarantined().await.into_iter().map(|row| (row.reason, row.line)).collect()
}

/// How the rule with this `reason` label ended in a dataset's document.
fn outcome<'r>(report: &'r CheckReport, dataset: &str, reason: &str) -> &'r str {
    let document = report.documents.iter().find(|document| document.lineage.dataset == dataset).unwrap();
    let labelled =
        |labels: &BTreeMap<String, String>| labels.get("reason").is_some_and(|known| known == reason);
    document.glue.rule_results.iter().find(|rule| labelled(&rule.labels)).unwrap().result.as_ref()
}

#[tokio::test]
async fn pence_for_pounds_are_flagged_beside_published_bars_and_set_aside_where_their_answer_contradicts_itself()
 {
    let history = bars("BARC", "2012-12-03", "2013-02-27", &json!({}), swing(3.0));
    let good = bar_on("BARC", date("2013-02-28"), 3.01, &json!({}));
    let pence = bar_on("BARC", date("2013-03-01"), 302.0, &json!({}));
    let unknown = bar_on("NEW", date("2013-03-01"), 302.0, &json!({}));
    let world = World::with(&[pence.clone(), good.clone(), unknown]).await;
    world.publish("daily_bars", &history).await;
    let report = check(&world).await;
    // A reverse split that is on record tomorrow looks alike.
    assert!(reasons(&world).await.is_empty());
    assert_eq!((report.rows.staged, report.documents[0].flags["unit_jump"]), (3, 1));

    // The same answer has the days around it in pounds.
    let level = |at: usize| if at == 9 { 302.0 } else { 3.01 };
    let answer = bars("BARC", "2013-01-02", "2013-01-31", &json!({}), level);
    let whole = World::with(&answer).await;
    whole.publish("daily_bars", &history).await;
    let report = check(&whole).await;
    assert_eq!(reasons(&whole).await, [("unit_jump".to_owned(), 10)]);
    assert_eq!((report.rows.staged, report.rows.quarantined), (answer.len() as u64 - 1, 1));
    assert_eq!(report.documents[0].gate.decision, Decision::PublishWithQuarantine);
    assert_eq!(whole.quarantined().await[0].raw.as_ref(), Some(&answer[9]), "the row is kept whole");

    // Nothing published, nothing to say what is usual: a move by more than a third is flagged.
    let world = World::with(&[pence, good]).await;
    let report = check(&world).await;
    assert_eq!((report.rows.staged, report.documents[0].flags["large_move"]), (2, 1));
}

#[tokio::test]
async fn a_row_that_fails_another_rule_is_no_neighbour_and_no_revision_is_lost_to_a_worse_one() {
    let mut lines = bars("A", "2013-01-02", "2013-02-27", &json!({}), swing(50.0));
    // Broken in itself, at a hundred times the price: neither the bar after it nor the one before is a jump.
    lines.push(bar_on("A", date("2013-02-28"), 5000.0, &json!({"volume": -1})));
    lines.push(bar_on("A", date("2013-03-01"), 50.1, &json!({})));
    // The newer revision is in cents, with nothing behind it that says so: it wins, with a flag.
    lines.push(bar_on("A", date("2013-03-01"), 5010.0, &json!({"fetched_at": "2013-03-02T09:00:00Z"})));
    let lines_in = lines.len() as u64;
    let world = World::with(&lines).await;
    let report = check(&world).await;
    let found = reasons(&world).await;
    assert_eq!(found, [("volume_negative".to_owned(), lines_in - 2)]);
    assert_eq!((report.rows.staged, report.rows.duplicates), (lines_in - 2, 1));
    assert_eq!(report.documents[0].flags["unit_jump"], 1);
}

#[tokio::test]
async fn a_split_is_flagged_in_adjusted_prices_and_in_raw_ones_until_it_is_on_record() {
    let halves = |at: usize| if at < 20 { 80.0 + at as f64 / 10.0 } else { 40.0 + at as f64 / 20.0 };
    let raw = bars("A", "2013-01-02", "2013-02-15", &json!({}), halves);
    let world = World::with(&raw).await;
    let report = check(&world).await;
    assert_eq!(report.rows.quarantined, 0);
    assert_eq!(outcome(&report, "daily_bars", "unexplained_split"), "FAIL");

    let mut recorded = raw.clone();
    recorded.push(split("A", "2013-01-31"));
    world.land(&recorded).await;
    let report = check(&world).await;
    assert_eq!(outcome(&report, "daily_bars", "unexplained_split"), "PASS");
    assert_eq!(report.rows.quarantined, 0);

    // On record in the table instead of the object.
    world.land(&raw).await;
    world.publish("splits", &[split("A", "2013-01-31")]).await;
    assert_eq!(outcome(&check(&world).await, "daily_bars", "unexplained_split"), "PASS");

    let adjusted = bars("A", "2013-01-02", "2013-02-15", &json!({"adjustment": "split"}), halves);
    let world = World::with(&adjusted).await;
    let report = check(&world).await;
    assert_eq!(report.rows.quarantined, 0);
    assert_eq!(report.documents[0].flags["split_in_adjusted_prices"], 1);

    // Prices that say they are adjusted, and are not before the split's date.
    let mut recorded = adjusted;
    recorded.push(split("A", "2013-01-31"));
    world.land(&recorded).await;
    let report = check(&world).await;
    assert_eq!(report.documents[0].flags["split_in_part_of_history"], 20);
}

#[tokio::test]
async fn days_without_a_session_go_to_quarantine_where_the_venue_is_known() {
    let saturday = date("2013-03-02");
    let world = World::with(&[
        bar_on("A", date("2013-03-01"), 10.0, &json!({})),
        bar_on("A", saturday, 10.0, &json!({})),
        bar_on("B", saturday, 10.0, &json!({"exchange_mic": "XXXX"})),
        bar_on("BTC", saturday, 10.0, &json!({"asset_class": "crypto", "exchange_mic": null})),
    ])
    .await;
    check(&world).await;
    assert_eq!(reasons(&world).await, [("not_a_session".to_owned(), 2)]);
}

#[tokio::test]
async fn dividends_are_held_against_the_price_and_the_dividends_around() {
    let mut lines = vec![
        dividend("A", "2012-02-08", 0.50),
        dividend("A", "2012-05-08", 0.51),
        dividend("A", "2012-08-08", 52.0),
        dividend("A", "2012-11-08", 0.53),
        dividend("A", "2013-02-07", 0.53),
        dividend("A", "2013-02-12", 0.53),
        dividend("B", "2013-02-07", 60.0),
    ];
    lines.extend(bars("A", "2013-01-02", "2013-02-15", &json!({}), swing(50.0)));
    let world = World::with(&lines).await;
    world.publish("daily_bars", &bars("B", "2013-01-02", "2013-02-06", &json!({}), swing(50.0))).await;
    let report = check(&world).await;
    assert!(reasons(&world).await.is_empty());
    let document = report.documents.iter().find(|document| document.lineage.dataset == "dividends").unwrap();
    let flags: Vec<(&str, u64)> = document.flags.iter().map(|(flag, rows)| (flag.as_str(), *rows)).collect();
    let expected = [
        ("amount_jump", 1),
        ("dividend_above_price", 1),
        ("dividend_yield_high", 1),
        ("repeats_dividend", 2),
    ];
    assert_eq!(flags, expected);
    assert_eq!(outcome(&report, "dividends", "repeats_dividend"), "FAIL");
    assert_eq!(outcome(&report, "dividends", "dividend_yield_high"), "FAIL");
}

#[tokio::test]
async fn events_of_no_possible_date_go_to_quarantine() {
    // Fetched on 2013-03-02.
    let lines = [
        dividend("A", "1013-02-07", 0.5),
        dividend("A", "1899-12-31", 0.5),
        dividend("A", "1900-01-01", 0.5),
        dividend("A", "2015-03-02", 0.5),
        dividend("A", "2015-03-03", 0.5),
        dividend("A", "2413-02-07", 0.5),
        split("A", "0013-02-07"),
        split("A", "2013-02-07"),
        split("A", "2413-02-07"),
    ];
    let world = World::with(&lines).await;
    check(&world).await;
    let ex_date = |line| ("ex_date_absurd".to_owned(), line);
    let execution_date = |line| ("execution_date_absurd".to_owned(), line);
    let mut found = reasons(&world).await;
    found.sort_by_key(|(_, line)| *line);
    assert_eq!(found, [ex_date(1), ex_date(2), ex_date(5), ex_date(6), execution_date(7), execution_date(9)]);
}

/// Closes of a coin that fell to nothing in May 2022, a day after the other from 2022-04-07 on.
fn terra(changes: &Value) -> Vec<String> {
    let days = (0..34).map(|day| 85.0 - f64::from(day % 7));
    let fall = [68.7, 64.1, 32.0, 17.3, 1.07, 0.0046, 0.000_06, 0.000_35, 0.000_2];
    let coin = json!({"asset_class": "crypto", "exchange_mic": null, "exchange_tz": "UTC"});
    let dates = date("2022-04-07").iter_days();
    let lines = days.chain(fall).zip(dates).map(|(close, day)| {
        let mut all = coin.clone();
        let prices = json!({"open": close, "high": close, "low": close, "close": close, "raw_sha256": day.to_string()});
        for more in [&prices, changes] {
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        bar_on("LUNA", day, close, &all)
    });
    lines.collect()
}

/// The rows that go on, of objects that are checked one after the other, each published before the next.
async fn staged_of(objects: &[Vec<String>]) -> u64 {
    let world = World::with(&[]).await;
    let (mut staged, mut published) = (0, Vec::new());
    for lines in objects {
        world.land(lines).await;
        staged += check(&world).await.rows.staged;
        published.extend(lines.iter().cloned());
        world.publish("daily_bars", &published).await;
    }
    staged
}

#[tokio::test]
async fn what_a_market_did_is_published_in_whatever_objects_it_comes() {
    let level = |ratio: f64| move |at: usize| if at < 33 { 20.0 } else { 20.0 * ratio };
    let reverse = |ratio: f64| bars("A", "2012-11-01", "2013-02-06", &json!({}), level(ratio));
    let series = [terra(&json!({})), reverse(50.0), reverse(100.0), reverse(200.0), reverse(1.0 / 70.0)];
    for lines in series {
        let all = lines.len() as u64;
        assert_eq!(staged_of(std::slice::from_ref(&lines)).await, all, "in one object");
        let few: Vec<Vec<String>> = lines.chunks(7).map(<[String]>::to_vec).collect();
        assert_eq!(staged_of(&few).await, all, "seven by seven");
        let backwards: Vec<Vec<String>> = few.into_iter().rev().collect();
        assert_eq!(staged_of(&backwards).await, all, "from the end");
    }
}

#[tokio::test]
async fn another_providers_word_of_a_dividend_is_no_repetition() {
    let yahoo = dividend("B", "2013-02-04", 0.995).replace("\"polygon\"", "\"yahoo\"");
    let world = World::with(&[yahoo]).await;
    world.publish("dividends", &[dividend("B", "2013-02-04", 1.0)]).await;
    let report = check(&world).await;
    assert_eq!(report.rows.staged, 1);
    assert!(report.documents[0].flags.is_empty(), "{:?}", report.documents[0].flags);
}

#[tokio::test]
async fn an_adjusted_close_that_leaves_a_dividend_out_is_reported() {
    // Adjusted for a dividend of 1.00 on the 20th session: the factor before is 1 - 1/50.
    let adjusted = |known: bool| -> Vec<String> {
        let calendar = Calendar::of_mic("XNYS").unwrap();
        let sessions = date("2013-01-02").iter_days().take(60);
        let sessions = sessions.filter(|day| calendar.is_session(*day) == Some(true)).take(30).enumerate();
        let factor = |at: usize| if at < 20 { 0.98 } else { 1.0 };
        let mut lines: Vec<String> = sessions
            .map(|(at, day)| {
                let close = if at < 20 { 50.0 } else { 49.0 };
                bar_on("A", day, close, &json!({"adj_close": close * factor(at)}))
            })
            .collect();
        if known {
            lines.push(dividend("A", "2013-01-31", 1.0));
        }
        lines
    };
    let world = World::with(&adjusted(true)).await;
    assert_eq!(outcome(&check(&world).await, "daily_bars", "adjusted_close_disagrees"), "PASS");
    let world = World::with(&adjusted(false)).await;
    assert_eq!(outcome(&check(&world).await, "daily_bars", "adjusted_close_disagrees"), "FAIL");
}

/// Checks objects one after the other under rules that compare with the checks before.
async fn check_each(world: &World, rules: &str, objects: &[(&str, Vec<String>)]) -> Vec<CheckReport> {
    let mut context = world.context(&CallPlan::new());
    context.contracts.set_rules("daily_bars", "dynamic.dqdl", rules).unwrap();
    let mut reports = Vec::new();
    for (key, lines) in objects {
        world.lake.put(key, lines.join("\n").into(), Precondition::None).await.unwrap();
        reports.push(check_object(&context, key, "d").await.unwrap());
    }
    reports
}

#[tokio::test]
async fn rules_compare_with_earlier_checks_of_the_same_context() {
    let rows = |count: usize, interval: &str| -> Vec<String> {
        (0..count).map(|at| bar(&format!("S{at}"), json!({"interval": interval}))).collect()
    };
    let rules = "Rules = [ RowCount >= 0.5 * avg(last(3)) ]\n";
    let objects = [
        ("landing/1.ndjson", rows(10, "1d")),
        ("landing/2.ndjson", rows(12, "1d")),
        // Too few: blocked, and no example for later ones.
        ("landing/3.ndjson", rows(2, "1d")),
        ("landing/4.ndjson", rows(6, "1d")),
        // Another context has no history yet.
        ("landing/5.ndjson", rows(1, "1h")),
    ];
    let world = World::with(&[]).await;
    let reports = check_each(&world, rules, &objects).await;
    let decisions: Vec<Decision> = reports.iter().map(|report| report.documents[0].gate.decision).collect();
    use Decision::{Block, Publish};
    assert_eq!(decisions, [Publish, Publish, Block, Publish, Publish]);
    let evaluated = &reports[3].documents[0].glue.rule_results[0].evaluated_rule;
    assert_eq!(evaluated, "RowCount >= 5.5");
    let history = || async {
        world.lake.get("quality/history/dataset=daily_bars/polygon-1d.json").await.unwrap().bytes
    };
    let before = history().await;
    assert!(!world.lake.list("quality/history/dataset=daily_bars/polygon-1h.json").await.unwrap().is_empty());
    // Delivered again, an object compares with the others and leaves the history as it was.
    check_each(&world, rules, &objects[..1]).await;
    assert_eq!(history().await, before);
}

#[tokio::test]
async fn rule_results_and_statistics_are_rows_of_tables() {
    let world = World::with(&[bar("A", json!({})), bar("B", json!({"close": null}))]).await;
    let report = check(&world).await;
    let rules = report.documents[0].glue.rule_results.len();
    let tables = QualityTables::built_in().unwrap();
    let key = |table: &str| format!("quality/{table}/day=2026-11-21/daily_bars-{}.parquet", report.check_id);
    let read = |key: String| {
        let lake = world.lake.clone();
        async move { lake.get(&key).await.unwrap().bytes }
    };
    let results = read(key("rule_results")).await;
    let batch = parquet_file::read(&tables.rule_results, results.clone()).unwrap();
    assert_eq!(batch.num_rows(), rules);
    let statistics = parquet_file::read(&tables.statistics, read(key("statistics")).await).unwrap();
    assert!(statistics.num_rows() > 10);
    // Another delivery after midnight replaces them.
    let mut later = world.context(&CallPlan::new());
    later.clock =
        std::sync::Arc::new(quotelake_core::ports::FixedClock("2026-11-22T00:10:00Z".parse().unwrap()));
    check_object(&later, KEY, "d").await.unwrap();
    assert_eq!(world.lake.list("quality/rule_results/").await.unwrap().len(), 1);
    assert_eq!(read(key("rule_results")).await, results);
}
