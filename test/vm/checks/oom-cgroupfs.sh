# a container that its memory limit ends is told as OOMKilled, 50 times of 50, with the cgroupfs driver
. /opt/checks/lib.sh

config=/etc/crisp/config.toml
before=$(cat "$config")
back() {
  leave
  echo "$before" >"$config"
  systemctl restart crisp
}
trap back EXIT
sed -i 's/^SystemdCgroup = true$/SystemdCgroup = false/' "$config"
grep -q '^SystemdCgroup = false$' "$config" || fail "$config does not name the driver"
systemctl restart crisp
oom_killed /kubepods/burstable/podoom
