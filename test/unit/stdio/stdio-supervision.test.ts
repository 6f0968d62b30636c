import { setTimeout as sleep } from 'node:timers/promises';
import type { StdioRemote, StdioRemoteOptions } from '../../../src/stdio/stdio-remote';
import type { StarterLimits } from '../../../src/stdio/stdio-starter';
import { until } from './fixture';
import type { Service } from './services';
import { type Line, Supervised } from './supervised';

let rig: Supervised;
let remote: StdioRemote;
beforeEach(() => {
  rig = new Supervised();
});
afterEach(async () => expect(await rig.stop()).toEqual([]));

const supervise = (more: Partial<StdioRemoteOptions>, limits?: Partial<StarterLimits>): void => {
  remote = rig.remote(more, limits);
};
const serving = (build?: string): Promise<Service> => rig.serving(build);
const logged = (message: string): Line[] => rig.logged(message);
const pauses = (message: string): number[] => rig.pauses(message);

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
    await until(() => rig.lines.length > 0);
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
          return tries > 0 ? { pid: 3 } : undefined;
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
