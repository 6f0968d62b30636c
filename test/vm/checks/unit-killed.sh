# crisp and crisp-stdio, killed, come back and leave a running pod as it is, and its log whole
. /opt/checks/lib.sh

stdio_pid() { sed -n 's/.*"pid":\([0-9]*\).*/\1/p' /run/crisp/stdio/lock; }
another_serves() { [ "$(systemctl show --property MainPID --value crisp)" != "$1" ] && crisp_serves; }

counting_pod killed
before=$(what_runs)
for victims in crisp stdio both; do
  main=$(systemctl show --property MainPID --value crisp)
  stdio=$(stdio_pid)
  case $victims in
    crisp) kill -KILL "$main" ;;
    stdio) kill -KILL "$stdio" ;;
    both) kill -KILL "$main" "$stdio" ;;
  esac
  if [ "$victims" = stdio ]; then
    wait_for 120 'crisp serves' crisp_serves
  else
    wait_for 120 "crisp serves again after $victims" another_serves "$main"
  fi
  after=$(what_runs)
  [ "$after" = "$before" ] || fail "after $victims: it was $before and is $after"
  log_is_whole || fail "after $victims: the log has a gap"
done
echo '3 of 3: crisp, crisp-stdio, both'
