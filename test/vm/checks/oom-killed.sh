# a container that its memory limit ends is told as OOMKilled, 50 times of 50, with systemd's cgroup driver
. /opt/checks/lib.sh

oom_killed kubepods-burstable-podoom.slice
