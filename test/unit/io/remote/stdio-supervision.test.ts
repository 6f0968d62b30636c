import { setTimeout as sleep } from 'node:timers/promises';
import type { LogFields, Logger } from '../../../../src/base/logger';
import { noMetrics } from '../../../../src/base/metrics';
import { noManager } from '../../../../src/base/service-manager';
import { StdioRemote, type StdioRemoteOptions } from '../../../../src/io/remote/stdio-remote';
import type { StarterLimits } from '../../../../src/io/remote/stdio-starter';
import { Fixture, until } from '../fixture';
import { inlineEngine, type Service, serveStdio } from '../services';

interface Line extends LogFields {
  readonly message: string;
}

let fixture: Fixture;
let lines: Line[];
let rejections: unknown[];
let remote: StdioRemote;
const undo: (() => Promise<void>)[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);

beforeEach(() => {
  fixture = new Fixture();
  lines = [];
  rejections = [];
  process.on('unhandledRejection', onRejection);
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  process.off('unhandledRejection', onRejection);
  fixture.remove();
  expect(rejections).toEqual([]);
});

function logger(): Logger {
  const line = (message: string, fields: LogFields = {}): void => void lines.push({ message, ...fields });
  const log: Logger = { debugEnabled: false, debug: line, info: line, warn: line, error: line, child: () => log };
  return log;
}

const logged = (message: string): Line[] => lines.filter((line) => line.message === message);
const pauses = (message: string): number[] => logged(message).map(({ againInMs }) => Number(againInMs));

/** A remote that starts processes as told. */
function supervise(more: Partial<StdioRemoteOptions>, limits?: Partial<StarterLimits>): StdioRemote {
  remote = new StdioRemote({
    ...{ path: fixture.path('stdio.sock'), build: 'test', containerd: '', limits },
    ...{ log: logger(), metrics: noMetrics, manager: noManager },
    start: () => ({ pid: 1, kill: () => undefined }),
    holder: async () => undefined,
    ...more,
  });
  undo.push(() => remote.leave());
  remote.start();
  return remote;
}

const QUICK = { pause: { firstMs: 10, maxMs: 40 }, unservedPause: { firstMs: 10, maxMs: 80 } };

const INSTANT = { pause: { firstMs: 1, maxMs: 1 }, unservedPause: { firstMs: 1, maxMs: 1 } };

