#!/usr/bin/env bash
# Cold start and idle memory of the functions as they are in their zips, for this machine's architecture, each with the ports of
# AWS that it has in the cloud. Fails when one is slower or larger than a function may be.
set -euo pipefail
cd "$(dirname "$0")/.."

max_ms=25
max_mib=25
# With the SQL engine in it, see docs/performance.md.
max_ms_with_sql=35
max_mib_with_sql=30
case "$(uname -m)" in x86_64) arch=x86_64 ;; aarch64) arch=arm64 ;; *) echo "no zips for $(uname -m)" >&2; exit 1 ;; esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

queue() { echo "sqs:https://sqs.us-east-1.amazonaws.com/000000000000/$1"; }
environment=(
  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  LAKE_URI=s3://quotelake-bench STREAM_URI=firehose://quotelake CATALOG_URI=glue://quotelake
  EVENTS_URI=eventbridge://quotelake
  "PUBLISH_QUEUE_URI=$(queue publish.fifo)" "DEAD_LETTER_QUEUE_URI=$(queue dead)" "UNITS_QUEUE_URI=$(queue fetch)"
  SOURCE_SECRET=ssm:/quotelake/polygon
)
cargo build --quiet --release --package quotelake-testkit --example cold_start
for zip in target/lambda/"$arch"/*/bootstrap.zip; do
  name=$(basename "$(dirname "$zip")")
  python3 -m zipfile -e "$zip" "$folder/$name"
  chmod +x "$folder/$name/bootstrap"
  ms=$max_ms mib=$max_mib
  if grep -q '^sql = ' "crates/${name#quotelake-}/Cargo.toml"; then ms=$max_ms_with_sql mib=$max_mib_with_sql; fi
  target/release/examples/cold_start --max-ms "$ms" --max-mib "$mib" "$folder/$name/bootstrap" "${environment[@]}"
done
