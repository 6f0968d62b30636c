import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { until } from '../support/daemon/process';
import { startNode, type TestNode } from '../support/node/node';
import { exec, exitOf, logLines, logOf, removePod, runContainer, runPod, serving, shell } from '../support/node/pods';

const SECOND = 1000;
const COUNT = 'i=0; while [ ! -e /enough ]; do echo $i; i=$((i+1)); usleep 20000; done';

/** A small disk of its own for a directory. */
class SmallDisk {
  private readonly filler: string;

  constructor(private readonly path: string) {
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'crisp-full', path]);
    this.filler = join(path, 'filler');
  }

  /** Afterwards there is no room left, not for one page. */
  fill(): void {
    for (let bytes = 1024 * 1024; bytes >= 4096; ) {
      try {
        writeFileSync(this.filler, Buffer.alloc(bytes), { flag: 'a' });
      } catch {
        bytes = Math.floor(bytes / 2);
      }
    }
    expect(statfsSync(this.path).bavail).toBe(0);
  }

  free(): void {
    rmSync(this.filler, { force: true });
  }
}

/** Removes the memory that crisp-stdio shares with the one after it. */
function removeJournals(): void {
  const dir = join(node.dir, 'small/state/stdio');
  for (const name of readdirSync(dir).filter((each) => each.startsWith('journal'))) rmSync(join(dir, name));
}

let node: TestNode;
let disks: SmallDisk[];
beforeEach(async () => {
  node = await startNode({
    settings: (dir) => {
      // Every directory of crisp's own; the records of pods, which containerd's plugin shares, are there too.
      const at = { root: join(dir, 'small/root'), state: join(dir, 'small/state') };
      const cri = { cri_root: join(dir, 'small/cri-root'), cri_state: join(dir, 'small/cri-state') };
      disks = Object.values({ ...at, ...cri }).map((path) => new SmallDisk(path));
      return { ...at, ...cri };
    },
  });
}, 60 * SECOND);
afterEach(() => node.stop(), 60 * SECOND);

it.each([
  ['after an orderly end', () => node.crisp.stop(), async () => undefined],
  ['after an orderly end of crisp and of crisp-stdio', () => node.crisp.stop(), () => node.crisp.endStdio()],
  ['after a kill of both', () => node.crisp.kill(), () => node.crisp.endStdio('SIGKILL')],
])(
  'crisp starts again with every directory of its own on a full disk, %s',
  async (_name, end, endStdio) => {
    const clean = node.left();
    const pod = await runPod(node);
    const id = await runContainer(node, pod, shell('counts', COUNT));
    await end();
    await endStdio();
    for (const disk of disks) disk.fill();
    await node.crisp.start();
    await serving(node);
    const numbers = (): number[] => logLines(logOf(pod, 'counts')).map(({ text }) => Number(text));
    const before = numbers().length;
    await until('its log goes on', 20 * SECOND, async () => numbers().length > before + 50);
    expect((await exec(node, id, 'echo', 'hi')).stdout).toBe('hi\n');
    // Once more, with all of it full from the beginning, and without room for the memory that crisp-stdio shares.
    await end();
    await endStdio();
    if (node.crisp.stdioPid() === undefined) removeJournals();
    for (const disk of disks) disk.fill();
    await node.crisp.start();
    await serving(node);
    for (const disk of disks) disk.free();
    await exec(node, id, 'touch', '/enough');
    await exitOf(node, id);
    expect(numbers()).toEqual(numbers().map((_, at) => at));
    await removePod(node, pod);
    await until('nothing is left', 20 * SECOND, async () => node.left() === clean);
  },
  120 * SECOND,
);
