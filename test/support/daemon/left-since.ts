import { setTimeout as pause } from 'node:timers/promises';

import { contentOf } from './pod-processes';

const EVERY_MS = 1000;

/** Things that are there, by kind. */
type Traces<Kind extends string> = Readonly<Record<Kind, readonly string[]>>;

/** A thing that is left, and what it is. */
export type Left = readonly [kind: string, what: string];

/** What was not there before and is there now, and also when everything has had so long to go. */
export async function leftSince<Kind extends string>(
  before: Traces<Kind>,
  look: () => Traces<Kind> | Promise<Traces<Kind>>,
  withinMs: number,
): Promise<Left[]> {
  const limit = Date.now() + withinMs;
  let left = difference(await look(), before);
  while (left.length > 0 && Date.now() < limit) {
    await pause(EVERY_MS);
    left = difference(await look(), before);
  }
  return left.map(([kind, what]) => [kind, kind === 'shims' ? shimOfPid(what) : what]);
}

/** `sandboxRecords` as people say it. */
export function kindLeft(kind: string): string {
  return `left: ${kind.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`;
}

function difference<Kind extends string>(now: Traces<Kind>, before: Traces<Kind>): [string, string][] {
  const kinds = Object.keys(now) as Kind[];
  return kinds.flatMap((kind) => {
    const known = new Set(before[kind]);
    return now[kind].filter((what) => !known.has(what)).map((what): [string, string] => [kind, what]);
  });
}

/** Whose shim it is, by its command line. */
function shimOfPid(pid: string): string {
  const argv = contentOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
  return argv === '' ? pid : `${argv}(pid ${pid})`; // it may have ended meanwhile
}
