# the unit's limits hold, and under them pods with networks, exec, port-forward, pull and stop work
. /opt/checks/lib.sh

unit=/etc/systemd/system/crisp.service
page=right-$RANDOM
began=$(date +%s)
field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
stdio_pid() { sed -n 's/.*"pid":\([0-9]*\).*/\1/p' /run/crisp/stdio/lock; }
main=$(systemctl show --property MainPID --value crisp)

# fetch URL: prints what is there.
fetch() { python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode(), end="")' "$1"; }
shows() { [ "$(fetch "$1")" = "$page" ]; }

# limits_hold PID: what systemd made of the unit's lines for that process.
limits_hold() {
  [ "$(field "$1" NoNewPrivs)" = 1 ] || fail "process $1 may get new privileges"
  [ "$(field "$1" Seccomp)" = 2 ] || fail "process $1 has no system call filter"
  [ "$(field "$1" CapBnd)" = "$bounding" ] || fail "process $1 has $(field "$1" CapBnd), not $bounding"
  [ "$(readlink "/proc/$1/ns/mnt")" = "$(readlink /proc/1/ns/mnt)" ] || fail "process $1 has mounts of its own"
  grep -q '^Max core file size  *0  *0 ' "/proc/$1/limits" || fail "process $1 may write a core file"
}

# serves NAME MORE [SECURITY]: runs a pod with MORE in its configuration, and a web server in it; sets pod and container.
serves() {
  pod=$(make_pod "$1" "" "$2")
  container=$(run_container "$pod" "$1" web "[\"sh\", \"-c\", \"echo $page >/tmp/page; httpd -f -p 8080 -h /tmp\"]" null "${3:-null}")
}

bounding=$(python3 - "$unit" <<'END'
import re, sys
names = re.findall(r'CAP_[A-Z_]+', '\n'.join(l for l in open(sys.argv[1]) if l.startswith('CapabilityBoundingSet=')))
known = '''CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST
NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE
SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG'''.split()
print('%016x' % sum(1 << known.index(name[4:]) for name in names))
END
)
limits_hold "$main"

# in_unit COMMAND...: what happens to the command among the unit's processes; cgroup v1 has them in a hierarchy for devices too.
in_unit() (
  for each in /sys/fs/cgroup{,/systemd,/devices}/system.slice/crisp.service/cgroup.procs; do
    [ ! -e "$each" ] || echo "$BASHPID" >"$each"
  done
  exec "$@"
)
in_unit dd if=/dev/kmsg bs=8k count=1 status=none >/dev/null || fail 'the kernel log cannot be read'
said=$(in_unit timeout 10 dd if=/dev/ttyS0 count=0 2>&1 || true)
[[ $said == *'Operation not permitted'* ]] || fail "a serial line can be opened: $said"

# A pull, from a registry beyond the loopback of the host.
crictl rmi "$busybox" >/dev/null 2>&1 || true
crictl pull "$busybox" >/dev/null || fail 'no pull'

# A network with a host port; the default AppArmor profile is loaded for it if it was not.
serves hardened '{port_mappings: [{protocol: 0, host_port: 18080, container_port: 8080}]}'
limits_hold "$(stdio_pid)"
address=$(crictl inspectp --output json "$pod" | jq -r .status.network.ip)
wait_for 60 "the pod serves at its address $address" shows "http://$address:8080/page"
host=$(ip -4 -o address show scope global | awk '$2 != "pods0" { sub("/.*", "", $4); print $4; exit }')
wait_for 60 "the host port leads to it at $host" shows "http://$host:18080/page"

[ "$(crictl exec --sync "$container" cat /tmp/page)" = "$page" ] || fail 'no ExecSync'
[ "$(crictl exec "$container" cat /tmp/page)" = "$page" ] || fail 'no Exec'
crictl port-forward "$pod" 18081:8080 >"$work/forward" 2>&1 &
forward=$!
wait_for 60 'it forwards' grep -q 'Forwarding from' "$work/forward"
shows http://127.0.0.1:18081/page || fail 'no port-forward'
kill "$forward"

# A user namespace of its own: id maps are written, and the namespace is pinned.
mapped='{host_id: 200000, container_id: 0, length: 65536}'
options="{namespace_options: {userns_options: {mode: 0, uids: [$mapped], gids: [$mapped]}}}"
first=$pod
serves mapped "{linux: {security_context: $options}}" "$options"
[ "$(crictl exec --sync "$container" cat /proc/self/uid_map | awk '{ print $2 }')" = 200000 ] || fail 'no user namespace'

# A privileged container has what containerd has, not what crisp has.
serves all '{linux: {security_context: {privileged: true}}}' '{privileged: true}'
has=$(crictl exec --sync "$container" grep '^CapEff' /proc/self/status | awk '{ print $2 }')
[ "$has" = "$(field "$(systemctl show --property MainPID --value containerd)" CapEff)" ] || fail "a privileged container has $has"

crictl stopp "$first" >/dev/null || fail 'no stop'
[ "$(crictl inspectp --output json "$first" | jq -r .status.state)" = SANDBOX_NOTREADY ] || fail 'it is not stopped'
crictl rmp --all --force >/dev/null || fail 'no removal'
[ -z "$(crictl pods --quiet)" ] || fail 'a pod is left'
refused=$(journalctl --since "@$began" --unit crisp --no-pager | grep -ci 'operation not permitted\|EPERM' || true)
[ "$refused" = 0 ] || fail "crisp's log tells $refused times that something is not permitted"
systemd-analyze security --no-pager crisp.service | tail -n 1
