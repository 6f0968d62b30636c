#!/usr/bin/env bash
# Builds, or fetches, the programs that tests run against, in the versions of scripts/pins.txt.
#
#   test/tools/build.sh NAME...            NAME: one of the tools below
#   test/tools/build.sh --at-hand NAME...  builds nothing, and fails when one of them would have to be built
#
# Each NAME's directory with the programs is printed on stdout, one line per NAME; everything else goes to stderr.
# Nothing is built into the checkout: a directory under $CRISP_CACHE is named after what went in (pin, lock, recipe, Go
# release), so a second call only prints. critest pulls one image by digest; CRITEST_DIGEST=sha256:… puts ours there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CRISP_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/crisp}
usual=(containerd runc cni-plugins crictl critest kubelet)
mkdir -p "$cache/bin"

say() { printf 'tools: %s\n' "$*" >&2; }

# The pin that a tool comes from.
pin_of() {
  case $1 in
    containerd | containerd-2.3 | containerd-1.7 | runc | cni-plugins | grpc-interop | node) echo "$1" ;;
    crictl | critest | load) echo cri-tools ;; # the load of `make bench` is built with crictl's modules
    kubelet) echo kubernetes ;;
    *) say "unknown tool: $1"; return 2 ;;
  esac
}

# The name of a tool's recipe below.
recipe_of() {
  case $1 in
    containerd*) echo build_containerd ;;
    *) echo "build_${1//-/_}" ;;
  esac
}

# A recipe finds the pin's name in $pin, its module or package in $package, its version in $version, and makes its programs
# in the directory $1.

# Two packages at a time and a low priority: the machine that tests is often the one somebody works on.
go_build() { nice -n 10 go build -trimpath -p 2 -ldflags "${LDFLAGS:--s -w}" "$@" >&2; }

build_containerd() {
  local program
  cd "$here/$pin"
  for program in containerd containerd-shim-runc-v2 ctr; do
    CGO_ENABLED=0 LDFLAGS="-s -w -X $package/version.Version=$version" go_build -o "$1/$program" "$package/cmd/$program"
  done
}

build_runc() {
  cd "$here/$pin"
  CGO_ENABLED=1 LDFLAGS="-s -w -X main.version=${version#v}" go_build -tags 'seccomp urfave_cli_no_docs' -o "$1/runc" "$package"
}

build_cni_plugins() {
  local plugin
  cd "$here/$pin"
  for plugin in main/bridge main/loopback main/ptp ipam/host-local meta/portmap meta/bandwidth meta/firewall meta/tuning; do
    CGO_ENABLED=0 LDFLAGS="-s -w -X $package/pkg/utils/buildversion.BuildVersion=$version" go_build -o "$1/${plugin##*/}" "$package/plugins/$plugin"
  done
}

build_crictl() {
  cd "$here/$pin"
  CGO_ENABLED=0 LDFLAGS="-s -w -X $package/pkg/version.Version=${version#v}" go_build -o "$1/crictl" "$package/cmd/crictl"
}

# Built in a copy of the module: its digest constant is ours to swap there, never in the module cache.
build_critest() {
  local from copy constants=pkg/validate/consts.go
  cd "$here/$pin"
  go mod download "$package" >&2
  from=$(go list -m -f '{{.Dir}}' "$package")
  copy=$(mktemp -d)/module
  cp -r "$from" "$copy"
  chmod -R u+w "$copy"
  cd "$copy"
  if [ -n "${CRITEST_DIGEST:-}" ]; then
    sed -i -E "s|(\"test-image-digest@)sha256:[0-9a-f]{64}|\1$CRITEST_DIGEST|" $constants
    grep -q "$CRITEST_DIGEST" $constants || { say "the digest constant is not where it was in $constants"; return 1; }
  fi
  CGO_ENABLED=0 nice -n 10 go test -c -trimpath -p 2 -ldflags '-s -w' -o "$1/critest" ./cmd/critest >&2
  rm -rf "${copy%/*}"
}

