//! Bars in another unit: what is proof, what is a flag, and what later bars are compared with.

use super::*;

/// The rows that are proof against their answer.
fn faults(found: &MarketColumns) -> Vec<usize> {
    let jumps = ints(&found.unit_jump);
    (0..jumps.len()).filter(|row| jumps[*row] == Some(2)).collect()
}

/// Terra's fall of May 2022: to a sixtieth in a day, to a two-hundredth and to an eightieth on the next two.
fn terra() -> Vec<Line> {
    let days = (0..34).map(|day| 85.0 - f64::from(day % 7));
    let fall = [68.7, 64.1, 32.0, 17.3, 1.07, 0.0046, 0.00006, 0.00035, 0.0002];
    let from: NaiveDate = "2022-04-07".parse().unwrap();
    days.chain(fall)
        .zip(from.iter_days())
        .map(|(close, date)| {
            let line = Line::new(&date.to_string(), close).with("close", &format!("{close:.6}"));
            line.with("asset_class", "\"crypto\"").with("exchange_mic", "null")
        })
        .collect()
}

#[test]
fn no_fall_of_a_coin_is_proof_of_anything() {
    let lines = terra();
    let whole = World::new().columns(&lines);
    assert_eq!(faults(&whole), Vec::<usize>::new());
    assert!(ints(&whole.unit_jump).contains(&Some(1)), "it is remarkable");
    // Back at the old price within days, as a halted coin once was.
    let mut back = lines.clone();
    back.extend(daily(&[75.0; 40]).into_iter().map(|line| line.with("asset_class", "\"crypto\"")));
    assert_eq!(faults(&World::new().columns(&back)), Vec::<usize>::new());
}

#[test]
fn no_level_that_stays_is_proof_of_anything() {
    // Reverse splits that nobody recorded, and falls that stay: a market does both, and the table keeps them.
    for ratio in
        [49.0, 50.0, 60.0, 75.0, 100.0, 150.0, 200.0, 1.0 / 66.0, 1.0 / 70.0, 1.0 / 150.0, 1.0 / 205.0]
    {
        for before in [3, 27, 40, 64] {
            let closes: Vec<f64> = (0..67).map(|at| if at < before { 20.0 } else { 20.0 * ratio }).collect();
            assert_eq!(
                faults(&World::new().columns(&daily(&closes))),
                Vec::<usize>::new(),
                "{ratio} {before}"
            );
        }
    }
    // A crash, and the reverse split of some months later.
    let mut closes = vec![20.0; 120];
    closes[20..90].fill(0.2);
    assert_eq!(faults(&World::new().columns(&daily(&closes))), Vec::<usize>::new());
    // Tenths of a cent: a hundredfold is one trade.
    let mut closes = vec![0.001; 40];
    closes[20] = 0.1;
    assert_eq!(faults(&World::new().columns(&daily(&closes))), Vec::<usize>::new());
    // As many bars in one unit as in the other do not say which is wrong.
    let mut closes = vec![20.0; 60];
    closes[10..40].fill(2000.0);
    assert_eq!(faults(&World::new().columns(&daily(&closes))), Vec::<usize>::new());
    // Minutes: a stray trade.
    let mut closes = vec![20.0; 40];
    closes[20] = 2000.0;
    let minutes: Vec<Line> =
        daily(&closes).iter().map(|line| line.clone().with("interval", "\"1m\"")).collect();
    assert_eq!(faults(&World::new().columns(&minutes)), Vec::<usize>::new());
}

#[test]
fn the_wrong_stretches_are_those_of_the_rarer_unit() {
    let mut closes = vec![20.0; 200];
    for wrong in [0..10, 60..70, 100..101, 190..200] {
        closes[wrong].fill(2000.0);
    }
    let found = World::new().columns(&daily(&closes));
    let expected: Vec<usize> = (60..70).chain([100]).collect();
    assert_eq!(faults(&found), expected, "what has one side only is flagged");
    closes[..10].fill(20.0);
    let found = World::new().columns(&daily(&closes));
    let flagged: Vec<usize> = (0..200).filter(|row| ints(&found.unit_jump)[*row] > Some(0)).collect();
    assert_eq!(flagged, (60..70).chain([100]).chain(190..200).collect::<Vec<_>>());
}

