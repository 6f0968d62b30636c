import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { until } from '../support/daemon/process';
import { PAUSE, startNode, type TestNode } from '../support/node/node';
import {
  exec,
  type LogLine,
  logLines,
  logOf,
  nothingLeft,
  podConfig,
  removePod,
  runContainer,
  runPod,
  shell,
} from '../support/node/pods';

const SECOND = 1000;

let node: TestNode;

beforeAll(async () => {
  node = await startNode({ settings: { sandbox_image: PAUSE } });
}, 60 * SECOND);

afterAll(() => node.stop(), 60 * SECOND);

describe('the log of a container that is rotated while it writes', () => {
  it(
    'has every line once, whole and in order, over all its files',
    async () => {
      const count = 40_000;
      const loop = (to: string) =>
        `i=0; while [ $i -lt ${count} ]; do echo "line $i" ${to}; i=$((i+1)); done; echo end ${to}`;
      const pod = await runPod(node);
      const containerId = await runContainer(
        node,
        pod,
        shell('main', `(${loop('>&2')}) & ${loop('')}; wait; sleep 1000`),
      );
      const path = logOf(pod, 'main');
      let [rotations, ended] = [0, 0];
      // As kubelet does it: first the name, then the call, after which everything goes into a new file.
      while (ended < 2) {
        const rotated = `${path}.${String(++rotations).padStart(4, '0')}`;
        renameSync(path, rotated);
        await node.cri.runtime.reopenContainerLog({ containerId });
        ended += endsIn(rotated);
      }
      expect(rotations).toBeGreaterThan(5);
      const files = readdirSync(dirname(path))
        .filter((name) => name.startsWith('main.log.'))
        .sort();
      const lines = [...files.map((name) => join(dirname(path), name)), path].flatMap((file) => logLines(file));
      expect(lines.filter(({ tag }) => tag !== 'F')).toEqual([]);
      const expected = [...Array.from({ length: count }, (_, i) => `line ${i}`), 'end'];
      for (const stream of ['stdout', 'stderr']) expect(textsOf(lines, stream)).toEqual(expected);
      expect(lines.map(({ time }) => time)).toEqual(lines.map(({ time }) => time).sort());
      await removePod(node, pod);
      await nothingLeft(node);
    },
    60 * SECOND,
  );
});

/** How many streams have come to their last line in this file. */
function endsIn(path: string): number {
  return (readFileSync(path, 'utf8').match(/ F end$/gm) ?? []).length;
}

function textsOf(lines: readonly LogLine[], stream: string): string[] {
  return lines.filter((line) => line.stream === stream).map(({ text }) => text);
}

describe('the log of a container on a disk that is full', () => {
  let disk: string;
  afterEach(() => void spawnSync('umount', ['--lazy', disk])); // what a failed test leaves

  it(
    'never stops the container, and goes on with whole lines once there is space again',
    async () => {
      const config = podConfig(node);
      disk = config.logDirectory;
      mkdirSync(disk, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'crisp-log', disk]);
      const filler = join(disk, 'filler');
      writeFileSync(filler, Buffer.alloc(384 << 10));
      const { podSandboxId } = await node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' });
      const pod = { id: podSandboxId, config };
      const text = 'x'.repeat(200);
      const script = `i=0; while :; do echo "$i ${text}"; i=$((i+1)); echo $i > /written; done`;
      const id = await runContainer(node, pod, shell('main', script));
      const written = async (): Promise<number> => Number((await exec(node, id, 'cat', '/written')).stdout);
      await until('the disk is full', 20 * SECOND, async () => statfsSync(disk).bavail === 0);
      // More than the pipe and every buffer on the way could hold: it would stand still by now.
      const full = await written();
      await until('the container goes on', 20 * SECOND, async () => (await written()) > full + 2000);
      const before = logLines(logOf(pod, 'main')).length;

      rmSync(filler);
      await until('the log goes on', 20 * SECOND, async () => logLines(logOf(pod, 'main')).length > before + 100);
      await node.cri.runtime.stopContainer({ containerId: id, timeout: 0n });
      const numbers = logLines(logOf(pod, 'main')).map((line) => {
        expect(line.text).toMatch(new RegExp(`^\\d+ ${text}$`));
        return Number.parseInt(line.text, 10);
      });
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      expect(new Set(numbers).size).toBe(numbers.length);
      // Lines were lost while it was full, and nobody has to guess that.
      expect((numbers.at(-1) ?? 0) + 1).toBeGreaterThan(numbers.length);
      expect(readFileSync(node.crisp.daemon.logFile, 'utf8')).toMatch(/a container log cannot be written/);
      await removePod(node, pod);
      execFileSync('umount', [disk]);
      await nothingLeft(node);
    },
    90 * SECOND,
  );
});
