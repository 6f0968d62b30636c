import { parse } from 'smol-toml';

import type { Entry } from './contestant';
import type { Mode } from './report/metrics';

/** What can be measured, in the order in which it is. */
export const PARTS = ['pods', 'exec', 'density', 'logs', 'pull', 'exited', 'streams', 'load', 'breakdown'] as const;
export type Part = (typeof PARTS)[number];

export interface BenchOptions {
  readonly parts: readonly Part[];
  /** Pods one at a time, and probes. */
  readonly pods: number;
  /** Pods of a batch. */
  readonly density: number;
  /** How often the parts with few and long measurements are repeated. */
  readonly rounds: number;
  /** How long a full node is watched at rest. */
  readonly restSeconds: number;
  /** Containers that have ended. */
  readonly exited: number;
  /** Output of one container, and what goes through one stream. */
  readonly logMib: number;
  readonly streamMib: number;
  /** How long many clients are busy. */
  readonly loadSeconds: number;
  readonly entries: readonly Entry[];
  /** The numbers go into the documentation: they do when everything is measured in full, or when `DOCUMENT=1` says so. */
  readonly document: boolean;
}

const NUMBERS = {
  PODS: 100,
  DENSITY: 105,
  ROUNDS: 3,
  REST_SECONDS: 30,
  EXITED: 1000,
  LOG_MIB: 256,
  STREAM_MIB: 1024,
  LOAD_SECONDS: 20,
};

/**
 * Reads the options from environment variables, each with a default. `VARIANTS` names further crisps with settings of
 * their own, as `name: TOML; name: TOML`; `bundle` among the settings is the path of another `dist/crisp.js`, `node_flags` are flags of its Node.
 */
export function benchOptions(env: Readonly<Record<string, string | undefined>>): BenchOptions {
  const numbers = Object.entries(NUMBERS).map(([name, usual]) => [name, numberOf(name, env[name], usual)]);
  const n = Object.fromEntries(numbers) as Record<keyof typeof NUMBERS, number>;
  const parts = partsOf(env.PARTS);
  const full =
    parts.length === PARTS.length &&
    Object.entries(NUMBERS).every(([name, usual]) => (n as Record<string, number>)[name] === usual);
  return {
    ...{
      parts,
      document: full || env.DOCUMENT === '1',
      pods: n.PODS,
      density: n.DENSITY,
      rounds: n.ROUNDS,
      restSeconds: n.REST_SECONDS,
    },
    ...{ exited: n.EXITED, logMib: n.LOG_MIB, streamMib: n.STREAM_MIB, loadSeconds: n.LOAD_SECONDS },
    entries: [
      { name: 'plugin', kind: 'plugin' },
      { name: 'crisp', kind: 'crisp', settings: {} },
      ...variants(env.VARIANTS),
    ],
  };
}

/** How its pods are held, by the settings of whichever runtime: other goals may hold then. */
export function modeOf(entry: Entry): Mode {
  const settings = entry.kind === 'crisp' ? JSON.stringify(entry.settings) : '';
  if (settings.includes('"infra_container":"auto"')) return 'bare';
  return Number(/"pods_per_shim":(\d+)/.exec(settings)?.[1]) >= 4 ? 'shared' : 'usual';
}

function partsOf(text = ''): Part[] {
  const words = text.split(/[\s,]+/).filter(Boolean);
  const unknown = words.filter((word) => !PARTS.includes(word as Part));
  if (unknown.length > 0) throw new Error(`PARTS: no part ${unknown.join(', ')}; there are ${PARTS.join(', ')}`);
  return words.length === 0 ? [...PARTS] : PARTS.filter((part) => words.includes(part));
}

function numberOf(name: string, text: string | undefined, usual: number): number {
  if (text === undefined || text === '') return usual;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name}: ${text} is no whole number above 0`);
  return value;
}

function variants(text = ''): Entry[] {
  return text
    .split(';')
    .map((one) => one.trim())
    .filter(Boolean)
    .map((one) => {
      const [, name = '', toml = ''] = /^([\w-]+):(.*)$/s.exec(one) ?? [];
      if (name === '' || name === 'plugin' || name === 'crisp') throw new Error(`VARIANTS: no name of its own: ${one}`);
      const { bundle, node_flags: flags, ...settings } = parse(toml.trim());
      if (bundle !== undefined && typeof bundle !== 'string') throw new Error(`VARIANTS: bundle of ${name} is no path`);
      if (flags !== undefined && typeof flags !== 'string')
        throw new Error(`VARIANTS: node_flags of ${name} are no text`);
      return { name, kind: 'crisp', settings, bundle, nodeFlags: flags?.split(' ') };
    });
}