#[test]
fn a_flagged_bar_that_was_published_is_no_measure_of_the_next_one() {
    let lines = daily(&[20.0, 20.1, 19.9, 20.0, 2000.0, 20.1, 20.2]);
    let mut world = World::new();
    world.look_back.add(&batch(&lines[..5])).unwrap();
    let next = world.columns(&lines[5..]);
    assert_eq!(ints(&next.unit_jump), [Some(0), Some(0)]);
    assert!(next.ret_1.value(0).abs() < 0.01, "{:?}", next.ret_1);
    // A level that most published bars have is the series' own.
    let closes: Vec<f64> = (0..50).map(|at| if at < 15 { 0.2 } else { 20.0 }).collect();
    let lines = daily(&closes);
    let mut world = World::new();
    world.look_back.add(&batch(&lines[..45])).unwrap();
    assert_eq!(ints(&world.columns(&lines[45..]).unit_jump), [Some(0); 5]);
}

#[test]
fn days_that_contradict_each_other_are_no_measure_of_the_next_one() {
    let mut lines = daily(&[10.5, 10.6, 10.6, 10.7]);
    let other = lines[2].clone().with("close", "99.0");
    lines.insert(3, other);
    let found = World::new().columns(&lines);
    assert!(found.ret_1.value(4).abs() < 0.02, "{:?}", found.ret_1);
    assert_eq!(ints(&found.missing_sessions)[4], Some(0), "the day is there");
}

#[test]
fn a_bar_of_a_day_to_come_makes_no_series_current() {
    let mut lines = daily(&[5.0, 5.0, 5.0]);
    lines.push(Line::new("2027-01-05", 5.0));
    // The newest bar that has begun is of 2024-01-04: it is as late as it was.
    let expected = ints(&World::new().columns(&lines[..3]).sessions_behind)[2];
    assert!(expected > Some(200));
    assert_eq!(ints(&World::new().columns(&lines).sessions_behind)[3], expected);
}

proptest! {
    /// What an answer proves depends on the answer alone: not on the order of its rows, on other answers beside it, on what is
    /// published, or on splits on record. Nothing but a step of a hundred and back is proof.
    #[test]
    fn proof_is_of_the_answer_alone(
        steps in prop::collection::vec(-0.06f64..0.06, 60..160),
        length in 1usize..20,
        place in 0.0f64..1.0,
        up in any::<bool>(),
        published in prop::collection::vec(0.05f64..9000.0, 0..30),
        other in prop::collection::vec(0.05f64..9000.0, 0..30),
        reversed in any::<bool>(),
    ) {
        let mut close = 50.0;
        let mut closes: Vec<f64> = steps.iter().map(|step| { close *= 1.0 + step; close }).collect();
        let from = 3 + (place * (closes.len() - length - 6) as f64) as usize;
        let wrong: Vec<usize> = (from..from + length).collect();
        wrong.iter().for_each(|at| closes[*at] *= if up { 100.0 } else { 0.01 });
        prop_assume!(closes.iter().all(|close| *close > 0.06));
        let of = |lines: Vec<Line>, answer: &str| -> Vec<Line> {
            lines.into_iter().map(|line| line.with("raw_sha256", &format!("{answer:?}"))).collect()
        };
        let lines = of(daily(&closes), "a");
        let alone = faults(&World::new().columns(&lines));
        let drift = closes[from - 1].max(closes[from + length]) / closes[from - 1].min(closes[from + length]);
        prop_assert_eq!(&alone, &if drift <= 2.0 { wrong } else { Vec::new() });

        let mut world = World::new().split("2024-02-01", 100.0);
        world.look_back.add(&batch(&daily(&published))).unwrap();
        let mut mixed = lines;
        mixed.extend(of(daily(&other), "b"));
        let last = mixed.len() - 1;
        if reversed {
            mixed.reverse();
        }
        let beside = faults(&world.columns(&mixed)).into_iter().map(|row| if reversed { last - row } else { row });
        let mut beside: Vec<usize> = beside.filter(|row| *row < closes.len()).collect();
        beside.sort_unstable();
        prop_assert_eq!(beside, alone);
    }

    /// A series whose level changes once, by whatever factor, is no proof of anything.
    #[test]
    fn one_change_of_level_is_never_proof(
        steps in prop::collection::vec(-0.2f64..0.2, 10..120),
        at in 0.0f64..1.0,
        factor in prop_oneof![1e-6f64..1.0, 1.0f64..1e6, 50.0f64..200.0, 0.005f64..0.02],
    ) {
        let mut close = 50.0;
        let change = (at * steps.len() as f64) as usize;
        let closes: Vec<f64> = steps.iter().enumerate().map(|(day, step)| {
            close *= (1.0 + step) * if day == change { factor } else { 1.0 };
            close
        }).collect();
        prop_assert_eq!(faults(&World::new().columns(&daily(&closes))), Vec::<usize>::new());
    }
}
