import { setTimeout as sleep } from 'node:timers/promises';
import type { StdioRemote, StdioRemoteOptions } from '../../../src/stdio/stdio-remote';
import type { StarterLimits } from '../../../src/stdio/stdio-starter';
import { until } from './fixture';
import type { Service } from './services';
import { Supervised } from './supervised';

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

describe('A drain without a limit', () => {
  it('lasts longer than any other call', async () => {
    const service = await serving();
    supervise({});
    const stdout = rig.fixture.fifo('out');
    await remote.open({ id: 'web', stdout, tty: false, logPath: rig.fixture.path('0.log'), maxLineBytes: 100 });
    const shim = rig.fixture.writer(stdout);
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    let drained = false;
    const drain = remote.drain('web', { timeoutMs: Number.POSITIVE_INFINITY }).then(() => {
      drained = true;
    });
    jest.advanceTimersByTime(3_600_000);
    jest.useRealTimers();
    await sleep(50);
    expect(drained).toBe(false);
    shim.close();
    await drain;
    expect(await service.stdio.list()).toEqual([]);
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
