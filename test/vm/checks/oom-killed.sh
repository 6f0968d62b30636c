# a container that its memory limit ends is told as OOMKilled, 50 times of 50
. /opt/checks/lib.sh

of=50
eats='["dd", "if=/dev/zero", "of=/dev/null", "bs=128M", "count=1"]'
limits='{"memory_limit_in_bytes": 33554432, "memory_swap_limit_in_bytes": 33554432}'
have_ended() { [ "$(crictl ps --all --state exited --quiet | wc -l)" -ge "$of" ]; }

pod=$(make_pod oom)
ids=()
for i in $(seq "$of"); do ids+=("$(make_container "$pod" oom "eats$i" "$eats" "$limits")"); done
# One that is killed before its start is answered is as good.
for id in "${ids[@]}"; do crictl start "$id" >/dev/null || true; done
wait_for 120 'every container has ended' have_ended

told=$(for id in "${ids[@]}"; do crictl inspect --output json "$id" | jq -r '"\(.status.reason) with exit code \(.status.exitCode)"'; done)
good=$(grep -c '^OOMKilled with exit code 137$' <<<"$told" || true)
[ "$good" -eq "$of" ] || sort <<<"$told" | uniq -c
echo "$good of $of"
[ "$good" -eq "$of" ]
