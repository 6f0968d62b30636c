#!/usr/bin/env bash
# Builds the Go programs that tests run against: containerd 2.x, runc, the CNI plugins, crictl, critest and a kubelet.
#
#   test/tools/build.sh NAME...          NAME: containerd, runc, cni-plugins, crictl, critest, kubelet
#
# Each NAME's directory with the programs is printed on stdout, one line per NAME; everything else goes to stderr.
# Nothing is built into the checkout: a directory under $CRISP_CACHE is named after what went in (module sums, recipe,
# Go release), so a second call only prints. critest pulls one image by digest; CRITEST_DIGEST=sha256:… puts ours there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CRISP_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/crisp}
mkdir -p "$cache/bin"

say() { printf 'tools: %s\n' "$*" >&2; }

command -v go >/dev/null || { say "no Go on PATH: install Go (see the go lines in test/tools/*/go.mod)"; exit 1; }
go_version=$(go env GOVERSION)

# Two packages at a time and a low priority: the machine that tests is often the one somebody works on.
go_build() { nice -n 10 go build -trimpath -p 2 -ldflags "${LDFLAGS:--s -w}" "$@" >&2; }

module_version() { (cd "$here/$1" && go list -m -f '{{.Version}}' "$2"); }

# A writable copy of the cri-tools module: its digest constant is ours to swap there, never in the module cache.
copy_cri_tools() {
  local from
  (cd "$here/cri-tools" && go mod download sigs.k8s.io/cri-tools >&2)
  from=$(cd "$here/cri-tools" && go list -m -f '{{.Dir}}' sigs.k8s.io/cri-tools)
  cp -r "$from" "$1"
  chmod -R u+w "$1"
}

build_containerd() {
  local package=github.com/containerd/containerd/v2 version
  version=$(module_version containerd $package)
  cd "$here/containerd"
  for program in containerd containerd-shim-runc-v2 ctr; do
    CGO_ENABLED=0 LDFLAGS="-s -w -X $package/version.Version=$version" go_build -o "$1/$program" "$package/cmd/$program"
  done
}

build_runc() {
  local package=github.com/opencontainers/runc version
  version=$(module_version runc $package)
  cd "$here/runc"
  CGO_ENABLED=1 LDFLAGS="-s -w -X main.version=${version#v}" go_build -tags 'seccomp urfave_cli_no_docs' -o "$1/runc" $package
}

build_cni_plugins() {
  local package=github.com/containernetworking/plugins version
  version=$(module_version cni-plugins $package)
  cd "$here/cni-plugins"
  for plugin in main/bridge main/loopback main/ptp ipam/host-local meta/portmap meta/bandwidth meta/firewall meta/tuning; do
    CGO_ENABLED=0 LDFLAGS="-s -w -X $package/pkg/utils/buildversion.BuildVersion=$version" go_build -o "$1/${plugin##*/}" "$package/plugins/$plugin"
  done
}

build_crictl() {
  local package=sigs.k8s.io/cri-tools version
  version=$(module_version cri-tools $package)
  cd "$here/cri-tools"
  CGO_ENABLED=0 LDFLAGS="-s -w -X $package/pkg/version.Version=${version#v}" go_build -o "$1/crictl" $package/cmd/crictl
}

build_critest() {
  local copy constants
  copy=$(mktemp -d)/cri-tools
  copy_cri_tools "$copy"
  cd "$copy"
  constants=pkg/validate/consts.go
  if [ -n "${CRITEST_DIGEST:-}" ]; then
    sed -i -E "s|(\"test-image-digest@)sha256:[0-9a-f]{64}|\1$CRITEST_DIGEST|" $constants
    grep -q "$CRITEST_DIGEST" $constants || { say "the digest constant is not where it was in $constants"; return 1; }
  fi
  CGO_ENABLED=0 nice -n 10 go test -c -trimpath -p 2 -ldflags '-s -w' -o "$1/critest" ./cmd/critest >&2
  rm -rf "${copy%/*}"
}

# kubelet reads its own version to tell which feature gates it has, and refuses to start without one.
build_kubelet() {
  local package=k8s.io/component-base/version version numbers
  version=$(module_version kubelet k8s.io/kubernetes)
  numbers=${version#v}
  local flags="-s -w -X $package.gitVersion=$version -X $package.gitMajor=${numbers%%.*}"
  numbers=${numbers#*.}
  cd "$here/kubelet"
  CGO_ENABLED=0 LDFLAGS="$flags -X $package.gitMinor=${numbers%%.*}" go_build -o "$1/kubelet" k8s.io/kubernetes/cmd/kubelet
}

# What went in: a change of any of it gives another directory.
key_of() {
  local module=$1
  case $1 in crictl | critest) module=cri-tools ;; esac
  { cat "$here/build.sh" "$here/$module/go.mod" "$here/$module/go.sum"; echo "$go_version"; [ "$1" != critest ] || echo "${CRITEST_DIGEST:-}"; } | sha256sum | cut -c1-16
}

build() {
  local name=$1 dir partial started
  dir=$cache/bin/$name-$(key_of "$name")
  exec 9>"$cache/bin/.$name.lock"
  flock 9
  if [ ! -d "$dir" ]; then
    say "building $name"
    started=$SECONDS
    partial=$(mktemp -d "$cache/bin/.$name-XXXXXX")
    chmod 0755 "$partial"
    local attempt code=1
    for attempt in 1 2; do # a download that failed is had again, and what was built is kept by Go
      set +e # the recipe keeps -e only where no `||` follows it
      (set -e; "build_${name//-/_}" "$partial")
      code=$?
      set -e
      [ $code -ne 0 ] || break
      say "building $name failed, attempt $attempt"
    done
    [ $code -eq 0 ] || { rm -rf "$partial"; exit 1; }
    mv "$partial" "$dir"
    say "built $name in $((SECONDS - started)) s"
  fi
  exec 9>&-
  echo "$dir"
}

[ $# -gt 0 ] || set -- containerd runc cni-plugins crictl critest kubelet
for name in "$@"; do
  case $name in
    containerd | runc | cni-plugins | crictl | critest | kubelet) build "$name" ;;
    *) say "unknown tool: $name"; exit 2 ;;
  esac
done
