import { type GoShape, goList, goMap, goStruct } from '../base/json/go-fields';

/** The seccomp profile: a file of its own, or a part of a spec. */
export const SECCOMP_SHAPE = goStruct(
  'defaultAction defaultErrnoRet architectures flags listenerPath listenerMetadata',
  { syscalls: goList(goStruct('names action errnoRet', { args: goList(goStruct('index value valueTwo op')) })) },
);

const IDS = goList(goStruct('containerID hostID size'));
const HOOKS = goList(goStruct('path args env timeout'));
const THROTTLE = goList(goStruct('major minor rate'));

const PROCESS = goStruct('terminal args commandLine env cwd noNewPrivileges apparmorProfile oomScoreAdj selinuxLabel', {
  consoleSize: goStruct('height width'),
  user: goStruct('uid gid umask additionalGids username'),
  capabilities: goStruct('bounding effective inheritable permitted ambient'),
  rlimits: goList(goStruct('type hard soft')),
  scheduler: goStruct('policy nice priority flags runtime deadline period'),
  ioPriority: goStruct('class priority'),
  execCPUAffinity: goStruct('initial final'),
});

const RESOURCES = goStruct('unified', {
  devices: goList(goStruct('allow type major minor access')),
  memory: goStruct(
    'limit reservation swap kernel kernelTCP swappiness disableOOMKiller useHierarchy checkBeforeUpdate',
  ),
  cpu: goStruct('shares quota burst period realtimeRuntime realtimePeriod cpus mems idle'),
  pids: goStruct('limit'),
  blockIO: goStruct('weight leafWeight', {
    weightDevice: goList(goStruct('major minor weight leafWeight')),
    throttleReadBpsDevice: THROTTLE,
    throttleWriteBpsDevice: THROTTLE,
    throttleReadIOPSDevice: THROTTLE,
    throttleWriteIOPSDevice: THROTTLE,
  }),
  hugepageLimits: goList(goStruct('pageSize limit')),
  network: goStruct('classID', { priorities: goList(goStruct('name priority')) }),
  rdma: goMap(goStruct('hcaHandles hcaObjects')),
});

const LINUX = goStruct('sysctl cgroupsPath rootfsPropagation maskedPaths readonlyPaths mountLabel', {
  uidMappings: IDS,
  gidMappings: IDS,
  resources: RESOURCES,
  namespaces: goList(goStruct('type path')),
  devices: goList(goStruct('path type major minor fileMode uid gid')),
  netDevices: goMap(goStruct('name')),
  seccomp: SECCOMP_SHAPE,
  intelRdt: goStruct('closID schemata l3CacheSchema memBwSchema enableCMT enableMBM enableMonitoring'),
  personality: goStruct('domain flags'),
  timeOffsets: goMap(goStruct('secs nanosecs')),
});

/** The OCI runtime spec as its Go package declares it for Linux. */
export const SPEC_SHAPE: GoShape = goStruct('ociVersion hostname domainname annotations', {
  process: PROCESS,
  root: goStruct('path readonly'),
  mounts: goList(goStruct('destination type source options', { uidMappings: IDS, gidMappings: IDS })),
  hooks: goStruct('', {
    prestart: HOOKS,
    createRuntime: HOOKS,
    createContainer: HOOKS,
    startContainer: HOOKS,
    poststart: HOOKS,
    poststop: HOOKS,
  }),
  linux: LINUX,
});
