import { mkdirSync, mkdtempSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { silentLogger } from '../../../src/base/logger';
import { lockFile } from '../../../src/host/process/lock-file';
import { lockState } from '../../../src/server/lock';

let dir: string;
let path: string;
let told: string[];
let ended: AbortController;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-lock-'));
  path = join(dir, 'state', 'lock');
  told = [];
  ended = new AbortController();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Resolves with what was told first. */
function waitingFor(): { lock: ReturnType<typeof lockState>; first: Promise<string> } {
  let tell: (why: string) => void = () => undefined;
  const first = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const waiting = (why: string): void => {
    told.push(why);
    tell(why);
  };
  return { lock: lockState(path, { log: silentLogger, manager: { waiting }, signal: ended.signal }), first };
}

describe('The lock of the state directory', () => {
  it('is taken at once when it is free', async () => {
    const { lock } = waitingFor();
    await (await lock)?.release();
    expect(told).toEqual([]);
  });

  it.each([
    ['a directory lies', () => mkdirSync(path, { recursive: true }), () => rmdirSync(path)],
    ['a link that leads to itself lies', () => linkToItself(), () => rmSync(path)],
    ['a file lies above', () => writeFileSync(dirname(path), ''), () => rmSync(dirname(path))],
  ])('is waited for, and that is told, where %s in its place', async (_, spoil, mend) => {
    spoil();
    const { lock, first } = waitingFor();
    expect(await first).toContain(dir);
    mend();
    const taken = await lock;
    await expect(lockFile(path)).rejects.toMatchObject({ name: 'LockedError' });
    await taken?.release();
  });

  it('is waited for until somebody wants it no more', async () => {
    mkdirSync(path, { recursive: true });
    const { lock, first } = waitingFor();
    await first;
    ended.abort(new Error('SIGTERM'));
    expect(await lock).toBeUndefined();
  });

  it('is not waited for while another server has it', async () => {
    const others = await lockFile(path);
    await expect(waitingFor().lock).rejects.toMatchObject({ name: 'LockedError' });
    await others.release();
  });
});

function linkToItself(): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(path, path);
}
