import { readFileSync } from 'node:fs';
import { cleanEnv, run, runOk } from '../../../src/host/run';

const sh = (script: string): [string, ...string[]] => ['sh', '-c', script];
/** True while a process runs; one that has ended but was not waited for does not. */
const runs = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

describe('run', () => {
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
});

describe('runOk', () => {
  it('rejects with what the program said', async () => {
    expect((await runOk(['echo', 'fine'])).stdout).toBe('fine\n');
    await expect(runOk(sh('echo first >&2; echo last >&2; exit 1'))).rejects.toThrow('sh: first; last');
    await expect(runOk(['false'])).rejects.toThrow('false: exit code 1');
  });
});
