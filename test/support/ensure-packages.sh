#!/usr/bin/env bash
# Installs what tests with a real containerd need beyond what running pods needs: a registry, and what the test images are
# made of. Does nothing when nothing is missing.
set -euo pipefail

have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }

missing=()
have docker-registry || missing+=(docker-registry)
have nginx || missing+=(nginx-light)
have pgrep || missing+=(procps)
have ipcs && have setpriv || missing+=(util-linux)
# It judges the unit as a file; nothing of it runs.
have systemd-analyze || missing+=(systemd)

export DEBIAN_FRONTEND=noninteractive
# A download that fails is tried again, another dpkg is waited for.
apt_get() { apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "$@"; }
# The dynamic busybox is downloaded, not installed: apt must know the archive for that, whatever is missing.
if [ ${#missing[@]} -gt 0 ] || ! apt-cache show busybox >/dev/null 2>&1; then apt_get update -q; fi
[ ${#missing[@]} -eq 0 ] || apt_get install -q -y --no-install-recommends "${missing[@]}"
