import { Conversion } from './conversion';
import { convertRegistry } from './convert-registry';
import { DAEMON_RULES, PLUGIN_RULES, type Rule, SECTION_RULES } from './convert-rules';
import { convertRuntimePlatforms, convertRuntimes } from './convert-runtimes';
import { parseToml } from './load';
import { isTable } from './setting';

/** A configuration of crisp made from one of containerd's. */
export interface Converted {
  /** The file: what differs from crisp's defaults. */
  readonly toml: string;
  /** What could not be carried over, each beginning with the path of its key. */
  readonly warnings: readonly string[];
}

type Table = Record<string, unknown>;

/** Where containerd keeps what its CRI reads: one section up to its file version 2, three from version 3 on. */
const SECTIONS = [
  'cri', // version 1 calls plugins by their short names
  'io.containerd.grpc.v1.cri',
  'io.containerd.cri.v1.runtime',
  'io.containerd.cri.v1.images',
];

/**
 * Converts containerd's configuration file, of version 1 to 4; best as `containerd config dump` prints it, imported files
 * included. Throws ConfigError for what is no such file, and when what comes out would not be accepted.
 */
export function convertContainerdConfig(source: string): Converted {
  const file = parseToml(source);
  const plugins = tableOf(file.plugins);
  const into = new Conversion();
  const isDump = plugins['io.containerd.gc.v1.scheduler'] !== undefined; // nobody configures that one
  if (Array.isArray(file.imports) && file.imports.length > 0 && !isDump) {
    into.warn('imports', `${file.imports.join(', ')} is not read: convert what \`containerd config dump\` prints`);
  }
  const { plugins: _plugins, ...daemon } = file;
  apply(into, daemon, DAEMON_RULES, '');
  for (const [name, rules] of Object.entries(PLUGIN_RULES))
    apply(into, tableOf(plugins[name]), rules, `plugins."${name}"`);
  for (const name of SECTIONS) convertSection(into, tableOf(plugins[name]), `plugins."${name}"`);
  return { toml: into.toml(), warnings: into.warnings };
}

function convertSection(into: Conversion, section: Table, path: string): void {
  const { registry, containerd, pinned_images, runtime_platforms, ...rest } = section;
  const { runtimes, default_runtime, untrusted_workload_runtime, ...settings } = tableOf(containerd);
  const left = apply(into, { ...rest, containerd: settings }, SECTION_RULES, path);
  for (const key of left) into.warn(`${path}.${key}`, 'unknown key, left out');
  for (const [key, old] of Object.entries({ default_runtime, untrusted_workload_runtime })) {
    if (!tableOf(old).runtime_type) continue;
    into.warn(`${path}.containerd.${key}`, 'left out: give it a name in containerd.runtimes');
  }
  convertRuntimes(into, tableOf(runtimes), `${path}.containerd.runtimes`);
  convertRuntimePlatforms(into, tableOf(runtime_platforms), `${path}.runtime_platforms`);
  convertRegistry(into, tableOf(registry), `${path}.registry`);
  for (const [key, image] of Object.entries(tableOf(pinned_images))) {
    if (key === 'sandbox') into.set(['sandbox_image'], image);
    else into.warn(`${path}.pinned_images.${key}`, 'left out: only the sandbox image is pinned');
  }
}

/** Applies every rule that finds something; answers the paths of what no rule looked at. */
function apply(into: Conversion, table: Table, rules: readonly Rule[], path: string): string[] {
  const leaves = new Map(leavesOf(table));
  for (const rule of rules) {
    const raw = leaves.get(rule.from);
    if (raw === undefined) continue;
    leaves.delete(rule.from);
    const problem = rule.warn?.(raw);
    if (problem !== undefined) into.warn(path === '' ? rule.from : `${path}.${rule.from}`, problem);
    const value = rule.value ? rule.value(raw) : raw;
    if (rule.to !== undefined && value !== undefined) into.set(rule.to.split('.'), value);
  }
  return [...leaves.keys()];
}

/** Every key that is no table, by its path. Empty texts and lists, which a dump has for what is not set, are left out. */
function leavesOf(table: Table, prefix = ''): [string, unknown][] {
  return Object.entries(table).flatMap(([key, value]): [string, unknown][] => {
    if (isTable(value)) return leavesOf(value, `${prefix}${key}.`);
    const isEmpty = value === '' || (Array.isArray(value) && value.length === 0);
    return isEmpty ? [] : [[`${prefix}${key}`, value]];
  });
}

function tableOf(value: unknown): Table {
  return isTable(value) ? value : {};
}
