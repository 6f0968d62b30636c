import { readdir, readFile, stat } from 'node:fs/promises';
import { endianness, hostname, release } from 'node:os';
import { join } from 'node:path';
import type { HostFacts } from '../model/host-facts';
import { cgroupLayout, controllersOf } from './cgroup/cgroup-layout';
import { parseMountInfo } from './mount/mount-info';
import { capabilitiesUpTo, capabilityNames, statusField } from './process/proc';

const CPUS = 'sys/devices/system/cpu';

export interface HostFactsOptions {
  /**
   * The process that runs containers. Where it is not known, the capabilities are those of process 1: our own may be fewer
   * (CapabilityBoundingSet= in our unit), and privileged containers would silently lack what containerd can give them.
   */
  readonly daemonPid?: number;
  /** Where the host's filesystem begins; for tests. */
  readonly root?: string;
  /** As os.release() gives it; for tests. */
  readonly kernelRelease?: string;
}

/** Reads what this host can do. What cannot be read counts as not there; nothing here fails. */
export async function readHostFacts(options: HostFactsOptions = {}): Promise<HostFacts> {
  const at = (path: string): string => join(options.root ?? '/', path);
  const daemon = `proc/${options.daemonPid ?? 'self'}`;
  const mounts = parseMountInfo(await text(at('proc/self/mountinfo')));
  const layout = cgroupLayout(mounts);
  const status = await text(at(`proc/${options.daemonPid ?? 1}/status`));
  const capabilities = capabilityNames(statusField(status, 'CapEff') || '0');
  return {
    cgroup2: layout.version === 2,
    controllers: await controllersOf(layout, options.root),
    swapController: await accountsSwap(layout, at),
    seccomp:
      statusField(status, 'Seccomp') !== undefined || (await exists(at('proc/sys/kernel/seccomp/actions_avail'))),
    apparmor:
      (await text(at('sys/module/apparmor/parameters/enabled'))).startsWith('Y') &&
      (await exists(at('sys/kernel/security/apparmor/profiles'))),
    selinux: mounts.some(({ type }) => type === 'selinuxfs'),
    capabilities,
    kernelCapabilities: capabilitiesUpTo(Number((await text(at('proc/sys/kernel/cap_last_cap'))) || 40)),
    canLowerOomScore: capabilities.includes('CAP_SYS_RESOURCE'),
    minOomScoreAdj: Number(await text(at(`${daemon}/oom_score_adj`))),
    kernel: kernelVersion(options.kernelRelease ?? release()),
    architecture: architecture(process.arch, endianness()),
    hostname: hostname(),
    systemd: await exists(at('run/systemd/system')),
    hugePageSizes: (await names(at('sys/kernel/mm/hugepages'))).flatMap(hugePageSize).sort(),
    thermalThrottleDirs: await thermalThrottleDirs(at),
  };
}

/** The first two numbers of a kernel release such as `6.1.0-18-amd64`; zeros when it has none. */
export function kernelVersion(text: string): { major: number; minor: number } {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return { major: Number(major ?? 0), minor: Number(minor ?? 0) };
}

/** OCI's (and Go's) name of an architecture that Node names `arch`. */
export function architecture(arch: string, endian: 'LE' | 'BE'): string {
  if (arch === 'ppc64') return endian === 'LE' ? 'ppc64le' : 'ppc64';
  const known: Record<string, string> = { x64: 'amd64', ia32: '386', loong64: 'loong64' };
  return known[arch] ?? arch;
}

/** The cgroup's name (`2MB`, `1GB`, `64KB`) of a directory such as `hugepages-2048kB`. */
export function hugePageSize(directory: string): string[] {
  const digits = /^hugepages-(\d+)kB$/.exec(directory)?.[1];
  if (digits === undefined) return [];
  const units = ['KB', 'MB', 'GB', 'TB'];
  let [size, unit] = [Number(digits), 0];
  for (; size >= 1024 && size % 1024 === 0 && unit < units.length - 1; unit++) size /= 1024;
  return [`${size}${units[unit]}`];
}

/** The kernel has one for each CPU that counts its throttling (Intel's do), in order of their numbers. */
async function thermalThrottleDirs(at: (path: string) => string): Promise<string[]> {
  const cpus = (await names(at(CPUS))).filter((name) => /^cpu\d+$/.test(name));
  const numbers = cpus.map((name) => Number(name.slice('cpu'.length))).sort((a, b) => a - b);
  const dirs = numbers.map((number) => `/${CPUS}/cpu${number}/thermal_throttle`);
  const there = await Promise.all(dirs.map((dir) => exists(at(dir))));
  return dirs.filter((_, i) => there[i]);
}

/** v1 shows memory.memsw files only when swap accounting is on; v2 has memory.swap.max in every cgroup but the root. */
async function accountsSwap(layout: ReturnType<typeof cgroupLayout>, at: (path: string) => string): Promise<boolean> {
  if (layout.version === 1) {
    const memory = layout.mounts.get('memory');
    return memory !== undefined && (await exists(at(join(memory, 'memory.memsw.limit_in_bytes'))));
  }
  const own = /^0::(.*)$/m.exec(await text(at('proc/self/cgroup')))?.[1] ?? '/';
  const candidates = [own, ...(await names(at(layout.mount)))];
  for (const name of candidates) {
    if (await exists(at(join(layout.mount, name, 'memory.swap.max')))) return true;
  }
  return false;
}

async function text(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}

async function names(dir: string): Promise<string[]> {
  return readdir(dir).catch(() => []);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
