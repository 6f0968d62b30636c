import { isAbsolute } from 'node:path';
import { FileTooLarge, MAX_FILE_BYTES, NotRegularFile } from '../../base/regular-file';
import { run } from '../process/run';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import { HostPathError } from './safe-path';

const TIMEOUT_MS = 10_000;
/** What SCRIPT ends with. */
const [MISSING, ODD] = [3, 4];
/** `sh SCRIPT PATH COUNT`: prints the first COUNT bytes of a regular file that is not empty. */
const SCRIPT = `[ -e "$1" ] || exit ${MISSING}
[ -f "$1" ] || exit ${ODD}
[ -s "$1" ] || exit 0
exec head -c "$2" -- "$1"`;

export interface ReadOptions {
  /** Default MAX_FILE_BYTES. */
  readonly maxBytes?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** What is mounted, as in /proc/self/mountinfo; for tests. */
  readonly mountInfo?: string;
  readonly means?: Means;
}

/**
 * The text of a regular file that a request, or the configuration, names by any path: as `readRegularFile` of
 * base/regular-file.ts, and no thread of Node's is held up, whatever there is. What lies on this machine's own filesystems is
 * read on a thread for such calls; anything else (NFS, FUSE) by a child process that can be killed. Rejects with
 * NotRegularFile, with FileTooLarge, with ENOENT, and with a HostPathError when there is no answer within ten seconds.
 */
export async function readForeignText(path: string, options: ReadOptions = {}): Promise<string> {
  const { maxBytes = MAX_FILE_BYTES, timeoutMs = TIMEOUT_MS, signal, mountInfo, means = hostMeans() } = options;
  if (!isAbsolute(path) || path.includes('\0')) throw new HostPathError('it is no absolute path');
  signal?.throwIfAborted();
  const call = { subject: path, timeoutMs, signal };
  const found = await kernelCall(means, 'readLocally', { path, maxBytes, mountInfo }, call);
  if (found.kind === 'elsewhere') return readByChild(path, { maxBytes, timeoutMs, signal });
  if (found.kind === 'missing') throw noSuchFile();
  if (found.kind === 'odd') throw new NotRegularFile();
  if (found.kind === 'large') throw new FileTooLarge(maxBytes);
  return new TextDecoder().decode(found.content);
}

async function readByChild(
  path: string,
  { maxBytes, timeoutMs, signal }: { maxBytes: number; timeoutMs: number; signal?: AbortSignal },
): Promise<string> {
  const count = maxBytes + 1;
  const limits = { timeoutMs, signal, maxOutputBytes: count, env: { LC_ALL: 'C' } };
  const { code, stdout } = await run(['sh', '-c', SCRIPT, 'sh', path, String(count)], limits).catch(
    (cause: unknown) => {
      signal?.throwIfAborted();
      throw new HostPathError('it cannot be read', { cause });
    },
  );
  if (code === MISSING) throw noSuchFile();
  if (code === ODD) throw new NotRegularFile();
  if (code !== 0) throw new HostPathError(`reading it failed with code ${code}`);
  if (Buffer.byteLength(stdout) > maxBytes) throw new FileTooLarge(maxBytes);
  return stdout;
}

function noSuchFile(): Error {
  return Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
}