# Ours: many clients of a CRI server.
build_load() {
  cd "$here/$pin"
  CGO_ENABLED=0 go_build -o "$1/load" "$here/../bench/load/main.go"
}

# kubelet reads its own version to tell which feature gates it has, and refuses to start without one.
build_kubelet() {
  local numbers=${version#v} component=k8s.io/component-base/version flags
  flags="-s -w -X $component.gitVersion=$version -X $component.gitMajor=${numbers%%.*}"
  numbers=${numbers#*.}
  cd "$here/$pin"
  CGO_ENABLED=0 LDFLAGS="$flags -X $component.gitMinor=${numbers%%.*}" go_build -o "$1/kubelet" "$package/cmd/kubelet"
}

# The server is gRPC's own; the client runs gRPC's cases over a unix socket.
build_grpc_interop() {
  cd "$here/$pin"
  CGO_ENABLED=0 go_build -o "$1/interop-server" "$package/interop/server"
  CGO_ENABLED=0 go_build -o "$1/interop-client" ./client
}

build_node() {
  local archive
  cd "$1"
  archive=$(npm pack --silent "$package@$version")
  tar -xzf "$archive" --no-same-owner --strip-components=2 package/bin/node
  rm "$archive"
}

# go.mod and go.sum lock what a pin names, as package-lock.json does: they must name the same.
check_lock() {
  local locked
  locked=$(cd "$here/$pin" && go list -m -f '{{.Version}}' "$package")
  [ "$locked" = "$version" ] && return
  say "$package is $locked in test/tools/$pin/go.mod and $version in scripts/pins.txt: make pin NAME=$pin TO=$version"
  return 1
}

is_go() { [ "$("$here/../../scripts/pin.sh" "$pin" source)" = go ]; }

# What went in: a change of any of it gives another directory.
key_of() {
  {
    echo "$pin $package $version"
    declare -f "$(recipe_of "$1")" go_build
    if is_go; then
      cat "$here/$pin/go.mod" "$here/$pin/go.sum"
      find "$here/$pin" -name '*.go' | sort | xargs -r cat
      go env GOVERSION
    fi
    [ "$1" != critest ] || echo "${CRITEST_DIGEST:-}"
    [ "$1" != load ] || cat "$here/../bench/load/main.go"
  } | sha256sum | cut -c1-16
}

make_tool() {
  local name=$1 dir=$2 partial started attempt code=1
  say "building $name $version"
  started=$SECONDS
  ! is_go || check_lock || exit 1
  partial=$(mktemp -d "$cache/bin/.$name-XXXXXX")
  chmod 0755 "$partial"
  for attempt in 1 2; do # a download that failed is had again, and what was built is kept by Go
    set +e # the recipe keeps -e only where no `||` follows it
    (set -e; "$(recipe_of "$name")" "$partial")
    code=$?
    set -e
    [ $code -ne 0 ] || break
    say "building $name failed, attempt $attempt"
  done
  [ $code -eq 0 ] || { rm -rf "$partial"; exit 1; }
  mv "$partial" "$dir"
  say "built $name in $((SECONDS - started)) s"
}

at_hand=
[ "${1:-}" != --at-hand ] || { at_hand=1; shift; }
[ $# -gt 0 ] || set -- "${usual[@]}"
for name in "$@"; do
  pin=$(pin_of "$name")
  package=$("$here/../../scripts/pin.sh" "$pin" package)
  version=$("$here/../../scripts/pin.sh" "$pin")
  if is_go && ! command -v go >/dev/null; then
    say "no Go on PATH: install Go (see the go lines in test/tools/*/go.mod)"
    exit 1
  fi
  dir=$cache/bin/$name-$(key_of "$name")
  if [ ! -d "$dir" ]; then
    [ -z "$at_hand" ] || exit 1
    exec 9>"$cache/bin/.$name.lock"
    flock 9
    [ -d "$dir" ] || make_tool "$name" "$dir"
    exec 9>&-
  fi
  echo "$dir"
done
