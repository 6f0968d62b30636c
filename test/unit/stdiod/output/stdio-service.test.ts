import { readFileSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import type { WriteSync } from '../../../../src/stdio/log-file';
import type { StdioService, StdioSpec } from '../../../../src/stdio/stdio-service';
import { Fixture, parseLog, until } from '../../stdio/fixture';
import { SERVICES, type Service } from '../../stdio/services';

describe.each(SERVICES)('Stdio $kind', ({ make, leavesLines }) => {
  let fixture: Fixture;
  let service: Service;
  let stdio: StdioService;
  const use = async (write?: WriteSync): Promise<void> => {
    service = await make(fixture.dir, write);
    stdio = service.stdio;
  };
  beforeEach(async () => {
    fixture = new Fixture();
    await use();
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

  describe('open and drain', () => {
    it('log both streams to their end, then let go of everything', async () => {
      const { stdout, stderr } = await opened();
      stdout.write('one\ntw');
      stderr.write('oops\n');
      stdout.write('o\nend');
      stdout.close();
      stderr.close();
      await stdio.drain('web', { timeoutMs: Number.POSITIVE_INFINITY });
      expect(lines().sort()).toEqual(['stderr F oops', 'stdout F one', 'stdout F two', 'stdout P end']);
      expect(fixture.openPaths()).toEqual([]);
    });

    it('give up at the limit on an output that a child holds open, with all it has printed', async () => {
      const { stdout, stderr } = await opened();
      stderr.close();
      stdout.write('from the child');
      await stdio.drain('web', { timeoutMs: 0 });
      expect(lines()).toEqual(['stdout P from the child']);
      stdout.close();
    });

    it('end for a container opened after its writers left: such a FIFO never ends', async () => {
      await stdio.open({ id: 'old', stdout: fixture.fifo('out'), tty: true, logPath: '', maxLineBytes: 0 });
      await stdio.drain('old', { timeoutMs: 1 });
    });

    it('end at once for a container without outputs, and for one that is not open', async () => {
      await stdio.open({ id: 'mute', tty: false, logPath: fixture.path('0.log'), maxLineBytes: 0 });
      await stdio.drain('mute', { timeoutMs: Number.POSITIVE_INFINITY });
      await stdio.drain('nobody', { timeoutMs: Number.POSITIVE_INFINITY });
    });

    it('serve two drains of one container', async () => {
      const { stdout, stderr } = await opened();
      const long = stdio.drain('web', { timeoutMs: 60_000 });
      await stdio.drain('web', { timeoutMs: 1 });
      await long;
      stdout.close();
      stderr.close();
    });

    it('keep a second open of the same id from doing anything', async () => {
      const { spec, stdout, stderr } = await opened();
      const before = fixture.openPaths();
      await stdio.open(spec);
      expect(fixture.openPaths()).toEqual(before);
      stdout.close();
      stderr.close();
    });

    it('leave nothing open when a FIFO or the log cannot be opened', async () => {
      const stdout = fixture.fifo('out');
      const spec = { id: 'web', stdout, stderr: fixture.path('none'), tty: false, maxLineBytes: 0 };
      await expect(stdio.open({ ...spec, logPath: fixture.path('0.log') })).rejects.toMatchObject({ code: 'BAD_FIFO' });
      writeFileSync(fixture.path('file'), '');
      await expect(
        stdio.open({ ...spec, stderr: undefined, logPath: fixture.path('file/0.log') }),
      ).rejects.toMatchObject({
        code: 'BAD_LOG',
      });
      expect(fixture.openPaths()).toEqual([]);
      await expect(stdio.reopen('web', fixture.path('1.log'))).rejects.toMatchObject({ code: 'NOT_OPEN' });
    });

    it('read on when the log cannot be written', async () => {
      const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
      await service.stop();
      await use(() => {
        throw full;
      });
      const { stdout, stderr } = await opened();
      await stdout.writeAll(Buffer.alloc(500_000, 'lost line\n'));
      stdout.close();
      stderr.close();
      await stdio.drain('web', { timeoutMs: Number.POSITIVE_INFINITY });
      expect(lines()).toEqual([]);
    });
  });

  describe('reopen', () => {
    it('goes on in the new file between two lines', async () => {
      const { stdout, stderr } = await opened();
      stdout.write('one\ntw');
      await until(() => lines().length === 1);
      await stdio.reopen('web', fixture.path('1.log'));
      stdout.write('o\n');
      await until(() => lines('1.log').length === 1);
      expect([lines(), lines('1.log')]).toEqual([['stdout F one'], ['stdout F two']]);
      expect(fixture.openPaths()).not.toContain(fixture.path('0.log'));
      stdout.close();
      stderr.close();
    });

    it('rejects and keeps the old file when the new one cannot be opened', async () => {
      const { stdout, stderr } = await opened();
      await expect(stdio.reopen('web', fixture.dir)).rejects.toMatchObject({ code: 'BAD_LOG' });
      stdout.write('still here\n');
      await until(() => lines().length === 1);
      stdout.close();
      stderr.close();
    });

    it('begins a log for a container that had none', async () => {
      const { stdout, stderr } = await opened({ logPath: '' });
      await stdio.reopen('web', '');
      await stdio.reopen('web', fixture.path('0.log'));
      stdout.write('now\n');
      await until(() => lines().length === 1);
      stdout.close();
      stderr.close();
    });
  });

  describe('close', () => {
    it('leaves the FIFOs to the next reader, and loses nothing of a line that has begun', async () => {
      const { spec, stdout, stderr } = await opened();
      const seen = collector();
      await stdio.attach('web', { stdout: seen.to });
      stdout.write('begun, and ');
      await until(() => seen.text() === 'begun, and ');
      await stdio.close('web');
      expect(fixture.openPaths().filter((path) => path === spec.stdout)).toHaveLength(1); // the writer's own
      await service.stop();
      await use();
      await stdio.open(spec);
      stdout.write('finished\n');
      stdout.close();
      stderr.close();
      await stdio.drain('web', { timeoutMs: Number.POSITIVE_INFINITY });
      const parts = ['stdout P begun, and ', 'stdout F finished'];
      expect(lines()).toEqual(leavesLines ? ['stdout F begun, and finished'] : parts);
    });

    it('leaves a list without it', async () => {
      const { stdout, stderr } = await opened();
      expect(await stdio.list()).toEqual(['web']);
      await stdio.close('web');
      expect(await stdio.list()).toEqual([]);
      stdout.close();
      stderr.close();
    });
  });
});
