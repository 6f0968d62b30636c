import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { until } from '../../support/daemon/process';
import { runCommand } from '../../support/kubelet/command';
import {
  fullName,
  type KubeletNode,
  logsOf,
  podUntil,
  putPod,
  ready,
  startKubeletNode,
} from '../../support/kubelet/kubelet-node';
import { podManifest, shell } from '../../support/kubelet/manifest';

const SECOND = 1000;
const MOST_BYTES = 64 << 10;
/** Numbered lines, long ones, some thousand a second, until somebody makes the file /stop. */
const COUNT =
  'i=0; pad=$(printf %0100d 0); while [ ! -e /stop ]; do i=$((i+1)); echo "$i $pad"; [ $((i % 40)) -ne 0 ] || usleep 40000; done; echo end';

let node: KubeletNode;

beforeAll(async () => {
  node = await startKubeletNode({
    kubelet: { containerLogMaxSize: '64Ki', containerLogMaxFiles: 1000, containerLogMonitorInterval: '3s' },
  });
  // Between two pipes there is no order but that of time.
  const lines = 'echo one; sleep 1; echo two >&2; sleep 1; echo three; printf four';
  putPod(node, podManifest('lines', [shell('main', lines)], { restartPolicy: 'Never' }));
  putPod(node, podManifest('counting', [shell('main', `${COUNT}; sleep 1000`)]));
  await podUntil(node, 'lines', { what: 'has ended' }, ({ status }) => status.phase === 'Succeeded');
  await ready(node, 'counting');
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

/** Reads a log that goes on, until it has ended or the reader leaves. */
async function follow(name: string, query = ''): Promise<{ text(): string; ended: Promise<void>; leave(): void }> {
  const path = `/containerLogs/default/${fullName(node, name)}/main?follow=true&${query}`;
  const response = await node.api.open('GET', path);
  const parts: Buffer[] = [];
  response.on('data', (part: Buffer) => parts.push(part));
  const ended = new Promise<void>((resolve) => response.once('close', resolve));
  response.on('error', () => undefined); // `close` follows
  return { text: () => Buffer.concat(parts).toString(), ended, leave: () => response.destroy() };
}

describe("a container's log through kubelet", () => {
  it('has what was printed on both streams, the unfinished line too', async () => {
    expect((await logsOf(node, 'lines', 'main')).trimEnd().split('\n')).toEqual(['one', 'two', 'three', 'four']);
  });

  it('can be had in parts: the last lines, so many bytes, with times, since a time', async () => {
    expect((await logsOf(node, 'lines', 'main', 'tailLines=1')).trimEnd()).toBe('four');
    expect(await logsOf(node, 'lines', 'main', 'limitBytes=3')).toBe('one');
    const timed = (await logsOf(node, 'lines', 'main', 'timestamps=true')).split('\n');
    expect(timed[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z one$/);
    const later = new Date(Date.now() + 60_000).toISOString();
    expect(await logsOf(node, 'lines', 'main', `sinceTime=${later}`)).toBe('');
  });
});

describe('a log that kubelet rotates', () => {
  it(
    'loses no line and has none twice, and whoever follows it reads them all',
    async () => {
      const followed = await follow('counting');
      const folder = (): string => {
        const [pod = ''] = readdirSync(node.kubelet.podLogs).filter((name) => name.includes('_counting-'));
        return join(node.kubelet.podLogs, pod, 'main');
      };
      await until('it has been rotated four times', 40 * SECOND, async () => readdirSync(folder()).length >= 5);
      await runCommand(node, { pod: 'counting', container: 'main', command: ['touch', '/stop'] });
      await until('it has ended', 20 * SECOND, async () => hasEnd(folder()));
      const written = await whole(folder());
      expect(written.length).toBeGreaterThan((4 * MOST_BYTES) / 150);
      expect(summaryOf(written)).toEqual({ first: 1, last: written.length, gaps: [] });

      await until('the follower has read it all', 20 * SECOND, async () => followed.text().endsWith('end\n'));
      followed.leave();
      const read = numbers(followed.text());
      // It began with the file that was the newest then.
      expect(read.length).toBeGreaterThan(written.length / 2);
      expect(summaryOf(read)).toEqual(summaryOf(written.slice(-read.length)));
    },
    120 * SECOND,
  );

  it('is closed for whoever follows it when the container ends', async () => {
    putPod(node, podManifest('short', [shell('main', 'echo hello; sleep 2; echo bye')], { restartPolicy: 'Never' }));
    await podUntil(node, 'short', { what: 'runs or is over' }, ({ status }) => status.phase !== 'Pending');
    const followed = await follow('short');
    await followed.ended;
    expect(followed.text()).toBe('hello\nbye\n');
  });
});

/** The numbers in all files of a log. kubelet packs a file beside itself: what is read meanwhile is read again. */
async function whole(folder: string): Promise<number[]> {
  let found: number[] = [];
  await until('no file is being packed', 20 * SECOND, async () => {
    const before = readdirSync(folder);
    const twice = before.some((name) => before.includes(`${name}.gz`) || name.endsWith('.tmp'));
    try {
      found = filesInOrder(folder).flatMap(numbersOf);
    } catch {
      return false; // gone since the folder was read
    }
    return !twice && before.join() === readdirSync(folder).join();
  });
  return found;
}

/** Whether its last line is there, in whichever file; what is packed meanwhile is looked at again. */
function hasEnd(folder: string): boolean {
  try {
    return filesInOrder(folder).some((path) => textOf(path).endsWith(' end\n'));
  } catch {
    return false;
  }
}

/** Rotated files are named by their time, and packed; the newest has no time in its name. */
function filesInOrder(folder: string): string[] {
  const names = readdirSync(folder).sort();
  const current = names.filter((name) => /^\d+\.log$/.test(name));
  return [...names.filter((name) => !current.includes(name)), ...current].map((name) => join(folder, name));
}

function textOf(path: string): string {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

function numbersOf(path: string): number[] {
  const lines = textOf(path)
    .split('\n')
    .map((line) => line.split(' ').slice(3).join(' '));
  return numbers(lines.join('\n'));
}

/** Where numbers do not count on, and from where to where they go. */
function summaryOf(found: readonly number[]): unknown {
  const gaps = found.flatMap((number, at) =>
    at === 0 || number === (found[at - 1] ?? 0) + 1 ? [] : [[found[at - 1], number]],
  );
  return { first: found[0], last: found.at(-1), gaps };
}

function numbers(text: string): number[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && line !== 'end')
    .map((line) => Number(/^(\d+) 0{100}$/.exec(line)?.[1]));
}
