import type { CDIDevice } from '../../../generated/cri/v1/api';
import { parseForeignJson } from '../../base/json/foreign-json';
import type { SpecHooks } from '../../model/spec';
import type { CdiDeviceNode, CdiEdits, HostDevice } from '../inputs';
import { OciError } from '../oci-error';
import { isQualifiedName } from './cdi-names';
import { type CdiSpec, type ContainerEdits, parseCdiSpec } from './cdi-spec';
import { parseYaml } from './cdi-yaml';

const ANNOTATION_PREFIX = 'cdi.k8s.io/';

/** The content of one file of a CDI spec directory. A higher priority is a later directory. */
export interface CdiFile {
  readonly path: string;
  readonly content: string;
  /** Why it could not be read. */
  readonly unreadable?: string;
  readonly priority: number;
}

/** A file that could not be read as a CDI spec. */
export interface CdiFileError {
  readonly path: string;
  readonly message: string;
}

interface Device {
  readonly spec: CdiSpec;
  readonly path: string;
  readonly priority: number;
  readonly edits: ContainerEdits;
}

/** Names of CDI devices of one container: a thousand in the request, and the same in the older annotations. */
export const MAX_CDI_NAMES = 2048;

/**
 * The devices that a container asks for: those of the request, then those of the older `cdi.k8s.io/` annotations (comma
 * separated), each once. Throws an OciError for what is no name, and for more than `MAX_CDI_NAMES`.
 */
export function cdiDeviceNames(devices: readonly CDIDevice[], annotations: Readonly<Record<string, string>>): string[] {
  const names: string[] = [];
  const add = (name: string, field: string): void => {
    if (!isQualifiedName(name)) throw new OciError(field, `${JSON.stringify(name)} is not vendor/class=device`);
    names.push(name);
    if (names.length > MAX_CDI_NAMES) throw new OciError(field, `brings the CDI devices to over ${MAX_CDI_NAMES}`);
  };
  for (const [i, { name }] of devices.entries()) add(name, `config.CDI_devices[${i}].name`);
  for (const [key, value] of Object.entries(annotations)) {
    if (!key.startsWith(ANNOTATION_PREFIX)) continue;
    const field = `config.annotations[${JSON.stringify(key)}]`;
    for (const name of value.split(',', MAX_CDI_NAMES + 1)) add(name, field);
  }
  return [...new Set(names)];
}

function mergedHooks(all: readonly ContainerEdits[]): SpecHooks {
  const hooks: SpecHooks = {};
  const names: (keyof SpecHooks)[] = [
    'prestart',
    'createRuntime',
    'createContainer',
    'startContainer',
    'poststart',
    'poststop',
  ];
  for (const name of names) {
    const list = all.flatMap((each) => each.hooks[name] ?? []);
    if (list.length > 0) hooks[name] = list;
  }
  return hooks;
}

function merged(all: readonly ContainerEdits[]): CdiEdits {
  return {
    env: all.flatMap(({ env }) => env),
    deviceNodes: all.flatMap(({ deviceNodes }) => deviceNodes),
    mounts: all.flatMap(({ mounts }) => mounts),
    hooks: mergedHooks(all),
    additionalGids: [...new Set(all.flatMap(({ additionalGids }) => additionalGids))],
    intelRdt: all.findLast(({ intelRdt }) => intelRdt !== undefined)?.intelRdt,
    netDevices: Object.fromEntries(all.flatMap(({ netDevices }) => Object.entries(netDevices))),
  };
}

/**
 * The devices of a set of CDI spec files. A device that two files of one directory define is not available (nobody can
 * say which is meant); one of a later directory takes the place of an earlier one's.
 */
export class CdiRegistry {
  private constructor(
    private readonly devices: ReadonlyMap<string, Device>,
    private readonly conflicts: ReadonlyMap<string, string>,
    /** Files that were left out, and why. */
    readonly errors: readonly CdiFileError[],
  ) {}

