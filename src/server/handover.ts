import { join } from 'node:path';
import type { Config } from '../config/schema';
import { handOver } from '../cri/sandbox/hand-over';
import { LockedError, lockFile } from '../host/process/lock-file';
import type { AppOptions } from './options';
import { requireUsableDaemon } from './usable-containerd';
import { buildParts } from './wiring';

/**
 * Gives every pod a pause task, so that containerd's own CRI can take the pods over; true when every pod that is READY
 * has one. Throws when crisp or the plugin serves: either would act on the same pods.
 */
export async function runHandover(
  config: Config,
  options: AppOptions,
  print: (line: string) => void,
): Promise<boolean> {
  const lock = await lockFile(join(config.state, 'lock')).catch((error: unknown) => {
    if (error instanceof LockedError) throw new Error(`crisp is serving (pid ${error.pid}): stop it first`);
    throw error;
  });
  try {
    const { deps, networks, refreshDaemon } = await buildParts(config, options);
    try {
      await requireUsableDaemon(deps.containerd, config.containerd);
      await refreshDaemon();
      await deps.images.resync();
      const { started, left, failed } = await handOver(deps, print);
      print(`${started} pods were given a pause task, ${left} are not ready, ${failed} failed`);
      return failed === 0;
    } finally {
      networks.stop();
      deps.containerd.close();
    }
  } finally {
    await lock.release();
  }
}
