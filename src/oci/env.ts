import type { KeyValue } from '../../generated/cri/v1/api';
import { OciError } from './oci-error';
import { checkVariable, checkVariables } from './process-limits';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Sets variables in a list: a known name keeps its place and takes the new value, a new one goes to the end, and an
 * entry without `=` takes the name away.
 */
export function withEnv(env: readonly string[], changes: readonly string[]): string[] {
  const place = new Map<string, number>();
  const result: (string | undefined)[] = [];
  const set = (name: string, entry: string | undefined) => {
    const at = place.get(name);
    if (at !== undefined) result[at] = entry;
    if (entry === undefined) place.delete(name);
    else if (at === undefined) place.set(name, result.push(entry) - 1);
  };
  for (const entry of [...env, ...changes]) {
    const end = entry.indexOf('=');
    if (end < 0) set(entry, undefined);
    else set(entry.slice(0, end), entry);
  }
  return result.filter((entry) => entry !== undefined);
}

/**
 * Variables of an image, and of a request. Each is looked at by itself. kubelet gives a container eight for a service of its
 * namespace: so many are those of 2048 services.
 */
export const MAX_VARIABLES = 16_384;

/** Throws an OciError for an image that brings more variables than a container may have. */
export function checkImageEnv(env: readonly string[]): void {
  if (env.length > MAX_VARIABLES) throw new OciError('image.config.Env', `has more than ${MAX_VARIABLES} entries`);
}

/** CRI values are bytes; the spec is JSON, so only UTF-8 can be passed on unchanged. */
function entryOf({ key, value }: KeyValue, index: number): string {
  const field = `config.envs[${index}]`;
  if (!key || /[=\0]/.test(key)) throw new OciError(`${field}.key`, `${JSON.stringify(key)} is not a variable name`);
  if (value.includes(0)) throw new OciError(`${field}.value`, `the value of ${key} has a NUL byte`);
  const entry = `${key}=${textOf(value, key, field)}`;
  checkVariable(entry, field);
  return entry;
}

function textOf(value: Uint8Array, key: string, field: string): string {
  try {
    return UTF8.decode(value);
  } catch {
    throw new OciError(`${field}.value`, `the value of ${key} is not valid UTF-8`);
  }
}

export interface EnvInput {
  /** Of the base spec. */
  readonly base?: readonly string[];
  readonly hostname: string;
  readonly imageEnv: readonly string[];
  readonly envs: readonly KeyValue[];
  readonly tty: boolean;
}

/** A container's environment: PATH, TERM on a terminal, HOSTNAME, the image's, the request's; the last word counts. */
export function containerEnv({ base = [], hostname, imageEnv, envs, tty }: EnvInput): string[] {
  const own = [PATH, ...(tty ? ['TERM=xterm'] : []), `HOSTNAME=${hostname}`];
  checkImageEnv(imageEnv);
  const asked = envs.map(entryOf);
  checkVariables(imageEnv, 'image.config.Env');
  return withEnv([...base, ...own], [...imageEnv, ...asked]);
}
