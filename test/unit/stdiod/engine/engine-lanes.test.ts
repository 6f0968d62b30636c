import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { silentLogger } from '../../../../src/base/logger';
import type { Command, OnDisk, OutputSpec } from '../../../../src/stdio/engine-messages';
import { StdioError } from '../../../../src/stdio/stdio-error';
import { EngineLanes, type EngineLanesOptions, MAX_LANES } from '../../../../src/stdiod/engine/engine-lanes';
import { JournalFiles } from '../../../../src/stdiod/engine/journal-files';
import type { LanePort } from '../../../../src/stdiod/engine/worker-port';

/** A thread that notes what it is told, and answers at once unless its disk hangs. */
class FakeThread implements LanePort {
  readonly told: Command[] = [];
  private release: () => void = () => undefined;
  private hung: Promise<void> | undefined;

  constructor(private readonly answer: (command: Command) => OnDisk | undefined) {}

  hang(): void {
    this.hung = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  go(): void {
    this.hung = undefined;
    this.release();
  }

  async send(command: Command): Promise<OnDisk | undefined> {
    this.told.push(command);
    await this.hung;
    return this.answer(command);
  }

  async stop(): Promise<void> {
    await this.hung;
  }

  /** The kinds of commands for a container. */
  kinds(id: string): string[] {
    return this.told.flatMap((each) => (idOf(each) === id ? [each.kind] : []));
  }
}

const idOf = (command: Command): string | undefined =>
  command.kind === 'open' ? command.spec.id : 'id' in command ? command.id : undefined;

let dir: string;
let threads: FakeThread[];
/** Where a log lies that seems to lie elsewhere. */
let links: Record<string, OnDisk>;
let refused: string | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-lanes-'));
  threads = [];
  links = {};
  refused = undefined;
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Logs lie on the disk that is their first directory. */
function lanesOf(more: Partial<EngineLanesOptions> = {}): EngineLanes {
  const answer = (command: Command): OnDisk | undefined => {
    if (command.kind === 'open' && command.spec.logPath === refused) throw new StdioError('BAD_LOG', 'no such disk');
    const at = command.kind === 'open' || command.kind === 'reopen' ? command.at : undefined;
    return at && links[at.path];
  };
  return new EngineLanes({
    start: () => {
      const thread = new FakeThread(answer);
      threads.push(thread);
      return thread;
    },
    diskOf: (path) => path.split('/')[1] ?? '',
    journals: new JournalFiles(dir, new Set()),
    threadGone: async () => undefined,
    log: silentLogger,
    onDead: () => undefined,
    ...more,
  });
}

const spec = (id: string, logPath: string): OutputSpec => ({ id, logPath, maxLineBytes: 0 });
const open = (lanes: EngineLanes, id: string, logPath: string): Promise<void> =>
  lanes.send({ kind: 'open', spec: spec(id, logPath) });
const thread = (n: number): FakeThread => {
  const found = threads[n];
  if (!found) throw new Error(`there is no thread ${n}`);
  return found;
};
/** Whether a promise is settled after some turns of the event loop. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let is = false;
  void promise.finally(() => {
    is = true;
  });
  for (let i = 0; i < 5; i++) await turn();
  return is;
}

describe('Threads that copy', () => {
  it('are one for the logs of one disk, another for those of another', async () => {
    const lanes = lanesOf();
    for (const [id, path] of [
      ['a', '/sda/a.log'],
      ['b', '/sda/b.log'],
      ['c', '/nfs/c.log'],
    ] as const) {
      await open(lanes, id, path);
    }
    expect(threads.map(({ told }) => told.map(idOf))).toEqual([['a', 'b'], ['c']]);
  });

  it('hold up only what is theirs when their disk hangs, and keep its order', async () => {
    const lanes = lanesOf();
    await open(lanes, 'a', '/sda/a.log');
    await open(lanes, 'c', '/nfs/c.log');
    thread(1).hang();
    const hung = [open(lanes, 'd', '/nfs/d.log'), lanes.send({ kind: 'finish', id: 'd' })];
    await open(lanes, 'b', '/sda/b.log');
    await lanes.send({ kind: 'finish', id: 'a' });
    expect(await settled(Promise.all(hung))).toBe(false);
    expect(thread(1).kinds('d')).toEqual(['open']);
    thread(1).go();
    await Promise.all(hung);
    expect(thread(1).kinds('d')).toEqual(['open', 'finish']);
  });

  it('hold the copying, and end, without the one that hangs', async () => {
    const lanes = lanesOf();
    await open(lanes, 'a', '/sda/a.log');
    await open(lanes, 'c', '/nfs/c.log');
    thread(1).hang();
    await lanes.send({ kind: 'pause', on: true });
    expect(threads.map(({ told }) => told.at(-1))).toEqual([
      { kind: 'pause', on: true },
      { kind: 'pause', on: true },
    ]);
    expect(await lanes.stop()).toBe(false);
    thread(1).go();
  });

  it('that are started while copying is held hold it too', async () => {
    const lanes = lanesOf();
    await lanes.send({ kind: 'pause', on: true });
    await open(lanes, 'a', '/sda/a.log');
    await open(lanes, 'c', '/nfs/c.log');
    expect(thread(1).told[0]).toEqual({ kind: 'pause', on: true });
  });

  it('are used for another disk when they have no container any more', async () => {
    const lanes = lanesOf();
    for (let n = 0; n < 3 * MAX_LANES; n++) {
      await open(lanes, 'a', `/disk-${n}/a.log`);
      await lanes.send({ kind: 'release', id: 'a' });
    }
    expect(threads).toHaveLength(1);
  });

  it('end when they have had no container for a while, but for the last one', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
    try {
      const lanes = lanesOf();
      for (const id of ['a', 'b', 'c']) await open(lanes, id, `/${id}/0.log`);
      await lanes.send({ kind: 'release', id: 'b' });
      await lanes.send({ kind: 'release', id: 'c' });
      await open(lanes, 'd', '/d/0.log'); // on one of those that are free
      await jest.advanceTimersByTimeAsync(60_000);
      expect(lanes.size).toBe(2);
      for (const id of ['a', 'd']) await lanes.send({ kind: 'release', id });
      await jest.advanceTimersByTimeAsync(60_000);
      expect(lanes.size).toBe(1);
      await open(lanes, 'e', '/e/0.log');
    } finally {
      jest.useRealTimers();
    }
  });

  it('are shared when there are too many disks', async () => {
    const lanes = lanesOf();
    for (let n = 0; n < MAX_LANES + 3; n++) await open(lanes, `${n}`, `/disk-${n}/a.log`);
    expect(threads.map(({ told }) => told.length)).toEqual([1, 1, 1, 1, 1, 1, 1, 4]);
    expect(thread(MAX_LANES - 1).told.at(-1)).toMatchObject({ kind: 'open', at: undefined });
  });
});

describe('A log', () => {
  it('that lies behind a link belongs to the thread of its disk, also when it is reopened', async () => {
    links = { '/sda/pods/0.log': { path: '/nfs/pods/0.log', disk: 'nfs' } };
    const lanes = lanesOf();
    await open(lanes, 'b', '/sda/b.log');
    await open(lanes, 'a', '/sda/pods/0.log');
    thread(0).hang(); // the disk of the link does
    await lanes.send({ kind: 'reopen', id: 'a', logPath: '/sda/pods/0.log' });
    expect(thread(1).told).toEqual([
      { kind: 'open', spec: spec('a', '/sda/pods/0.log'), at: { path: '/nfs/pods/0.log', disk: 'nfs' } },
      { kind: 'reopen', id: 'a', logPath: '/sda/pods/0.log', at: { path: '/nfs/pods/0.log', disk: 'nfs' } },
    ]);
  });

  it('is opened somewhere though links lead round in circles', async () => {
    links = { '/sda/0.log': { path: '/sdb/0.log', disk: 'sdb' }, '/sdb/0.log': { path: '/sda/0.log', disk: 'sda' } };
    const lanes = lanesOf();
    await open(lanes, 'a', '/sda/0.log');
    await lanes.send({ kind: 'listen', id: 'a', on: true });
  });

  it('that is reopened on another disk moves to its thread, with those who listen', async () => {
    const lanes = lanesOf();
    await open(lanes, 'a', '/sda/0.log');
    await lanes.send({ kind: 'listen', id: 'a', on: true });
    await lanes.send({ kind: 'reopen', id: 'a', logPath: '/nfs/1.log' });
    expect(thread(0).kinds('a')).toEqual(['open', 'listen', 'release', 'open', 'listen']); // the thread was free again
    await lanes.send({ kind: 'finish', id: 'a' });
    await expect(lanes.send({ kind: 'listen', id: 'a', on: true })).rejects.toMatchObject({ code: 'NOT_OPEN' });
  });

  it('stays where it is when it cannot be opened on the other disk', async () => {
    const lanes = lanesOf();
    await open(lanes, 'a', '/sda/0.log');
    await open(lanes, 'b', '/nfs/0.log');
    refused = '/nfs/1.log';
    await expect(lanes.send({ kind: 'reopen', id: 'a', logPath: refused })).rejects.toMatchObject({ code: 'BAD_LOG' });
    await lanes.send({ kind: 'finish', id: 'a' });
    expect(thread(0).kinds('a')).toEqual(['open', 'release', 'open', 'finish']);
  });
});
