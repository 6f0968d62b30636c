import type { HostFacts } from '../../src/model/host-facts';

/** A host with everything that pods may ask for but AppArmor and SELinux. */
export const HOST_FACTS: HostFacts = {
  cgroup2: true,
  controllers: new Set(['cpu', 'cpuset', 'memory', 'pids', 'hugetlb']),
  swapController: true,
  seccomp: true,
  apparmor: false,
  selinux: false,
  capabilities: ['CAP_CHOWN', 'CAP_KILL', 'CAP_SYS_ADMIN'],
  kernelCapabilities: ['CAP_CHOWN', 'CAP_KILL', 'CAP_SYS_ADMIN', 'CAP_BPF'],
  canLowerOomScore: true,
  minOomScoreAdj: 0,
  kernel: { major: 6, minor: 1 },
  architecture: 'amd64',
  hostname: 'node-1',
  systemd: true,
  hugePageSizes: ['2MB'],
  thermalThrottleDirs: [],
};
