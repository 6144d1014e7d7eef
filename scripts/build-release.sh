#!/usr/bin/env bash
# Builds the program as it is released, static and with everything in it (AWS, SQL engine), and packs it:
# target/release-files/quotelake-<version>-<target>.tgz.
#
#   scripts/build-release.sh x86_64-unknown-linux-musl|aarch64-unknown-linux-musl
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:?which target: x86_64-unknown-linux-musl or aarch64-unknown-linux-musl}
case "$target" in
  x86_64-unknown-linux-musl | aarch64-unknown-linux-musl) ;;
  *) echo "unknown target $target: x86_64-unknown-linux-musl or aarch64-unknown-linux-musl" >&2; exit 64 ;;
esac
build=${CARGO_TARGET_DIR:-target}
program=$build/$target/release/quotelake

# Zig compiles and links what is written in C, against a musl of its own.
tools=$(scripts/venv release cargo-zigbuild==0.24.0 ziglang==0.17.1)
PATH="$(dirname "$tools"):$PATH"
if command -v rustup >/dev/null; then rustup --quiet target add "$target"; fi
cargo zigbuild --quiet --locked --release --config .cargo/full.toml --package quotelake --features aws,sql --target "$target"

# A static program names no loader: it has no segment of the type PT_INTERP (3).
python3 - "$program" <<'PYTHON'
import struct, sys
data = open(sys.argv[1], "rb").read()
assert data[:5] == b"\x7fELF\x02", "no 64-bit ELF program"
start, = struct.unpack_from("<Q", data, 32)
size, count = struct.unpack_from("<HH", data, 54)
if any(struct.unpack_from("<I", data, start + size * index)[0] == 3 for index in range(count)):
    sys.exit(f"{sys.argv[1]} needs a loader of the system: it is not static")
PYTHON

scripts/release.py licences "$target" "$build/$target/release/licences.txt"
scripts/release.py pack "$program" "$target" "$build/$target/release/licences.txt" target/release-files
