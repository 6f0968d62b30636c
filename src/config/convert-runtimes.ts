import type { Conversion } from './conversion';
import { runtimeShape } from './schema';
import { isTable } from './setting';

type Table = Record<string, unknown>;

/** Keys whose only value that crisp knows is what stands here, or nothing. */
const ONLY: Readonly<Record<string, { value: string; instead: string }>> = {
  sandboxer: { value: 'podsandbox', instead: 'pods are made of pause containers' },
  sandbox_mode: { value: 'podsandbox', instead: 'pods are made of pause containers' },
  io_type: { value: 'fifo', instead: 'containers talk through FIFOs' },
};
/** Keys of the first shim, and the options of today's that they stand for. */
const OPTION_OF: Readonly<Record<string, string>> = { runtime_engine: 'BinaryName', runtime_root: 'Root' };

/** Converts the tables of `containerd.runtimes`; options that are not set are left out. */
export function convertRuntimes(into: Conversion, runtimes: Table, path: string): void {
  for (const [name, runtime] of Object.entries(runtimes)) {
    if (isTable(runtime)) convertRuntime(into, name, runtime, `${path}.${name}`);
  }
}

function convertRuntime(into: Conversion, name: string, runtime: Table, path: string): void {
  const at = ['containerd', 'runtimes', name];
  const given = isTable(runtime.options) ? runtime.options : {};
  const options = Object.entries(given).filter(([, value]) => isSet(value));
  for (const [key, value] of Object.entries(runtime)) {
    if (key === 'options' || !isSet(value)) continue;
    const only = ONLY[key];
    const option = OPTION_OF[key];
    if (option !== undefined) options.push([option, value]);
    else if (only !== undefined && value !== only.value)
      into.warn(`${path}.${key}`, `"${String(value)}" is not offered: ${only.instead}`);
    else if (only === undefined && Object.hasOwn(runtimeShape, key)) into.set([...at, key], value);
    else if (only === undefined) into.warn(`${path}.${key}`, 'unknown key, left out');
  }
  if (options.length > 0) into.set([...at, 'options'], Object.fromEntries(options));
}

/** containerd prints every key, with these for what nobody has set. */
function isSet(value: unknown): boolean {
  return value !== '' && value !== 0 && value !== false && !(Array.isArray(value) && value.length === 0);
}

/** Converts `runtime_platforms`: a handler's snapshotter; pulls are for this machine's platform only. */
export function convertRuntimePlatforms(into: Conversion, platforms: Table, path: string): void {
  for (const [name, entry] of Object.entries(platforms)) {
    if (!isTable(entry)) continue;
    if (entry.snapshotter) into.set(['containerd', 'runtimes', name, 'snapshotter'], entry.snapshotter);
    if (!entry.platform) continue;
    into.warn(`${path}.${name}.platform`, 'left out: images are pulled for this machine, and WebAssembly for any');
  }
}
