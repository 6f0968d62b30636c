import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCgroupLayout } from '../../../src/host/cgroup/cgroup-files';
import { type CgroupLayout, controllersOf } from '../../../src/host/cgroup/cgroup-layout';
import { oomKilledCgroups, oomKills, watchOomCounter } from '../../../src/host/cgroup/oom-kills';
import { until } from '../../support/daemon/process';
import { threadedMeans } from '../../support/host-threads';

const LIMIT = String(16 * 1024 * 1024);
const name = `/crisp-oom-${process.pid}`;

let layout: CgroupLayout;
let dir: string;

/** The limit of memory, and of swap where the kernel counts it. */
function limit(): void {
  const files = layout.version === 2 ? ['memory.max'] : ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes'];
  for (const file of files.filter((each) => existsSync(join(dir, each)))) writeFileSync(join(dir, file), LIMIT);
  const swap = join(dir, 'memory.swap.max');
  if (existsSync(swap)) writeFileSync(swap, '0');
}

/** A shell in the cgroup that takes memory without end; resolves with the signal that ended it. */
function hog(): Promise<NodeJS.Signals | null> {
  const script = `echo $$ > ${join(dir, 'cgroup.procs')} && exec tail /dev/zero`;
  const child = spawn('sh', ['-c', script], { stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (_code, signal) => resolve(signal));
  });
}

beforeAll(async () => {
  layout = await readCgroupLayout();
  const mount = layout.version === 2 ? layout.mount : (layout.mounts.get('memory') ?? '');
  expect(await controllersOf(layout)).toContain('memory');
  dir = join(mount, name);
  mkdirSync(dir);
  limit();
});
afterAll(async () => {
  // A cgroup is empty a moment after its last process has ended.
  await until('the cgroup can be removed', 10_000, async () => {
    try {
      rmdirSync(dir);
      return true;
    } catch {
      return false;
    }
  });
});

it('the counter of a cgroup, a watch of it, and the log of the kernel tell that it killed for memory', async () => {
  const means = threadedMeans();
  expect(await oomKills(name, layout, '/', means)).toBe(0n);
  expect(await oomKilledCgroups(means)).not.toContainEqual(expect.stringContaining(name));
  const watch = layout.version === 2 ? watchOomCounter(join(dir, 'memory.events')) : undefined;
  expect(await hog()).toBe('SIGKILL');
  expect(await oomKills(name, layout, '/', means)).toBe(1n);
  expect(watch?.look() ?? true).toBe(true);
  watch?.close();
  expect(await oomKilledCgroups(means)).toContainEqual(expect.stringMatching(new RegExp(`${name}$`)));
}, 60_000);
