type Json = Readonly<Record<string, unknown>>;

/** A spec as values by their paths, or what a case was refused with. One difference between two specs is one line. */
export type Flat = Readonly<Record<string, string | number | boolean>>;

/** A spec as a file keeps it: as another one, but for these; null: it has no such value. */
export interface Changes {
  readonly as?: string;
  readonly but: Readonly<Record<string, string | number | boolean | null>>;
}

/**
 * A spec's values by their paths. Lists whose order means nothing are taken for sets; a mount, a device, a rule is one text;
 * seccomp has one value for each system call and rule.
 */
export function flat(spec: unknown): Flat {
  if (!isObject(spec) || !isObject(spec.process)) return Object.fromEntries(leaves(spec, ''));
  const { process, linux, mounts, ...rest } = spec;
  const capabilities = isObject(process.capabilities)
    ? Object.fromEntries(Object.entries(process.capabilities).map(([name, list]) => [name, set(list)]))
    : process.capabilities;
  const changed = {
    ...rest,
    process: { ...process, capabilities },
    mounts: texts(mounts),
    linux: isObject(linux) ? linuxParts(linux) : linux,
  };
  return Object.fromEntries(leaves(changed, ''));
}

/** The specs for a file: each is told by how it differs from the first one of its kind, a pod's or a container's. */
export function compressed(specs: Readonly<Record<string, Flat>>): Record<string, Changes> {
  const first = new Map<boolean, string>();
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]): [string, Changes] => {
      const isContainer = name.includes('/');
      const as = first.get(isContainer);
      if (as === undefined) first.set(isContainer, name);
      const model = as === undefined ? undefined : specs[as];
      return [name, model === undefined || 'refused' in spec ? { but: spec } : { as, but: changes(model, spec) }];
    }),
  );
}

/** The specs that `compressed` has made a file of. */
export function expanded(file: Readonly<Record<string, Changes>>): Record<string, Flat> {
  const all: Record<string, Flat> = {};
  for (const [name, { as, but }] of Object.entries(file)) {
    const whole = { ...(as === undefined ? {} : all[as]), ...but };
    all[name] = Object.fromEntries(
      Object.entries(whole).filter((entry): entry is [string, Flat[string]] => entry[1] !== null),
    );
  }
  return all;
}

function changes(model: Flat, spec: Flat): Changes['but'] {
  const gone = Object.keys(model).filter((path) => !(path in spec));
  const other = Object.entries(spec).filter(([path, value]) => model[path] !== value);
  return { ...Object.fromEntries(gone.map((path) => [path, null])), ...Object.fromEntries(other) };
}

function linuxParts(linux: Json): Json {
  const { seccomp, devices, maskedPaths, readonlyPaths, namespaces, resources, ...rest } = linux;
  return {
    ...rest,
    maskedPaths: set(maskedPaths),
    readonlyPaths: set(readonlyPaths),
    devices: byKey(devices, 'path'),
    namespaces: byKey(namespaces, 'type'),
    resources: isObject(resources) ? { ...resources, devices: texts(resources.devices) } : resources,
    seccomp: isObject(seccomp) ? { ...seccomp, syscalls: rules(seccomp.syscalls) } : seccomp,
  };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Members that are not there are left out; an empty list or object is a value. */
function leaves(value: unknown, path: string): [string, Flat[string]][] {
  if (value === undefined) return [];
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const members = Array.isArray(value) ? value.map((each, i): [string, unknown] => [String(i), each]) : undefined;
  const all = members ?? (isObject(value) ? Object.entries(value) : undefined);
  if (all === undefined) return [[path, value as Flat[string]]];
  if (all.length === 0) return [[path, members ? '[]' : '{}']];
  return all.flatMap(([key, member]) => leaves(member, at(key)));
}

function texts(list: unknown): unknown {
  return Array.isArray(list) ? list.map((each) => JSON.stringify(each)) : list;
}

function set(list: unknown): unknown {
  return Array.isArray(list) && list.length > 0 ? Object.fromEntries(list.map((item) => [String(item), true])) : list;
}

function byKey(list: unknown, key: string): unknown {
  if (!Array.isArray(list) || list.length === 0) return list;
  return Object.fromEntries((list as Json[]).map(({ [key]: name, ...rest }) => [String(name), JSON.stringify(rest)]));
}

function rules(syscalls: unknown): unknown {
  if (!Array.isArray(syscalls)) return syscalls;
  const all = syscalls as Json[];
  return Object.fromEntries(
    all.flatMap(({ names, ...rule }) => (names as string[]).map((name) => [`${name} ${JSON.stringify(rule)}`, true])),
  );
}
