#!/usr/bin/env bash
# `make run`: everything that one pod needs, on a machine that has only Node, and then the pod.
# Installs what is missing, starts a private containerd (or uses CONTAINERD_ADDRESS), starts crisp in front of it, runs
# `crisp smoke`, and keeps serving. With ONCE=1 it ends after the smoke run, with its exit status. All it makes lies in
# one directory of its own, and goes with it at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin"

once=${ONCE:-}
given=${CONTAINERD_ADDRESS:-}
image_of() { echo "$(scripts/pin.sh "$1" package):$(scripts/pin.sh "$1")"; }
pause_image=$(image_of pause)
smoke_image=$(image_of busybox)
crisp_pid=
containerd_pid=
bridge=
work=

say() { printf '== %s\n' "$*"; }
die() { printf 'make run: %s\n' "$*" >&2; exit 1; }
alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }

# Ends one process that this script started: TERM, and KILL after a while.
end_process() {
  alive "$1" || return 0
  kill -TERM "$1" 2>/dev/null || true
  for _ in $(seq 100); do alive "$1" || break; sleep 0.1; done
  alive "$1" && kill -KILL "$1" 2>/dev/null
  wait "$1" 2>/dev/null || true
}

ctr_here() { ctr --address "$address" --namespace "$namespace" "$@"; }

# Containers that outlived crisp: there should be none.
end_tasks() {
  local id
  for id in $(ctr_here tasks ls -q 2>/dev/null); do
    say "a container was left running: $id"
    ctr_here tasks delete --force "$id" >/dev/null 2>&1 || true
    ctr_here containers delete "$id" >/dev/null 2>&1 || true
  done
}

# In somebody else's containerd, our namespace goes with everything in it.
leave_given_containerd() {
  local images
  images=$(ctr_here images ls -q 2>/dev/null) || return 0
  # shellcheck disable=SC2086 # one word per image
  [ -z "$images" ] || ctr_here images rm --sync $images >/dev/null 2>&1 || true
  ctr --address "$address" namespaces rm "$namespace" >/dev/null 2>&1 || true
}

unmount_below() {
  local target
  # Last mounted first; mountinfo writes a blank in a path as \040.
  awk -v dir="$1/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac | while read -r target; do
    umount -l "$(printf '%b' "$target")" 2>/dev/null || true
  done
}

cleanup() {
  local status=$?
  trap - EXIT INT TERM
  set +e
  if [ -n "$work" ]; then
    if [ "$status" -ne 0 ] && [ "$status" -ne 130 ] && [ "$status" -ne 143 ]; then
      for log in "$work/containerd.log" "$work/crisp.log"; do
        [ -s "$log" ] && { say "the end of $(basename "$log"):"; tail -n 25 "$log"; }
      done
    fi
    if alive "$crisp_pid"; then bin/crisp remove-pods --all --endpoint "$work/crisp.sock"; fi
    end_process "$crisp_pid"
    # It ends with crisp unless containers are left.
    end_process "$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$work/crisp/state/stdio/lock" 2>/dev/null)"
    if [ -n "${address:-}" ]; then
      end_tasks
      [ -z "$given" ] || leave_given_containerd
    fi
    end_process "$containerd_pid"
    [ -z "$bridge" ] || ip link delete "$bridge" 2>/dev/null
    unmount_below "$work"
    rm -rf --one-file-system "$work"
  fi
  exit "$status"
}

# Waits until a command succeeds, at most about 15 s, as long as the process it depends on lives.
wait_for() {
  local what=$1 pid=$2
  shift 2
  for _ in $(seq 150); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    [ -z "$pid" ] || alive "$pid" || die "$what ended early"
    sleep 0.1
  done
  die "$what does not answer"
}

