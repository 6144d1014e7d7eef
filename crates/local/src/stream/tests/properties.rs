//! What holds whatever the records are and whenever something fails.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use proptest::prelude::*;
use quotelake_testkit::{CallPlan, build};
use serde_json::json;

use super::{Rig, upper};
use crate::stream::transform::{invocations, read_answer};
use crate::stream::{journal, transform};

fn records_of(sizes: &[usize]) -> Vec<journal::Record> {
    let record = |(number, size): (usize, &usize)| journal::Record {
        id: format!("{number:06}"),
        arrived_at: build::instant(),
        data: vec![b'x'; *size].into(),
    };
    sizes.iter().enumerate().map(record).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Invocations hold every record once, in order, and their events fit.
    #[test]
    fn invocations_partition_the_records(sizes in prop::collection::vec(0usize..1_024_000, 0..12), hint in 1usize..3_000_000) {
        let records = records_of(&sizes);
        let runs = invocations(&records, hint);
        let ids: Vec<&str> = runs.iter().flat_map(|run| run.iter().map(|record| record.id.as_str())).collect();
        prop_assert_eq!(ids, records.iter().map(|record| record.id.as_str()).collect::<Vec<_>>());
        for run in runs {
            prop_assert!(!run.is_empty());
            prop_assert!(run.len() == 1 || run.iter().map(|record| record.data.len()).sum::<usize>() <= hint);
            let event = transform::event(run, "arn:aws:firehose:us-east-1:000000000000:deliverystream/x", "us-east-1").unwrap();
            prop_assert!(event.len() <= transform::MAX_PAYLOAD_BYTES);
        }
    }

    /// An answer is taken exactly when every record id is in it once and no other is.
    #[test]
    fn every_record_id_is_answered_exactly_once(sent in 0usize..6, answered in prop::collection::vec(0usize..7, 0..8)) {
        let records = records_of(&vec![1; sent]);
        let answer = json!({ "records": answered.iter().map(|number| {
            json!({ "recordId": format!("{number:06}"), "result": "Ok", "data": "" })
        }).collect::<Vec<_>>() });
        let mut counts = BTreeMap::new();
        answered.iter().for_each(|number| *counts.entry(*number).or_insert(0) += 1);
        let once = counts.len() == sent && counts.iter().all(|(number, count)| *number < sent && *count == 1);
        prop_assert_eq!(read_answer(answer.to_string().as_bytes(), &records).is_ok(), once);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever fails and whenever the process is started again: every accepted record is delivered at least once, and
    /// nothing is that was not accepted.
    #[test]
    fn accepted_is_delivered_across_random_crashes(seed: u64, batches in prop::collection::vec(1usize..5, 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let rig = Rig::new();
            let plan = CallPlan::random(seed, 0.4);
            let delivery = rig.delivery(upper(), &plan);
            let mut expected = BTreeSet::new();
            for (batch, records) in batches.into_iter().enumerate() {
                let texts: Vec<String> = (0..records).map(|record| format!("r{batch}-{record}")).collect();
                rig.put(&texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
                expected.extend(texts.iter().map(|text| text.to_uppercase()));
                // It may fail: that is the point.
                let _ = delivery.flush().await;
                rig.clock.advance(TimeDelta::seconds(1));
            }
            plan.restart();
            delivery.flush().await.unwrap();
            assert_eq!(rig.lines("landing/").await.into_iter().collect::<BTreeSet<_>>(), expected);
            assert_eq!(rig.lines("raw/").await.len(), expected.len(), "and backed up once");
            assert_eq!(rig.told().await.into_iter().collect::<BTreeSet<_>>(), rig.keys("landing/").await.into_iter().collect());
        });
    }
}
