import { tryParseReference } from '../../../src/images/document/reference';
import { CGROUP, COMMANDS, HOST_PORTS, REGISTRIES } from './world';

/** Members that name a path of the host, which crisp may make, open or mount there. */
const HOST_PATHS: ReadonlySet<string> = new Set([
  'hostPath',
  'logDirectory',
  'location',
  'localhostRef',
  'seccompProfilePath',
]);
const FINE_PATHS: ReadonlySet<string> = new Set(['', '/dev/null', '/dev/nothing']);
const KNOWN = new Set(COMMANDS.map((command) => command.join('\0')));

/**
 * True for a request that leaves this machine alone, whatever a good CRI server does with it: it names no path of the host
 * but below `dir`, no port of the host but a few, no registry elsewhere, and runs no command of chance with privileges.
 */
export function isHarmless(method: string, request: unknown, dir: string): boolean {
  const fine = (key: string, value: unknown): boolean => {
    if (typeof value === 'string') return !HOST_PATHS.has(key) || isFinePath(value, dir);
    if (key === 'hostPort') return value === 0 || isBetween(value, HOST_PORTS.least, HOST_PORTS.most);
    if (Array.isArray(value)) return value.every((each) => fine(key, each));
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return true;
    return Object.entries(value).every(([name, each]) => fine(name, each));
  };
  return fine('', request) && fineCgroup(request) && fineImage(method, request) && fineCommand(method, request);
}

function isFinePath(path: string, dir: string): boolean {
  if (FINE_PATHS.has(path) || !path.startsWith('/')) return true; // a relative one is refused
  return path.startsWith(`${dir}/fuzz/`) && !path.split('/').includes('..');
}

function isBetween(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

function fineCgroup(request: unknown): boolean {
  const parent = at(at(at(request, 'config'), 'linux'), 'cgroupParent') ?? '';
  return parent === '' || parent === CGROUP;
}

function fineImage(method: string, request: unknown): boolean {
  if (method !== 'PullImage') return true;
  const reference = tryParseReference(String(at(at(request, 'image'), 'image') ?? ''));
  return reference === undefined || REGISTRIES.has(reference.domain);
}

function fineCommand(method: string, request: unknown): boolean {
  const config = method === 'CreateContainer' ? at(request, 'config') : request;
  const words = [at(config, 'command'), at(config, 'args'), at(config, 'cmd')].flatMap((each) =>
    Array.isArray(each) ? each.map(String) : [],
  );
  return words.length === 0 || KNOWN.has(words.join('\0'));
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
