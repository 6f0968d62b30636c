import { parseArgs } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { errorMessage } from '../base/errors';
import { sayLastWords } from '../host/process/detached';
import { hostMeans } from '../host/syscall/syscalls';
import { plainLogger } from '../observability/plain-logger';
import { runStdioProcess, type StdioEnd, StdioExit } from './process';
import { runStdioWorker } from './worker';

/**
 * The program that has the stdio of containers: `crisp serve` starts it, and it is there for as long as the node. A bundle
 * of its own, because what it does not need would be most of its memory.
 */
async function main(args: readonly string[]): Promise<StdioEnd> {
  // Whoever reads what we say may be gone.
  process.stderr.on('error', () => undefined);
  // As in main.ts: this signal must not open Node's debugger.
  process.on('SIGUSR1', () => undefined);
  const log = plainLogger((line) => void process.stderr.write(line)).child({ part: 'stdio' });
  process.on('unhandledRejection', (reason) => log.error('unhandled rejection', { error: errorMessage(reason) }));
  process.on('uncaughtException', (error) => {
    log.error('uncaught exception', { error: errorMessage(error), stack: error.stack });
    sayLastWords(`uncaught exception: ${errorMessage(error)}`);
    process.exit(StdioExit.FAILED);
  });
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        dir: { type: 'string' },
        containerd: { type: 'string', default: '' },
        replace: { type: 'boolean', default: false },
      },
    });
    const { dir, containerd, replace } = values;
    if (dir === undefined) throw new Error('--dir is missing');
    const end = await runStdioProcess({
      ...{ dir, containerd, replace },
      log,
      program: __filename,
      signal: stopping.signal,
    });
    log.info('no longer serving the stdio of containers', { ...end });
    return end;
  } catch (error) {
    const why = errorMessage(error);
    log.error('the stdio of containers cannot be served', { error: why });
    return { code: StdioExit.FAILED, why };
  }
}

if (isMainThread) {
  void main(process.argv.slice(2)).then(({ code, why, heldUp }) => {
    sayLastWords(why);
    if (heldUp) hostMeans().syscalls?.exitNow(code); // Node would wait for the thread
    process.exit(code);
  });
} else runStdioWorker();
