//! The pipeline under crashes: whatever happens between any two calls of a port, the table comes out the same, to the byte.

use std::path::Path;
use std::sync::Arc;

use crate::common::{Crashing, files, samples, small_config, small_recording};
use quotelake_cli::commands::demo;
use quotelake_cli::laptop::Laptop;
use quotelake_cli::output::Output;
use quotelake_cli::pipeline;
use quotelake_cli::run_config::RunConfig;
use quotelake_local::{Chaos, Redrive, SystemClock, redrive};
use quotelake_sources::replay::{Recording, ReplayServer};
use quotelake_testkit::{CallPlan, Moment};

async fn open(root: &Path, plan: &CallPlan) -> Laptop {
    Laptop::open_wrapped(root, Arc::new(SystemClock), Arc::new(Crashing(plan.clone()))).await.unwrap()
}

/// Sends every dead letter back: what an operator does when the fault is repaired.
async fn redrive_all(laptop: &Laptop) {
    for queue in ["fetch", "ingest", "check", "publish"] {
        let dead = laptop.queue(&format!("{queue}-dlq")).unwrap();
        redrive(dead, laptop.queue(queue).unwrap(), &Redrive::default()).await.unwrap();
    }
}

/// Runs until nothing is left to do, with a healthy platform.
async fn recover(root: &Path, config: &RunConfig) {
    let laptop = open(root, &CallPlan::new()).await;
    redrive_all(&laptop).await;
    let report = pipeline::run(&laptop, config, Output::silent(), None).await.unwrap();
    assert_eq!(report.dead_letters, 0, "{report:?}");
    assert_eq!(report.settled.waiting, 0, "{report:?}");
    assert!(files(&root.join("staged")).is_empty());
    assert!(files(&root.join("_platform/stream")).keys().all(|name| name.ends_with(".lock")));
}

fn published(root: &Path) -> Vec<(String, String)> {
    let mut all: Vec<_> = files(&root.join("bronze")).into_iter().collect();
    // The catalog is part of what readers see.
    all.extend(
        files(&root.join("_platform/catalog")).into_iter().filter(|(name, _)| name.ends_with(".json")),
    );
    all
}

/// Thirteen years of real bars, the vendor's pages as recorded.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_under_chaos_and_crashes() {
    let recording = Recording::load(&samples().join("recording.json")).unwrap();
    let recorded_at = recording.recorded_at;
    let server = ReplayServer::start(recording).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = demo::config(&samples(), server.base_url().to_string(), recorded_at).unwrap();
    let healthy = folder.path().join("healthy");
    let plan = CallPlan::new();
    pipeline::run(&open(&healthy, &plan).await, &config, Output::silent(), None).await.unwrap();
    let expected = published(&healthy);
    assert_eq!(expected.len(), 157 + 14 + 3 + 3);
    for seed in 0..3 {
        let root = folder.path().join(format!("chaos-{seed}"));
        let chaos = Chaos { seed, duplicate: 0.67, reorder: 0.5, fail: 0.2 };
        // Three deaths at calls far apart, then chance.
        for step in 1..=3 {
            let crash = CallPlan::crash_at(plan.calls() * step / 4 + seed as usize, Moment::After);
            let _ = pipeline::run(&open(&root, &crash).await, &config, Output::silent(), Some(chaos)).await;
        }
        let unlucky = CallPlan::random(seed, 0.02);
        let _ = pipeline::run(&open(&root, &unlucky).await, &config, Output::silent(), Some(chaos)).await;
        recover(&root, &config).await;
        assert_eq!(published(&root), expected, "seed {seed}");
    }
    server.stop().await;
}

struct World {
    folder: tempfile::TempDir,
    config: RunConfig,
    expected: Vec<(String, String)>,
    calls: usize,
}

