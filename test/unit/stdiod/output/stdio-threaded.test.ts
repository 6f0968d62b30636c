import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import { silentLogger } from '../../../../src/base/logger';
import { noMetrics } from '../../../../src/base/metrics';
import type { Command } from '../../../../src/stdio/engine-messages';
import type { EnginePort } from '../../../../src/stdiod/engine/worker-port';
import { StdioThreaded } from '../../../../src/stdiod/output/stdio-threaded';

/** A thread that carries out what it is sent in order, and only when the test says so. */
class HeldThread implements EnginePort {
  listening = false;
  private readonly held: (() => void)[] = [];

  send(command: Command): Promise<void> {
    return new Promise((resolve) => {
      this.held.push(() => {
        if (command.kind === 'listen') this.listening = command.on;
        resolve();
      });
    });
  }

  async stop(): Promise<void> {}

  /** Carries out the next one; resolves when whoever waited for it has gone on. */
  async next(): Promise<void> {
    this.held.shift()?.();
    await turn();
  }

  async rest(): Promise<void> {
    while (this.held.length > 0) await this.next();
  }
}

async function opened() {
  const thread = new HeldThread();
  const stdio = new StdioThreaded({ log: silentLogger, metrics: noMetrics });
  stdio.connect(thread);
  const opening = stdio.open({
    id: 'web',
    stdin: '',
    stdout: '/out',
    stderr: '',
    tty: true,
    logPath: '',
    maxLineBytes: 0,
  });
  await thread.rest();
  await opening;
  return { stdio, thread };
}

describe('A thread that copies output', () => {
  it('copies for clients from the first to the last', async () => {
    const { stdio, thread } = await opened();
    const attaching = stdio.attach('web', { stdout: new PassThrough() });
    await thread.rest();
    expect(thread.listening).toBe(true);
    (await attaching).detach();
    await thread.rest();
    expect(thread.listening).toBe(false);
  });

  it('copies on when one comes while the last one leaves', async () => {
    const { stdio, thread } = await opened();
    const leaving = stdio.attach('web', { stdout: new PassThrough() });
    const staying = stdio.attach('web', { stdout: new PassThrough() });
    await thread.next(); // it listens for the first
    (await leaving).detach();
    await thread.rest();
    const { detach } = await staying;
    expect(thread.listening).toBe(true);
    detach();
    await thread.rest();
    expect(thread.listening).toBe(false);
  });

  it('has its clients dropped when all of them together are too slow, and copies for the next one', async () => {
    const { stdio, thread } = await opened();
    const attaching = stdio.attach('web', { stdout: new PassThrough().on('error', () => undefined) });
    await thread.rest();
    const { done } = await attaching;
    stdio.heard({ kind: 'overrun', id: 'web' });
    expect(await done).toBe('slow');
    await thread.rest();
    expect(thread.listening).toBe(false);
    const next = stdio.attach('web', { stdout: new PassThrough() });
    await thread.rest();
    expect(thread.listening).toBe(true);
    (await next).detach();
  });
});
