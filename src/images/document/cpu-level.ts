/** The flags of /proc/cpuinfo that each level of amd64 adds to the one below, from v2 on (x86-64 psABI). */
const AMD64_LEVELS: readonly (readonly string[])[] = [
  ['cx16', 'lahf_lm', 'popcnt', 'pni', 'sse4_1', 'sse4_2', 'ssse3'],
  ['abm', 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'movbe', 'xsave'],
  ['avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'],
];

/**
 * The variant that the CPUs of this machine have, by the text of /proc/cpuinfo: v1 to v4 of amd64 (v1 being ''), v5 to v8
 * of arm, v8 or v9 of arm64. All CPUs count, since a container may run on any. Undefined where that text does not
 * say, and for other architectures, which have no variants here.
 */
export function cpuVariant(architecture: string, cpuinfo: string): string | undefined {
  if (architecture === 'amd64') return amd64Level(everywhere(cpuinfo, 'flags'));
  if (architecture === 'arm64') return arm64Version(everywhere(cpuinfo, 'Features'));
  return architecture === 'arm' ? armVersion(cpuinfo) : undefined;
}

function amd64Level(flags: ReadonlySet<string> | undefined): string | undefined {
  if (!flags) return undefined;
  const missing = AMD64_LEVELS.findIndex((level) => !level.every((flag) => flags.has(flag)));
  const level = (missing < 0 ? AMD64_LEVELS.length : missing) + 1;
  return level === 1 ? '' : `v${level}`;
}

/** The kernel does not tell the version; SVE2 came with v9, and what has no SVE2 is not taken for it. */
function arm64Version(features: ReadonlySet<string> | undefined): string | undefined {
  return features && (features.has('sve2') ? 'v9' : 'v8');
}

/** `CPU architecture` of the oldest CPU: a number with or without letters, `AArch64` for 8. */
function armVersion(cpuinfo: string): string | undefined {
  const versions = valuesOf(cpuinfo, 'CPU architecture').map((value) =>
    /^aarch64$/i.test(value) ? 8 : Number.parseInt(value, 10),
  );
  const oldest = Math.min(...versions);
  if (!Number.isFinite(oldest)) return undefined;
  // The kernel says 7 of the ARMv6 of the first Raspberry Pis.
  const isV6 = valuesOf(cpuinfo, 'model name').some((name) => /^armv6/i.test(name));
  return `v${Math.min(8, oldest, isV6 ? 6 : 8)}`;
}

/** The words that a key has for every CPU; undefined where the key is missing. */
function everywhere(cpuinfo: string, key: string): ReadonlySet<string> | undefined {
  const [first, ...others] = valuesOf(cpuinfo, key).map((value) => new Set(value.split(/\s+/)));
  return first && new Set([...first].filter((word) => others.every((words) => words.has(word))));
}

function valuesOf(cpuinfo: string, key: string): string[] {
  return cpuinfo.split('\n').flatMap((line) => {
    const colon = line.indexOf(':');
    return colon >= 0 && line.slice(0, colon).trim().toLowerCase() === key.toLowerCase()
      ? [line.slice(colon + 1).trim()]
      : [];
  });
}
