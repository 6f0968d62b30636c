import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../support/daemon/places';
import type { Input } from './input';

/** An input that once failed, and what came of it then. */
export interface Kept extends Input {
  readonly why: string;
}

/** What once failed, oldest first: it is read before anything else, in `make test` too. */
export function keptOf(name: string): Kept[] {
  const file = fileOf(name);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept[]) : [];
}

/** Keeps an input, once. */
export function keep(name: string, kept: Kept): void {
  const all = keptOf(name);
  const text = ({ before, piece, times, after }: Input): string => JSON.stringify([before, piece, times, after]);
  if (all.some((each) => text(each) === text(kept))) return;
  mkdirSync(folder(), { recursive: true });
  writeFileSync(fileOf(name), `${JSON.stringify([...all, kept], null, 2)}\n`);
}

/** Names of the targets of which something is kept, as files have them. */
export function keptNames(): string[] {
  // Git keeps no empty directory.
  if (!existsSync(folder())) return [];
  return readdirSync(folder())
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length));
}

/** The name of a target as its file has it. */
export function fileName(name: string): string {
  return name.replaceAll('/', '-');
}

function fileOf(name: string): string {
  return join(folder(), `${fileName(name)}.json`);
}

function folder(): string {
  return join(checkout(), 'test/fuzz/kept');
}
