# Steps of a run, one after another or beside others, for .ci/run to source. $steps is the file that their seconds go to, `name<TAB>seconds`,
# $work a folder for what steps beside others print. A step that fails ends the run: `failed_step` is its name.
name="" began=0 lanes=() failing=""

close() { [ -z "$name" ] || printf '%s\t%s\n' "$name" "$((SECONDS - began))" >>"$steps"; name=""; }
step() { close; look; name=$1 began=$SECONDS; printf '\n== %s (%s s)\n' "$name" "$SECONDS"; }
# A step that mostly waits for an emulator's clock, while others run: what it prints comes at the end, its seconds are counted.
beside() {
  local lane=${#lanes[@]} title=$1
  shift
  lanes+=("$title")
  printf '\n== %s (%s s), beside the steps that follow\n' "$title" "$SECONDS"
  (
    trap - EXIT
    trap 'kill -TERM "$child" 2>/dev/null || true; wait "$child" || true; exit 143' TERM
    began=$SECONDS code=0
    "$@" >"$work/lane$lane.log" 2>&1 &
    child=$!
    wait "$child" || code=$?
    printf '%s\t%s\n' "$title" "$((SECONDS - began))" >"$work/lane$lane.seconds"
    echo "$code" >"$work/lane$lane.code"
  ) &
  echo $! >"$work/lane$lane.pid"
}
# Waits for a step of `beside`, prints what it printed, and fails where it failed.
join() {
  close
  wait "$(cat "$work/lane$1.pid")" || true
  rm "$work/lane$1.pid"
  printf '\n== %s\n' "${lanes[$1]}"
  cat "$work/lane$1.log"
  # Without a code it was killed.
  if [ ! -e "$work/lane$1.code" ]; then failing=${lanes[$1]}; exit 1; fi
  cat "$work/lane$1.seconds" >>"$steps"
  if [ "$(cat "$work/lane$1.code")" != 0 ]; then failing=${lanes[$1]}; exit 1; fi
}
# One that failed already ends the run.
look() {
  local lane
  for lane in "${!lanes[@]}"; do
    if [ "$(cat "$work/lane$lane.code" 2>/dev/null || echo 0)" != 0 ]; then join "$lane"; fi
  done
}
# Stops what still runs beside, which takes down what it started; for the end of a run that failed.
stop_beside() {
  local pid
  for pid in "$work"/lane*.pid; do
    [ -e "$pid" ] || continue
    kill -TERM "$(cat "$pid")" 2>/dev/null || true
    wait "$(cat "$pid")" || true
  done
}
failed_step() { echo "${failing:-${name:-the end}}"; }
