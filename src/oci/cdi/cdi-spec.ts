import { goList, goStruct, readAsGo } from '../../base/json/go-fields';
import type { SpecHook, SpecHooks, SpecLinux, SpecMount } from '../../model/spec';
import type { CdiDeviceNode } from '../inputs';
import { isDeviceName, parseKind } from './cdi-names';
import { requireVersion } from './cdi-version';

/** What one CDI device, or the whole of a CDI spec file, changes. */
export interface ContainerEdits {
  readonly env: readonly string[];
  readonly deviceNodes: readonly CdiDeviceNode[];
  readonly mounts: readonly SpecMount[];
  readonly hooks: SpecHooks;
  readonly additionalGids: readonly number[];
  readonly intelRdt?: SpecLinux['intelRdt'];
  readonly netDevices: Readonly<Record<string, { name?: string }>>;
}

/** One CDI spec file. */
export interface CdiSpec {
  /** `vendor/class`. */
  readonly kind: string;
  readonly edits: ContainerEdits;
  readonly devices: ReadonlyMap<string, ContainerEdits>;
}

const HOOKS: readonly (keyof SpecHooks)[] = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
];

const EDITS = goStruct('env additionalGids', {
  deviceNodes: goList(goStruct('path hostPath type major minor fileMode permissions uid gid')),
  mounts: goList(goStruct('hostPath containerPath options type')),
  hooks: goList(goStruct('hookName path args env timeout')),
  intelRdt: goStruct('closID l3CacheSchema memBwSchema schemata enableCMT enableMBM enableMonitoring'),
  netDevices: goList(goStruct('hostInterfaceName name')),
});
/** A file as CDI's Go library declares it. */
const CDI_SHAPE = goStruct('cdiVersion kind annotations', {
  devices: goList(goStruct('name annotations', { containerEdits: EDITS })),
  containerEdits: EDITS,
});

/** Reads fields of an object that came from a file, and says where it was wrong. */
class Fields {
  constructor(
    private readonly value: Record<string, unknown>,
    private readonly at: string,
  ) {}

