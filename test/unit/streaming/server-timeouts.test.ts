import { StreamingRig } from '../../support/streaming/rig';
import { settle, until } from '../../support/streaming/until';

let rig: StreamingRig;
afterEach(() => rig.close());

async function listening(options: ConstructorParameters<typeof StreamingRig>[0]): Promise<void> {
  rig = new StreamingRig(options);
  await rig.server.listen();
}

/** Runs until its client is gone. */
function untilGone(signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(0), { once: true }));
}

describe('A client on whose connection nothing moves', () => {
  it('is cut off after the idle timeout, over SPDY', async () => {
    await listening({ idleTimeoutMs: 60 });
    rig.runtime.onExec = ({ signal }) => untilGone(signal);
    const client = await rig.spdy(rig.execUrl(), 'v4.channel.k8s.io');
    await client.openAll('error', 'stdin', 'stdout', 'stderr');
    await until('it is cut off', () => client.closed);
  });

  it('is cut off after the idle timeout, over WebSocket', async () => {
    await listening({ idleTimeoutMs: 60 });
    rig.runtime.onExec = ({ signal }) => untilGone(signal);
    const client = await rig.webSocket(rig.execUrl(), 'v5.channel.k8s.io');
    expect(await client.end()).toBe(1006);
  });

  it('is cut off after the idle timeout when it has opened no stream, of a forward too', async () => {
    await listening({ idleTimeoutMs: 60 });
    const client = await rig.spdy(rig.forwardUrl(), 'portforward.k8s.io');
    await until('it is cut off', () => client.closed);
  });

  it('stays as long as something moves in either direction', async () => {
    await listening({ idleTimeoutMs: 300 });
    rig.runtime.onExec = async ({ stdout, signal }) => {
      const writing = setInterval(() => stdout?.write('.'), 20);
      await untilGone(signal);
      clearInterval(writing);
      return 0;
    };
    const talks = await rig.spdy(rig.execUrl(), 'v4.channel.k8s.io');
    const { stdout } = await talks.openAll('error', 'stdin', 'stdout', 'stderr');
    await until('it runs', () => rig.runtime.running === 1);
    rig.runtime.onExec = ({ signal }) => untilGone(signal);
    let [last, longest] = [performance.now(), 0];
    const listens = await rig.spdy(rig.execUrl(), 'v4.channel.k8s.io');
    const { stdin } = await listens.openAll('error', 'stdin', 'stdout', 'stderr');
    const sending = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      stdin.write('.');
    }, 20);
    await until('three times the timeout', () => stdout.bytes > 45);
    expect(talks.closed).toBe(false);
    // On a machine that stood still for as long as the timeout, nothing has moved.
    expect(listens.closed && longest < 250).toBe(false);
    clearInterval(sending);
    await until('one falls silent', () => listens.closed);
    expect(talks.closed).toBe(false);
  });

  it('stays for ever when there is no timeout', async () => {
    await listening({ idleTimeoutMs: 0 });
    const client = await rig.spdy(rig.forwardUrl(), 'portforward.k8s.io');
    await settle(60);
    await client.ping();
  });
});

describe('A client that opens too few streams', () => {
  it.each([
    ['none', []],
    ['all but one', ['error', 'stdin', 'stdout']],
  ])('is cut off after the creation timeout, having opened %s', async (_what, types) => {
    await listening({ creationTimeoutMs: 40 });
    const client = await rig.spdy(rig.execUrl(), 'v4.channel.k8s.io');
    await client.openAll(...types);
    await until('it is cut off', () => client.closed);
    expect(rig.runtime.execs).toEqual([]);
  });

  it('in a forward loses the half that stands alone, and nothing else', async () => {
    await listening({ creationTimeoutMs: 1000 }); // the pair that follows has to come within it
    const client = await rig.spdy(rig.forwardUrl(), 'portforward.k8s.io');
    const alone = await client.open({ streamtype: 'error', port: '80', requestid: '7' });
    await until('it is reset', () => alone.reset !== undefined);
    const { error } = await client.openPair(80, '7');
    expect(await error.all()).toContain('nobody listens');
  });
});
