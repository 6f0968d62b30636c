import { SlowClient } from '../../../../src/streaming/streaming-runtime';
import { useStreaming } from '../../../support/streaming/rig';
import { FIN } from '../../../support/streaming/spdy-client';
import { until } from '../../../support/streaming/until';

const rig = useStreaming();

const ALL = ['error', 'stdin', 'stdout', 'stderr'] as const;
const V4 = 'v4.channel.k8s.io';

describe('Over SPDY, a client', () => {
  it('that was too slow is told so, and is cut off when it does not take even that', async () => {
    let outcome: 'slow' | undefined;
    rig.now.runtime.onAttach = async ({ stdout }) => {
      for (let i = 0; i < 64; i++) stdout?.write(Buffer.alloc(1 << 20));
      await until('the client takes no more', () => stdout?.writableNeedDrain ?? false);
      stdout?.destroy();
      outcome = 'slow';
      throw new SlowClient();
    };
    const stuck = await rig.now.spdy(rig.now.attachUrl(), V4);
    await stuck.openAll(...ALL);
    stuck.socket.pause();
    await until('it is too slow', () => outcome === 'slow');
    await until('it is cut off', () => rig.now.server.connectionCount === 0);

    rig.now.runtime.onAttach = () => Promise.reject(new SlowClient());
    const reads = await rig.now.spdy(rig.now.attachUrl(), V4);
    const { error } = await reads.openAll(...ALL);
    expect(JSON.parse(await error.all())).toMatchObject({
      details: { causes: [{ message: new SlowClient().message }] },
    });
    await until('the goodbye', () => reads.ended);
  });

  it.each([
    ['of a type that there is not', [{ streamtype: 'nonsense' }]],
    ['without a type', [{}]],
    ['a second time', [{ streamtype: 'stdin' }, { streamtype: 'stdin' }]],
  ])('that opens a stream %s is cut off, and nothing runs', async (_what, streams) => {
    const client = await rig.now.spdy(rig.now.execUrl(), V4);
    for (const headers of streams) await client.open(headers as Record<string, string>);
    await until('it is cut off', () => client.closed);
    expect(rig.now.runtime.execs).toEqual([]);
  });

  it.each([0, 1, 2, 3])('that leaves having opened %d streams starts nothing', async (count) => {
    const client = await rig.now.spdy(rig.now.execUrl(), V4);
    await client.openAll(...ALL.slice(0, count));
    await client.ping();
    client.destroy();
    await until('it is gone', () => rig.now.server.connectionCount === 0);
    expect(rig.now.runtime.execs).toEqual([]);
  });

  it('that has ended its stdin as it opened it is heard', async () => {
    rig.now.runtime.onExec = ({ stdin }) => new Promise((resolve) => stdin?.resume().on('end', () => resolve(0)));
    const client = await rig.now.spdy(rig.now.execUrl(), V4);
    const { error } = await client.openAll('error', 'stdout', 'stderr');
    await client.open({ streamtype: 'stdin' }, FIN);
    expect(JSON.parse(await error.all())).toMatchObject({ status: 'Success' });
  });
});
