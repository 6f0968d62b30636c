import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { checkout } from '../support/daemon/places';
import { until } from '../support/daemon/process';
import { startNode, type TestNode } from '../support/node/node';
import {
  exec,
  exitOf,
  logLines,
  logOf,
  nothingLeft,
  type Pod,
  pidOf,
  removePod,
  runContainer,
  runPod,
  serving,
  shell,
} from '../support/node/pods';
import { FakeServiceManager } from '../support/service-manager';

const SECOND = 1000;

/** The unit's settings, by section and name. */
function unit(): Map<string, string> {
  const text = readFileSync(join(checkout(), 'packaging/systemd/crisp.service'), 'utf8');
  let section = '';
  const settings = new Map<string, string>();
  for (const line of text.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
    section = /^\[(.+)\]$/.exec(line)?.[1] ?? section;
    const [name = '', ...value] = line.split('=');
    settings.set(`${section}.${name}`, value.join('='));
  }
  return settings;
}

/** A control group in which the unit's processes are, as systemd would have one. */
class UnitCgroup {
  private readonly dir = `/sys/fs/cgroup/pids/crisp-unit-${process.pid}`;

  constructor() {
    mkdirSync(this.dir);
  }

  take(pid: number): void {
    writeFileSync(join(this.dir, 'cgroup.procs'), String(pid));
  }

  pids(): number[] {
    return readFileSync(join(this.dir, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  }

  remove(): void {
    rmdirSync(this.dir);
  }
}

/** Whom a unit's stop signals (systemd.kill(5)). */
function signalled(main: number, cgroup: UnitCgroup): number[] {
  return unit().get('Service.KillMode') === 'process' ? [main] : cgroup.pids();
}

let manager: FakeServiceManager;
let node: TestNode;
const startWith = async (more: { withoutContainerd?: boolean } = {}): Promise<void> => {
  node = await startNode({
    ...more,
    manager: (dir) => {
      manager = new FakeServiceManager(join(dir, 'notify'));
      return manager;
    },
  });
};
afterEach(async () => {
  await node.stop();
  expect(manager.size).toBe(0);
  manager.close();
}, 60 * SECOND);

const told = (word: string): boolean => manager.told.some((line) => line.includes(word));

describe('The unit', () => {
  it(
    'is ready when containerd has answered, not before',
    async () => {
      expect(unit().get('Service.Type')).toBe('notify');
      await startWith({ withoutContainerd: true });
      await until('it says what it waits for', 20 * SECOND, async () => told('STATUS=containerd cannot be reached'));
      expect(told('READY=1')).toBe(false);
      await node.containerd.restart();
      await until('it is ready', 20 * SECOND, async () => told('READY=1'));
    },
    60 * SECOND,
  );

  it(
    'stops nothing but crisp itself: containers and their logs go on',
    async () => {
      await startWith();
      const cgroup = new UnitCgroup();
      cgroup.take(node.crisp.daemon.pid);
      await until('there is one', 20 * SECOND, async () => node.crisp.stdioPid() !== undefined);
      await node.crisp.endStdio(); // it was started before its parent was in the unit
      await until('there is another', 20 * SECOND, async () => node.crisp.stdioPid() !== undefined);
      const pod = await runPod(node);
      const id = await runContainer(
        node,
        pod,
        shell('counts', 'i=0; while [ ! -e /enough ]; do echo $i; i=$((i+1)); usleep 10000; done'),
      );
      const [main, stdio] = [node.crisp.daemon.pid, node.crisp.stdioPid() ?? 0];
      expect(cgroup.pids()).toEqual(expect.arrayContaining([main, stdio])); // control-group would end both
      for (const pid of signalled(main, cgroup)) process.kill(pid, 'SIGTERM');
      await until('crisp has ended', 15 * SECOND, async () => !cgroup.pids().includes(main));
      expect(told('STOPPING=1')).toBe(true);
      expect(cgroup.pids()).toEqual([stdio]);
      const before = logLines(logOf(pod, 'counts')).length;
      await until('its log goes on', 20 * SECOND, async () => logLines(logOf(pod, 'counts')).length > before + 20);
      await node.crisp.start();
      await serving(node);
      await exec(node, id, 'touch', '/enough');
      await exitOf(node, id);
      const numbers = logLines(logOf(pod, 'counts')).map(({ text }) => Number(text));
      expect(numbers.length).toBeGreaterThan(before + 20);
      expect(numbers).toEqual(numbers.map((_, i) => i));
      await removePod(node, pod);
      await node.crisp.stop();
      await node.crisp.endStdio();
      await until('the unit is empty', 20 * SECOND, async () => cgroup.pids().length === 0);
      cgroup.remove();
      await node.crisp.start();
    },
    90 * SECOND,
  );

  it(
    'keeps the last words of a container that ends while both processes are gone',
    async () => {
      expect(Number(unit().get('Service.FileDescriptorStoreMax'))).toBeGreaterThan(1000);
      await startWith();
      const pod: Pod = await runPod(node);
      const id = await runContainer(
        node,
        pod,
        shell('talker', 'while [ ! -e /go ]; do usleep 10000; done; seq 1 5000; exit 7'),
      );
      await until('its pipes are kept', 20 * SECOND, async () => manager.size === 2);
      const pid = await pidOf(node, id);
      await Promise.all([node.crisp.kill(), node.crisp.endStdio('SIGKILL')]);
      writeFileSync(`/proc/${pid}/root/go`, ''); // now that nobody reads what it prints
      await until('its task has ended', 20 * SECOND, async () => /STOPPED/.test(node.containerd.ctr('tasks', 'list')));
      await node.crisp.start();
      await serving(node);
      expect(await exitOf(node, id)).toMatchObject({ exitCode: 7 });
      expect(logLines(logOf(pod, 'talker')).map(({ text }) => Number(text))).toEqual(
        Array.from({ length: 5000 }, (_, i) => i + 1),
      );
      await removePod(node, pod);
      await until('nothing is kept any more', 20 * SECOND, async () => manager.size === 0);
      await nothingLeft(node);
    },
    90 * SECOND,
  );
});
