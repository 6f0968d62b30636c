import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { checkout } from '../daemon/places';

/** What containerd's own plugin has left for the pods of test/fixtures/plugin-records/inputs. */
export function sample<T = unknown>(version: '1.6' | '2.x', name: string): T {
  return JSON.parse(
    readFileSync(join(checkout(), 'test/fixtures/plugin-records', version, `${name}.json`), 'utf8'),
  ) as T;
}

/** A pattern and what stands for whatever it matches. */
export type Mask = readonly [RegExp, string];

/** What differs from run to run however equal two records are: digests, and times as containerd's API tells them. */
export const EVERY_RUN: readonly Mask[] = [
  [/sha256:[0-9a-f]{64}/g, 'sha256:*'],
  [/\{"seconds":"-?\d+","nanos":\d+\}/g, '"TIME"'],
];

/** The value with everything that a mask matches in its JSON replaced. */
export function masked(value: unknown, masks: readonly Mask[]): unknown {
  const text = masks.reduce((before, [pattern, stand]) => before.replaceAll(pattern, stand), JSON.stringify(value));
  return JSON.parse(text) as unknown;
}

/**
 * Where two JSON values differ, one line per place: `path: theirs -> ours`. Objects are compared by key and lists by
 * position; `-` stands for what one side lacks.
 */
export function differences(theirs: unknown, ours: unknown, path = ''): string[] {
  if (isObject(theirs) && isObject(ours)) {
    const keys = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].sort();
    return keys.flatMap((key) => differences(theirs[key], ours[key], path === '' ? key : `${path}.${key}`));
  }
  if (Array.isArray(theirs) && Array.isArray(ours)) {
    return Array.from({ length: Math.max(theirs.length, ours.length) }).flatMap((_, at) =>
      differences(theirs[at], ours[at], `${path}[${at}]`),
    );
  }
  const [left, right] = [shown(theirs), shown(ours)];
  return left === right ? [] : [`${path}: ${left} -> ${right}`];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return value === undefined ? '-' : JSON.stringify(value);
}
