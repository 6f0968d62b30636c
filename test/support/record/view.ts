import { existsSync } from 'node:fs';

import { differences, EVERY_RUN, type Mask, masked } from './compare';

/** The pods and containers of test/fixtures/plugin-records/inputs, by role; the ids that one run gave them. */
export type Roles = Readonly<Record<'web' | 'app' | 'plain' | 'tty' | 'agent' | 'privileged', string>>;

/** What was written for the pods, as `printable` makes it: the shape of the samples. */
export interface Written {
  readonly ids: Roles;
  readonly containers: readonly Row[];
  readonly tasks: readonly Row[];
  readonly sandboxes: readonly Row[] | string;
  readonly leases: readonly Row[];
  readonly snapshots: readonly Row[];
  readonly disk: Readonly<Record<'root' | 'state', Folder>>;
  readonly 'cni-cache': Readonly<Record<string, string>>;
}

type Row = Readonly<Record<string, unknown>>;

interface Folder {
  readonly tree: readonly { path: string; type: string; mode: string; owner: string; mounted?: boolean }[];
  readonly contents: Readonly<Record<string, string>>;
}

/** What a run has chosen itself and nobody depends on. */
const CHOSEN: readonly Mask[] = [
  ...EVERY_RUN,
  [/cni-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'cni-UUID'],
  [/\/io\/\d+/g, '/io/RANDOM'],
  [/crisp-\d+-\d+/g, 'NETWORK'],
  [/\/tmp\/crisp-\w{6}\//g, '/tmp/SCRATCH/'],
  [/crb\d+-\d+/g, 'BRIDGE'],
  [/\b10\.1\d\d\.\d+\.(\d+)/g, '10.X.Y.$1'],
  [/veth[0-9a-f]{8}/g, 'VETH'],
  [/([0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC'],
  [/HOSTNAME=(?!web-0)[^"\\]+/g, 'HOSTNAME=NODE'],
  [/\/proc\/\d+\/ns/g, '/proc/PID/ns'],
];

/** The records by role, their JSON read, without what no two runs have in common. */
export function viewOf(written: Written, extra: readonly Mask[] = []): Record<string, unknown> {
  const roles = Object.entries(written.ids).map(([role, id]): Mask => [new RegExp(id, 'g'), role]);
  const value = masked(written, [...extra, ...roles, ...CHOSEN]) as Written;
  const { root, state } = value.disk;
  return {
    containers: byKey(value.containers, 'id', withoutTimes),
    tasks: byKey(value.tasks, 'id', ({ pid: _pid, exitedAt: _exitedAt, ...row }) => row),
    sandboxes:
      typeof value.sandboxes === 'string' ? value.sandboxes : byKey(value.sandboxes, 'sandboxId', withoutTimes),
    leases: byKey(value.leases, 'id', withoutTimes),
    snapshots: byKey(
      value.snapshots.filter(({ kind }) => kind !== 3),
      'name',
      withoutTimes,
    ),
    root: treeOf(root),
    state: treeOf(state),
    status: Object.fromEntries(
      Object.entries(root.contents)
        .filter(([path]) => path.endsWith('/status'))
        .map(([path, text]) => [path.split('/')[1] ?? '', untimed(JSON.parse(text) as Row)]),
    ),
    files: Object.fromEntries(
      ['hostname', 'resolv.conf'].map((name) => [name, root.contents[`sandboxes/web/${name}`]]),
    ),
    'cni-cache': Object.fromEntries(
      Object.entries(value['cni-cache']).map(([name, text]) => [name, cacheEntry(JSON.parse(text) as Row)]),
    ),
  };
}

/** A difference that is meant, by a pattern over its line of `differences`, and why. */
export type Meant = readonly [RegExp, string];

/** What is wrong between two views: differences that nobody meant, and meant ones that are not there. */
export function unmeant(theirs: unknown, ours: unknown, meant: readonly Meant[]): string[] {
  const found = differences(theirs, ours);
  const surprises = found.filter((line) => !meant.some(([pattern]) => pattern.test(line)));
  const absent = meant.filter(([pattern]) => !found.some((line) => pattern.test(line)));
  return [...surprises, ...absent.map(([pattern, why]) => `no such difference: ${pattern} (${why})`)];
}

/** True where specs are what they were where the samples were recorded: cgroup v1, no AppArmor. */
export function likeTheRecorder(): boolean {
  return !existsSync('/sys/fs/cgroup/cgroup.controllers') && !existsSync('/sys/kernel/security/apparmor/profiles');
}

interface Device {
  readonly path: string;
  readonly type: string;
  readonly major: number;
  readonly minor: number;
}

/**
 * Leaves the devices of the host, which a privileged container has, only where the machines of both views have them: another
 * kernel has others. Answers how many are left in each.
 */
export function keepSharedDevices(theirs: Record<string, unknown>, ours: Record<string, unknown>): number {
  const [recorded, found] = [privilegedSpec(theirs), privilegedSpec(ours)];
  const name = ({ path, type, major, minor }: Device): string => `${path} ${type} ${major}:${minor}`;
  const here = new Set(found.devices.map(name));
  const there = new Set(recorded.devices.map(name));
  recorded.devices = recorded.devices.filter((device) => here.has(name(device)));
  found.devices = found.devices.filter((device) => there.has(name(device)));
  return Math.min(recorded.devices.length, found.devices.length);
}

function privilegedSpec({ containers }: Record<string, unknown>): { devices: Device[] } {
  const { privileged } = containers as Record<string, { spec: { value: { linux: { devices: Device[] } } } }>;
  if (!privileged) throw new Error('there is no privileged container');
  return privileged.spec.value.linux;
}

function byKey(rows: readonly Row[], key: string, shape: (row: Row) => Row): Record<string, unknown> {
  return Object.fromEntries(rows.map((row) => [String(row[key]), opened(shape(row))]));
}

function withoutTimes({ createdAt: _createdAt, updatedAt: _updatedAt, ...row }: Row): Row {
  return row;
}

/** JSON texts inside of a record, read: specs and metadata. */
function opened(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(opened);
  if (typeof value !== 'object' || value === null) return value;
  const { text } = value as { text?: string };
  if (text?.startsWith('{')) return JSON.parse(text) as unknown;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, opened(item)]));
}

function treeOf(folder: Folder): Record<string, string> {
  return Object.fromEntries(
    folder.tree.map(({ path, type, mode, owner, mounted }) => [
      path,
      `${type} ${mode} ${owner}${mounted ? ' mounted' : ''}`,
    ]),
  );
}

/** CNI_ARGS come in no order of their own in the reference library; its config is base64 of the file. */
function cacheEntry(entry: Row): Row {
  const config = Buffer.from(String(entry.config), 'base64').toString('utf8');
  const args = Array.isArray(entry.cniArgs) ? [...(entry.cniArgs as string[][])].sort() : entry.cniArgs;
  return { ...entry, config: masked(JSON.parse(config), CHOSEN), cniArgs: args };
}

/** A status file with `true` for each pid and time that is set. */
function untimed(status: Row): Row {
  const chosen = ['Pid', 'CreatedAt', 'StartedAt', 'FinishedAt'].map((key) => [key, Boolean(status[key])]);
  return { ...status, ...Object.fromEntries(chosen) };
}
