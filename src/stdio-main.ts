import { parseArgs } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { errorMessage } from './base/errors';
import { plainLogger } from './observability/plain-logger';
import { runStdioProcess } from './stdio-app';
import { runStdioWorker } from './stdio-worker';

/**
 * The program that has the stdio of containers: `crisp serve` starts it, and it is there for as long as the node. A bundle
 * of its own, because what it does not need would be most of its memory.
 */
async function main(args: readonly string[]): Promise<number> {
  // Whoever reads what we say may be gone.
  process.stderr.on('error', () => undefined);
  const log = plainLogger((line) => void process.stderr.write(line)).child({ part: 'stdio' });
  process.on('unhandledRejection', (reason) => log.error('unhandled rejection', { error: errorMessage(reason) }));
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
    await runStdioProcess({
      ...{ dir, containerd, replace },
      log,
      program: __filename,
      signal: stopping.signal,
    });
    return 0;
  } catch (error) {
    log.error('the stdio of containers cannot be served', { error: errorMessage(error) });
    return 1;
  }
}

if (isMainThread) void main(process.argv.slice(2)).then((code) => process.exit(code));
else runStdioWorker();
