//! How long a function's binary takes from exec to its first poll for work, and what it holds in memory while it waits, against
//! the Runtime API of this crate. Without what AWS adds, and on the machine it runs on.
//!
//! ```sh
//! cargo run -p quotelake-testkit --example cold_start -- [--runs N] [--max-ms N] [--max-mib N] [--event FILE] BINARY [NAME=VALUE...]
//! ```
//!
//! With a limit, a median above it is a failure. With an event, each binary that was started is invoked with it once: how long that takes,
//! and the most that the process has held then.

#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::error::Error;
use std::time::{Duration, Instant};

use quotelake_testkit::RuntimeApi;

/// How long a function is left alone before its memory is read.
const IDLE: Duration = Duration::from_millis(300);

/// How long an invocation may take: as long as Lambda lets any.
const INVOCATION: Duration = Duration::from_secs(900);

#[derive(Debug, Default)]
struct Options {
    runs: usize,
    max_ms: Option<f64>,
    max_mib: Option<f64>,
    event: Option<Vec<u8>>,
    binary: String,
    env: Vec<(String, String)>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options { runs: 20, ..Options::default() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} wants a value"));
        match word.as_str() {
            "--runs" => options.runs = value()?.parse()?,
            "--max-ms" => options.max_ms = Some(value()?.parse()?),
            "--max-mib" => options.max_mib = Some(value()?.parse()?),
            "--event" => options.event = Some(std::fs::read(value()?)?),
            _ if options.binary.is_empty() => options.binary = word,
            _ => {
                let (name, value) = word.split_once('=').ok_or(format!("{word} is not NAME=VALUE"))?;
                options.env.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    if options.binary.is_empty() || options.runs == 0 {
        return Err("wants a binary, and at least one run".into());
    }
    Ok(options)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "a process has less than 2^53 KiB")]
fn mebibytes_of(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let env: Vec<(&str, &str)> =
        options.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (mut millis, mut mebibytes) = (Vec::new(), Vec::new());
    let (mut invoked_millis, mut peak_mebibytes) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        let api = RuntimeApi::start().await?.with_timeout(INVOCATION);
        let function = api.run_binary(&options.binary, &env)?;
        let first_poll = function
            .time_to_first_poll()
            .await
            .map_err(|error| format!("{error}\n{}", function.log().join("\n")))?;
        millis.push(first_poll.as_secs_f64() * 1000.0);
        tokio::time::sleep(IDLE).await;
        let memory = function.memory().ok_or("the system does not say what a process holds")?;
        mebibytes.push(mebibytes_of(memory.resident_kib));
        if let Some(event) = &options.event {
            let start = Instant::now();
            let answer = api.invoke_bytes(event.clone().into()).await?;
            invoked_millis.push(start.elapsed().as_secs_f64() * 1000.0);
            let memory = function.memory().ok_or("the system does not say what a process holds")?;
            peak_mebibytes.push(mebibytes_of(memory.peak_kib));
            println!("{}", String::from_utf8_lossy(&answer));
        }
    }
    let (ms, mib) = (median(&mut millis), median(&mut mebibytes));
    println!(
        "first poll {ms:.1} ms (least {:.1}, most {:.1}), idle {mib:.1} MiB, {} runs  {}",
        millis[0],
        millis[millis.len() - 1],
        options.runs,
        options.binary
    );
    if options.event.is_some() {
        println!(
            "invoked {:.1} ms, at most {:.1} MiB",
            median(&mut invoked_millis),
            median(&mut peak_mebibytes)
        );
    }
    for (value, max, unit) in [(ms, options.max_ms, "ms"), (mib, options.max_mib, "MiB")] {
        if max.is_some_and(|max| value > max) {
            return Err(format!("{value:.1} {unit} is more than {:.1}", max.unwrap_or_default()).into());
        }
    }
    Ok(())
}