  static of(value: unknown, at: string): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${at} is not an object`);
    return new Fields({ ...value }, at);
  }

  private get(name: string): unknown {
    return Object.hasOwn(this.value, name) ? (this.value[name] ?? undefined) : undefined;
  }

  text(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === 'string') return value;
    throw new Error(`${this.at}.${name} is not a text`);
  }

  required(name: string): string {
    const value = this.text(name);
    if (!value) throw new Error(`${this.at}.${name} is missing`);
    return value;
  }

  path(name: string): string {
    const value = this.required(name);
    if (!value.startsWith('/') || value.includes('\0')) throw new Error(`${this.at}.${name} is not an absolute path`);
    return value;
  }

  number(name: string, max = 2 ** 32 - 1): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
    throw new Error(`${this.at}.${name} is not a number between 0 and ${max}`);
  }

  flag(name: string): boolean | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw new Error(`${this.at}.${name} is neither true nor false`);
  }

  list<T>(name: string, read: (item: unknown, at: string) => T): T[] {
    const value = this.get(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw new Error(`${this.at}.${name} is not a list`);
    return value.map((item, i) => read(item, `${this.at}.${name}[${i}]`));
  }

  fields(name: string): Fields | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : Fields.of(value, `${this.at}.${name}`);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }
}

function asText(item: unknown, at: string): string {
  if (typeof item === 'string') return item;
  throw new Error(`${at} is not a text`);
}

function variable(item: unknown, at: string): string {
  const text = asText(item, at);
  if (text.indexOf('=') > 0 && !text.includes('\0')) return text;
  throw new Error(`${at} is not NAME=value`);
}

function deviceNode(item: unknown, at: string): CdiDeviceNode {
  const from = Fields.of(item, at);
  const path = from.path('path');
  const type = from.text('type');
  if (type && !['b', 'c', 'u', 'p'].includes(type)) throw new Error(`${at}.type is not a device type`);
  const permissions = from.text('permissions') || 'rwm';
  if (!/^[rwm]+$/.test(permissions)) throw new Error(`${at}.permissions are not made of r, w and m`);
  return {
    path,
    hostPath: from.text('hostPath') || path,
    type: type || undefined,
    major: from.number('major'),
    minor: from.number('minor'),
    fileMode: from.number('fileMode'),
    permissions,
    uid: from.number('uid'),
    gid: from.number('gid'),
  };
}

function mount(item: unknown, at: string): SpecMount {
  const from = Fields.of(item, at);
  const options = from.list('options', asText);
  const type = from.text('type');
  return {
    destination: from.path('containerPath'),
    source: from.required('hostPath'),
    ...(type && { type }),
    ...(options.length > 0 && { options }),
  };
}

function hook(item: unknown, at: string): { name: keyof SpecHooks; hook: SpecHook } {
  const from = Fields.of(item, at);
  const wanted = from.required('hookName');
  const name = HOOKS.find((each) => each === wanted);
  if (!name) throw new Error(`${at}.hookName is not a hook`);
  const args = from.list('args', asText);
  const env = from.list('env', variable);
  const timeout = from.number('timeout');
  return {
    name,
    hook: {
      path: from.path('path'),
      ...(args.length > 0 && { args }),
      ...(env.length > 0 && { env }),
      ...(timeout !== undefined && { timeout }),
    },
  };
}

function hooksOf(from: Fields): SpecHooks {
  const hooks: SpecHooks = {};
  for (const { name, hook: each } of from.list('hooks', hook)) {
    hooks[name] ??= [];
    hooks[name].push(each);
  }
  return hooks;
}

function intelRdt(from: Fields | undefined): SpecLinux['intelRdt'] {
  if (!from) return undefined;
  return {
    closID: from.text('closID'),
    l3CacheSchema: from.text('l3CacheSchema'),
    memBwSchema: from.text('memBwSchema'),
    enableCMT: from.flag('enableCMT'),
    enableMBM: from.flag('enableMBM'),
  };
}

function netDevices(from: Fields): Record<string, { name?: string }> {
  const pairs = from.list('netDevices', (item, at): [string, { name?: string }] => {
    const device = Fields.of(item, at);
    return [device.required('hostInterfaceName'), { name: device.required('name') }];
  });
  return Object.fromEntries(pairs);
}

function containerEdits(from: Fields | undefined): ContainerEdits {
  if (!from) return { env: [], deviceNodes: [], mounts: [], hooks: {}, additionalGids: [], netDevices: {} };
  return {
    env: from.list('env', variable),
    deviceNodes: from.list('deviceNodes', deviceNode),
    mounts: from.list('mounts', mount),
    hooks: hooksOf(from),
    // 0 is dropped: a device must not make anyone a member of root.
    additionalGids: from.list('additionalGids', gid).filter((each) => each !== 0),
    intelRdt: intelRdt(from.fields('intelRdt')),
    netDevices: netDevices(from),
  };
}

function gid(item: unknown, at: string): number {
  if (typeof item === 'number' && Number.isInteger(item) && item >= 0 && item < 2 ** 32) return item;
  throw new Error(`${at} is not a group id`);
}

/** Reads one CDI spec file's document; throws an Error that says what is wrong with it. */
export function parseCdiSpec(file: unknown): CdiSpec {
  const document = readAsGo(file, CDI_SHAPE);
  const from = Fields.of(document, 'spec');
  requireVersion(from.required('cdiVersion'), document);
  const kind = parseKind(from.required('kind'));
  const devices = new Map<string, ContainerEdits>();
  from.list('devices', (item, at) => {
    const device = Fields.of(item, at);
    const name = device.required('name');
    if (!isDeviceName(name)) throw new Error(`${at}.name is not the name of a device`);
    if (devices.has(name)) throw new Error(`${at}.name is there twice`);
    if (!device.has('containerEdits')) throw new Error(`${at}.containerEdits is missing`);
    devices.set(name, containerEdits(device.fields('containerEdits')));
  });
  if (devices.size === 0) throw new Error('spec.devices is empty');
  return { kind, edits: containerEdits(from.fields('containerEdits')), devices };
}
