import type { Retries } from '../base/work/retry-queue';
import type { Process } from '../containerd/tasks';
import type { ExitMonitor } from '../exits/exit-monitor';
import type { ImageIndex } from '../images/store/image-index';
import type { LifecycleDeps } from '../tasks/deps';

/** For a task: a shim that hangs must not hold up the start of everything else. In milliseconds, as the others. */
export const TASK_TIMEOUT_MS = 10_000;
/** For one record, which containerd reads from its database. */
export const GET_TIMEOUT_MS = 5000;
/** For what is taken apart in the background. */
export const CLEANUP_TIMEOUT_MS = 60_000;

export type RecoverDeps = LifecycleDeps & {
  readonly monitor: ExitMonitor;
  readonly retries: Retries;
  readonly images: Pick<ImageIndex, 'find' | 'resync' | 'unreadNames'>;
  /** All tasks, asked for once for those who ask at the same time. */
  readonly allTasks: () => Promise<readonly Process[]>;
};
