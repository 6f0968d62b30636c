import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { endProcessesWith } from '../../../../src/host/process/processes-with';

const ENTRIES = [`CRISP_TEST_A=${process.pid}`, 'CRISP_TEST_B=1'];

describe('Processes with an environment', () => {
  const started: ChildProcess[] = [];
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
  });

  /** A process that prints, and ends when its input does. */
  async function start(...entries: string[]): Promise<ChildProcess> {
    const env = { PATH: process.env.PATH, ...Object.fromEntries(entries.map((entry) => entry.split('='))) };
    const child = spawn('sh', ['-c', 'echo begun; exec cat >/dev/null'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    started.push(child);
    if (child.stdout) await once(child.stdout, 'data');
    return child;
  }

  it('are waited for', async () => {
    const child = await start(...ENTRIES);
    let over = false;
    const waiting = endProcessesWith(ENTRIES, 60_000).then(() => {
      over = true;
    });
    expect(over).toBe(false);
    const closed = once(child, 'close');
    child.stdin?.end();
    expect(await closed).toEqual([0, null]);
    await waiting;
  });

  it('are killed when they do not end, and others are not', async () => {
    const [one, other] = [await start(...ENTRIES), await start(ENTRIES[0] ?? '')];
    const closed = once(one, 'close');
    await endProcessesWith(ENTRIES, 1);
    expect(await closed).toEqual([null, 'SIGKILL']);
    expect(other.exitCode).toBeNull();
    expect(other.signalCode).toBeNull();
  });

  it('hold up nobody when there are none', async () => {
    await endProcessesWith(ENTRIES, 60_000);
  });
});
