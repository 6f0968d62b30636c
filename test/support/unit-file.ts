import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');

/** Where the unit lies in this checkout. */
export const UNIT = join(ROOT, 'packaging/systemd/crisp.service');

/** The lines `NAME=VALUE` of a section of the unit, in their order; a name may come more than once. */
export function unitLines(section: string): string[] {
  let at = '';
  return readFileSync(UNIT, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .filter((line) => {
      at = /^\[(.+)\]$/.exec(line)?.[1] ?? at;
      return at === section && !line.startsWith('[');
    });
}

/** All values that the unit's service gives a setting, in their order. */
export function unitValues(name: string): string[] {
  return unitLines('Service').flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));
}

/** The capabilities that the unit leaves to crisp and to all that it starts, names with CAP_. */
export function unitCapabilities(): string[] {
  return unitValues('CapabilityBoundingSet').flatMap((value) => value.split(' '));
}
