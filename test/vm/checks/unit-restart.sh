# `systemctl restart crisp` leaves a running pod as it is, and its log whole
. /opt/checks/lib.sh

counting_pod restart
before=$(what_runs)
for _ in 1 2 3; do
  systemctl restart crisp # it returns when crisp says that it is ready
  crisp_serves || fail 'crisp was ready and does not serve'
  after=$(what_runs)
  [ "$after" = "$before" ] || fail "it was $before and is $after"
  log_is_whole || fail "the log has a gap"
done
echo '3 of 3 restarts'
