# Sourced by scripts that run several parts and count the cases of all: first `part` for each, then `summary`. LIMIT is how
# many seconds all parts together have.

passed=0 failed=0 skipped=0
log=$(mktemp)
failures=$(mktemp)
trap 'rm -f "$log" "$failures"' EXIT

# part MINUTES NAME COMMAND...: runs it within its time, or what is left of all, tells the minutes it took, and adds what its
# last lines count. A part that ends badly without counting a failure counts as one.
part() {
  local seconds=$(($1 * 60)) left=$((LIMIT - SECONDS)) name=$2 began=$SECONDS code counts
  shift 2
  [ "$seconds" -le "$left" ] || seconds=$left
  echo "== $name"
  if [ "$seconds" -le 0 ]; then
    echo "$name was not run: no time is left"
    failed=$((failed + 1))
    return
  fi
  timeout --kill-after=60 --signal=TERM "$seconds" "$@" 2>&1 | tee "$log"
  code=${PIPESTATUS[0]}
  echo "== $name took $(((SECONDS - began + 30) / 60)) minutes"
  grep -aE '^ *failed: ' "$log" >>"$failures"
  counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -n 1)
  if [ -z "$counts" ]; then
    if [ "$code" -ne 0 ]; then
      echo "$name ended with code $code"
      failed=$((failed + 1))
    fi
    return
  fi
  passed=$((passed + $(number "$counts" passed)))
  skipped=$((skipped + $(number "$(tail -n 3 "$log")" skipped)))
  local part_failed
  part_failed=$(number "$counts" failed)
  [ "$code" -eq 0 ] || [ "$part_failed" -gt 0 ] || part_failed=1
  failed=$((failed + part_failed))
}

number() { grep -oE "[0-9]+ $2" <<<"$1" | tail -n 1 | grep -oE '[0-9]+' || echo 0; }

# Prints what has failed and, alone on the last line, the counts of all; fails when a case has.
summary() {
  head -n 20 "$failures"
  local line="$passed passed, $failed failed"
  [ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
  echo "$line"
  [ "$failed" -eq 0 ]
}
