#!/bin/sh
# own-mounts.sh HOME SOCKET COMMAND...: runs a command in a mount namespace (its caller made it) in which the paths
# that kubelet has built in are its own, kept below HOME/fixed: its device plugins, the links to logs that it makes, and
# containerd's SOCKET where cAdvisor looks for it. Kernel settings that kubelet corrects are files. Nothing mounted here is
# seen outside; what is mounted below HOME/root is, since that is where pods' volumes are.
set -eu
home=$1 socket=$2
shift 2

findmnt --raw --noheadings --output TARGET | while read -r point; do
  case $point in
    "$home/root" | "$home/root"/*) ;;
    *) mount --make-slave "$point" 2>/dev/null || true ;; # private ones cannot be, and need not
  esac
done

# Overlays: the machine's own folders stay readable, and nothing has to be made in them.
for path in /var/lib /var/log /run; do
  mkdir -p "$home/fixed$path/upper" "$home/fixed$path/work"
  mount -t overlay -o "lowerdir=$path,upperdir=$home/fixed$path/upper,workdir=$home/fixed$path/work" kubelet "$path"
done
mkdir -p /run/containerd
ln -sf "$socket" /run/containerd/containerd.sock

mkdir -p "$home/settings"
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  copy=$home/settings/$(echo "$setting" | tr / .)
  [ -e "$copy" ] || cat "/proc/sys/$setting" >"$copy"
  mount --bind "$copy" "/proc/sys/$setting"
done

exec "$@"
