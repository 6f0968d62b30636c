#!/usr/bin/env bash
# test/vm/disk.sh WORK: makes WORK/disk.img and WORK/swap.img, what the virtual machine boots from, of the base, the folder
# guest/, the build of this checkout, the programs and the checks. WORK is on the file system of the cache, and has
# key.pub (who may log in as root) and certs.d/ (where images are pulled from). Environment: BASE and a directory for each of
# CONTAINERD, RUNC, CNI_PLUGINS, CRICTL, CRITEST, NODE.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

work=$1
tree=$work/root
lib=$tree/usr/lib/crisp

# Files of the base are there by hard link: `install` puts another file in the place of one, and changes none.
put() { install -D -m "$3" "$1" "$tree/$2"; }
put_below() {
  local file mode
  (cd "$1" && find . -type f -printf '%P\n') | while read -r file; do
    mode=0644
    [ ! -x "$1/$file" ] || mode=0755
    put "$1/$file" "$2/$file" "$mode"
  done
}

cp -al "$BASE/root" "$tree"
put_below test/vm/guest .
put_below "$work/certs.d" etc/containerd/certs.d
put_below test/vm/checks opt/checks
put "$work/key.pub" root/.ssh/authorized_keys 0600
chmod 0700 "$tree/root/.ssh"

for folder in "$CONTAINERD" "$RUNC" "$CRICTL" "$CRITEST" "$NODE"; do put_below "$folder" usr/local/bin; done
put_below "$CNI_PLUGINS" opt/cni/bin

# As README.md installs it.
mkdir -p "$lib"
cp -r --parents bin/crisp dist/crisp.js dist/crisp-stdio.js dist/crisp-host.js node_modules/koffi node_modules/@koromix "$lib"
# Compiled for the Node that is in there.
"$NODE/node" --input-type=module -e "
  import { writeCodeCache } from '$PWD/scripts/code-cache.mjs';
  writeCodeCache('$lib');"
ln -s /usr/lib/crisp/bin/crisp "$tree/usr/bin/crisp"
put packaging/systemd/crisp.service etc/systemd/system/crisp.service 0644
chroot "$tree" env SYSTEMD_OFFLINE=1 systemctl enable containerd.service crisp.service

truncate -s 8G "$work/disk.img"
mkfs.ext4 -q -F -d "$tree" "$work/disk.img"
rm -rf --one-file-system "$tree"
truncate -s 2G "$work/swap.img"
mkswap "$work/swap.img"
