import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { parseUlimits } from '../../../../src/host/process/process-counts';
import { processCounts } from '../../../../src/host/process/process-values';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max processes             96365                96365                processes 
Max open files            1024                 524288               files     
Max nice priority         0                    0                    
`;

/** A process in the fake /proc, with descriptors that lead to `targets`. */
function addProcess(pid: number, threads: number, targets: string[]): void {
  root.add({ [`${pid}/status`]: `Name:\tx\nThreads:\t${threads}\n`, [`${pid}/limits`]: LIMITS });
  mkdirSync(join(root.path, String(pid), 'fd'));
  targets.forEach((target, fd) => {
    symlinkSync(target, join(root.path, String(pid), 'fd', String(fd)));
  });
}

describe('processCounts', () => {
  it('adds up what all processes hold, with the limits of the first', async () => {
    addProcess(7, 3, ['/dev/null', 'pipe:[1]', 'socket:[2]', 'socket:[3]']);
    addProcess(8, 1, ['socket:[4]', 'anon_inode:[eventpoll]', '/run/socket:x']);
    expect(await processCounts([7, 8], root.path)).toEqual({
      processes: 2n,
      threads: 4n,
      fileDescriptors: 7n,
      sockets: 3n,
      ulimits: [{ name: 'max_open_files', soft: 1024n }],
    });
  });

  it('leaves out a process that has ended, at whatever moment', async () => {
    addProcess(7, 3, ['socket:[2]']);
    addProcess(8, 5, ['socket:[2]']);
    rmSync(join(root.path, '8/fd'), { recursive: true }); // gone after its status was read
    expect(await processCounts([7, 8, 9], root.path)).toMatchObject({ processes: 1n, threads: 3n, sockets: 1n });
  });

  it('tells no limits when the first process has ended', async () => {
    addProcess(7, 1, []);
    const counts = { processes: 1n, threads: 1n, fileDescriptors: 0n, sockets: 0n, ulimits: undefined };
    expect(await processCounts([6, 7], root.path)).toEqual(counts);
  });

  it('counts nothing when there are no processes', async () => {
    const none = { processes: 0n, threads: 0n, fileDescriptors: 0n, sockets: 0n, ulimits: undefined };
    expect(await processCounts([], root.path)).toEqual(none);
    expect(await processCounts([1, 2, 3], root.path)).toEqual(none);
  });

  it('counts many processes', async () => {
    const pids = Array.from({ length: 50 }, (_, index) => index + 1);
    for (const pid of pids) addProcess(pid, 2, ['socket:[1]']);
    expect(await processCounts(pids, root.path)).toMatchObject({ processes: 50n, threads: 100n, sockets: 50n });
  });

  it('rejects when a process that runs may not be looked at, rather than counting too few', async () => {
    addProcess(7, 1, []);
    rmSync(join(root.path, '7/status'));
    mkdirSync(join(root.path, '7/status')); // stands for EACCES: any failure but its end
    await expect(processCounts([7], root.path)).rejects.toMatchObject({ code: 'EISDIR' });
  });

  it('counts this process in the real /proc', async () => {
    const counts = await processCounts([process.pid]);
    expect(counts.processes).toBe(1n);
    expect(counts.threads > 1n && counts.fileDescriptors > 2n).toBe(true);
  });
});

it.each([
  ['what cAdvisor tells of them', LIMITS, [{ name: 'max_open_files', soft: 1024n }]],
  ['nothing for no limit', 'Max open files            unlimited            unlimited            files     \n', []],
  ['nothing for another limit', 'Max file locks            5            6            locks     \n', []],
  ['nothing for an empty file', '', []],
])('parseUlimits: %s', (_name, text, limits) => {
  expect(parseUlimits(text)).toEqual(limits);
});
