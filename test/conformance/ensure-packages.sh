#!/usr/bin/env bash
# Installs what building critest, containerd and runc needs: a C compiler with libseccomp. Go itself must be there. Does
# nothing when nothing is missing.
set -euo pipefail

if ! command -v go >/dev/null; then
  echo 'the conformance run builds critest, containerd and runc: install Go first (https://go.dev/dl)' >&2
  exit 1
fi

missing=()
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
command -v pkg-config >/dev/null || missing+=(pkg-config)
pkg-config --exists libseccomp 2>/dev/null || missing+=(libseccomp-dev)
[ ${#missing[@]} -gt 0 ] || exit 0

export DEBIAN_FRONTEND=noninteractive
# A download that fails is tried again, another dpkg is waited for.
apt_get() { apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "$@"; }
apt_get update -q
apt_get install -q -y --no-install-recommends "${missing[@]}"
