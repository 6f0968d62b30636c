/**
 * The OCI runtime spec (opencontainers/runtime-spec 1.2) as JSON: the parts a container on Linux can have. Names are
 * those of the JSON file; a 64-bit quantity is a bigint and is written as a plain JSON number (see base/json/json.ts).
 */
export interface Spec {
  ociVersion: string;
  process?: SpecProcess;
  root?: { path: string; readonly?: boolean };
  hostname?: string;
  domainname?: string;
  mounts?: SpecMount[];
  hooks?: SpecHooks;
  annotations?: Record<string, string>;
  linux?: SpecLinux;
}

export interface SpecProcess {
  terminal?: boolean;
  consoleSize?: { height: number; width: number };
  user: SpecUser;
  args?: string[];
  env?: string[];
  cwd: string;
  capabilities?: SpecCapabilities;
  rlimits?: { type: string; hard: bigint; soft: bigint }[];
  noNewPrivileges?: boolean;
  apparmorProfile?: string;
  oomScoreAdj?: number;
  selinuxLabel?: string;
}

export interface SpecUser {
  uid: number;
  gid: number;
  umask?: number;
  additionalGids?: number[];
  username?: string;
}

export interface SpecCapabilities {
  bounding?: string[];
  effective?: string[];
  inheritable?: string[];
  permitted?: string[];
  ambient?: string[];
}

export interface SpecMount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
  uidMappings?: SpecIdMapping[];
  gidMappings?: SpecIdMapping[];
}

export interface SpecIdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface SpecHook {
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}

export interface SpecHooks {
  prestart?: SpecHook[];
  createRuntime?: SpecHook[];
  createContainer?: SpecHook[];
  startContainer?: SpecHook[];
  poststart?: SpecHook[];
  poststop?: SpecHook[];
}

export type NamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time';

export interface SpecLinux {
  uidMappings?: SpecIdMapping[];
  gidMappings?: SpecIdMapping[];
  sysctl?: Record<string, string>;
  resources?: SpecResources;
  cgroupsPath?: string;
  namespaces?: { type: NamespaceType; path?: string }[];
  devices?: SpecDevice[];
  seccomp?: SpecSeccomp;
  rootfsPropagation?: string;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  mountLabel?: string;
  intelRdt?: {
    closID?: string;
    l3CacheSchema?: string;
    memBwSchema?: string;
    enableCMT?: boolean;
    enableMBM?: boolean;
  };
  netDevices?: Record<string, { name?: string }>;
}

export interface SpecDevice {
  path: string;
  type: string;
  major: number;
  minor: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface SpecDeviceCgroup {
  allow: boolean;
  type?: string;
  major?: number;
  minor?: number;
  access?: string;
}

export interface SpecResources {
  devices?: SpecDeviceCgroup[];
  memory?: { limit?: bigint; reservation?: bigint; swap?: bigint; kernel?: bigint; swappiness?: bigint };
  cpu?: { shares?: bigint; quota?: bigint; period?: bigint; cpus?: string; mems?: string; burst?: bigint };
  pids?: { limit: bigint };
  blockIO?: SpecBlockIo;
  hugepageLimits?: { pageSize: string; limit: bigint }[];
  unified?: Record<string, string>;
}

/** Rates are bytes or operations a second. */
export interface SpecBlockIo {
  weight?: number;
  leafWeight?: number;
  weightDevice?: { major: number; minor: number; weight?: number; leafWeight?: number }[];
  throttleReadBpsDevice?: SpecThrottle[];
  throttleWriteBpsDevice?: SpecThrottle[];
  throttleReadIOPSDevice?: SpecThrottle[];
  throttleWriteIOPSDevice?: SpecThrottle[];
}

export interface SpecThrottle {
  major: number;
  minor: number;
  rate: bigint;
}

export interface SpecSeccomp {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[];
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?: SpecSyscall[];
}

export interface SpecSyscall {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: bigint; valueTwo?: bigint; op: string }[];
}
