import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { StdioError } from '../../../src/stdio/stdio-error';
import type { StdioRemote } from '../../../src/stdio/stdio-remote';
import type { StdioService, StdioSpec } from '../../../src/stdio/stdio-service';
import { type FifoEnd, Fixture, parseLog, until } from './fixture';
import { inlineEngine, remoteStdio, serveStdio } from './services';

/** More than the pause before the second attempt. */
const SLOW_MS = 500;

let fixture: Fixture;
let remote: StdioRemote;
let shim: FifoEnd;
let spec: StdioSpec;
const undo: (() => Promise<void>)[] = [];

// One process had the container open and is gone; crisp looks for another.
beforeEach(async () => {
  fixture = new Fixture();
  const first = await serving();
  remote = remoteStdio(fixture.dir);
  undo.push(() => remote.leave());
  spec = { id: 'web', stdout: fixture.fifo('out'), tty: false, logPath: fixture.path('0.log'), maxLineBytes: 100 };
  await remote.open(spec);
  shim = fixture.writer(spec.stdout ?? '');
  await first.stop();
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  shim.close();
  fixture.remove();
});

interface Process {
  /** How often it was asked to open the container. */
  asked(): number;
  /** It fails to open any, as where it has no descriptor left, and is slow, until it is told that it need not be. */
  works(): void;
  stop(): Promise<void>;
}

/** A process that has the stdio. */
async function serving({ works = true } = {}): Promise<Process> {
  const { stdio: inner, stop } = inlineEngine();
  let [asked, fails] = [0, !works];
  const open: StdioService['open'] = async (wanted) => {
    asked += 1;
    if (fails) throw new StdioError('BAD_FIFO', 'too many open files');
    await inner.open(wanted);
  };
  const slowly = (act: () => Promise<void>) => async () => {
    if (fails) await sleep(SLOW_MS);
    await act();
  };
  const own = { open, close: slowly(() => inner.close('web')), leave: slowly(() => inner.leave()) };
  const failing = new Proxy(inner, {
    get: (of, key) => Reflect.get(own, key) ?? Reflect.get(of, key).bind(of),
  });
  const server = await serveStdio(fixture.dir, failing);
  return {
    asked: () => asked,
    works: () => {
      fails = false;
    },
    stop: async () => {
      await server.close();
      await stop();
    },
  };
}

/** Another process, which has been asked in vain. */
async function refusing(): Promise<Process> {
  const second = await serving({ works: false });
  undo.push(() => second.stop());
  await until(() => second.asked() > 0);
  return second;
}

const contents = (): string[] => parseLog(readFileSync(fixture.path('0.log'))).map(({ content }) => content);
const noted = (): boolean => existsSync(fixture.path('open/web.json'));

describe('A container that a new process cannot open', () => {
  it('is tried again until it can, and is read to its end before its log counts as complete', async () => {
    const second = await refusing();
    shim.write('last words\n');
    const drained = remote.drain('web', { timeoutMs: 20_000 });
    await until(() => second.asked() > 1);
    second.works();
    shim.close();
    await drained;
    expect(contents()).toEqual(['last words']);
    shim = fixture.reader(spec.stdout ?? '');
  });

  it('keeps nobody waiting for longer than its limit', async () => {
    await refusing();
    await remote.drain('web', { timeoutMs: 10 });
    expect(await remote.list()).toEqual([]);
  });

  it.each(['close', 'letGo'] as const)('is not opened behind a %s', async (how) => {
    const second = await refusing();
    const asked = second.asked();
    await (how === 'close' ? remote.close('web') : remote.letGo());
    expect([second.asked(), noted()]).toEqual([asked, false]);
  });
});
