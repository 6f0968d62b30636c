import { isOfLine, type Pin } from './pins';

/** What is known of versions other than the pinned one. */
export interface Newer {
  /** The newest release of the pin's line; undefined when the pin is it. */
  readonly inLine?: string;
  /** The newest release of all, when it is newer than that and of another line. */
  readonly beyond?: string;
}

/** What of `versions` is newer than the pin. Versions before a release (`-rc.1`, `-beta.0`) do not count. */
export function newerThan(pin: Pin, versions: readonly string[]): Newer {
  const releases = versions.filter((version) => numbersOf(version) !== undefined).sort(compareVersions);
  const newest = releases.at(-1);
  const ofLine = releases.filter((version) => isOfLine(pin, version)).at(-1);
  const inLine = ofLine !== undefined && compareVersions(ofLine, pin.version) > 0 ? ofLine : undefined;
  const best = inLine ?? pin.version;
  const beyond =
    newest !== undefined && !isOfLine(pin, newest) && compareVersions(newest, best) > 0 ? newest : undefined;
  return { inLine, beyond };
}

/** Less than 0 when `a` is the older one. What is no release (`v1.0.0-rc.1`) counts as the oldest of all. */
export function compareVersions(a: string, b: string): number {
  const [left = [], right = []] = [numbersOf(a), numbersOf(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? -1) - (right[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The numbers of `v2.4.2`; undefined for what has more to it. */
function numbersOf(version: string): number[] | undefined {
  const plain = /^v?(\d+(?:\.\d+)*)$/.exec(version)?.[1];
  return plain?.split('.').map(Number);
}

/** The upstream version of a Debian package's: `1.6.20~ds1-1+deb12u3` is 1.6.20. */
export function upstreamOf(debian: string): string {
  return /^(?:\d+:)?(\d+(?:\.\d+)*)/.exec(debian)?.[1] ?? debian;
}
