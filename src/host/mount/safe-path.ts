import { isAbsolute } from 'node:path';
import { DeadlineError } from '../../base/wait/deadline';
import { run } from '../process/run';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';

export type HostPathKind = 'directory' | 'file' | 'character' | 'block' | 'other' | 'missing';

/** What a path of the host turned out to be. */
export interface ResolvedHostPath {
  /** With every symbolic link resolved; of a missing one those that exist. */
  readonly path: string;
  readonly kind: HostPathKind;
}

/** The paths could not be looked at in time, or a directory could not be made. */
export class HostPathError extends Error {
  override readonly name = 'HostPathError';
}

const TIMEOUT_MS = 10_000;

/**
 * `sh SCRIPT COUNT PATH…`: makes the first COUNT paths, where missing, directories of mode 0755; prints what each path
 * resolves to; then, for those that exist, raw mode in hexadecimal and path; everything ended by a zero byte. Paths are
 * arguments, never text of the script. Three processes, however many paths.
 */
const SCRIPT = `umask 022
count=$1; shift
made=0
for path; do
  [ "$made" -lt "$count" ] || break
  [ -e "$path" ] || mkdir -p -- "$path" || exit 3
  made=$((made + 1))
done
realpath -mz -- "$@" || exit 4
stat -L --printf '%f\\0%n\\0' -- "$@" 2>/dev/null
exit 0`;

const S_IFMT = 0o170000;
const KINDS: ReadonlyMap<number, HostPathKind> = new Map([
  [0o040000, 'directory'],
  [0o100000, 'file'],
  [0o020000, 'character'],
  [0o060000, 'block'],
]);

export interface LookOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** What is mounted, as in /proc/self/mountinfo; for tests. */
  readonly mountInfo?: string;
  readonly means?: Means;
}

/**
 * Looks at paths that a user named. On a dead network filesystem such a look never returns, and must cost neither the daemon
 * nor one of its few file threads: what lies on this machine's own filesystems is looked at on a thread for such calls, and
 * anything else by a child process that can be killed; both with a deadline. Paths with `create` are made a directory (0755, as kubelet's own) when there is nothing. Answers in the
 * order asked; rejects with a HostPathError.
 */
export async function resolveHostPaths(
  paths: readonly { path: string; create?: boolean }[],
  options: LookOptions = {},
): Promise<ResolvedHostPath[]> {
  const relative = paths.find(({ path }) => !isAbsolute(path) || path.includes('\0'));
  if (relative !== undefined) throw new HostPathError(`"${relative.path}" is no absolute path`);
  if (paths.length === 0) return [];
  return (await resolveHere(paths, options)) ?? resolveByChild(paths, options);
}

type Asked = readonly { readonly path: string; readonly create?: boolean }[];

/** Undefined when one of them cannot be looked at, or has to be made. */
async function resolveHere(
  paths: Asked,
  { timeoutMs = TIMEOUT_MS, signal, mountInfo, means = hostMeans() }: LookOptions,
): Promise<ResolvedHostPath[] | undefined> {
  const subject = paths.map(({ path }) => path).join(', ');
  const options = { subject, timeoutMs, signal };
  const found = await kernelCall(means, 'lookLocally', { paths, mountInfo }, options).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw cause instanceof DeadlineError ? new HostPathError(`looking at ${subject}`, { cause }) : cause;
  });
  return found?.map(({ path, mode }) => ({ path, kind: mode === undefined ? 'missing' : kindOfMode(mode) }));
}

async function resolveByChild(paths: Asked, options: LookOptions): Promise<ResolvedHostPath[]> {
  const order = [...paths.keys()].sort((a, b) => Number(paths[b]?.create ?? false) - Number(paths[a]?.create ?? false));
  const count = paths.filter(({ create }) => create).length;
  const args = order.map((index) => paths[index]?.path ?? '');
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const found = await probe(String(count), args, timeoutMs, options.signal);
  const answers = new Map(order.map((index, at) => [index, found[at]]));
  return paths.map(({ path }, index) => answers.get(index) ?? { path, kind: 'missing' });
}

/** As `resolveHostPaths`, for one path. */
export async function resolveHostPath(
  path: string,
  options: LookOptions & { readonly create?: boolean } = {},
): Promise<ResolvedHostPath> {
  const [found] = await resolveHostPaths([{ path, create: options.create }], options);
  return found ?? { path, kind: 'missing' };
}

async function probe(
  count: string,
  paths: string[],
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<ResolvedHostPath[]> {
  const argv: [string, ...string[]] = ['sh', '-c', SCRIPT, 'sh', count, ...paths];
  const { code, stdout, stderr } = await run(argv, { timeoutMs, signal, env: { LC_ALL: 'C' } }).catch(
    (cause: unknown) => {
      signal?.throwIfAborted();
      throw new HostPathError(`looking at ${paths.join(', ')}`, { cause });
    },
  );
  if (code !== 0) throw new HostPathError(stderr.trim() || `looking at ${paths.join(', ')} failed with code ${code}`);
  const fields = stdout.split('\0');
  const modes = new Map<string, string>();
  for (let at = paths.length; at + 1 < fields.length; at += 2) modes.set(fields[at + 1] ?? '', fields[at] ?? '');
  return paths.map((path, index) => ({ path: fields[index] ?? path, kind: kindOf(modes.get(path)) }));
}

function kindOf(mode: string | undefined): HostPathKind {
  if (mode === undefined) return 'missing';
  return kindOfMode(Number.parseInt(mode, 16));
}

function kindOfMode(mode: number): HostPathKind {
  return KINDS.get(mode & S_IFMT) ?? 'other';
}
