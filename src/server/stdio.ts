import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '../base/errors';
import type { Metrics } from '../base/metrics';
import type { Config } from '../config/schema';
import { spawnDetached } from '../host/process/detached';
import { lockHolder } from '../host/process/lock-file';
import { isDying } from '../host/process/proc';
import { socketPath } from '../rpc/server/listen';
import { programBuild, stdioArguments, stdioLock, stdioSocket } from '../stdio/paths';
import { StdioRemote } from '../stdio/stdio-remote';
import type { AppOptions } from './options';
import { CRI_NAMESPACE } from './usable-containerd';

/** The process lives as long as the node: little memory counts for more than speed, of which it has enough. */
const NODE_FLAGS = ['--max-semi-space-size=1', '--v8-pool-size=0'];

/** The stdio of containers, in a process of its own that is started when it is not there. */
export function stdioRemote(config: Config, { log, stdioProgram, manager }: AppOptions, metrics: Metrics): StdioRemote {
  const dir = join(config.state, 'stdio');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const { address, namespace } = config.containerd;
  // Another namespace than that of containerd's own CRI is never taken over by it.
  const containerd = namespace === CRI_NAMESPACE ? socketPath(address) : '';
  return new StdioRemote({
    ...{ log, metrics, manager, build: programBuild(stdioProgram) },
    path: stdioSocket(dir),
    containerd,
    holder: () => lockHolder(stdioLock(dir)),
    isDying,
    start: (how, onEnd) =>
      spawnDetached([process.execPath, ...NODE_FLAGS, stdioProgram, ...stdioArguments(dir, { ...how, containerd })], {
        logFile: join(dir, 'log'),
        onNoLog: (error) => log.warn('the log of crisp-stdio cannot be opened', { error: errorMessage(error) }),
        onEnd,
      }),
  });
}
