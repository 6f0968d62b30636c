import { PassThrough, Writable } from 'node:stream';
import { EXEC_SYNC_LIMITS, ExecIo } from '../../../src/stdio/exec-io';
import { settle } from '../../support/streaming/until';
import { Fixture, turn, until } from './fixture';

const FOR_EVER = Number.POSITIVE_INFINITY;
const MORE_THAN_A_PIPE_HOLDS = Buffer.alloc(300_000, 'x');

let fixture: Fixture;
const exec = new ExecIo();
beforeEach(() => {
  fixture = new Fixture();
});
afterEach(() => {
  expect(fixture.openPaths()).toEqual([]);
  fixture.remove();
});

describe('capture', () => {
  function capturing(limits = EXEC_SYNC_LIMITS) {
    const paths = { stdout: fixture.fifo('out'), stderr: fixture.fifo('err') };
    const capture = exec.capture(paths, limits);
    return { capture, stdout: fixture.writer(paths.stdout), stderr: fixture.writer(paths.stderr) };
  }

  it('answers what both streams said', async () => {
    const { capture, stdout, stderr } = capturing();
    stdout.write('out\n');
    stderr.write('err\n');
    stdout.close();
    stderr.close();
    expect(await capture.drain(FOR_EVER)).toEqual({
      stdout: Buffer.from('out\n'),
      stderr: Buffer.from('err\n'),
      discarded: 0,
      complete: true,
    });
  });

  it('keeps what fits and reads the rest, so that the process never blocks', async () => {
    const { capture, stdout, stderr } = capturing({ perStream: 200_000, total: 250_000 });
    await stdout.writeAll(Buffer.alloc(1_000_000, 'a'));
    stdout.close();
    await until(() => fixture.openPaths().filter((path) => path.endsWith('out')).length === 0);
    await stderr.writeAll(Buffer.alloc(100_000, 'b'));
    stderr.close();
    const { stdout: out, stderr: err, discarded } = await capture.drain(FOR_EVER);
    expect([out.length, err.length, discarded]).toEqual([200_000, 50_000, 850_000]);
  });

  it('gives up at the limit on a stream that a child holds, with what it has said', async () => {
    const { capture, stdout, stderr } = capturing();
    stdout.write('before');
    stderr.close();
    const captured = await capture.drain(0);
    await stdout.writeAll(MORE_THAN_A_PIPE_HOLDS);
    expect(captured).toEqual({
      stdout: Buffer.from('before'),
      stderr: Buffer.alloc(0),
      discarded: 0,
      complete: false,
    });
    stdout.close();
    capture.close();
  });

  it('reads on for a process whose output nobody wants any more', async () => {
    const { capture, stdout, stderr } = capturing();
    const draining = capture.drain(FOR_EVER);
    capture.discard();
    await draining;
    for (const output of [stdout, stderr]) {
      await output.writeAll(MORE_THAN_A_PIPE_HOLDS);
      output.close();
    }
    await until(() => fixture.openPaths().length === 0);
  });

  it('is complete at once without streams', async () => {
    expect(await exec.capture({}).drain(FOR_EVER)).toMatchObject({ complete: true });
  });

  it('leaves nothing open when the second FIFO cannot be opened', () => {
    expect(() => exec.capture({ stdout: fixture.fifo('out'), stderr: fixture.path('none') })).toThrow('open the FIFO');
  });

  it('lets go when closed before the end', async () => {
    const { capture, stdout, stderr } = capturing();
    capture.close();
    expect(await capture.drain(FOR_EVER)).toMatchObject({ complete: true });
    stdout.close();
    stderr.close();
  });

  it('fits a reply into what gRPC takes', () => {
    expect(EXEC_SYNC_LIMITS.total).toBeLessThan(16 * 1024 * 1024);
  });
});

