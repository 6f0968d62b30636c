import { chmod, lstat, mkdir, rename, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { errnoOf } from '../../base/errors';
import { fromOutside } from '../../base/wait/outside';

/** sun_path of a unix address holds 108 bytes, the last of them 0. */
const MAX_PATH_BYTES = 107;
/** Under which neighbouring name a socket is bound before it gets its own. */
const NEW_SUFFIX = '.new';
const PROBE_TIMEOUT_MS = 1000;

/** The path inside a `unix://` address, or the path itself. */
export function socketPath(address: string): string {
  return address.replace(/^unix:(\/\/)?/, '');
}

/** A socket file that is bound and listens; `remove` takes it away unless another server has put its own there since. */
export interface SocketFile {
  remove(): Promise<void>;
}

/**
 * Has `bind` listen at `path`, whose directory is made (0700) when absent. The socket is bound under a neighbouring name,
 * given its mode, and then renamed: nobody ever finds it with the mode of the umask. A socket that nobody answers is
 * replaced. Throws when somebody answers, or when what lies there is no socket.
 */
export async function bindSocketFile(
  path: string,
  mode: number,
  bind: (path: string) => Promise<void>,
): Promise<SocketFile> {
  const temporary = `${path}${NEW_SUFFIX}`;
  if (Buffer.byteLength(temporary) > MAX_PATH_BYTES) throw new Error(`the socket path ${path} is too long`);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
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
  const found = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!found) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket`);
  if (await answers(path)) throw new Error(`another server listens on ${path}`);
}

/** A full backlog and a refused permission mean a live server as well: only ECONNREFUSED says that nobody listens. */
function answers(path: string): Promise<boolean> {
  const asked = fromOutside<true>({ what: 'a connection', limitMs: PROBE_TIMEOUT_MS }, ({ answer, fail }) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      answer(true);
    });
    socket.on('error', fail);
    return () => socket.destroy();
  });
  return asked.catch((error: unknown) => !['ECONNREFUSED', 'ENOENT'].includes(errnoOf(error) ?? ''));
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
}
