import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { until } from '../support/daemon/process';
import { startNode, type TestNode } from '../support/node/node';
import { exec, exitOf, logLines, logOf, removePod, runContainer, runPod, serving, shell } from '../support/node/pods';

const SECOND = 1000;
const PERIOD_US = 100_000;

/** A control group (v1) whose processes get a share of one processor. */
class SlowGroup {
  private readonly dir = `/sys/fs/cgroup/cpu/crisp-slow-${process.pid}`;

  constructor() {
    mkdirSync(this.dir);
    writeFileSync(join(this.dir, 'cpu.cfs_period_us'), String(PERIOD_US));
  }

  /** `percent` of one processor for all of the group's processes together; undefined: no limit. */
  limit(percent: number | undefined): void {
    const quota = percent === undefined ? -1 : (PERIOD_US * percent) / 100;
    writeFileSync(join(this.dir, 'cpu.cfs_quota_us'), String(quota));
  }

  /** What is put before a command line for it to run in the group. */
  enter(): string[] {
    return ['sh', '-c', `echo $$ > ${join(this.dir, 'cgroup.procs')}; exec "$@"`, 'sh'];
  }

  async remove(): Promise<void> {
    const procs = (): string => readFileSync(join(this.dir, 'cgroup.procs'), 'utf8');
    await until('the group is empty', 20 * SECOND, async () => procs() === '');
    rmdirSync(this.dir);
  }
}

let group: SlowGroup;
let node: TestNode;
beforeEach(async () => {
  group = new SlowGroup();
  node = await startNode({ launch: (argv) => [...group.enter(), ...argv] });
}, 60 * SECOND);
afterEach(async () => {
  group.limit(undefined);
  await node.stop();
  await group.remove();
}, 60 * SECOND);

/** How often crisp has logged a message. */
function logged(message: string): number {
  const lines = readFileSync(node.crisp.daemon.logFile, 'utf8').split('\n');
  return lines.filter((line) => line.includes(message)).length;
}

it.each([3, 5])(
  'With %s percent of a processor one crisp-stdio is started, serves and stays, and no line is lost',
  async (percent) => {
    const pod = await runPod(node);
    const script = 'i=0; while [ ! -e /enough ]; do echo $i; i=$((i+1)); usleep 10000; done';
    const id = await runContainer(node, pod, shell('counts', script));
    await node.crisp.stop();
    await node.crisp.endStdio();
    const [started, ended] = [logged('crisp-stdio is started'), logged('crisp-stdio ended')];
    group.limit(percent);
    await node.crisp.start(undefined, 300 * SECOND);
    await until('crisp-stdio serves', 300 * SECOND, async () => node.crisp.stdioPid() !== undefined);
    const stdio = node.crisp.stdioPid();
    await pause(10 * SECOND); // any other generation would have shown itself, or shows in the counts below
    group.limit(undefined);
    await serving(node);
    await exec(node, id, 'touch', '/enough');
    await exitOf(node, id);
    expect(node.crisp.stdioPid()).toBe(stdio);
    expect([logged('crisp-stdio is started') - started, logged('crisp-stdio ended') - ended]).toEqual([1, 0]);
    const numbers = logLines(logOf(pod, 'counts')).map(({ text }) => Number(text));
    expect(numbers).toEqual(numbers.map((_, at) => at));
    await removePod(node, pod);
  },
  600 * SECOND,
);
