#!/usr/bin/env bash
# Installs, from the distribution, what running pods needs and this machine lacks. Does nothing when nothing is missing.
set -euo pipefail

have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
have_bridge_plugin() { [ -x /opt/cni/bin/bridge ] || [ -x /usr/lib/cni/bridge ]; }
have_static_busybox() {
  local path
  for path in /usr/bin/busybox /bin/busybox; do
    [ -x "$path" ] && ! head -c 4096 "$path" | grep -q /ld- && return 0
  done
  return 1
}

missing=()
have containerd && have ctr && have containerd-shim-runc-v2 || missing+=(containerd)
have runc || missing+=(runc)
have_bridge_plugin || missing+=(containernetworking-plugins)
have iptables || missing+=(iptables)
have ip || missing+=(iproute2)
have_static_busybox || missing+=(busybox-static)
[ ${#missing[@]} -gt 0 ] || exit 0

echo "missing on this machine: ${missing[*]}"
if ! have apt-get; then
  echo "there is no apt-get here; install them and try again" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "installing them needs root: apt-get install ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# A download that fails is tried again, another dpkg is waited for.
apt_get() { apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "$@"; }
apt_get update -q
apt_get install -q -y --no-install-recommends "${missing[@]}"
