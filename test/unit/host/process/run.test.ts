import { closeSync, openSync, readFileSync } from 'node:fs';
import { nodeSpawn } from '../../../../src/host/process/node-spawn';
import { posixSpawn } from '../../../../src/host/process/posix-spawn';
import type { StartProgram } from '../../../../src/host/process/program';
import { cleanEnv, type RunOptions, runOk, run as runProgram } from '../../../../src/host/process/run';

const sh = (script: string): [string, ...string[]] => ['sh', '-c', script];
/** True while a process runs; one that has ended but was not waited for does not. */
const runs = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

const WAYS: readonly (readonly [string, StartProgram])[] = [
  [
    'off this thread',
    (program) => {
      const running = posixSpawn(program);
      if (!running) throw new Error('koffi does not load');
      return running;
    },
  ],
  ['as Node does it', nodeSpawn],
];

describe.each(WAYS)('run, %s', (_, start) => {
  const run = (argv: [string, ...string[]], options: RunOptions = {}) => runProgram(argv, options, start);

  it('answers code and output, whatever the code', async () => {
    expect(await run(sh('echo out; echo err >&2; exit 3'))).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' });
    expect(await run(sh('kill -TERM $$'))).toEqual({ code: 143, stdout: '', stderr: '' });
  });

  it('writes the input, and does not mind a program that does not read it', async () => {
    expect((await run(['cat'], { input: 'given' })).stdout).toBe('given');
    expect((await run(['true'], { input: Buffer.alloc(1 << 20) })).code).toBe(0);
  });

  it('never goes through a shell', async () => {
    expect((await run(['printf', '%s', '$(id); `id`'])).stdout).toBe('$(id); `id`');
  });

  it('hands down PATH and what it is given, nothing else', async () => {
    process.env.NODE_OPTIONS_FOR_TEST = 'leak';
    const { stdout } = await run(['env'], { env: { ONE: '1' } });
    delete process.env.NODE_OPTIONS_FOR_TEST;
    expect(stdout.trim().split('\n').sort()).toEqual([`ONE=1`, `PATH=${cleanEnv().PATH}`]);
  });

  it('kills what takes too long, and all that it started', async () => {
    const failed = run(sh('sleep 1000 & echo $!; wait'), { timeoutMs: 100 });
    await expect(failed).rejects.toThrow('sh: still running after 100 ms, killed');
  });

  it('ends with its caller, killing the program and what that started', async () => {
    const gone = new AbortController();
    const { mkdtempSync, rmSync, watch } = await import('node:fs');
    const dir = mkdtempSync('/tmp/crisp-run-');
    const written = new Promise<void>((resolve) => {
      const watcher = watch(dir, (_, name) => {
        if (name !== 'pids') return;
        watcher.close();
        resolve();
      });
    });
    const running = run(sh('sleep 1000 & echo $$ $! > tmp && mv tmp pids; wait'), { signal: gone.signal, cwd: dir });
    await written;
    const pids = readFileSync(`${dir}/pids`, 'utf8').trim().split(' ').map(Number);
    rmSync(dir, { recursive: true });
    expect(pids.map(runs)).toEqual([true, true]);
    gone.abort(new Error('caller gone'));
    await expect(running).rejects.toThrow('caller gone');
    while (pids.some(runs)) await new Promise(setImmediate);
  });

  it('waits where it is told to until what had to be killed has ended', async () => {
    const { existsSync, mkdtempSync, rmSync } = await import('node:fs');
    const dir = mkdtempSync('/tmp/crisp-run-');
    const script = 'sleep 1000 & echo $$ $! > tmp && mv tmp pids; wait';
    const running = run(sh(script), { timeoutMs: 500, untilGoneMs: 10_000, cwd: dir });
    await expect(running).rejects.toThrow('still running after 500 ms, killed');
    expect(existsSync(`${dir}/pids`)).toBe(true);
    const pids = readFileSync(`${dir}/pids`, 'utf8').trim().split(' ').map(Number);
    rmSync(dir, { recursive: true });
    expect(pids.map(runs)).toEqual([false, false]);
  });

  it('waits for no longer than that', async () => {
    const running = start({ argv: sh('exec sleep 1000'), env: cleanEnv(), cwd: '/', input: '' });
    const began = performance.now();
    await running.gone(50);
    expect(performance.now() - began).toBeGreaterThanOrEqual(49);
    running.abandon();
    await running.gone(10_000);
  });

  it('does not wait for what could not be started', async () => {
    const running = run(['/no/such/program'], { untilGoneMs: 60_000 });
    await expect(running).rejects.toThrow('/no/such/program');
  });

  it('does not start for a caller that has gone', async () => {
    await expect(run(['true'], { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone');
  });

  it('refuses more output than it is told to hold, and cuts the rest of what goes wrong', async () => {
    await expect(run(sh('yes'), { maxOutputBytes: 1000 })).rejects.toThrow('sh: printed more than 1000 bytes');
    const { stderr } = await run(sh('head -c 5000 /dev/zero >&2'), { maxOutputBytes: 1000 });
    expect(stderr.length).toBe(1000);
  });

  it('says which program cannot be started', async () => {
    await expect(run(['/no/such/program'])).rejects.toMatchObject({ name: 'RunError', program: '/no/such/program' });
    await expect(run(['true'], { cwd: '/no/such/dir' })).rejects.toThrow('ENOENT');
  });

  it('starts a program in a session of its own, with three descriptors, no blocked signal and none ignored', async () => {
    const own = openSync('/dev/null', 'r');
    const { stdout } = await run(
      // The last one by exec: a shell blocks signals while it starts a program, and might be seen doing that.
      sh('echo $(ls /proc/$$/fd); cut -d " " -f 1,6 /proc/$$/stat; exec grep Sig /proc/self/status'),
    );
    const [fds, ids = '', ...signals] = stdout.trim().split('\n');
    closeSync(own);
    expect(fds?.split(' ')).toEqual(expect.arrayContaining(['0', '1', '2']));
    expect(fds?.split(' ')).not.toContain(String(own));
    expect(ids.split(' ')[0]).toBe(ids.split(' ')[1]);
    const masks = signals
      .filter((line) => /^Sig(Blk|Ign)/.test(line))
      .map((line) => BigInt(`0x${line.split('\t')[1]}`));
    const standard = (1n << 31n) - 1n; // two of the others are the C library's own, which it ignores until its first thread
    expect(masks.map((mask) => mask & standard)).toEqual([0n, 0n]);
  });

  it('waits for a program that closes its output before it ends', async () => {
    expect((await run(sh('exec >&- 2>&-; sleep 0.2; exit 7'))).code).toBe(7);
  });

  it('leaves no process behind that nobody waited for', async () => {
    const children = () =>
      readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    const before = children().length;
    await Promise.all(Array.from({ length: 20 }, (_, i) => run(sh(`exit ${i}`))));
    await expect(run(['sleep', '1000'], { timeoutMs: 50 })).rejects.toThrow('killed');
    while (children().length > before) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('gives all of an input that no pipe holds, and gets all of it back', async () => {
    const input = 'x'.repeat(900_000);
    expect((await run(['cat'], { input })).stdout).toBe(input);
  });
});

describe('runOk', () => {
  it('rejects with what the program said', async () => {
    expect((await runOk(['echo', 'fine'])).stdout).toBe('fine\n');
    await expect(runOk(sh('echo first >&2; echo last >&2; exit 1'))).rejects.toThrow('sh: first; last');
    await expect(runOk(['false'])).rejects.toThrow('false: exit code 1');
  });
});
