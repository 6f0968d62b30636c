# crisp's unit is ready after a boot, at its first start
. /opt/checks/lib.sh

shown() { systemctl show --property "$1" --value crisp; }
restarts=$(shown NRestarts)
[ "$restarts" = 0 ] || fail "it was restarted $restarts times"
score=$(cat "/proc/$(shown MainPID)/oom_score_adj")
[ "$score" = -999 ] || fail "its oom_score_adj is $score"
took=$((($(shown ActiveEnterTimestampMonotonic) - $(shown ExecMainStartTimestampMonotonic)) / 1000))
echo "ready $took ms after its start"
