/** Semantic versions, as strictly as kubelet reads them. */
const SEMANTIC = /^v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)(?:\+([0-9A-Za-z.-]+))?$/;
/** What kubelet takes of any other version. */
const NUMBERS = /^v?(\d+(?:\.\d+)+)/;
/** Stands for containerd's while that is not known, and for one without numbers, which kubelet could not read. */
const UNKNOWN = '0.0.0';

/**
 * The version that kubelet shows behind `containerd://`: containerd's, by which fleets are compared, with crisp's as build
 * metadata (`2.4.2+crisp.0.2.0`). It is a semantic version, whatever distributions write: of `1.6.20~ds1` the numbers stay,
 * as kubelet itself would leave them.
 */
export function runtimeVersion(daemon: string, own: string): string {
  const [, semantic, build] = SEMANTIC.exec(daemon) ?? [];
  const release = semantic ?? NUMBERS.exec(daemon)?.[1] ?? UNKNOWN;
  const metadata = [build, 'crisp', own].filter(Boolean).join('.');
  return `${release}+${metadata.replace(/[^0-9A-Za-z.-]/g, '-')}`;
}
