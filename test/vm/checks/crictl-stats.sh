# crictl stats shows a container in its table, 20 times of 20
. /opt/checks/lib.sh

counting_pod stats
shows() {
  crictl stats >"$work/table" || return
  cat "$work/table"
  grep -q "^${container:0:13} " "$work/table"
}
count 20 shows
