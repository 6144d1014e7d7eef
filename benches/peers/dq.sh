#!/usr/bin/env bash
# The product in the data-quality benchmark: the peers' seventeen rules over a folder of Parquet.
#   benches/peers/dq.sh LAKE_DIR
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
exec "${QUOTELAKE:-$here/target/release/quotelake}" check --rules "$here/samples/contracts/vendor_bars_table.dqdl" "$1"
