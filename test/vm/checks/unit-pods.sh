# under the unit's limits pods get host networks, devices, huge pages, volumes that mounts move through, and statistics
. /opt/checks/lib.sh

config=/etc/crisp/config.toml
before=$(cat "$config")
shared=$work/shared
pages=$work/pages
back() {
  crictl rmp --all --force >/dev/null 2>&1 || true
  umount "$shared/up" "$shared/down" "$shared" "$pages" 2>/dev/null || true
  echo 0 >/proc/sys/vm/nr_hugepages
  leave
  echo "$before" >"$config"
  systemctl restart crisp
}
trap back EXIT
printf 'disable_hugetlb_controller = false\n%s\n' "$before" >"$config"
systemctl restart crisp

sleeps='["sleep", "100000"]'
privileged='{privileged: true}'
began=$(date +%s)
says() { crictl exec --sync "$@"; }

# has CONTAINER WHAT WANTED COMMAND...: fails unless the command prints that in the container.
has() {
  local is
  is=$(says "$1" "${@:4}" 2>"$work/said") || fail "$2: $(cat "$work/said")"
  [ "$is" = "$3" ] || fail "$2: $is, not $3"
}

# sleeping NAME [POD-MORE] [SECURITY] [MORE] [RESOURCES]: sets pod, and container, which sleeps.
sleeping() {
  pod=$(make_pod "$1" "" "${2:-null}") || fail "no pod $1"
  container=$(run_container "$pod" "$1" app "$sleeps" "${5:-null}" "${3:-null}" "${4:-null}") || fail "no container in $1"
}

# The network of the host.
host='{namespace_options: {network: 2}}'
sleeping hostnet "{linux: {security_context: $host}}" "$host"
has "$container" 'its network' "$(readlink /proc/1/ns/net)" readlink /proc/self/ns/net

# Sysctls and a network that is slowed down, a name that stands in the image's passwd, /dev/shm, and an image as a volume.
sleeping own '{
  annotations: {"kubernetes.io/ingress-bandwidth": "100M", "kubernetes.io/egress-bandwidth": "100M"},
  linux: {sysctls: {"net.ipv4.ip_unprivileged_port_start": "0", "kernel.shm_rmid_forced": "1"}}
}' '{run_as_username: "nobody"}' "{mounts: [{container_path: \"/image\", image: {image: \"$busybox\"}, readonly: true}]}"
has "$container" 'a sysctl' 0 cat /proc/sys/net/ipv4/ip_unprivileged_port_start
has "$container" 'a sysctl of IPC' 1 cat /proc/sys/kernel/shm_rmid_forced
has "$container" 'its user' nobody id -un
has "$container" '/dev/shm' tmpfs stat -f -c %T /dev/shm
has "$container" 'the image volume' /image/bin/busybox ls /image/bin/busybox
tc qdisc show | grep -q 'tbf' || fail 'no network is slowed down'

# A mount that a container makes is seen by the host, and one of the host by a container.
mkdir "$shared"
mount -t tmpfs tmpfs "$shared"
mount --make-rshared "$shared"
mkdir "$shared/up" "$shared/down"
volume() { echo "{mounts: [{container_path: \"/shared\", host_path: \"$shared\", propagation: $1}]}"; }
sleeping both "{linux: {security_context: $privileged}}" "$privileged" "$(volume 2)"
says "$container" mount -t tmpfs tmpfs /shared/up || fail 'the container cannot mount'
mountpoint -q "$shared/up" || fail 'the host does not see what the container has mounted'
sleeping into null null "$(volume 1)"
has "$container" 'the mount of another container' tmpfs stat -f -c %T /shared/up
mount -t tmpfs tmpfs "$shared/down"
touch "$shared/down/seen"
has "$container" 'the mount of the host' /shared/down/seen ls /shared/down/seen

# A device of the host, for reading; all else stays closed.
sleeping disk null null '{devices: [{host_path: "/dev/vdb", container_path: "/dev/disk", permissions: "r"}]}'
has "$container" 'the device' SWAPSPACE2 sh -c 'dd if=/dev/disk bs=1 skip=4086 count=10 2>/dev/null'
said=$(says "$container" sh -c ': >>/dev/disk' 2>&1 || true)
[[ $said == *'not permitted'* || $said == *'ermission denied'* ]] || fail "the device can be written: $said"

# Huge pages: a file system of them as a volume, and a limit.
echo 8 >/proc/sys/vm/nr_hugepages
mkdir "$pages"
mount -t hugetlbfs -o pagesize=2M none "$pages"
sleeping huge null null "{mounts: [{container_path: \"/pages\", host_path: \"$pages\"}]}" \
  '{hugepage_limits: [{page_size: "2MB", limit: 4194304}], memory_limit_in_bytes: 67108864}'
says "$container" fallocate -l 4194304 /pages/two || fail 'no huge page within the limit'
if says "$container" fallocate -l 8388608 /pages/four >/dev/null 2>&1; then fail 'huge pages beyond the limit'; fi

# Limits are changed while it runs, statistics are read, of both cgroup hierarchies.
crictl update --memory 134217728 "$container" >/dev/null || fail 'no update'
limit=$(says "$container" sh -c 'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes')
[ "$limit" = 134217728 ] || fail "the limit is $limit"
used() { [ "$(crictl stats --output json --id "$container" | jq -r '.stats[0].memory.workingSetBytes.value')" -gt 0 ]; }
wait_for 60 'its memory is told' used

crictl rmp --all --force >/dev/null || fail 'no removal'
[ -z "$(crictl pods --quiet)" ] || fail 'a pod is left'
refused=$(journalctl --since "@$began" --unit crisp --no-pager | grep -ci 'operation not permitted\|EPERM' || true)
[ "$refused" = 0 ] || fail "crisp's log tells $refused times that something is not permitted"
version=v1
[ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ] || version=v2
echo "all of it, on cgroup $version"
