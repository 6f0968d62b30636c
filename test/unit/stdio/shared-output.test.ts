import { Writable } from 'node:stream';
import { BytePool } from '../../../src/base/byte-pool';
import { ExecCapture } from '../../../src/stdio/exec-capture';
import { ExecStreams } from '../../../src/stdio/exec-streams';
import { createReadBuffer } from '../../../src/stdio/fifo';
import { Fixture, turn, until } from './fixture';

const FOR_EVER = Number.POSITIVE_INFINITY;
const LIMITS = { perStream: 1 << 20, total: 1 << 20 };

let fixture: Fixture;
const readBuffer = createReadBuffer();
beforeEach(() => {
  fixture = new Fixture();
});
afterEach(() => {
  expect(fixture.openPaths()).toEqual([]);
  fixture.remove();
});

describe('What is kept of the outputs of ExecSync processes', () => {
  async function captured(pool: BytePool, name: string, bytes: number) {
    const stdout = fixture.fifo(name);
    const capture = new ExecCapture({ stdout }, LIMITS, { readBuffer, pool });
    const writer = fixture.writer(stdout);
    await writer.writeAll(Buffer.alloc(bytes, 'x'));
    writer.close();
    const { stdout: kept, discarded } = await capture.drain(FOR_EVER);
    return { capture, kept: kept.length, discarded };
  }

  it('is so much together, with a little of each, and is given back with the process', async () => {
    const pool = new BytePool({ all: 300_000, each: 1 << 20, own: 10_000 });
    const first = await captured(pool, 'first', 200_000);
    const second = await captured(pool, 'second', 200_000);
    const third = await captured(pool, 'third', 200_000);
    expect([first, second, third].map(({ kept, discarded }) => [kept, discarded])).toEqual([
      [200_000, 0],
      [100_000, 100_000],
      [10_000, 190_000],
    ]);
    first.capture.close();
    second.capture.closeWithin(1000);
    expect(pool.bytes).toBe(10_000);
    const fourth = await captured(pool, 'fourth', 200_000);
    expect(fourth.kept).toBe(200_000);
    for (const { capture } of [third, fourth]) capture.close();
    expect(pool.bytes).toBe(0);
  });
});

describe('What is kept of the outputs of one pod', () => {
  const OF_OWNER = { all: 300_000, ofOwner: 150_000, each: 1 << 20, own: 10_000 };

  it('is a part of that of all, and what is cut for it is told, other than what is over its own limit', async () => {
    const pool = new BytePool(OF_OWNER);
    const captured = async (owner: string, limits = LIMITS) => {
      const stdout = fixture.fifo(`${owner} ${pool.bytes}`);
      const capture = new ExecCapture({ owner, stdout }, limits, { readBuffer, pool });
      const writer = fixture.writer(stdout);
      await writer.writeAll(Buffer.alloc(100_000, 'x'));
      writer.close();
      const { stdout: kept, crowdedOut } = await capture.drain(FOR_EVER);
      return { capture, seen: [kept.length, crowdedOut] };
    };
    const all = [
      await captured('pod'),
      await captured('pod'),
      await captured('other', { perStream: 90_000, total: 90_000 }),
      await captured('pod'),
    ];
    expect(all.map(({ seen }) => seen)).toEqual([
      [100_000, undefined],
      [50_000, true],
      [90_000, undefined],
      [10_000, true],
    ]);
    for (const { capture } of all) capture.close();
    expect(pool.bytes).toBe(0);
  });

  it('and not taken by its clients holds up its own commands, and no other pod’s', async () => {
    const backlog = new BytePool(OF_OWNER);
    const run = (name: string, owner: string) => {
      const stdoutPath = fixture.fifo(name);
      const stdout = new Writable({ write: () => undefined }); // it never takes anything
      const streams = new ExecStreams({ owner, stdoutPath, stdout }, { readBuffer, backlog });
      return { streams, writer: fixture.writer(stdoutPath) };
    };
    const [hog, other] = [run('hog', 'pod'), run('other', 'other')];
    const hogging = hog.writer.writeAll(Buffer.alloc(300_000, 'x'));

    await until(() => backlog.bytes >= 150_000);
    for (let i = 0; i < 20; i++) await turn();
    const held = backlog.bytes;
    expect(held).toBeLessThan(150_000 + 65_536);
    await other.writer.writeAll(Buffer.alloc(60_000, 'x'));
    await until(() => backlog.bytes === held + 60_000);
    for (const { streams } of [hog, other]) streams.discard();
    await hogging;
    for (const { streams, writer } of [hog, other]) {
      writer.close();
      streams.close();
    }
    expect(backlog.bytes).toBe(0);
  });
});

describe('What the clients of commands have not taken', () => {
  /** A client that takes nothing until it is told to. */
  function lazy() {
    const waiting: (() => void)[] = [];
    const state = { taken: 0, taking: false };
    const to = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        const take = (): void => {
          state.taken += chunk.length;
          done();
        };
        if (state.taking) setImmediate(take);
        else waiting.push(take);
      },
    });
    const take = (): void => {
      state.taking = true;
      for (const each of waiting.splice(0)) each();
    };
    return { to, state, take };
  }

  function running(backlog: BytePool, name: string) {
    const stdoutPath = fixture.fifo(name);
    const client = lazy();
    const streams = new ExecStreams({ stdoutPath, stdout: client.to }, { readBuffer, backlog });
    return { ...client, streams, writer: fixture.writer(stdoutPath) };
  }

  it('holds up a command at the limit of one, and nothing is lost', async () => {
    const backlog = new BytePool({ all: 1 << 30, each: 100_000, own: 10_000 });
    const { streams, writer, take, state } = running(backlog, 'out');
    const writing = writer.writeAll(Buffer.alloc(1_000_000, 'x'));
    await until(() => backlog.bytes >= 100_000);
    for (let i = 0; i < 20; i++) await turn();
    expect(backlog.bytes).toBeLessThan(100_000 + 65_536);
    take();
    await writing;
    writer.close();
    expect(await streams.drain(FOR_EVER)).toBe(true);
    expect([state.taken, backlog.bytes]).toEqual([1_000_000, 0]);
    streams.close();
  });

  it('holds up commands at the limit of all, those with much of it first, and lets them go on', async () => {
    const backlog = new BytePool({ all: 200_000, each: 1 << 20, own: 1000 });
    const [hog, other] = [running(backlog, 'hog'), running(backlog, 'other')];
    const hogging = hog.writer.writeAll(Buffer.alloc(600_000, 'x'));
    await until(() => backlog.bytes >= 200_000);
    const held = backlog.bytes;
    other.writer.write(Buffer.alloc(900));
    await until(() => backlog.bytes === held + 900);
    other.writer.write(Buffer.alloc(900));
    await until(() => backlog.bytes === held + 1800);
    other.writer.write(Buffer.alloc(900));
    for (let i = 0; i < 20; i++) await turn();
    expect(backlog.bytes).toBe(held + 1800);
    hog.take();
    await hogging;
    await until(() => hog.state.taken === 600_000 && backlog.bytes === 2700);
    other.take();
    for (const { writer } of [hog, other]) writer.close();
    await Promise.all([hog, other].map(({ streams }) => streams.drain(FOR_EVER)));
    expect([other.state.taken, backlog.bytes]).toEqual([2700, 0]);
    for (const { streams } of [hog, other]) streams.close();
  });
});
