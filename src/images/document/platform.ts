import { readFileSync } from 'node:fs';
import { cpuVariant } from './cpu-level';

/** What a binary runs on, in the words of the OCI image-spec. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string;
}

/** Node's names of architectures where Go has other ones. */
const GO_ARCHITECTURE: ReadonlyMap<string, string> = new Map([
  ['x64', 'amd64'],
  ['ia32', '386'],
  ['ppc64', 'ppc64le'],
  ['mipsel', 'mipsle'],
]);
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['x86_64', 'amd64'],
  ['x86-64', 'amd64'],
  ['aarch64', 'arm64'],
  ['armhf', 'arm'],
  ['armel', 'arm'],
  ['i386', '386'],
]);
/** WebAssembly runs on any machine, if the pod's runtime handler can. */
const WASM = 'wasm';

/** The platform of this machine, its variant being the best that its CPU has. */
export function hostPlatform(): Platform {
  const architecture = GO_ARCHITECTURE.get(process.arch) ?? process.arch;
  const found = cpuVariant(architecture, readCpuInfo());
  return { os: 'linux', architecture, variant: found ?? defaultVariant(architecture) };
}

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

function defaultVariant(architecture: string): string {
  if (architecture === 'arm64') return 'v8';
  if (architecture !== 'arm') return '';
  const variables = process.config.variables;
  return 'arm_version' in variables ? `v${variables.arm_version}` : 'v7';
}

/**
 * How well an image for `offered` runs on `host`: 0 is made for it, bigger is worse, undefined not at all. A newer
 * variant cannot run on an older machine; a 32-bit image can on a 64-bit one.
 */
export function platformRank(offered: Platform, host: Platform): number | undefined {
  const image = normalised(offered);
  if (image.architecture === WASM) return 100;
  if (image.os !== host.os) return undefined;
  const runnable = runnableOn(normalised(host));
  const at = runnable.findIndex(
    ([architecture, variant]) => architecture === image.architecture && variant === image.variant,
  );
  return at < 0 ? undefined : at;
}

/** True if `host` runs the architecture of `offered` in one variant at least. */
export function runsArchitecture(offered: Platform, host: Platform): boolean {
  const image = normalised(offered);
  if (image.architecture === WASM) return true;
  if (image.os !== host.os) return false;
  return runnableOn(normalised(host)).some(([architecture]) => architecture === image.architecture);
}

/**
 * The manifests of an index that may be meant for `host`, best first. One that names no platform comes last: its config
 * will tell.
 */
export function candidates<T extends { platform: Platform | undefined }>(entries: readonly T[], host: Platform): T[] {
  const ranked = entries.flatMap((entry) => {
    const rank = entry.platform ? platformRank(entry.platform, host) : 1000;
    return rank === undefined ? [] : [{ entry, rank }];
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ entry }) => entry);
}

/** `os/architecture[/variant]`. */
export function platformName({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== '').join('/');
}

function normalised(platform: Platform): Platform {
  const given = platform.architecture.toLowerCase();
  const architecture = OTHER_NAMES.get(given) ?? given;
  return {
    os: platform.os.toLowerCase(),
    architecture,
    variant: variantOf(architecture, platform.variant.toLowerCase()),
  };
}

/** The variant, spelled one way: the baseline of an architecture is what no variant means. */
function variantOf(architecture: string, given: string): string {
  const variant = /^\d/.test(given) ? `v${given}` : given;
  if (architecture === 'amd64') return variant === 'v1' ? '' : variant;
  if (architecture === 'arm64') return variant === '' ? 'v8' : variant.replace(/\.0$/, '');
  return architecture === 'arm' && variant === '' ? 'v7' : variant;
}

function runnableOn(host: Platform): (readonly [string, string])[] {
  const { architecture, variant } = host;
  const number = Number.parseInt(variant.slice(1), 10);
  const down = (name: string, from: number, to: number): (readonly [string, string])[] =>
    Array.from({ length: Math.max(0, from - to + 1) }, (_, at) => [name, `v${from - at}`] as const);
  if (architecture === 'amd64') return [...down('amd64', number || 1, 2), ['amd64', ''], ['386', '']];
  if (architecture === 'arm64') return [...arm64Below(number || 8), ...down('arm', 8, 5)];
  if (architecture === 'arm') return down('arm', number || 7, 5);
  return [[architecture, variant]];
}

/** v9 has everything of v8.5. */
function arm64Below(version: number): (readonly [string, string])[] {
  const newer = version >= 9 ? ['v9', 'v8.5', 'v8.4', 'v8.3', 'v8.2', 'v8.1'] : [];
  return [...newer, 'v8'].map((variant) => ['arm64', variant] as const);
}
