#!/usr/bin/env bash
# Trino, the engine behind Athena, as a server of tests on loopback.
#   scripts/trino.sh install              the pinned server and its Hive plugin as Maven dependencies, unpacked in the user's cache
#   scripts/trino.sh start DIR [WORKERS]  starts a node with the catalogs of DIR/catalog/*.properties, or a coordinator with workers,
#                                         waits until it answers and prints its address; DIR holds configuration, logs, process ids
#   scripts/trino.sh stop DIR             stops what start began, by process id
# Needs Maven and a JDK of version 24 or newer (JAVA_HOME, or one in /usr/lib/jvm).
set -euo pipefail
version=476
home=${XDG_CACHE_HOME:-$HOME/.cache}/quotelake/trino-$version
seconds_to_start=240

die() { echo "trino.sh: $1" >&2; exit 1; }

find_jdk() {
  local candidate major
  for candidate in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    [ -x "$candidate/bin/java" ] || continue
    major=$("$candidate/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
    if [ "${major:-0}" -ge 24 ]; then echo "$candidate"; return; fi
  done
  die "Trino $version needs a JDK of version 24 or newer: set JAVA_HOME"
}

artifact() { # name packaging: the path of a Maven artifact, fetched when it is not there
  local repository=${MAVEN_REPOSITORY:-$HOME/.m2/repository} path
  path=$repository/io/trino/$1/$version/$1-$version.$2
  [ -e "$path" ] || JAVA_HOME=$(find_jdk) mvn --batch-mode --quiet dependency:get -Dartifact="io.trino:$1:$version:$2" -Dtransitive=false \
    "-Dmaven.repo.local=$repository" >&2
  echo "$path"
}

install() {
  [ -e "$home/.complete" ] && return
  local server plugin
  server=$(artifact trino-server-core tar.gz)
  plugin=$(artifact trino-hive zip)
  rm -rf "$home"
  mkdir -p "$home"
  tar -xzf "$server" -C "$home" --strip-components 1
  python3 -m zipfile -e "$plugin" "$home/plugin"
  mv "$home/plugin/trino-hive-$version" "$home/plugin/hive"
  # Last: an unpacking that was broken off is done again.
  touch "$home/.complete"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

node() { # dir name port coordinator(true|false) address workers
  local etc=$1/$2/etc
  mkdir -p "$etc" "$1/$2/data"
  printf 'node.environment=test\nnode.id=%s\nnode.data-dir=%s\nnode.bind-ip=127.0.0.1\n' "$2" "$1/$2/data" >"$etc/node.properties"
  printf '%s\n' -Xmx2G -XX:+UseG1GC --sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED \
    --add-modules=jdk.incubator.vector >"$etc/jvm.config"
  {
    printf 'coordinator=%s\nhttp-server.http.port=%s\nnode.internal-address=127.0.0.1\ndiscovery.uri=%s\n' "$4" "$3" "$5"
    printf 'query.max-memory-per-node=800MB\ncatalog.management=static\n'
    if [ "$4" = true ]; then printf 'node-scheduler.include-coordinator=%s\n' "$([ "$6" = 0 ] && echo true || echo false)"; fi
    if [ "$6" != 0 ]; then printf 'retry-policy=TASK\n'; fi
  } >"$etc/config.properties"
  if [ "$6" != 0 ]; then
    printf 'exchange-manager.name=filesystem\nexchange.base-directories=%s\n' "$1/exchange" >"$etc/exchange-manager.properties"
  fi
  ln -sfn "$1/catalog" "$etc/catalog"
  JAVA_HOME=$jdk PATH="$jdk/bin:$PATH" setsid "$home/bin/launcher" --etc-dir "$etc" --data-dir "$1/$2/data" run >"$1/$2/log" 2>&1 </dev/null &
  echo $! >"$1/$2/pid"
}

start() {
  local dir workers=${2:-0} port address worker
  dir=$(realpath "$1")
  [ -d "$dir/catalog" ] || die "$dir/catalog is not there: put the catalogs' properties into it first"
  install
  jdk=$(find_jdk)
  port=$(free_port)
  address=http://127.0.0.1:$port
  node "$dir" coordinator "$port" true "$address" "$workers"
  for worker in $(seq 1 "$workers"); do node "$dir" "worker$worker" "$(free_port)" false "$address" "$workers"; done
  for _ in $(seq "$seconds_to_start"); do
    if python3 - "$address" "$workers" <<'PYTHON'
import json, sys, urllib.request
address, workers = sys.argv[1], int(sys.argv[2])
try:
    info = json.load(urllib.request.urlopen(f"{address}/v1/info", timeout=2))
    request = urllib.request.Request(f"{address}/v1/node", headers={"X-Trino-User": "test"})
    nodes = json.load(urllib.request.urlopen(request, timeout=2)) if workers else []
except OSError:
    sys.exit(1)
sys.exit(info["starting"] or len(nodes) < workers)
PYTHON
    then echo "$address"; return; fi
    kill -0 "$(cat "$dir/coordinator/pid")" 2>/dev/null || { tail -n 40 "$dir/coordinator/log" >&2; die "the server ended"; }
    sleep 1
  done
  tail -n 40 "$dir/coordinator/log" >&2
  stop "$dir"
  die "no answer within $seconds_to_start s"
}

stop() {
  local file pid
  for file in "$1"/*/pid; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    # The launcher becomes the server; both are of the group that setsid made.
    kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -KILL -- "-$pid" 2>/dev/null || true
    rm -f "$file"
  done
}

case "${1:-}" in
  install) install ;;
  start) [ $# -ge 2 ] || die "start DIR [WORKERS]"; start "$2" "${3:-0}" ;;
  stop) [ $# -eq 2 ] || die "stop DIR"; stop "$(realpath "$2")" ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
