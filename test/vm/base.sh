#!/usr/bin/env bash
# Makes what the virtual machine is before anything of crisp is in it, and prints its directory: root/ is a Debian with systemd,
# vmlinuz and initrd.img are its kernel. It is kept below $CRISP_CACHE (900 MB), and made again, in two minutes, when this
# file or the pin of Debian changes. All else goes to stderr.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CRISP_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/crisp}/vm
suite=$("$here/../../scripts/pin.sh" debian)
base=$cache/base-$({ echo "$suite"; cat "$here/base.sh"; } | sha256sum | cut -c1-16)
# Node 26 links libatomic, runc libseccomp.
packages=systemd,systemd-sysv,dbus,udev,kmod,util-linux,procps,iproute2,iptables,nftables,apparmor,apparmor-utils
packages=$packages,openssh-server,initramfs-tools,libatomic1,libseccomp2,ca-certificates,python3,jq
kernel=linux-image-cloud-amd64

# The address that this machine's apt has a suite from; nothing when it has none.
address_of() {
  apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' | awk -v suite="$1" '$1 == suite { print $2; exit }'
}

unmount_below() {
  awk -v dir="$1/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac | while read -r target; do
    umount -l "$(printf '%b' "$target")" || true
  done
}

leave() {
  [ -n "$partial" ] || return 0
  unmount_below "$partial"
  rm -rf --one-file-system "$partial"
}

in_tree() { chroot "$partial/root" env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

make_base() {
  local tree=$partial/root mirror security each
  mirror=$(address_of "$suite")
  security=$(address_of "$suite-security")
  debootstrap --variant=minbase --include="$packages" "$suite" "$tree" ${mirror:+"$mirror"}
  # The security suite has the newest kernel.
  [ -z "$security" ] || echo "deb $security $suite-security main" >>"$tree/etc/apt/sources.list"
  # Nothing is to start in there.
  printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
  chmod 0755 "$tree/usr/sbin/policy-rc.d"
  mount -t proc proc "$tree/proc"
  in_tree apt-get -o Acquire::Retries=3 update -q
  in_tree apt-get -o Acquire::Retries=3 install -q -y --no-install-recommends "$kernel"
  in_tree apt-get clean
  umount "$tree/proc"
  mv "$tree"/boot/vmlinuz-* "$partial/vmlinuz"
  mv "$tree"/boot/initrd.img-* "$partial/initrd.img"
  in_tree systemctl enable systemd-networkd.service ssh.service
  for each in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer; do
    in_tree systemctl mask "$each"
  done
  rm -rf "$tree"/var/lib/apt/lists/* "$tree/usr/sbin/policy-rc.d"
  echo vm >"$tree/etc/hostname"
  printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 vm\n' >"$tree/etc/hosts"
  printf 'nameserver 10.0.2.3\n' >"$tree/etc/resolv.conf"
}

mkdir -p "$cache"
exec 9>"$cache/.base.lock"
flock 9
partial=
if [ ! -d "$base" ]; then
  echo "vm: making $suite with a kernel" >&2
  partial=$(mktemp -d "$cache/.base-XXXXXX")
  trap leave EXIT
  trap 'exit 143' INT TERM
  chmod 0755 "$partial"
  make_base >&2
  mv "$partial" "$base"
  partial=
  echo "vm: made $suite in $SECONDS s" >&2
fi
echo "$base"
