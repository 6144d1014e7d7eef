#!/usr/bin/env bash
# Makes the Python environments of the AWS emulators that tests run against, in $QUOTELAKE_EMULATORS_HOME (a folder of the
# user's cache unless it is set), and prints that folder. Does nothing where they are there.
set -euo pipefail
home="${QUOTELAKE_EMULATORS_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/quotelake-emulators}"
python="${PYTHON:-python3}"

environment() {
  local name=$1 wanted=$2 mark="$home/$1/.quotelake-$3"
  [ -e "$mark" ] && return
  # The mark comes last: a broken-off installation is never taken for a whole one.
  rm -rf "${home:?}/$name"
  "$python" -m venv "$home/$name" >&2
  "$home/$name/bin/pip" install --quiet --disable-pip-version-check "$wanted" >&2
  touch "$mark"
}

mkdir -p "$home"
environment moto 'moto[all,server]==5.2.5' 5.2.5
environment ministack 'ministack[full]==1.5.33' 1.5.33
printf '%s\n' "$home"