describe('stream', () => {
  function paths() {
    return { stdinPath: fixture.fifo('in'), stdoutPath: fixture.fifo('out'), stderrPath: fixture.fifo('err') };
  }

  it('carries the output to the client, all of it before drain resolves', async () => {
    const where = paths();
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const streams = exec.stream({ ...where, stdout, stderr });
    const [out, err] = [fixture.writer(where.stdoutPath), fixture.writer(where.stderrPath)];
    out.write('out');
    err.write('err');
    out.close();
    err.close();
    expect(await streams.drain(FOR_EVER)).toBe(true);
    expect([String(stdout.read()), String(stderr.read())]).toEqual(['out', 'err']);
    expect(stdout.writableEnded).toBe(false);
  });

  it('slows the process down to the pace of the client', async () => {
    const where = paths();
    const takes: (() => void)[] = [];
    let taken = 0;
    const stdout = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        taken += chunk.length;
        takes.push(done);
      },
    });
    const streams = exec.stream({ ...where, stdout, stderr: new PassThrough() });
    const out = fixture.writer(where.stdoutPath);
    const all = out.writeAll(Buffer.alloc(4_000_000, 'x'));
    let written = false;
    void all.then(() => {
      written = true;
    });
    for (let i = 0; i < 2000; i++) await turn();
    expect(written).toBe(false);
    expect(stdout.writableLength).toBeLessThan(1024 * 1024 + 2 * 65536);
    const taking = setInterval(() => {
      for (const take of takes.splice(0)) take();
    }, 0);
    await all;
    out.close();
    fixture.writer(where.stderrPath).close();
    expect(await streams.drain(FOR_EVER)).toBe(true);
    clearInterval(taking);
    expect(taken).toBe(4_000_000);
  });

  it('reads on for a client that is gone: the process lives', async () => {
    const where = paths();
    const stdout = new PassThrough();
    const streams = exec.stream({ ...where, stdout });
    const out = fixture.writer(where.stdoutPath);
    stdout.destroy(new Error('connection reset'));
    await out.writeAll(Buffer.alloc(3_000_000, 'x'));
    out.close();
    fixture.writer(where.stderrPath).close();
    expect(await streams.drain(FOR_EVER)).toBe(true);
  });

  it('gives up at the limit on a child that holds an output, with what lay in the pipe', async () => {
    const where = paths();
    const stdout = new PassThrough();
    const streams = exec.stream({ ...where, stdout, stderr: new PassThrough() });
    const out = fixture.writer(where.stdoutPath);
    out.write('before');
    fixture.writer(where.stderrPath).close();
    expect(await streams.drain(1)).toBe(false);
    await out.writeAll(MORE_THAN_A_PIPE_HOLDS);
    expect(String(stdout.read())).toBe('before');
    out.close();
    streams.close();
  });

  it.each([
    ['whose process has closed its output', true],
    ['of a process whose child holds its output', false],
  ])('never gives up on a slow client %s: it gets all of it', async (_what, closed) => {
    const where = paths();
    let taken = 0;
    const takes: (() => void)[] = [];
    const take = (): void => takes.shift()?.();
    const stdout = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        taken += chunk.length;
        takes.push(done);
      },
    });
    const streams = exec.stream({ ...where, stdout });
    const out = fixture.writer(where.stdoutPath);
    fixture.writer(where.stderrPath).close();
    const filled = out.writeAll(Buffer.alloc(1_200_000, 'x')); // more than is kept for a client
    const taking = setInterval(() => {
      if (taken < 900_000) take(); // the rest is well below half of what is kept: reading has gone on
    }, 1);
    await filled;
    await until(() => taken >= 900_000);
    clearInterval(taking);
    if (closed) out.close();
    let over = false;
    const draining = streams.drain(closed ? 60_000 : 5).then((complete) => {
      over = true;
      return complete;
    });
    if (closed) await until(() => !fixture.openPaths().includes(where.stdoutPath));
    else await settle();
    expect(over).toBe(false);
    const on = setInterval(() => take(), 1);
    expect(await draining).toBe(closed);
    clearInterval(on);
    if (!closed) {
      await out.writeAll(MORE_THAN_A_PIPE_HOLDS); // it is read and thrown away
      out.close();
    }
    expect(taken).toBe(1_200_000);
    streams.close();
  });

  it('does not wait for a client that has left when a child holds the output', async () => {
    const where = paths();
    const stdout = new Writable({ write: () => undefined });
    const streams = exec.stream({ ...where, stdout });
    const out = fixture.writer(where.stdoutPath);
    fixture.writer(where.stderrPath).close();
    out.write('x');
    const draining = streams.drain(5);
    stdout.destroy();
    expect(await draining).toBe(false);
    out.close();
    streams.close();
  });

  it('passes nothing on to a client that is not to get more, and reads on for the process', async () => {
    const where = paths();
    const takes: (() => void)[] = [];
    const stdout = new Writable({ write: (_chunk, _encoding, done) => void takes.push(done) });
    const streams = exec.stream({ ...where, stdin: new PassThrough(), stdout });
    const [out, err] = [fixture.writer(where.stdoutPath), fixture.writer(where.stderrPath)];
    const filled = out.writeAll(Buffer.alloc(2_000_000, 'x')); // for a client that takes nothing the process has to wait
    await until(() => stdout.writableLength > 1_000_000);
    const draining = streams.drain(FOR_EVER);
    streams.discard();
    const had = stdout.writableLength;
    await draining;
    await filled;
    await err.writeAll(MORE_THAN_A_PIPE_HOLDS);
    expect(stdout.writableLength).toBe(had);
    for (const output of [out, err]) output.close();
    await until(() => fixture.openPaths().length === 0);
  });

  it('carries stdin, waiting for the process to open it, and says when it has ended', async () => {
    const where = paths();
    const stdin = new PassThrough();
    const ends: string[] = [];
    const streams = exec.stream({ ...where, stdin, onStdinEnd: () => ends.push('ended') });
    stdin.end('x'.repeat(40_000));
    streams.startStdin();
    streams.startStdin();
    await turn();
    const shim = fixture.reader(where.stdinPath);
    await until(() => ends.length > 0);
    expect(fixture.openPaths().filter((path) => path === where.stdinPath)).toHaveLength(1); // the shim's own
    shim.close();
    streams.close();
  });

  it('leaves nothing open when a FIFO cannot be opened, or when it is closed early', async () => {
    const where = paths();
    expect(() => exec.stream({ ...where, stderrPath: fixture.path('none') })).toThrow('open the FIFO');
    const streams = exec.stream({ ...where, stdin: new PassThrough(), stdout: new PassThrough() });
    streams.startStdin();
    streams.close();
    expect(await streams.drain(FOR_EVER)).toBe(true);
  });
});
