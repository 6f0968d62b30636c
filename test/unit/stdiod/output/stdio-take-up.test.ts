import { readFileSync } from 'node:fs';
import { StdioError } from '../../../../src/stdio/stdio-error';
import type { StdioRemote } from '../../../../src/stdio/stdio-remote';
import type { StdioService, StdioSpec } from '../../../../src/stdio/stdio-service';
import { type FifoEnd, Fixture, parseLog, until } from '../../stdio/fixture';
import { inlineEngine, remoteStdio, serveStdio } from '../../stdio/services';

let fixture: Fixture;
let remote: StdioRemote;
let shim: FifoEnd;
let spec: StdioSpec;
const undo: (() => Promise<void>)[] = [];

// A container runs, and no process has its stdio.
beforeEach(() => {
  fixture = new Fixture();
  remote = remoteStdio(fixture.dir);
  undo.push(() => remote.leave());
  spec = { id: 'web', stdout: fixture.fifo('out'), tty: false, logPath: fixture.path('0.log'), maxLineBytes: 100 };
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  shim.close();
  fixture.remove();
});

const lines = (): string[] => parseLog(readFileSync(fixture.path('0.log'))).map(({ content }) => content);

/** Whether a promise has been settled, looked at when it is. */
function watched(promise: Promise<unknown>): { settled: boolean } {
  const state = { settled: false };
  void promise.finally(() => {
    state.settled = true;
  });
  return state;
}

/** A process that has the stdio, and opens nothing until told to. */
async function serving(works: () => boolean): Promise<void> {
  const { stdio: inner, stop } = inlineEngine();
  const open: StdioService['open'] = async (wanted) => {
    if (!works()) throw new StdioError('BAD_FIFO', 'too many open files');
    await inner.open(wanted);
  };
  const own = { open };
  const stdio = new Proxy(inner, { get: (of, key) => Reflect.get(own, key) ?? Reflect.get(of, key).bind(of) });
  const server = await serveStdio(fixture.dir, stdio);
  undo.push(async () => {
    await server.close();
    await stop();
  });
}

describe('A running container that is taken up', () => {
  it('is read as soon as there is a process for it, from the first byte', async () => {
    const taken = watched(remote.takeUp(spec));
    shim = fixture.writer(spec.stdout ?? '');
    shim.write('before\n');
    expect(taken.settled).toBe(false);
    await serving(() => true);
    await until(() => taken.settled);
    shim.write('after\n');
    await until(() => lines().length === 2);
    expect(lines()).toEqual(['before', 'after']);
  });

  it('is read once the process can open it', async () => {
    let works = false;
    await serving(() => works);
    const taken = watched(remote.takeUp(spec));
    shim = fixture.writer(spec.stdout ?? '');
    shim.write('one\n');
    expect(await remote.list()).toEqual([]);
    expect(taken.settled).toBe(false);
    works = true;
    await until(() => taken.settled);
    await until(() => lines().length === 1);
  });

  it('is read to its end by a drain that comes before there is a process', async () => {
    void remote.takeUp(spec);
    shim = fixture.writer(spec.stdout ?? '');
    shim.write('last words\n');
    const drained = watched(remote.drain('web', { timeoutMs: 1000 }));
    shim.close();
    await serving(() => true);
    await until(() => drained.settled);
    shim = fixture.reader(spec.stdout ?? '');
    expect(lines()).toEqual(['last words']);
  });

  it.each(['close', 'leave'] as const)('is waited for no more after %s', async (how) => {
    await serving(() => false);
    const taken = watched(remote.takeUp(spec));
    shim = fixture.writer(spec.stdout ?? '');
    await (how === 'close' ? remote.close('web') : remote.leave());
    await until(() => taken.settled);
  });
});