prepare() {
  [ "$(id -u)" -eq 0 ] || die "running containers needs root"
  command -v node >/dev/null || die "Node 20 or newer is needed"
  [ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || die "Node 20 or newer is needed, not $(node -v)"
  scripts/ensure-packages.sh
  [ -d node_modules ] || npm ci
  node scripts/build.mjs
}

start_containerd() {
  address="$work/containerd.sock"
  namespace=k8s.io
  # Paths outside of our directory are what the defaults would share with a containerd of the machine.
  cat >"$work/containerd.toml" <<TOML
version = 2
root = "$work/containerd/root"
state = "$work/containerd/state"
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
  "io.containerd.podsandbox.controller.v1.podsandbox",
  "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
  address = "$address"
[ttrpc]
  address = "$address.ttrpc"
[debug]
  level = "warn"
[plugins."io.containerd.internal.v1.opt"]
  path = "$work/containerd/opt"
TOML
  setsid containerd --config "$work/containerd.toml" >"$work/containerd.log" 2>&1 &
  containerd_pid=$!
  wait_for containerd "$containerd_pid" ctr --address "$address" version
  say "containerd: $(containerd --version), at $address"
}

use_containerd() {
  address=${given#unix://}
  namespace=crisp-run # not the cluster's: what runs there is none of our business
  wait_for "the containerd at $address" "" ctr --address "$address" version
  say "containerd: the given one, at $address (namespace $namespace)"
}

# A network of its own: the first 10.88.x.0/24 that neither a link nor a route knows.
write_network() {
  local x
  for x in $(seq $((RANDOM % 200 + 1)) 254); do
    bridge="crisp$x"
    ip link show "$bridge" >/dev/null 2>&1 || ip route show | grep -q "^10\.88\.$x\." || break
  done
  mkdir -p "$work/cni/conf"
  cat >"$work/cni/conf/10-crisp.conflist" <<JSON
{
  "cniVersion": "1.0.0",
  "name": "crisp-run-$x",
  "plugins": [
    {
      "type": "bridge", "bridge": "$bridge", "isGateway": true, "ipMasq": true,
      "ipam": {
        "type": "host-local", "dataDir": "$work/cni/ipam",
        "ranges": [[{ "subnet": "10.88.$x.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
JSON
}

start_crisp() {
  local snapshotter=native
  # Overlayfs is no option on a root filesystem that is an overlay itself; containerd has tried.
  if ctr --address "$address" plugins ls | grep -Eq '^io.containerd.snapshotter.v1 +overlayfs .* ok'; then snapshotter=overlayfs; fi
  export CONTAINERD_SNAPSHOTTER=$snapshotter # what ctr imports into
  cat >"$work/crisp.toml" <<TOML
listen = "$work/crisp.sock"
root = "$work/crisp/root"
state = "$work/crisp/state"
cri_root = "$work/crisp/cri-root"
cri_state = "$work/crisp/cri-state"
netns_mounts_under_state_dir = true
sandbox_image = "$pause_image"
[containerd]
address = "$address"
namespace = "$namespace"
snapshotter = "$snapshotter"
[cni]
conf_dir = "$work/cni/conf"
cache_dir = "$work/cni/cache"
[log]
format = "text"
TOML
  bin/crisp config check --config "$work/crisp.toml" --no-containerd-config >/dev/null
  setsid bin/crisp serve --config "$work/crisp.toml" >"$work/crisp.log" 2>&1 &
  crisp_pid=$!
  wait_for crisp "$crisp_pid" grep -q serving "$work/crisp.log"
  say "crisp: serving at $work/crisp.sock (log: $work/crisp.log)"
}

# Has crisp pull an image. When no registry answers, one made on this machine takes its name.
provide_image() {
  local image=$1 archive=$2
  if [ ! -d "$work/images" ] && bin/crisp pull --timeout 30s --endpoint "$work/crisp.sock" "$image"; then return 0; fi
  say "no registry for $image: building it here"
  [ -d "$work/images" ] || node scripts/local-images.mjs "$work/images" "$pause_image" "$smoke_image"
  ctr_here images import "$work/images/$archive.tar" >/dev/null
  wait_for "the image $image" "$crisp_pid" bin/crisp pull --timeout 1s --endpoint "$work/crisp.sock" "$image"
}

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
prepare
work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-run.XXXXXX")
chmod 0711 "$work"
if [ -n "$given" ]; then use_containerd; else start_containerd; fi
write_network
start_crisp
provide_image "$pause_image" pause
provide_image "$smoke_image" busybox
say "crisp smoke"
smoke_status=0
bin/crisp smoke --endpoint "$work/crisp.sock" --image "$smoke_image" || smoke_status=$?
[ -z "$once" ] || exit "$smoke_status"
[ "$smoke_status" -eq 0 ] || say "the smoke run failed; serving all the same (log: $work/crisp.log)"
say "serving at unix://$work/crisp.sock until Ctrl-C; try:"
echo "crictl --runtime-endpoint unix://$work/crisp.sock ps"
wait "$crisp_pid"
