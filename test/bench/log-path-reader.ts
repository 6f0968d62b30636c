import { silentLogger } from '../../src/base/logger';
import { noMetrics } from '../../src/base/metrics';
import { kernelPipes } from '../../src/host/syscall/pipes';
import { JOURNAL_BYTES } from '../../src/stdiod/engine/journal';
import { LogEngine } from '../../src/stdiod/engine/log-engine';
import { StdioInProcess } from '../../src/stdiod/output/stdio-in-process';

/** One reader, to be killed: `log-path-reader.ts (event-loop|engine) FIFO LOG JOURNAL`. Ends with the stream. */
export async function main([kind, stdout = '', logPath = '', journal = '']: readonly string[]): Promise<void> {
  const spec = { id: 'one', stdout, logPath, maxLineBytes: 16_384 };
  if (kind === 'event-loop') {
    const stdio = new StdioInProcess({ log: silentLogger, metrics: noMetrics });
    await stdio.open({ ...spec, tty: true });
    const before = process.cpuUsage();
    await stdio.drain('one', { timeoutMs: Number.POSITIVE_INFINITY });
    return report(before);
  }
  const pipes = kernelPipes();
  const told = { ended: false };
  const engine = new LogEngine({
    ...{ pipes, log: silentLogger, metrics: noMetrics },
    memory: pipes.sharedMemory(journal, JOURNAL_BYTES),
    tell: (event) => {
      told.ended ||= event.kind === 'ended';
    },
  });
  engine.turn(0, () => [{ seq: 0, command: { kind: 'open', spec } }]);
  const before = process.cpuUsage();
  while (!told.ended) engine.turn(1000, () => []);
  engine.turn(0, () => [{ seq: 1, command: { kind: 'stop' } }]);
  report(before);
}

/** Processor time of this process since then, in microseconds. */
function report(before: NodeJS.CpuUsage): void {
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${user + system}\n`);
}
