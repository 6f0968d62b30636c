import { BadInputError } from '../bad-input';
import { runOk } from '../process/run';
import { hostMeans, type Means } from '../syscall/syscalls';
import { openInRoot } from './in-root';

/** Volumes can be large; for longer the image's files are not held for it (`withImageMounted`). */
const COPY_MS = 8 * 60_000;

/**
 * Copies what an image has at the path of one of its VOLUMEs into `targetDir`, which must exist: content, owners, modes,
 * times, extended attributes, links as links; the directory's own owner and mode too. Nothing outside of `rootfs` is read,
 * whatever the path or its links say. Answers false, having done nothing, when the image has nothing there. Rejects for a
 * path that is no directory.
 */
export async function copyImageVolume(
  source: { rootfs: string; path: string },
  targetDir: string,
  options: { signal?: AbortSignal; timeoutMs?: number } = {},
  means: Means = hostMeans(),
): Promise<boolean> {
  const place = await openInRoot(source.rootfs, source.path, means);
  if (place === undefined) return false;
  try {
    if (place.kind !== 'directory')
      throw new BadInputError(`the volume "${source.path}" of the image is not a directory`);
    // By descriptor: a path could lead elsewhere by the time cp opens it.
    const argv: [string, ...string[]] = ['cp', '-a', '--', `${place.handle}/.`, targetDir];
    await runOk(argv, { signal: options.signal, timeoutMs: options.timeoutMs ?? COPY_MS });
    return true;
  } finally {
    place.close();
  }
}
