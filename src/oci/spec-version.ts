import type { Spec, SpecMount } from '../model/spec';

type Version = readonly [number, number, number];

/** The first release with all that most containers have. crun before 1.14.3 takes no newer one. */
const LEAST = '1.0.2';

/** What a spec can have that came later, and in which release (runtime-spec's ChangeLog). */
const LATER: readonly { readonly version: string; readonly isIn: (spec: Spec) => boolean }[] = [
  { version: '1.3.0', isIn: ({ linux }) => Object.keys(linux?.netDevices ?? {}).length > 0 },
  { version: '1.3.0', isIn: (spec) => has(spec.linux, 'memoryPolicy') },
  {
    version: '1.3.0',
    isIn: ({ linux }) => has(linux?.intelRdt, 'schemata') || has(linux?.intelRdt, 'enableMonitoring'),
  },
  { version: '1.2.1', isIn: ({ process }) => has(process, 'execCPUAffinity') },
  { version: '1.2.0', isIn: ({ mounts = [] }) => mounts.some(isMappedByOption) },
  { version: '1.1.0', isIn: ({ mounts = [] }) => mounts.some(isMapped) },
  { version: '1.1.0', isIn: ({ process }) => has(process, 'scheduler') || has(process, 'ioPriority') },
  { version: '1.1.0', isIn: (spec) => has(spec, 'domainname') || has(spec.linux, 'timeOffsets') },
  { version: '1.1.0', isIn: ({ linux }) => (linux?.namespaces ?? []).some(({ type }) => type === 'time') },
  { version: '1.1.0', isIn: ({ linux }) => has(linux?.resources?.cpu, 'burst') || has(linux?.resources?.cpu, 'idle') },
  { version: '1.1.0', isIn: ({ linux }) => has(linux?.intelRdt, 'enableCMT') || has(linux?.intelRdt, 'enableMBM') },
];

/**
 * The lowest release of runtime-spec that has all that is in a spec, whatever its base spec claims. `runtimeMin`, if known,
 * is the lowest that the OCI runtime takes.
 */
export function specVersion(spec: Spec, runtimeMin = LEAST): string {
  const wanted = LATER.filter(({ isIn }) => isIn(spec)).map(({ version }) => version);
  return [...wanted, runtimeMin].reduce((highest, each) => (isBelow(highest, each) ? each : highest), LEAST);
}

function has(part: object | undefined, member: string): boolean {
  return part !== undefined && member in part && (part as Record<string, unknown>)[member] !== undefined;
}

function isMapped({ uidMappings = [], gidMappings = [] }: SpecMount): boolean {
  return uidMappings.length + gidMappings.length > 0;
}

function isMappedByOption({ options = [] }: SpecMount): boolean {
  return options.includes('idmap') || options.includes('ridmap');
}

function isBelow(version: string, other: string): boolean {
  const [a, b] = [parts(version), parts(other)];
  const at = a.findIndex((number, i) => number !== b[i]);
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

/** The numbers of a release; those of `1.0.2-dev` are 1, 0, 2. */
function parts(version: string): Version {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return [Number(major ?? 0), Number(minor ?? 0), Number(patch ?? 0)];
}
