import { LocalPaths } from './local-paths';
import { mountInfoText } from './mount-info';

/** What a path of the host turned out to be. */
export interface LookedAt {
  /** With every symbolic link resolved; of a missing one those that exist. */
  readonly path: string;
  /** As stat(2) has it; undefined when there is nothing. */
  readonly mode: number | undefined;
}

/**
 * Looks at paths that lie on filesystems of this machine; undefined when one of them does not, or has to be made. Blocks
 * the thread: also such a filesystem may have layers that do not answer (an overlay), or a disk that does not.
 */
export function lookLocally({
  paths,
  mountInfo = mountInfoText(),
}: {
  readonly paths: readonly { readonly path: string; readonly create?: boolean }[];
  readonly mountInfo?: string;
}): readonly LookedAt[] | undefined {
  const local = new LocalPaths(mountInfo);
  const found: LookedAt[] = [];
  for (const { path, create } of paths) {
    const at = local.resolve(path);
    if (at === undefined || (at.stats === undefined && create)) return undefined;
    found.push({ path: at.path, mode: at.stats?.mode });
  }
  return found;
}