  /** Never throws: a bad file is left out and is in `errors`. Content is JSON or the YAML that tools write. */
  static parse(files: readonly CdiFile[]): CdiRegistry {
    const found = new Map<string, Device[]>();
    const errors: CdiFileError[] = [];
    for (const { path, content, unreadable, priority } of files) {
      try {
        if (unreadable !== undefined) throw new Error(unreadable);
        const spec = parseCdiSpec(content.trimStart().startsWith('{') ? parseForeignJson(content) : parseYaml(content));
        for (const [name, edits] of spec.devices) {
          const key = `${spec.kind}=${name}`;
          const all = found.get(key) ?? [];
          all.push({ spec, path, priority, edits });
          found.set(key, all);
        }
      } catch (error) {
        errors.push({ path, message: error instanceof Error ? error.message : String(error) });
      }
    }
    const devices = new Map<string, Device>();
    const conflicts = new Map<string, string>();
    for (const [name, all] of found) {
      const highest = Math.max(...all.map(({ priority }) => priority));
      const best = all.filter(({ priority }) => priority === highest);
      const [only, other] = best;
      if (only && !other) devices.set(name, only);
      else conflicts.set(name, `${best.map(({ path }) => path).join(' and ')} both define it`);
    }
    return new CdiRegistry(devices, conflicts, errors);
  }

  /** Names of all devices that can be asked for. */
  names(): string[] {
    return [...this.devices.keys()].sort();
  }

  /** What the named devices change, in their order; what their file says for all of its devices comes before, once. */
  resolve(names: readonly string[]): CdiEdits {
    const specs = new Set<CdiSpec>();
    const all: ContainerEdits[] = [];
    const missing: string[] = [];
    for (const name of names) {
      const device = this.devices.get(name);
      if (!device) {
        missing.push(this.whyNot(name));
        continue;
      }
      if (!specs.has(device.spec)) all.push(device.spec.edits);
      specs.add(device.spec);
      all.push(device.edits);
    }
    if (missing.length === 0) return merged(all);
    throw new OciError('config.CDI_devices', missing.join('; '), { code: 'FAILED_PRECONDITION' });
  }

  private whyNot(name: string): string {
    const conflict = this.conflicts.get(name);
    if (conflict) return `device ${name} is not available: ${conflict}`;
    const [bad] = this.errors;
    const hint = bad ? ` (${bad.path} could not be read: ${bad.message})` : '';
    return `there is no device ${name}${hint}`;
  }
}

function isComplete({ type, major, minor }: CdiDeviceNode): boolean {
  return type === 'p' || (type !== undefined && ((major ?? 0) !== 0 || (minor ?? 0) !== 0));
}

/** A device of the host that a spec file leaves something to. */
export interface CdiHostPath {
  readonly path: string;
  /** Its type or its numbers are left to the host, so it has to be there; otherwise only its mode is. */
  readonly required: boolean;
}

/** Where the nodes are on the host whose type, numbers or mode the spec file does not name, each once. */
export function cdiHostPaths(edits: CdiEdits): CdiHostPath[] {
  const required = new Map<string, boolean>();
  for (const node of edits.deviceNodes) {
    const known = required.get(node.hostPath);
    if (!isComplete(node)) required.set(node.hostPath, true);
    else if (node.fileMode === undefined) required.set(node.hostPath, known ?? false);
  }
  return [...required].map(([path, isRequired]) => ({ path, required: isRequired }));
}

/**
 * Fills in what spec files leave to the host; `found` has the devices at `cdiHostPaths`. A node without a mode gets the
 * host's, as from CDI's own library: runtimes would make it readable and writable for everybody.
 */
export function fillDeviceNodes(edits: CdiEdits, found: readonly HostDevice[]): CdiEdits {
  const byPath = new Map(found.map((device) => [device.path, device]));
  const deviceNodes = edits.deviceNodes.map((node) => {
    const device = byPath.get(node.hostPath);
    const fileMode = node.fileMode ?? device?.fileMode;
    const withMode = fileMode === undefined ? node : { ...node, fileMode };
    if (isComplete(node)) return withMode;
    const field = 'config.CDI_devices';
    if (!device) throw new OciError(field, `${node.hostPath} is not a device`, { code: 'FAILED_PRECONDITION' });
    if (node.type && node.type !== device.type) {
      throw new OciError(field, `${node.hostPath} has type ${device.type}, not ${node.type}`, {
        code: 'FAILED_PRECONDITION',
      });
    }
    return { ...withMode, type: device.type, major: device.major, minor: device.minor };
  });
  return { ...edits, deviceNodes };
}
