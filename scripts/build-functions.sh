#!/usr/bin/env bash
# Builds every function for Lambda: target/lambda/<arch>/<function>/bootstrap.zip, and prints each zip's size. Fails when one is
# larger than a function may be.
#
#   scripts/build-functions.sh [arm64] [x86_64]      both where none is named
set -euo pipefail
cd "$(dirname "$0")/.."

cargo_lambda_version=1.9.2
max_zip_bytes=8000000
# With the SQL engine in it.
max_sql_zip_bytes=20000000
tools="${QUOTELAKE_TOOLS_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/quotelake-tools}/cargo-lambda-$cargo_lambda_version"

if ! cargo lambda --version >/dev/null 2>&1; then
  # The wheel brings zig, which compiles for both architectures against an old enough glibc.
  [ -x "$tools/bin/cargo-lambda" ] || {
    echo "cargo-lambda is not here: installing $cargo_lambda_version in $tools" >&2
    "${PYTHON:-python3}" -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check "cargo-lambda==$cargo_lambda_version"
  }
  PATH="$tools/bin:$PATH"
fi

# Packs a zip anew with libdeflate's best, 3 to 4 % smaller than zlib's, and with the same bytes for the same program.
python_deflate=$(scripts/venv deflate deflate==0.9.0)
repack() {
  "$python_deflate" scripts/repack-zip.py "$1"
}

# The functions are the stages: infra/tests/test_deploy.py holds the crates against them.
functions=() packages=() features=()
stages=$(scripts/stages)
for name in $stages; do
  functions+=("quotelake-$name")
  packages+=(--package "quotelake-$name")
  for feature in aws sql; do
    if grep -q "^$feature = " "crates/$name/Cargo.toml"; then features+=("quotelake-$name/$feature"); fi
  done
done
feature_list=$(IFS=,; echo "${features[*]}")

too_large=0
for arch in "${@:-arm64 x86_64}"; do
  # Unquoted on purpose: the default is two words.
  for one in $arch; do
    case "$one" in
      arm64) triple=aarch64-unknown-linux-gnu flag=--arm64 ;;
      x86_64) triple=x86_64-unknown-linux-gnu flag=--x86-64 ;;
      *) echo "unknown architecture $one: arm64 or x86_64" >&2; exit 64 ;;
    esac
    if command -v rustup >/dev/null; then rustup --quiet target add "$triple"; fi
    cargo lambda build --quiet --locked --profile lambda "$flag" --bins "${packages[@]}" --features "$feature_list" \
      --output-format zip --lambda-dir "target/lambda/$one"
    for function in "${functions[@]}"; do
      zip="target/lambda/$one/$function/bootstrap.zip"
      repack "$zip"
      bytes=$(stat -c %s "$zip")
      printf '%-8s %-22s %6.2f MB  %s\n' "$one" "$function" "$(awk "BEGIN { print $bytes / 1000000 }")" "$zip"
      limit=$max_zip_bytes
      if grep -q '^sql = ' "crates/${function#quotelake-}/Cargo.toml"; then limit=$max_sql_zip_bytes; fi
      if [ "$bytes" -gt "$limit" ]; then
        echo "$zip is larger than $limit bytes" >&2
        too_large=1
      fi
    done
  done
done
exit "$too_large"
