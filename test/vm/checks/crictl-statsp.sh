# crictl statsp shows a pod in its table, 20 times of 20
. /opt/checks/lib.sh

counting_pod statsp
shows() {
  crictl statsp >"$work/table" || return
  cat "$work/table"
  grep -q "${pod:0:13} " "$work/table"
}
count 20 shows
