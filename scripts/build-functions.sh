#!/usr/bin/env bash
# Builds every function for Lambda: target/lambda/<arch>/<function>/bootstrap.zip, and prints each zip's size. Fails when one is
# larger than it may be. `refine` has the SQL engine in it, and is built by itself: what the engine asks of other crates would make every
# function larger.
#
#   scripts/build-functions.sh [arm64] [x86_64]      both where none is named
set -euo pipefail
cd "$(dirname "$0")/.."

cargo_lambda_version=1.9.2
# What a cold start reads. Of `refine` 17.4 MB were measured (docs/performance.md); AWS takes 50 MB directly, and 250 MB unpacked.
max_zip_bytes=8000000
max_zip_bytes_with_sql=20000000
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
functions=() packages=() features=() packages_with_sql=() features_with_sql=()
stages=$(scripts/stages)
for name in $stages; do
  functions+=("quotelake-$name")
  if grep -q '^sql = ' "crates/$name/Cargo.toml"; then
    packages_with_sql+=(--package "quotelake-$name")
    features_with_sql+=("quotelake-$name/aws" "quotelake-$name/sql")
    continue
  fi
  packages+=(--package "quotelake-$name")
  if grep -q '^aws = ' "crates/$name/Cargo.toml"; then features+=("quotelake-$name/aws"); fi
done

list() {
  local IFS=,
  echo "$*"
}

# Builds for an architecture, whose flag and name are given, with what else Cargo is to be told.
build() {
  cargo lambda build --quiet --locked --profile lambda "$1" --bins --output-format zip --lambda-dir "target/lambda/$2" "${@:3}"
}

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
    build "$flag" "$one" "${packages[@]}" --features "$(list "${features[@]}")"
    build "$flag" "$one" "${packages_with_sql[@]}" --features "$(list "${features_with_sql[@]}")"
    for function in "${functions[@]}"; do
      zip="target/lambda/$one/$function/bootstrap.zip"
      repack "$zip"
      bytes=$(stat -c %s "$zip")
      printf '%-8s %-22s %6.2f MB  %s\n' "$one" "$function" "$(awk "BEGIN { print $bytes / 1000000 }")" "$zip"
      limit=$max_zip_bytes
      if [[ " ${packages_with_sql[*]} " == *" $function "* ]]; then limit=$max_zip_bytes_with_sql; fi
      if [ "$bytes" -gt "$limit" ]; then
        echo "$zip is larger than $limit bytes" >&2
        too_large=1
      fi
    done
  done
done
exit "$too_large"
