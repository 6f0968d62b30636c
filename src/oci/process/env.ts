import type { KeyValue } from '../../../generated/cri/v1/api';
import { eachOf, type Pieces } from '../../base/work/pieces';
import { OciError } from '../oci-error';
import { checkVariable } from './process-limits';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** What Node puts in the place of bytes that are not UTF-8; a text may have it of its own. */
const REPLACEMENT = '\ufffd';
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Variables by their names, each with its entry `NAME=value`. */
type Variables = Map<string, string>;

/** A known name keeps its place and takes the new value, a new one goes to the end, and an entry without `=` takes the name away. */
function change(variables: Variables, entry: string): void {
  const end = entry.indexOf('=');
  if (end < 0) variables.delete(entry);
  else variables.set(entry.slice(0, end), entry);
}

/** Sets variables in a list: the last entry of each name counts, in the place of the first. */
export function* withEnv(env: readonly string[], changes: readonly string[]): Pieces<string[]> {
  const variables: Variables = new Map();
  for (const list of [env, changes]) yield* eachOf(list, (entry) => change(variables, entry));
  return [...variables.values()];
}

/**
 * Variables of an image, and of a request. Linux takes 6 MiB of them at most, which are so many of 87 bytes with their pointers. kubelet
 * gives a container seven for a service of its namespace, of which Kubernetes is tested with 5000.
 */
export const MAX_VARIABLES = 65_536;

/** Throws an OciError for an image that brings more variables than a container may have. */
export function checkImageEnv(env: readonly string[]): void {
  if (env.length > MAX_VARIABLES) throw new OciError('image.config.Env', `has more than ${MAX_VARIABLES} entries`);
}

/** CRI values are bytes; the spec is JSON, so only UTF-8 can be passed on unchanged. */
function entryOf({ key, value }: KeyValue, index: number): string {
  const text = value.toString('utf8');
  const entry = `${key}=${text}`;
  if (key === '' || key.includes('=') || key.includes('\0')) {
    throw new OciError(`config.envs[${index}].key`, `${JSON.stringify(key)} is not a variable name`);
  }
  if (text.includes('\0')) throw new OciError(`config.envs[${index}].value`, `the value of ${key} has a NUL byte`);
  if (text.includes(REPLACEMENT) && !isUtf8(value)) {
    throw new OciError(`config.envs[${index}].value`, `the value of ${key} is not valid UTF-8`);
  }
  checkVariable(entry, 'config.envs', index);
  return entry;
}

function isUtf8(value: Uint8Array): boolean {
  try {
    UTF8.decode(value);
    return true;
  } catch {
    return false;
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
export function* containerEnv({ base = [], hostname, imageEnv, envs, tty }: EnvInput): Pieces<string[]> {
  const own = [PATH, ...(tty ? ['TERM=xterm'] : []), `HOSTNAME=${hostname}`];
  checkImageEnv(imageEnv);
  const variables: Variables = new Map();
  for (const entry of [...base, ...own]) change(variables, entry);
  yield* eachOf(imageEnv, (entry, at) => {
    checkVariable(entry, 'image.config.Env', at);
    change(variables, entry);
  });
  yield* eachOf(envs, (env, at) => variables.set(env.key, entryOf(env, at)));
  return [...variables.values()];
}