/// A run without any fault: what is expected, and how many calls of ports it takes.
async fn world(server: &ReplayServer) -> World {
    let folder = tempfile::tempdir().unwrap();
    let config = small_config(folder.path(), server);
    let plan = CallPlan::new();
    let root = folder.path().join("healthy");
    let report = pipeline::run(&open(&root, &plan).await, &config, Output::silent(), None).await.unwrap();
    assert_eq!(report.checked.rows_in, 10);
    assert_eq!(report.checked.duplicates, 1, "the second page repeats the first one's last bar");
    let rows: u64 = report.tables.iter().map(|table| table.rows).sum();
    assert_eq!(rows, 9, "seven bars, a split, a dividend");
    let expected = published(&root);
    assert_eq!(expected.len(), 3 + 1 + 1 + 3, "three months, a year each, three catalog files: {expected:?}");
    World { config, expected, calls: plan.calls(), folder }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_every_port_call_before_and_after_its_effect() {
    let server = ReplayServer::start(small_recording()).await.unwrap();
    let world = world(&server).await;
    assert!(world.calls > 40, "only {} calls", world.calls);
    for call in 1..=world.calls {
        for moment in [Moment::Before, Moment::After] {
            let root = world.folder.path().join(format!("{call}-{moment:?}"));
            let plan = CallPlan::crash_at(call, moment);
            let laptop = open(&root, &plan).await;
            // The process dies: what it returned, nobody saw.
            let _ = pipeline::run(&laptop, &world.config, Output::silent(), None).await;
            drop(laptop);
            recover(&root, &world.config).await;
            let log = plan.log();
            assert_eq!(
                published(&root),
                world.expected,
                "crash {moment:?} call {call}: {:?}",
                log.get(call - 1)
            );
        }
    }
    server.stop().await;
}

/// What the stream has accepted is never asked for again: every later crash must be repaired from what is on disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_fetching_loses_nothing_without_another_request() {
    let server = ReplayServer::start(small_recording()).await.unwrap();
    let world = world(&server).await;
    let fetch = async |root: &Path| {
        let laptop = open(root, &CallPlan::new()).await;
        let (sources, options) = world.config.sources().unwrap();
        let context = laptop.fetch_context(sources, options, world.config.watchlists().unwrap()).unwrap();
        let job = serde_json::value::to_raw_value(&world.config.jobs[0]).unwrap();
        quotelake_fetch::handle(&job, None, &context).await.unwrap();
    };
    let healthy = world.folder.path().join("fetched");
    fetch(&healthy).await;
    let plan = CallPlan::new();
    open(&healthy, &plan).await.settle(None, None).await.unwrap();
    assert_eq!(published(&healthy), world.expected);
    let requests = server.requests();

    for call in 1..=plan.calls() {
        for moment in [Moment::Before, Moment::After] {
            let root = world.folder.path().join(format!("after-{call}-{moment:?}"));
            fetch(&root).await;
            let asked = server.requests();
            let crashing = CallPlan::crash_at(call, moment);
            let _ = open(&root, &crashing).await.settle(None, None).await;
            let laptop = open(&root, &CallPlan::new()).await;
            redrive_all(&laptop).await;
            laptop.settle(None, None).await.unwrap();
            assert_eq!(published(&root), world.expected, "{moment:?} {:?}", crashing.log().get(call - 1));
            assert!(files(&root.join("staged")).is_empty());
            assert_eq!(server.requests(), asked);
        }
    }
    assert!(server.requests() > requests);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tripled_shuffled_and_failing_with_failing_ports() {
    let server = ReplayServer::start(small_recording()).await.unwrap();
    let world = world(&server).await;
    for seed in 0..12 {
        let root = world.folder.path().join(format!("chaos-{seed}"));
        let plan = CallPlan::random(seed, 0.05);
        let chaos = Chaos { seed, duplicate: 0.6, reorder: 0.5, fail: 0.2 };
        for _ in 0..3 {
            let _ =
                pipeline::run(&open(&root, &plan).await, &world.config, Output::silent(), Some(chaos)).await;
        }
        recover(&root, &world.config).await;
        assert_eq!(published(&root), world.expected, "seed {seed}");
    }
    server.stop().await;
}
