import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { join, TARGET_TAKES_WITHIN_MS } from '../../../src/streaming/join';
import { settle, until } from '../../support/streaming/until';

interface Ends {
  /** What `join` holds, and what the other side of it holds. */
  readonly near: Socket;
  readonly far: Socket & { text: string; ended: boolean; over: boolean };
}

let server: Server;
const open: Socket[] = [];

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

/** Both ends of a TCP connection, each of which can end its side. */
async function pair(): Promise<Ends> {
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const { port } = server.address() as { port: number };
  const far = Object.assign(connect({ port, host: '127.0.0.1', allowHalfOpen: true }), {
    text: '',
    ended: false,
    over: false,
  });
  far.on('data', (chunk) => {
    far.text += chunk;
  });
  far.on('error', () => undefined);
  far.on('end', () => {
    far.ended = true;
  });
  far.on('close', () => {
    far.over = true;
  });
  const near = await accepted;
  open.push(near, far);
  return { near, far };
}

async function joined() {
  const [client, target] = [await pair(), await pair()];
  const state = { over: false };
  const done = join(client.near, target.near).then(() => {
    state.over = true;
  });
  return { client: client.far, target: target.far, state, done, near: [client.near, target.near] as Duplex[] };
}

describe('A client and its target', () => {
  it('hear each other', async () => {
    const { client, target } = await joined();
    client.write('to target');
    target.write('to client');
    await until('both', () => target.text === 'to target' && client.text === 'to client');
  });

  it('are let go when both have ended', async () => {
    const { client, target, done, near } = await joined();
    client.end('bye');
    await until('its end', () => target.ended);
    target.end('bye too');
    await done;
    await until('everything is gone', () => client.ended && near.every(({ destroyed }) => destroyed));
    expect([client.text, target.text]).toEqual(['bye too', 'bye']);
  });

  it('stay while the client that has sent all waits for its answer, longer than a target that has ended is kept', async () => {
    const { client, target, state, done } = await joined();
    client.end('question');
    await until('the question', () => target.ended);
    const other = await joined();
    other.target.end();
    await other.done;
    expect(state.over).toBe(false);
    target.end('answer');
    await done;
    await until('the answer', () => client.text === 'answer');
  });

  it('part a second after the target has ended, whatever the client does', async () => {
    const { client, target, done } = await joined();
    const started = performance.now();
    target.end('all');
    await until('the end', () => client.ended);
    client.write('more');
    await done;
    expect(performance.now() - started).toBeGreaterThan(800);
    expect(client.text).toBe('all');
  });

  it('part with an end for the client, not an error, when the target resets', async () => {
    const { client, target, done } = await joined();
    target.write('some');
    await until('some', () => client.text === 'some');
    target.resetAndDestroy();
    await until('the end', () => client.ended);
    client.end();
    await done;
  });

  it('part at once when the client is gone', async () => {
    const { client, target, done } = await joined();
    client.resetAndDestroy();
    await done;
    await until('the target is let go', () => target.ended || target.over);
  });

  it('are not joined when one is gone already', async () => {
    for (const gone of [0, 1]) {
      const ends = [await pair(), await pair()] as const;
      ends[gone]?.near.destroy();
      await join(ends[0].near, ends[1].near);
      expect(ends.every(({ near }) => near.destroyed)).toBe(true);
    }
  });

  it('lose nothing, however slow one is', async () => {
    const { client, target, done } = await joined();
    client.pause();
    const sent = Buffer.alloc(8 << 20, 'x');
    target.end(sent);
    await settle();
    client.resume();
    client.end();
    await done;
    await until('all of it', () => client.text.length === sent.length);
  });

  it('wait for each other: a client that does not read stops the target', async () => {
    const { client, target, near } = await joined();
    client.pause();
    let taken = 0;
    const more = (): void => {
      while (target.write(Buffer.alloc(65_536))) taken++;
    };
    target.on('drain', more);
    more();
    let before = -1;
    await until('the target is stopped', () => {
      const stopped = before === target.bytesWritten - target.writableLength;
      before = target.bytesWritten - target.writableLength;
      return stopped && target.writableNeedDrain;
    });
    expect(near.map(({ writableLength, readableLength }) => writableLength + readableLength < 1 << 20)).toEqual([
      true,
      true,
    ]);
    expect(taken).toBeGreaterThan(0);
    client.destroy();
  });
});

describe('A target that takes nothing', () => {
  beforeEach(() => {
    jest.useFakeTimers({
      doNotFake: ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask', 'performance', 'Date'],
    });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is let go a while after its client has left, and not before', async () => {
    const gone = new AbortController();
    const [client, target] = [await pair(), await pair()];
    target.far.pause();
    client.far.write(Buffer.alloc(32 << 20));
    const state = { over: false };
    const done = join(client.near, target.near, gone.signal).then(() => {
      state.over = true;
    });
    gone.abort();
    jest.advanceTimersByTime(TARGET_TAKES_WITHIN_MS - 1);
    await settle();
    expect([state.over, target.near.destroyed]).toEqual([false, false]);
    jest.advanceTimersByTime(1);
    await done;
    expect([client.near.destroyed, target.near.destroyed]).toEqual([true, true]);
  });

  it('is let go too when its client has left before', async () => {
    const [client, target] = [await pair(), await pair()];
    const done = join(client.near, target.near, AbortSignal.abort());
    jest.advanceTimersByTime(TARGET_TAKES_WITHIN_MS);
    await done;
    expect(target.near.destroyed).toBe(true);
  });
});
