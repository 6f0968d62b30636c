import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupProcesses } from '../../../src/host/cgroup/cgroup-files';
import { CgroupDir } from '../../../src/host/cgroup/cgroup-text';
import { devicesBelowNow } from '../../../src/host/files/device-nodes';
import { linesOfNow, startOfNow } from '../../../src/host/mount/read-locally';
import { MOST_DESCRIPTORS, MOST_PROCESSES } from '../../../src/host/process/process-counts';
import { lookAtProcessesNow, MAX_COMMAND_BYTES, MAX_TEXTS_BYTES } from '../../../src/host/process/process-look';
import { processCounts } from '../../../src/host/process/process-values';
import { lookAt } from '../../../src/host/process/stray-processes';
import { useFakeRoot } from './fake-root';

const root = useFakeRoot();

describe('A look at all processes', () => {
  const command = (pid: number, args: string): void =>
    root.add({ [`${pid}/cmdline`]: args, [`${pid}/cgroup`]: '0::/x\n' });
  const found = async (): Promise<readonly (readonly string[])[]> => (await lookAt(root.path)).map(({ args }) => args);

  it('tells arguments up to their limit, and of more the program alone', async () => {
    const fill = (bytes: number): string => `/bin/app\0${'x'.repeat(bytes - '/bin/app\0\0'.length)}\0`;
    command(7, fill(MAX_COMMAND_BYTES));
    command(8, fill(MAX_COMMAND_BYTES + 1));
    const [at, above] = await found();
    expect(at).toEqual(['/bin/app', expect.stringMatching(/^x+$/)]);
    expect(above).toEqual(['/bin/app']);
  });

  it('holds so many bytes of arguments together, and of further processes the program', () => {
    const each = MAX_COMMAND_BYTES - 10;
    const count = Math.ceil(MAX_TEXTS_BYTES / each) + 10;
    for (let pid = 1; pid <= count; pid++) command(pid, `/bin/app\0${String(pid).padEnd(each - 20, 'x')}\0`);
    const { texts, pids } = lookAtProcessesNow(root.path);
    expect(pids).toHaveLength(count);
    const bytes = texts.reduce((total, { length }) => total + length, 0);
    expect(bytes).toBeGreaterThan(MAX_TEXTS_BYTES - MAX_COMMAND_BYTES);
    expect(bytes).toBeLessThan(MAX_TEXTS_BYTES + MAX_COMMAND_BYTES + 100);
    expect(texts).toContain('/bin/app\0');
  });

  it('keeps once what many processes share', () => {
    for (let pid = 1; pid <= 100; pid++) command(pid, '/bin/app\0');
    expect(lookAtProcessesNow(root.path).texts).toHaveLength(2);
  });
});

describe('The counts of a container', () => {
  function addProcess(pid: number, descriptors: number): void {
    root.add({ [`${pid}/status`]: 'Threads:\t1\n', [`${pid}/limits`]: '' });
    mkdirSync(join(root.path, String(pid), 'fd'));
    for (let fd = 0; fd < descriptors; fd++) symlinkSync('socket:[1]', join(root.path, String(pid), 'fd', String(fd)));
  }

  it('are of so many of its processes', async () => {
    addProcess(7, 0);
    const same = (count: number): number[] => new Array<number>(count).fill(7);
    expect((await processCounts(same(MOST_PROCESSES), root.path)).processes).toBe(BigInt(MOST_PROCESSES));
    expect((await processCounts(same(MOST_PROCESSES + 1), root.path)).processes).toBe(BigInt(MOST_PROCESSES));
  });

  it('are of so many of its descriptors', async () => {
    addProcess(7, 1000);
    addProcess(8, 1);
    const full = new Array<number>(MOST_DESCRIPTORS / 1000).fill(7);
    const most = { fileDescriptors: BigInt(MOST_DESCRIPTORS), sockets: BigInt(MOST_DESCRIPTORS) };
    expect(await processCounts(full, root.path)).toMatchObject(most);
    expect(await processCounts([...full, 8], root.path)).toMatchObject({ ...most, processes: BigInt(full.length + 1) });
  });

  it('look at so many processes in the cgroups of a container, and at so many cgroups', async () => {
    const pids = (count: number): string => '1234567\n'.repeat(count);
    const layout = { version: 2, mount: '/c' } as const;
    root.add({ 'c/a/cgroup.procs': pids(MOST_PROCESSES), 'c/b/cgroup.procs': pids(MOST_PROCESSES + 1) });
    expect(await cgroupProcesses('/a', layout, root.path)).toHaveLength(MOST_PROCESSES);
    expect(await cgroupProcesses('/b', layout, root.path)).toHaveLength(MOST_PROCESSES);
    root.add({ 'c/many/cgroup.procs': '1\n' });
    for (let i = 0; i < 1010; i++) root.add({ [`c/many/${i}/cgroup.procs`]: '2\n' });
    expect(await cgroupProcesses('/many', layout, root.path)).toHaveLength(1000);
  });
});

describe('A file of the kernel', () => {
  it('is read up to so many bytes', () => {
    root.add({ file: 'x'.repeat(50_000) });
    const path = join(root.path, 'file');
    expect(
      [startOfNow(path, 50_000), startOfNow(path, 49_999), startOfNow(path, 60_000)].map(({ length }) => length),
    ).toEqual([50_000, 49_999, 50_000]);
  });

  it('is read up to the last whole line within its limit', () => {
    root.add({ file: 'one\ntwo\n' });
    const path = join(root.path, 'file');
    expect(linesOfNow(path, 8)).toBe('one\ntwo\n');
    expect(linesOfNow(path, 7)).toBe('one\n');
  });

  it('of a cgroup has at most 256 KiB', () => {
    root.add({ at: `${'x'.repeat(255)}\n`.repeat(1024), above: `${'x'.repeat(255)}\n`.repeat(1025) });
    const dir = new CgroupDir(root.path);
    expect([dir.text('at')?.length, dir.text('above')?.length]).toEqual([256 * 1024, 256 * 1024]);
    expect(new CgroupDir(root.path).children(1)).toEqual([]);
  });
});

describe('The devices below a directory', () => {
  it('are refused when there are more than there may be', () => {
    const all = devicesBelowNow('/dev');
    expect(all.length).toBeGreaterThan(0);
    expect(devicesBelowNow('/dev', all.length)).toEqual(all);
    expect(() => devicesBelowNow('/dev', all.length - 1)).toThrow(`"/dev" has more than ${all.length - 1} devices`);
  });
});
