import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile, lockHolder } from '../../../src/host/process/lock-file';
import { bootId, parseStartTime, startTimeOf } from '../../../src/host/process/proc';
import { hostMeans, SPAWNED_TOOLS } from '../../../src/host/syscall/syscalls';
import { until } from '../../support/daemon/process';
import { MEANS, useTempDir } from './temp';

const dir = useTempDir();
const lockPath = (): string => join(dir.path, 'state', 'lock');

describe.each(MEANS)('lockFile with %s', (_, means) => {
  it('is had by one at a time, again after its release, and says who has it', async () => {
    const lock = await lockFile(lockPath(), means);
    await expect(lockFile(lockPath(), means)).rejects.toMatchObject({ name: 'LockedError', pid: process.pid });
    await expect(lockFile(lockPath(), means)).rejects.toThrow(`pid ${process.pid}`);
    expect(await lockHolder(lockPath())).toEqual({ pid: process.pid, dying: false });
    await lock.release();
    expect(await lockHolder(lockPath())).toBeUndefined();
    await (await lockFile(lockPath(), means)).release();
    expect(readFileSync(lockPath(), 'utf8').trim()).toBe('');
  });

  it.each([
    ['of a process that ended', async () => ({ pid: 2 ** 22 + 1, startTime: '1', boot: await bootId() })],
    [
      'of another process with a pid used again',
      async () => ({ pid: process.ppid, startTime: '1', boot: await bootId() }),
    ],
    [
      'of an earlier boot',
      async () => ({ pid: process.ppid, startTime: String(await startTimeOf(process.ppid)), boot: 'x' }),
    ],
    ['that is not complete', async () => '{"pid":'],
  ])('takes over a lock %s', async (_name, holder) => {
    await (await lockFile(lockPath(), means)).release();
    const content = await holder();
    writeFileSync(lockPath(), typeof content === 'string' ? content : JSON.stringify(content));
    const lock = await lockFile(lockPath(), means);
    expect(JSON.parse(readFileSync(lockPath(), 'utf8'))).toMatchObject({ pid: process.pid });
    await lock.release();
  });

  it('respects a holder without flock', async () => {
    await (await lockFile(lockPath(), means)).release();
    const holder = { pid: process.ppid, startTime: String(await startTimeOf(process.ppid)), boot: await bootId() };
    writeFileSync(lockPath(), JSON.stringify(holder));
    await expect(lockFile(lockPath(), means)).rejects.toMatchObject({ pid: process.ppid });
  });
});

it('a lock ends with its process, also as long as nobody has waited for that', async () => {
  // The child ends once its parent is `sleep`, which waits for nobody: the shell itself may collect it.
  const parent = spawn('sh', ['-c', 'exec 3<&0; cat <&3 & echo $!; exec 3<&-; exec sleep 60']);
  try {
    const [said] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(String(said));
    const stat = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8');
    await until('the shell is sleep', 5000, async () => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n');
    parent.stdin.end();
    await until('it is a zombie', 5000, async () => stat().includes(') Z '));
    await (await lockFile(lockPath())).release();
    const holder = { pid, startTime: String(parseStartTime(stat())), boot: await bootId() };
    writeFileSync(lockPath(), JSON.stringify(holder));
    await (await lockFile(lockPath())).release();
  } finally {
    parent.kill('SIGKILL');
    await once(parent, 'close');
  }
});

it('a lock ends with its process, however that ends', async () => {
  await (await lockFile(lockPath())).release();
  const holder = spawn('flock', [lockPath(), 'sh', '-c', 'echo held; exec cat']);
  await once(holder.stdout, 'data');
  await expect(lockFile(lockPath(), hostMeans())).rejects.toMatchObject({ name: 'LockedError', pid: holder.pid });
  expect(await lockHolder(lockPath())).toEqual({ pid: holder.pid, dying: false });
  holder.stdin.end();
  await once(holder, 'close');
  const lock = await lockFile(lockPath(), hostMeans());
  expect(() => execFileSync('flock', ['-n', lockPath(), 'true'])).toThrow();
  await lock.release();
  await (await lockFile(lockPath(), SPAWNED_TOOLS)).release();
});
