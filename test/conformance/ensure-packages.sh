#!/usr/bin/env bash
# Installs what the conformance run needs beyond what running pods needs: a registry, what the test images are made of, and
# a C compiler with libseccomp for runc. Go itself must be there. Does nothing when nothing is missing.
set -euo pipefail

if ! command -v go >/dev/null; then
  echo 'the conformance run builds critest, containerd and runc: install Go first (https://go.dev/dl)' >&2
  exit 1
fi

have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }

missing=()
have docker-registry || missing+=(docker-registry)
have nginx || missing+=(nginx-light)
have pgrep || missing+=(procps)
have ipcs || missing+=(util-linux)
have gcc || missing+=(gcc libc6-dev)
have pkg-config || missing+=(pkg-config)
pkg-config --exists libseccomp 2>/dev/null || missing+=(libseccomp-dev)

export DEBIAN_FRONTEND=noninteractive
# The dynamic busybox is downloaded, not installed: apt must know the archive for that, whatever is missing.
if [ ${#missing[@]} -gt 0 ] || ! apt-cache show busybox >/dev/null 2>&1; then apt-get update -q; fi
[ ${#missing[@]} -eq 0 ] || apt-get install -q -y --no-install-recommends "${missing[@]}"
