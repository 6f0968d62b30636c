import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  bootId,
  capabilitiesOf,
  capabilitiesUpTo,
  capabilityNames,
  dyingThreadGone,
  isDying,
  parseStartTime,
  startTimeOf,
  statusField,
} from '../../../../src/host/process/proc';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();
const stat = (name: string): string => `42 (${name}) S 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654321 1000 5`;

it.each([
  ['0', []],
  ['0000000000000001', ['CAP_CHOWN']],
  ['0000000001000000', ['CAP_SYS_RESOURCE']],
  ['0000010000000400', ['CAP_NET_BIND_SERVICE', 'CAP_CHECKPOINT_RESTORE']],
])('capabilityNames(%s)', (mask, names) => {
  expect(capabilityNames(mask)).toEqual(names);
});

it('knows the 41 capabilities of today, and answers bits it does not know with silence', () => {
  expect(capabilityNames('ffffffffffffffff')).toHaveLength(41);
  expect(capabilitiesUpTo(40)).toEqual(capabilityNames('1ffffffffff'));
  expect(capabilitiesUpTo(37).at(-1)).toBe('CAP_AUDIT_READ');
});

it.each(['cat', 'a b) S (c', '('])('parseStartTime is not misled by a program named %j', (name) => {
  expect(parseStartTime(stat(name))).toBe(987654321n);
});

it('parseStartTime does not guess', () => {
  expect(parseStartTime('')).toBeUndefined();
  expect(parseStartTime('42 (x) S 1')).toBeUndefined();
});

it('reads of a process what is asked', async () => {
  root.add({
    '42/stat': stat('x'),
    '44/stat': stat('x').replace(') S', ') Z'),
    '42/status': 'Name:\tx\nCapEff:\t0000000000000003\n',
    'sys/kernel/random/boot_id': 'abc\n',
  });
  expect(await startTimeOf(42, root.path)).toBe(987654321n);
  expect(await startTimeOf(43, root.path)).toBeUndefined();
  expect(await startTimeOf(44, root.path)).toBeUndefined(); // a zombie
  expect(await capabilitiesOf(42, root.path)).toEqual(['CAP_CHOWN', 'CAP_DAC_OVERRIDE']);
  await expect(capabilitiesOf(43, root.path)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await bootId(root.path)).toBe('abc');
  expect(statusField('A:\t1\nAB:\t2', 'AB')).toBe('2');
  expect(statusField('A:\t1', 'B')).toBeUndefined();
});

it('waits for a thread of a dying process, and no longer than the process is dying', async () => {
  const stat = (state: string): string => `42 (x) ${state} 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 2 0 987654321 0 0`;
  const heldUp = '42/task/43/stat';
  root.add({ '42/stat': stat('Z'), [heldUp]: stat('D'), '42/task/44/stat': stat('S') });
  await dyingThreadGone('42/task/45', root.path);
  let gone = false;
  const going = dyingThreadGone('42/task/44', root.path).then(() => {
    gone = true;
  });
  await Promise.resolve();
  expect(gone).toBe(false);
  rmSync(join(root.path, '42/task/44'), { recursive: true });
  await going;
  const all = dyingThreadGone('42/task/43', root.path);
  root.add({ '42/stat': stat('S') });
  await all;
});

it('tells a process that was killed, and that the kernel does not let go, from others', () => {
  const stat = (state: string, threads: number): string =>
    `42 (no) de) ${state} 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 ${threads} 0 987654321 0 0`;
  root.add({ '1/stat': stat('Z', 2), '2/stat': stat('Z', 1), '3/stat': stat('S', 12) });
  expect([1, 2, 3, 4].filter((pid) => isDying(pid, root.path))).toEqual([1]);
});
