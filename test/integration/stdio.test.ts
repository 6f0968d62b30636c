import { appendFileSync, cpSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { ContainerState } from '../../generated/cri/v1/api';
import { until } from '../support/daemon/process';
import { startNode, type TestNode } from '../support/node/node';
import {
  exitOf,
  logLines,
  logOf,
  nothingLeft,
  type Pod,
  removePod,
  runContainer,
  runPod,
  serving,
  shell,
  statusOf,
} from '../support/node/pods';

const SECOND = 1000;
const LINE = 'x'.repeat(90);

/** Prints that many numbered lines of a hundred bytes, a thousand every twentieth of a second: about 1.5 MB/s. */
const printLines = (count: number): string =>
  `i=0; while [ $i -lt ${count} ]; do echo "$i ${LINE}"; i=$((i+1)); [ $((i % 1000)) -eq 0 ] && usleep 50000; done`;

/** Numbers of the lines in a log, and everything else that is wrong with it. */
function wrongLines(path: string, count: number): string[] {
  const lines = logLines(path);
  const wrong = lines.flatMap(({ tag, text }, at) =>
    tag === 'F' && text === `${at} ${LINE}` ? [] : [`${at}: ${text}`],
  );
  return lines.length === count ? wrong.slice(0, 3) : [`${lines.length} lines`, ...wrong.slice(0, 3)];
}

/** What a container has printed so far, as the number of lines in its log. */
const printed = (path: string): number => readFileSync(path, 'latin1').split('\n').length - 1;

let node: TestNode;
let pod: Pod;
beforeEach(async () => {
  node = await startNode();
  pod = await runPod(node);
}, 60 * SECOND);
afterEach(async () => {
  try {
    await removePod(node, pod);
    await nothingLeft(node);
  } finally {
    await node.stop();
  }
}, 60 * SECOND);

/** Starts a container that prints that many lines. */
async function printer(count: number): Promise<{ id: string; log: string }> {
  const id = await runContainer(node, pod, shell('printer', printLines(count)));
  const log = logOf(pod, 'printer');
  await until('it prints', 20 * SECOND, async () => printed(log) > 1000);
  return { id, log };
}

describe('The process that has the stdio', () => {
  it(
    'goes on while crisp is gone: no container waits, no line is lost',
    async () => {
      const count = 100_000;
      const { id, log } = await printer(count);
      const stdio = node.crisp.stdioPid();
      await node.crisp.kill();
      await until('every line is in the log', 60 * SECOND, async () => printed(log) === count);
      await node.crisp.start();
      await serving(node);
      expect(await exitOf(node, id)).toMatchObject({ exitCode: 0, reason: 'Completed' });
      expect(wrongLines(log, count)).toEqual([]);
      expect(node.crisp.stdioPid()).toBe(stdio);
    },
    120 * SECOND,
  );

  it(
    'can be killed again and again: no line is lost, none is torn, none comes twice',
    async () => {
      const count = 100_000;
      const { id, log } = await printer(count);
      let kills = 0;
      const runs = async (): Promise<boolean> => (await statusOf(node, id)).state === ContainerState.CONTAINER_RUNNING;
      // Not more of them: the pauses between one process and the next grow.
      for (let seen = 0; kills < 12 && (await runs()); kills += 1) {
        await node.crisp.endStdio('SIGKILL');
        await until('it goes on', 20 * SECOND, async () => {
          const ended = (await statusOf(node, id)).state === ContainerState.CONTAINER_EXITED;
          return ended || (printed(log) > seen + 1000 && node.crisp.stdioPid() !== undefined);
        });
        seen = printed(log);
        await pause((kills * 37) % 150);
      }
      await exitOf(node, id, 60 * SECOND);
      expect(kills).toBeGreaterThan(5);
      expect(wrongLines(log, count)).toEqual([]);
    },
    120 * SECOND,
  );

  it(
    'is taken up again by a crisp that was killed together with it',
    async () => {
      const count = 60_000;
      const { id, log } = await printer(count);
      await Promise.all([node.crisp.kill(), node.crisp.endStdio('SIGKILL')]);
      await pause(500);
      await node.crisp.start();
      await serving(node);
      await exitOf(node, id, 60 * SECOND);
      expect(wrongLines(log, count)).toEqual([]);
    },
    120 * SECOND,
  );

  it(
    'is replaced by that of another build without a line lost',
    async () => {
      const count = 100_000;
      const { id, log } = await printer(count);
      const before = node.crisp.stdioPid();
      const other = join(node.dir, 'other-build');
      cpSync(join(__dirname, '../../dist'), other, { recursive: true });
      symlinkSync(join(__dirname, '../../node_modules'), join(other, 'node_modules')); // koffi is beside the bundle
      appendFileSync(join(other, 'crisp-stdio.js'), '\n// another build\n');
      await node.crisp.stop();
      await node.crisp.start(join(other, 'crisp.js'));
      await serving(node);
      await until('the new one has taken over', 20 * SECOND, async () => {
        const now = node.crisp.stdioPid();
        return now !== undefined && now !== before;
      });
      await exitOf(node, id, 60 * SECOND);
      expect(wrongLines(log, count)).toEqual([]);
      rmSync(other, { recursive: true });
    },
    120 * SECOND,
  );

  it(
    'ends with crisp when no container needs it',
    async () => {
      await removePod(node, pod);
      await node.crisp.stop();
      await until('it is gone', 4 * SECOND, async () => node.crisp.stdioPid() === undefined);
      await node.crisp.start();
      await serving(node);
    },
    60 * SECOND,
  );
});
