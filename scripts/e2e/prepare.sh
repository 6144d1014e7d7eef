# What the end-to-end run and the proof need, for scripts/e2e-aws and scripts/prove-aws to source: tools, zips, the program, a Python
# environment with the emulator. They stand in the folder of the checkout.

# Says what the run needs and this machine lacks, and ends it: $1 is what runs, the others are programs.
need_tools() {
  local what=$1 tool
  shift
  for tool in "$@"; do
    if ! command -v "$tool" >/dev/null; then
      echo "SKIPPED: $what needs $tool"
      exit "${STRICT:-0}"
    fi
  done
  if ! provider=$(scripts/terraform-provider 2>&1); then
    echo "$provider"
    echo "SKIPPED: $what needs the AWS provider of Terraform, which cannot be had here"
    exit "${STRICT:-0}"
  fi
}

# This machine's architecture as Lambda calls it.
own_arch() {
  case "$(uname -m)" in aarch64 | arm64) echo arm64 ;; *) uname -m ;; esac
}

# Debug builds of the functions and the program, quick to have; with QUOTELAKE_BUILT=1 those that the tests of all features left in the
# target folder. Sets `artifacts` and `quotelake`.
build_dev() {
  local target=${CARGO_TARGET_DIR:-target} arch stage folder stages packages features
  arch=$(own_arch)
  mapfile -t stages < <(scripts/stages)
  artifacts=$target/e2e quotelake=$target/debug/quotelake
  packages=(--package quotelake) features=quotelake/aws
  for stage in "${stages[@]}"; do
    packages+=(--package "quotelake-$stage")
    if grep -q '^aws = ' "crates/$stage/Cargo.toml"; then features+=",quotelake-$stage/aws"; fi
    if grep -q '^sql = ' "crates/$stage/Cargo.toml"; then features+=",quotelake-$stage/sql"; fi
  done
  [ -n "${QUOTELAKE_BUILT:-}" ] || cargo build --quiet --locked --bins "${packages[@]}" --features "$features"
  for stage in "${stages[@]}"; do
    folder=$artifacts/$arch/quotelake-$stage
    mkdir -p "$folder"
    # Symbols would be most of it.
    strip -o "$folder/bootstrap" "$target/debug/quotelake-$stage"
    python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED, compresslevel=1); z.write(sys.argv[1], "bootstrap")' \
      "$folder/bootstrap" "$folder/bootstrap.zip"
    rm "$folder/bootstrap"
  done
}

# The zips of an architecture as `make build` makes them, and the program. Sets `artifacts` and `quotelake`.
build_release() {
  artifacts=target/lambda quotelake=target/release/quotelake
  scripts/build-functions.sh "$1"
  cargo build --quiet --locked --release --package quotelake --features quotelake/aws
}

# The Python environment with the emulator, boto3, DuckDB and what the checks of SQL need, made the first time. Sets `python`.
make_python() {
  local home=${QUOTELAKE_EMULATORS_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/quotelake-emulators}/e2e more
  local mark=$home/.installed-1.5.33
  if [ ! -e "$mark" ]; then
    # The mark comes last: a broken-off installation is never taken for a whole one.
    rm -rf "$home"
    "${PYTHON:-python3}" -m venv "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check 'ministack[full]==1.5.33' boto3 duckdb==2.0.0
    touch "$mark"
  fi
  # Trino's client, for what the engine is asked at the end; sqlglot spells Athena's SQL as DuckDB's, which wants pytz for times.
  more=(trino==0.340.0 sqlglot==30.30.0 pytz)
  "$home/bin/python" -c 'import trino, sqlglot, pytz' 2>/dev/null || "$home/bin/pip" install --quiet --disable-pip-version-check "${more[@]}"
  python=$home/bin/python
}
