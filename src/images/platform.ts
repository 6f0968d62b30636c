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

/** The platform of this machine. */
export function hostPlatform(): Platform {
  const architecture = GO_ARCHITECTURE.get(process.arch) ?? process.arch;
  if (architecture !== 'arm') return { os: 'linux', architecture, variant: architecture === 'arm64' ? 'v8' : '' };
  const variables = process.config.variables;
  return { os: 'linux', architecture, variant: 'arm_version' in variables ? `v${variables.arm_version}` : 'v7' };
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
function variantOf(architecture: string, variant: string): string {
  if (architecture === 'amd64' && variant === 'v1') return '';
  if (architecture === 'arm64' && (variant === '' || variant === '8')) return 'v8';
  if (architecture !== 'arm') return variant;
  if (variant === '') return 'v7';
  return /^\d$/.test(variant) ? `v${variant}` : variant;
}

function runnableOn(host: Platform): (readonly [string, string])[] {
  const arm = (from: number): (readonly [string, string])[] =>
    [8, 7, 6, 5].filter((version) => version <= from).map((version) => ['arm', `v${version}`] as const);
  if (host.architecture === 'amd64')
    return [
      ['amd64', ''],
      ['386', ''],
    ];
  if (host.architecture === 'arm64') return [['arm64', 'v8'], ...arm(8)];
  if (host.architecture === 'arm') return arm(Number(host.variant.slice(1)) || 7);
  return [[host.architecture, host.variant]];
}
