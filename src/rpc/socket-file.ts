import { chmod, lstat, mkdir, rename, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { errnoOf } from '../base/errors';

/** sun_path of a unix address holds 108 bytes, the last of them 0; Linux truncates nothing, it refuses. */
const MAX_PATH_BYTES = 107;
/** Under which name a socket is bound before it gets its own. */
const NEW_SUFFIX = '.new';
const PROBE_TIMEOUT_MS = 1000;

/** The path inside a `unix://` address, or the path itself. */
export function socketPath(address: string): string {
  if (address.startsWith('unix://')) return address.slice('unix://'.length);
  return address.startsWith('unix:') ? address.slice('unix:'.length) : address;
}

/** A socket file that is bound and listens; `remove` takes it away unless another server has put its own there since. */
export interface SocketFile {
  remove(): Promise<void>;
}

/**
 * Has `bind` listen at `path`. The socket is bound under a neighbouring name, given its mode, and only then renamed: no
 * client ever finds it with the mode of the umask. Throws when somebody answers at `path`, or when what lies there is
 * not a socket; a socket that nobody answers is a leftover and is replaced.
 */
export async function bindSocketFile(
  path: string,
  mode: number,
  bind: (path: string) => Promise<void>,
): Promise<SocketFile> {
  const temporary = `${path}${NEW_SUFFIX}`;
  if (Buffer.byteLength(temporary) > MAX_PATH_BYTES) throw new Error(`the socket path ${path} is too long`);
  await mkdir(dirname(path), { recursive: true });
  await refuseUnlessStale(path);
  await unlinkIfThere(temporary);
  await bind(temporary);
  await chmod(temporary, mode);
  await rename(temporary, path);
  const { ino, dev } = await lstat(path);
  return {
    remove: async () => {
      const now = await lstat(path).catch(() => undefined);
      if (now?.ino === ino && now.dev === dev) await unlinkIfThere(path);
    },
  };
}

async function refuseUnlessStale(path: string): Promise<void> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!stat) return;
  if (!stat.isSocket()) throw new Error(`${path} is there and is not a socket`);
  if (await somebodyAnswers(path)) throw new Error(`another server is listening at ${path}`);
}

/** A full backlog and a refused permission mean a live server as well: only ECONNREFUSED says that nobody listens. */
function somebodyAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const answer = (value: boolean): void => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => answer(true));
    socket.once('connect', () => answer(true));
    socket.once('error', (error) => answer(!['ECONNREFUSED', 'ENOENT'].includes(errnoOf(error) ?? '')));
  });
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
}