describe('A crisp-stdio that cannot be started', () => {
  const emfile = (): Error => Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });

  it('is tried again with growing pauses, each try in the log', async () => {
    let tries = 0;
    supervise(
      {
        start: () => {
          tries += 1;
          throw emfile();
        },
      },
      QUICK,
    );
    await until(() => tries === 5);
    expect(pauses('crisp-stdio cannot be started')).toEqual([10, 20, 40, 80, 80]);
    expect(logged('crisp-stdio cannot be started')[0]).toMatchObject({ error: emfile().message });
  });

  it('fails the same way when the system says so later', async () => {
    let tries = 0;
    supervise(
      {
        start: (_how, onEnd) => {
          tries += 1;
          setImmediate(() => onEnd('spawn node EAGAIN'));
          return { pid: undefined, kill: () => undefined };
        },
      },
      QUICK,
    );
    await until(() => logged('crisp-stdio ended').length === 4);
    expect(tries).toBe(4);
    expect(pauses('crisp-stdio ended')).toEqual([10, 20, 40, 80]);
    expect(logged('crisp-stdio ended')[0]).toMatchObject({ why: 'spawn node EAGAIN' });
  });

  it('is started once it can be, and calls that came meanwhile are answered', async () => {
    let refused = 3;
    supervise(
      {
        start: () => {
          if (refused-- > 0) throw emfile();
          void serving();
          return { pid: 1, kill: () => undefined };
        },
      },
      QUICK,
    );
    expect(await remote.list()).toEqual([]);
  });

  it('does not keep crisp from leaving', async () => {
    supervise({
      start: () => {
        throw emfile();
      },
    });
    const drained = remote.drain('web', { timeoutMs: Number.POSITIVE_INFINITY });
    drained.catch(() => undefined);
    await until(() => lines.length > 0);
    await remote.leave();
    await expect(drained).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(remote.list()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('is tried again also in place of one of another build', async () => {
    const old = await serving('other');
    let tries = 0;
    supervise(
      {
        start: ({ replace }) => {
          expect(replace).toBe(true);
          tries += 1;
          if (tries < 4) throw emfile();
          void old.stop().then(() => serving());
          return { pid: 1, kill: () => undefined };
        },
      },
      QUICK,
    );
    expect(await remote.list()).toEqual([]);
    expect(pauses('crisp-stdio cannot be started')).toEqual([10, 20, 40]);
  });
});

describe('A crisp-stdio that serves and ends at once', () => {
  it('is started again with pauses that a new connection does not reset', async () => {
    supervise(
      {
        start: (_how, onEnd) => {
          void serving().then(async (service) => {
            await remote.list();
            await service.stop();
            onEnd('SIGSEGV');
          });
          return { pid: 1, kill: () => undefined };
        },
      },
      QUICK,
    );
    await until(() => logged('crisp-stdio ended').length === 5);
    expect(pauses('crisp-stdio ended')).toEqual([10, 20, 40, 40, 40]);
  });

  it('is started again soon when it has served for a while', async () => {
    supervise(
      {
        start: (_how, onEnd) => {
          void serving().then(async (service) => {
            await remote.list();
            await sleep(20);
            await service.stop();
            onEnd('SIGSEGV');
          });
          return { pid: 1, kill: () => undefined };
        },
      },
      { ...QUICK, goodAfterMs: 10 },
    );
    await until(() => logged('crisp-stdio ended').length === 4);
    expect(pauses('crisp-stdio ended')).toEqual([10, 10, 10, 10]);
  });
});

describe('While a process lives that does not serve yet', () => {
  it('no other is started, be it one of ours or one that holds the lock', async () => {
    let [tries, holders] = [0, 0];
    let end: (why: string) => void = () => undefined;
    supervise(
      {
        start: (_how, onEnd) => {
          tries += 1;
          end = onEnd;
          return { pid: 2, kill: () => undefined };
        },
        holder: async () => {
          holders += 1;
          return tries > 0 ? 3 : undefined;
        },
      },
      QUICK,
    );
    await until(() => tries === 1);
    await sleep(100);
    expect(tries).toBe(1);
    end('exit code 75: another process (pid 3) has the stdio of containers');
    const before = holders;
    await until(() => holders > before + 2);
    expect(tries).toBe(1);
    expect(logged('crisp-stdio ended')).toMatchObject([{ why: expect.stringContaining('another process (pid 3)') }]);
  });

  it('it is given longer with each try, and then killed', async () => {
    let killed = 0;
    supervise(
      {
        start: (_how, onEnd) => ({
          pid: 2,
          kill: () => {
            killed += 1;
            onEnd('SIGKILL');
          },
        }),
      },
      { ...INSTANT, patience: { firstMs: 100, maxMs: 400 } },
    );
    await until(() => killed === 3);
    const waited = logged('crisp-stdio does not serve, killing it').map(({ waitedMs }) => Number(waitedMs));
    expect(waited.map((ms, at) => ms >= 100 * 2 ** at)).toEqual([true, true, true]);
  });
});

describe('Letting go for good', () => {
  it('starts no process, and ends one that does not serve yet', async () => {
    let [tries, killed] = [0, 0];
    supervise({
      start: (_how, onEnd) => {
        tries += 1;
        return {
          pid: 2,
          kill: () => {
            killed += 1;
            onEnd('SIGKILL');
          },
        };
      },
    });
    await until(() => tries === 1);
    await remote.letGo();
    expect([tries, killed]).toEqual([1, 1]);
  });

  it('ends with the process when that dies instead of answering', async () => {
    let tries = 0;
    const service = await serving();
    supervise({
      start: () => {
        tries += 1;
        return { pid: 2, kill: () => undefined };
      },
    });
    await remote.list();
    const letGo = remote.letGo();
    await service.stop();
    await letGo;
    expect(tries).toBe(0);
  });
});

/** A process that serves, of a build. */
async function serving(build = 'test'): Promise<Service> {
  const { stdio, stop } = inlineEngine();
  const server = await serveStdio(fixture.dir, stdio, build);
  let stopped: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    await server.close();
    await stop();
  };
  const service = {
    stdio,
    stop: () => {
      stopped ??= end();
      return stopped;
    },
  };
  undo.push(service.stop);
  return service;
}
