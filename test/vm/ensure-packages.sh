#!/usr/bin/env bash
# Installs what making and running a virtual machine takes: qemu, debootstrap, mkfs.ext4 and ssh. Does nothing when nothing is
# missing.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
have() { command -v "$1" >/dev/null 2>&1; }

if [ "$(uname -m)" != x86_64 ]; then
  echo "there is a virtual machine for x86_64 only, not for $(uname -m)" >&2
  exit 1
fi
missing=()
have qemu-system-x86_64 || missing+=(qemu-system-x86)
have debootstrap || missing+=(debootstrap)
have mkfs.ext4 || missing+=(e2fsprogs)
have mkswap || missing+=(util-linux)
have ssh || missing+=(openssh-client)
# The pinned Node runs here too, to compile what it will run there.
ldconfig -p | grep -q 'libatomic\.so\.1 ' || missing+=(libatomic1)
[ ${#missing[@]} -gt 0 ] || exit 0

export DEBIAN_FRONTEND=noninteractive
# A download that fails is tried again, another dpkg is waited for.
apt_get() { apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "$@"; }
apt_get update -q
apt_get install -q -y --no-install-recommends "${missing[@]}"
