# Sourced by each check, as its second line. A check runs as root in the machine; crisp serves, and there is no pod. Its last
# line on stdout is what it has found; its exit code is 0 when that is right, 77 when the machine lacks what it needs. Every pod is
# removed when it ends.
set -euo pipefail

busybox=registry.k8s.io/e2e-test-images/busybox:1.29-2
work=$(mktemp -d)
trap 'leave' EXIT

leave() {
  crictl rmp --all --force >/dev/null 2>&1 || true
  rm -rf "$work" /var/log/pods/vm_*
}

# Ends the check: what comes is why.
fail() { echo "$*"; exit 1; }
skip() { echo "$*"; exit 77; }

# wait_for SECONDS WHAT COMMAND...: runs the command until it succeeds.
wait_for() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$limit" ] || fail "not in time: $what"
    sleep 0.5
  done
}

# make_pod NAME [PARENT] [MORE]: runs a pod below a slice of kubelet's form, or another cgroup, with MORE (what jq takes for an
# object) over its configuration; prints its id. NAME has no dash in it: systemd's slices have.
make_pod() {
  jq -n --arg name "$1" --arg parent "${2:-kubepods-burstable-pod$1.slice}" '{
    metadata: {name: $name, namespace: "vm", uid: $name, attempt: 0},
    log_directory: "/var/log/pods/vm_\($name)",
    linux: {cgroup_parent: $parent}
  } * ('"${3:-null}"' // {})' >"$work/$1.json"
  crictl runp "$work/$1.json"
}

# make_container POD-ID POD-NAME NAME COMMAND [RESOURCES] [SECURITY] [MORE]: creates a container with a JSON list as its command,
# resources and a security context in CRI's words, as jq takes them, and MORE over its configuration; prints its id.
make_container() {
  [ -n "$(crictl images --quiet "$busybox")" ] || crictl pull "$busybox" >/dev/null
  jq -n --arg name "$3" --arg image "$busybox" --argjson command "$4" '{
    metadata: {name: $name, attempt: 0},
    image: {image: $image},
    command: $command,
    log_path: "\($name).log",
    linux: {resources: ('"${5:-null}"'), security_context: ('"${6:-null}"')}
  } * ('"${7:-null}"' // {})' >"$work/container.json"
  crictl create "$1" "$work/container.json" "$work/$2.json"
}

# run_container: as make_container, and starts it.
run_container() {
  local id
  id=$(make_container "$@")
  crictl start "$id" >/dev/null
  echo "$id"
}

# count N COMMAND...: runs a command N times. Prints what the first failure wrote, and last how many went well; fails when one
# did not.
count() {
  local of=$1 good=0 first=
  shift
  for _ in $(seq "$of"); do
    if "$@" >"$work/said" 2>&1; then
      good=$((good + 1))
    elif [ -z "$first" ]; then
      first=$(tail -n 5 "$work/said")
    fi
  done
  [ -z "$first" ] || printf 'the first that failed wrote:\n%s\n' "$first"
  echo "$good of $of"
  [ "$good" -eq "$of" ]
}

# counting_pod NAME: runs a pod whose container writes 1, 2, 3 … into its log until it is ended. Sets pod and container.
counting_pod() {
  pod=$(make_pod "$1")
  container=$(run_container "$pod" "$1" app '["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.2; done"]')
  log=/var/log/pods/vm_$1/app.log
  wait_for 60 'the container writes' lines_beyond 3
}

lines() { wc -l <"$log"; }
lines_beyond() { [ "$(lines)" -gt "$1" ]; }

# Pids, states and ids of the counting pod: what nothing may change that is done to crisp.
what_runs() {
  crictl inspectp --output json "$pod" | jq -c '[.status.id, .status.state, .info.pid, .status.network.ip]'
  crictl inspect --output json "$container" | jq -c '[.status.id, .status.state, .info.pid, .status.metadata.attempt]'
}

# log_is_whole: every number once, in order, and more come.
log_is_whole() {
  wait_for 60 'the container goes on writing' lines_beyond "$(($(lines) + 3))"
  awk '$4 != NR { print "line " NR " of the log is " $0; exit 1 }' "$log"
}

# oom_killed PARENT: whether 50 containers of a pod below PARENT, each of which needs more memory than it may have, are OOMKilled.
oom_killed() {
  local of=50 pod id told good ids=()
  local eats='["dd", "if=/dev/zero", "of=/dev/null", "bs=128M", "count=1"]'
  local limits='{"memory_limit_in_bytes": 33554432, "memory_swap_limit_in_bytes": 33554432}'
  have_ended() { [ "$(crictl ps --all --state exited --quiet | wc -l)" -ge "$of" ]; }
  pod=$(make_pod oom "$1")
  for i in $(seq "$of"); do ids+=("$(make_container "$pod" oom "eats$i" "$eats" "$limits")"); done
  # One that is killed before its start is answered is as good.
  for id in "${ids[@]}"; do crictl start "$id" >/dev/null || true; done
  wait_for 120 'every container has ended' have_ended
  told=$(for id in "${ids[@]}"; do crictl inspect --output json "$id" | jq -r '"\(.status.reason) with exit code \(.status.exitCode)"'; done)
  good=$(grep -c '^OOMKilled with exit code 137$' <<<"$told" || true)
  [ "$good" -eq "$of" ] || sort <<<"$told" | uniq -c
  echo "$good of $of"
  [ "$good" -eq "$of" ]
}

# crisp answers, and says that it is ready.
crisp_serves() { systemctl is-active --quiet crisp && crictl info >/dev/null; }

wait_for 300 'crisp serves' crisp_serves
