import { PassThrough } from 'node:stream';
import { until } from './fixture';
import { Supervised } from './supervised';

let rig: Supervised;
beforeEach(() => {
  rig = new Supervised();
});
afterEach(async () => expect(await rig.stop()).toEqual([]));

const QUICK = { pause: { firstMs: 10, maxMs: 40 }, unservedPause: { firstMs: 10, maxMs: 80 } };

describe('A crisp-stdio that was killed while a disk holds up a thread of it', () => {
  it('is followed by another though its sockets and its lock stay open, and its clients are told', async () => {
    const old = await rig.serving();
    let dying = false;
    let started = 0;
    const remote = rig.remote({
      isDying: () => dying,
      holder: async () => (dying ? { pid: process.pid, dying: true } : undefined),
      start: () => {
        started += 1;
        void old.stop().then(() => {
          dying = false;
          return rig.serving();
        });
        return { pid: undefined, kill: () => undefined };
      },
    });
    const stdout = rig.fixture.fifo('out');
    await remote.open({ id: 'web', stdout, tty: false, logPath: rig.fixture.path('0.log'), maxLineBytes: 100 });
    const { done } = await remote.attach('web', { stdout: new PassThrough() });
    dying = true;
    expect(await done).toBe('gone');
    expect(await remote.list()).toEqual(['web']);
    expect(started).toBe(1);
  });

  it('that we have started ourselves is not waited for, and its end, told late, is not that of the next', async () => {
    const ends: ((why: string) => void)[] = [];
    rig.remote(
      {
        isDying: (pid) => pid === 1,
        start: (_how, onEnd) => {
          ends.push(onEnd);
          return { pid: ends.length, kill: () => undefined };
        },
      },
      QUICK,
    );
    await until(() => ends.length === 2);
    ends[0]?.('SIGKILL');
    expect(rig.logged('crisp-stdio ended')).toMatchObject([{ pid: 1, why: expect.stringContaining('killed') }]);
    ends[1]?.('SIGTERM');
    expect(rig.logged('crisp-stdio ended')).toMatchObject([{ pid: 1 }, { pid: 2, why: 'SIGTERM' }]);
  });

  it('is not taken for dying in the moment in which any process ends', async () => {
    let ended = false;
    rig.remote(
      {
        isDying: () => !ended,
        start: (_how, onEnd) => {
          setTimeout(() => {
            ended = true;
            onEnd('exit code 1: out of memory');
          }, 50);
          return { pid: 1, kill: () => undefined };
        },
      },
      QUICK,
    );
    await until(() => rig.logged('crisp-stdio ended').length > 0);
    expect(rig.logged('crisp-stdio ended')[0]).toMatchObject({ why: 'exit code 1: out of memory' });
  });
});
