import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import type { StdioService, StdioSpec } from '../../../../src/stdio/stdio-service';
import { Fixture, parseLog, turn, until } from '../../stdio/fixture';
import { SERVICES, type Service } from '../../stdio/services';

describe.each(SERVICES)('Stdio $kind', ({ make }) => {
  let fixture: Fixture;
  let service: Service;
  let stdio: StdioService;
  beforeEach(async () => {
    fixture = new Fixture();
    service = await make(fixture.dir);
    stdio = service.stdio;
  });
  afterEach(async () => {
    await service.stop();
    expect(fixture.openPaths()).toEqual([]);
    fixture.remove();
  });

  /** Opens a container with all three streams, and both ends of its outputs. */
  async function opened(change: Partial<StdioSpec> = {}) {
    const spec: StdioSpec = {
      id: 'web',
      stdin: fixture.fifo('in'),
      stdout: fixture.fifo('out'),
      stderr: fixture.fifo('err'),
      tty: false,
      logPath: fixture.path('0.log'),
      maxLineBytes: 16384,
      ...change,
    };
    await stdio.open(spec);
    return { spec, stdout: fixture.writer(spec.stdout ?? ''), stderr: fixture.writer(spec.stderr ?? '') };
  }

  const lines = (name = '0.log'): string[] =>
    parseLog(readFileSync(fixture.path(name))).map(({ stream, tag, content }) => `${stream} ${tag} ${content}`);

  function collector(): { to: PassThrough; text: () => string } {
    const to = new PassThrough();
    let text = '';
    to.on('data', (chunk) => {
      text += chunk;
    });
    return { to, text: () => text };
  }

  /** Takes nothing, ever. */
  function stuck(): Writable {
    return new Writable({ highWaterMark: 1, write: () => undefined });
  }

  describe('attach', () => {
    it('gives every client all output from where it joined', async () => {
      const { stdout, stderr } = await opened();
      const early = collector();
      const late = collector();
      const first = await stdio.attach('web', { stdout: early.to });
      stdout.write('one\n');
      await until(() => early.text() === 'one\n');
      const second = await stdio.attach('web', { stdout: late.to });
      stdout.write('two\n');
      stdout.close();
      expect([await first.done, await second.done]).toEqual(['ended', 'ended']);
      expect([early.text(), late.text()]).toEqual(['one\ntwo\n', 'two\n']);
      expect(early.to.writableEnded).toBe(false);
      stderr.close();
    });

    it('keeps the streams apart, and ends when the last one a client wants has ended', async () => {
      const { stdout, stderr } = await opened();
      const [out, err] = [collector(), collector()];
      const { done } = await stdio.attach('web', { stdout: out.to, stderr: err.to });
      stdout.write('out');
      stderr.write('err');
      stdout.close();
      await until(() => out.text() === 'out' && err.text() === 'err');
      let ended = false;
      void done.then(() => {
        ended = true;
      });
      for (let i = 0; i < 20; i++) await turn();
      expect(ended).toBe(false);
      stderr.close();
      expect(await done).toBe('ended');
    });

    it('drops a client that does not take its output, and nobody else', async () => {
      const { stdout, stderr } = await opened();
      const good = collector();
      const slow = stuck();
      const reasons: string[] = [];
      const bad = await stdio.attach('web', { stdout: slow, onClose: (reason) => reasons.push(reason) });
      await stdio.attach('web', { stdout: good.to });
      const data = Buffer.alloc(3_000_000, 'output\n');
      await stdout.writeAll(data);
      expect(await bad.done).toBe('slow');
      expect([reasons, slow.destroyed]).toEqual([['slow'], true]);
      stdout.close();
      stderr.close();
      await stdio.drain('web', { timeoutMs: Number.POSITIVE_INFINITY });
      await until(() => good.text().length === data.length);
      expect(lines()).toHaveLength(Math.ceil(data.length / 7));
    });

    it('forgets clients that go away, also a thousand of them', async () => {
      const { stdout, stderr } = await opened();
      const ends: string[] = [];
      for (let i = 0; i < 1000; i++) {
        const to = new PassThrough();
        const { done } = await stdio.attach('web', { stdout: to, stdin: new PassThrough() });
        void done.then((end) => ends.push(end));
        if (i % 2) to.destroy(new Error('connection reset'));
        else to.destroy();
      }
      await until(() => ends.length === 1000);
      expect(new Set(ends)).toEqual(new Set(['gone']));
      stdout.close();
      stderr.close();
    });

    it('stops giving output to a client that detached', async () => {
      const { stdout, stderr } = await opened();
      const [mine, other] = [collector(), collector()];
      const attachment = await stdio.attach('web', { stdout: mine.to });
      await stdio.attach('web', { stdout: other.to });
      attachment.detach();
      expect(await attachment.done).toBe('detached');
      stdout.write('late');
      await until(() => other.text() === 'late');
      expect(mine.text()).toBe('');
      expect(() => mine.to.destroy(new Error('late'))).not.toThrow();
      stdout.close();
      stderr.close();
    });

    it('ends with the container for a client that only sends stdin', async () => {
      const { stdout, stderr } = await opened();
      const { done } = await stdio.attach('web', { stdin: new PassThrough() });
      stdout.close();
      stderr.close();
      await stdio.drain('web', { timeoutMs: Number.POSITIVE_INFINITY });
      expect(await done).toBe('ended');
    });

    it('ends when the container is closed', async () => {
      const { stdout, stderr } = await opened();
      const { done } = await stdio.attach('web', { stdout: new PassThrough() });
      await stdio.close('web');
      expect(await done).toBe('detached');
      stdout.close();
      stderr.close();
    });

    it('needs an open container', async () => {
      await expect(stdio.attach('nobody', {})).rejects.toMatchObject({ code: 'NOT_OPEN' });
    });
  });

  describe('stdin', () => {
    async function withShim() {
      const container = await opened();
      const shim = fixture.reader(container.spec.stdin ?? '');
      let text = '';
      const socket = new Socket({ fd: shim.fd, readable: true, writable: false });
      const state = { ended: false };
      socket.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      socket.on('end', () => {
        state.ended = true;
      });
      const finish = async (): Promise<void> => {
        container.stdout.close();
        container.stderr.close();
        await stdio.close('web');
        socket.destroy();
        await until(() => socket.closed);
      };
      return { ...container, text: () => text, state, finish };
    }

    /** A client of a stdin_once container, and what crisp was told of the end of its stdin. */
    async function attachedOnce() {
      const stdin = new PassThrough();
      const ends: string[] = [];
      await stdio.attach('web', {
        stdin,
        stdout: new PassThrough(),
        closeStdinAtEnd: true,
        onStdinEnd: () => ends.push('ended'),
      });
      return { stdin, ends };
    }

    it('reaches the container from several clients, whose end is not its end', async () => {
      const shim = await withShim();
      const [one, two] = [new PassThrough(), new PassThrough()];
      await stdio.attach('web', { stdin: one });
      await stdio.attach('web', { stdin: two });
      one.end('one ');
      await until(() => shim.text() === 'one ');
      two.write('two');
      await until(() => shim.text() === 'one two');
      expect(shim.state.ended).toBe(false);
      await shim.finish();
    });

    it('is let go when the client of a stdin_once container ends it, after all of it is written', async () => {
      const shim = await withShim();
      const { stdin, ends } = await attachedOnce();
      const data = 'x'.repeat(300_000);
      stdin.end(data);
      await until(() => shim.state.ended);
      expect([shim.text().length, ends]).toEqual([data.length, ['ended']]);
      await shim.finish();
    });

    it('of a stdin_once container that nobody reads yet ends when somebody does', async () => {
      const { stdout, stderr, spec } = await opened();
      const { stdin, ends } = await attachedOnce();
      stdin.end();
      await until(() => stdin.readableEnded);
      await turn();
      expect(ends).toEqual([]);
      const shim = fixture.reader(spec.stdin ?? '');
      await until(() => ends.length > 0);
      for (const end of [shim, stdout, stderr]) end.close();
    });

    it('of a container that has none is thrown away', async () => {
      const { stdout, stderr } = await opened({ stdin: undefined });
      const stdin = new PassThrough();
      await stdio.attach('web', { stdin });
      stdin.end('x'.repeat(1_000_000));
      await until(() => stdin.readableEnded);
      stdout.close();
      stderr.close();
    });
  });
});
