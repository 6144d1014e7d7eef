#!/usr/bin/env bash
# The product in the raw-to-lake benchmark: load a folder of NDJSON files, then put table and quarantine where the
# benchmark's verifier looks. The last line of output is the run's summary as JSON.
#   benches/peers/load.sh INPUT_DIR OUT_DIR QUARANTINE
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
input=$1 out=$2 quarantine=$3
lake=$(dirname "$out")/quotelake-load
rm -rf "$lake" "$out" "$quarantine"
"${QUOTELAKE:-$here/target/release/quotelake}" load --json --lake "$lake" --dataset vendor_bars \
  --contract "$here/samples/contracts/vendor_bars.yaml" "$input" >"$lake.json" || [ $? -eq 2 ] # 2: rows went to quarantine, as they should here
mkdir -p "$(dirname "$out")" "$lake/quarantine/dataset=vendor_bars"
mv "$lake/bronze/vendor_bars" "$out"
mv "$lake/quarantine/dataset=vendor_bars" "$quarantine"
rm -rf "$lake"
cat "$lake.json"
