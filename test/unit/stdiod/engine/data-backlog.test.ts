import { readFileSync } from 'node:fs';
import { silentLogger } from '../../../../src/base/logger';
import { noMetrics } from '../../../../src/base/metrics';
import { kernelPipes } from '../../../../src/host/syscall/pipes';
import type { Command, EngineEvent } from '../../../../src/stdio/engine-messages';
import { DataBacklog } from '../../../../src/stdiod/engine/data-backlog';
import { JOURNAL_BYTES } from '../../../../src/stdiod/engine/journal';
import { LogEngine } from '../../../../src/stdiod/engine/log-engine';
import { Fixture, parseLog } from '../../stdio/fixture';

let fixture: Fixture;
beforeEach(() => {
  fixture = new Fixture();
});
afterEach(() => fixture.remove());

it('Output that attached clients do not take does not fill the memory, and is in the log all the same', () => {
  const events: EngineEvent[] = [];
  const backlog = new DataBacklog();
  const engine = new LogEngine({
    ...{ pipes: kernelPipes(), memory: Buffer.alloc(JOURNAL_BYTES), log: silentLogger, metrics: noMetrics, backlog },
    tell: (event) => void events.push(event),
  });
  const send = (command: Command): void => engine.turn(0, () => [{ seq: 0, command }]);
  const stdout = fixture.fifo('out');
  const logPath = fixture.path('0.log');
  send({ kind: 'open', spec: { id: 'web', stdout, logPath, maxLineBytes: 0 } });
  send({ kind: 'listen', id: 'web', on: true });
  const shim = fixture.writer(stdout);
  const lines = 400;
  for (let at = 0; at < lines; at += 1) {
    shim.write(`${'x'.repeat(50_000)}\n`);
    for (let turn = 0; turn < 3; turn += 1) engine.turn(0, () => []);
  }
  shim.close();
  for (let turn = 0; turn < 20; turn += 1) engine.turn(0, () => []);
  const bytes = events.reduce((sum, event) => sum + (event.kind === 'data' ? event.chunk.length : 0), 0);
  expect(bytes).toBeLessThan(10 * 1024 * 1024); // of 20
  expect(events.filter(({ kind }) => kind === 'overrun')).toEqual([{ kind: 'overrun', id: 'web' }]);
  expect(parseLog(readFileSync(logPath))).toHaveLength(lines);
  backlog.taken(bytes); // heard of at last: the next client gets what comes then
  expect(backlog.isFull).toBe(false);
  send({ kind: 'stop' });
});
