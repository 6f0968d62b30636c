import { createHash } from 'node:crypto';
import { lstatSync, unlinkSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../../base/errors';
import { fromOutside } from '../../base/wait/outside';

/** Where shims listen, whatever state directory their containerd has; since 2.3 its setting `socket_dir` may name another. */
export const SHIM_SOCKETS = '/run/containerd/s';

/** How long a listener is waited for; it is one all the same. */
const PROBE_TIMEOUT_MS = 1000;
/** A SHA-256 in hexadecimal. */
const NAME = /^[0-9a-f]{64}$/;
/** In the files that containerd (`bootstrap.json`, 2.x) and shims (`address`, 1.x) leave in a task's directory. */
const ADDRESS_FILES = ['bootstrap.json', 'address'];
const ADDRESS = /unix:\/\/(\/[^"\s]+)/g;

/** A socket that nobody listens at. */
export interface DeadSocket {
  readonly path: string;
  /** A shim that takes the path over makes a socket with another one. */
  readonly ino: bigint;
}

/**
 * What a shim's sockets are called: the hash of the daemon's address, its namespace and the shim's group, and the same for
 * debugging (`CreateSocketAddress` in containerd's pkg/shim). `group`: the id of a pod, or of a container in none.
 */
export function shimSocketNames(shim: { address: string; namespace: string; group: string }): string[] {
  const path = join(shim.address, shim.namespace, shim.group);
  return [path, join(path, 'debug')].map((text) => createHash('sha256').update(text).digest('hex'));
}

/** The daemon's address that a shim was started with; undefined when the process is no shim, or has ended. */
export async function shimAddress(pid: number, procRoot = '/proc'): Promise<string | undefined> {
  const args = (await readFile(join(procRoot, String(pid), 'cmdline'), 'utf8').catch(() => '')).split('\0');
  const at = args.indexOf('-address');
  return at < 0 ? undefined : args[at + 1] || undefined;
}

/** Paths of the sockets that the directories of tasks name. `root` has a directory for each namespace, and that one for each task. */
export async function socketsOfTasks(root: string): Promise<string[]> {
  const namespaces = await namesIn(root);
  const tasks = await Promise.all(
    namespaces.map(async (name) => (await namesIn(join(root, name))).map((id) => join(root, name, id))),
  );
  const files = tasks.flat().flatMap((dir) => ADDRESS_FILES.map((name) => join(dir, name)));
  const texts = await Promise.all(files.map((file) => textOf(file)));
  return texts.flatMap((text) => [...text.matchAll(ADDRESS)].map(([, path = '']) => path));
}

/**
 * Shims' sockets in these directories at which nobody listens. A shim removes its sockets when it ends, but not when it is
 * killed, and on containerd 2.x it removes those that its own id names, not its group. Rejects when a directory cannot be read.
 */
export async function deadSockets(dirs: readonly string[], procRoot = '/proc'): Promise<DeadSocket[]> {
  const bound = new Set((await textOf(join(procRoot, 'net/unix'))).split('\n').map((row) => basename(row)));
  const paths = await Promise.all(
    [...new Set(dirs)].map(async (dir) => (await namesIn(dir)).map((name) => join(dir, name))),
  );
  const found: DeadSocket[] = [];
  for (const path of paths.flat()) {
    const name = basename(path);
    // Most that live are told apart without being called.
    if (!NAME.test(name) || bound.has(name)) continue;
    const socket = socketAt(path);
    if (socket && !(await isServed(path))) found.push(socket);
  }
  return found;
}

/** Removes a socket at which nobody listens; false when somebody does by now, or it is another one. */
export async function removeDeadSocket({ path, ino }: DeadSocket): Promise<boolean> {
  if (!NAME.test(basename(path)) || (await isServed(path))) return false;
  // Nothing is waited for between look and removal: a shim that is just being started makes another.
  if (socketAt(path)?.ino !== ino) return false;
  unlinkSync(path);
  return true;
}

/** Removes these sockets of a directory, unless somebody listens at them; answers how many stay for that. */
export async function removeShimSockets(names: readonly string[], dir = SHIM_SOCKETS): Promise<number> {
  let served = 0;
  for (const name of names) {
    const socket = socketAt(join(dir, name));
    if (socket && !(await removeDeadSocket(socket)) && socketAt(socket.path)) served++;
  }
  return served;
}

function socketAt(path: string): DeadSocket | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.isSocket() ? { path, ino: found.ino } : undefined;
}

/** Only a refusal says that nobody listens. A listener that has no time, for one, does not refuse. */
function isServed(path: string): Promise<boolean> {
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

async function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  });
}

/** Empty when there is no such file, or it goes meanwhile. */
async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return '';
    throw error;
  });
}

/** The directories that shims' sockets are in: the usual one, and those of these sockets. */
export function directoriesOf(sockets: readonly string[]): string[] {
  return [
    ...new Set([SHIM_SOCKETS, ...sockets.filter((path) => NAME.test(basename(path))).map((path) => dirname(path))]),
  ];
}
