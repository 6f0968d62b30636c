import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { PortForwardRequest } from '../../generated/cri/v1/api';
import { capabilitiesUpTo, capabilityNames, statusField } from '../../src/host/process/proc';
import { until } from '../support/daemon/process';
import { freePort } from '../support/daemon/registry';
import { runStreamed } from '../support/node/exec-stream';
import { BUSYBOX, startNode, type TestNode } from '../support/node/node';
import {
  ensurePulled,
  exec,
  nothingLeft,
  type Pod,
  removePod,
  runContainer,
  runPod,
  shell,
} from '../support/node/pods';
import { dialSpdy } from '../support/streaming/direct-client';
import { unitCapabilities, unitValues } from '../support/unit-file';

const SECOND = 1000;
const ALL = 40;

/** What the kernel says of a process. */
const told = (pid: number | 'self', field: string): string =>
  statusField(readFileSync(`/proc/${pid}/status`, 'utf8'), field) ?? '';

/** For setpriv(1): what crisp may have on this machine, and the unit does not leave it, is taken away. */
function takenAway(): string {
  const kept = unitCapabilities();
  const names = capabilityNames(told('self', 'CapBnd')).filter((name) => !kept.includes(name));
  return names.map((name) => `-${name.slice('CAP_'.length).toLowerCase()}`).join(',');
}

/**
 * Starts crisp with what its unit leaves it, as far as that can be had without systemd; and with a umask that takes nothing,
 * under which whatever is not given its mode is open to everybody.
 */
function launch(argv: readonly string[]): readonly string[] {
  const confined = ['prlimit', '--core=0', 'setpriv', `--bounding-set=${takenAway()}`, '--no-new-privs', ...argv];
  return ['sh', '-c', 'umask 000; exec "$@"', 'sh', ...confined];
}

/** Everything below a directory, but what is mounted there: path and mode. */
function modesBelow(dir: string): [path: string, mode: string][] {
  const { dev } = lstatSync(dir);
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    const found = lstatSync(path);
    if (found.dev !== dev) return [];
    const mode = (found.mode & 0o777).toString(8);
    return [[path, mode] as [string, string], ...(found.isDirectory() ? modesBelow(path) : [])];
  });
}

/** What is for others than root too; all else is for root alone. */
const FOR_OTHERS: readonly (readonly [RegExp, string])[] = [
  [/\/sandboxes\/\w+\/(hosts|hostname|resolv\.conf)$/, '644'],
  [/\/netns$/, '755'],
];

describe('with what its unit leaves it, crisp', () => {
  let node: TestNode;
  let pod: Pod;
  let containerId: string;

  beforeAll(async () => {
    expect(unitValues('NoNewPrivileges')).toEqual(['yes']);
    expect(takenAway()).toContain('-sys_module');
    node = await startNode({ launch });
    await ensurePulled(node, BUSYBOX);
    pod = await runPod(node, { portMappings: [{ hostPort: await freePort(), containerPort: 8080 }] });
    const serve = 'mkdir /www; echo right >/www/page; httpd -p 8080 -h /www; sleep 1000';
    containerId = await runContainer(node, pod, shell('web', serve));
  }, 90 * SECOND);
  afterAll(() => node.stop(), 60 * SECOND);

  const processes = (): [name: string, pid: number][] => [
    ['crisp', node.crisp.daemon.pid],
    ['crisp-stdio', node.crisp.stdioPid() ?? 0],
  ];

  it('has nothing else, and neither has crisp-stdio', () => {
    const kept = unitCapabilities();
    for (const [name, pid] of processes()) {
      expect([name, capabilityNames(told(pid, 'CapBnd')).filter((each) => !kept.includes(each))]).toEqual([name, []]);
      expect([name, told(pid, 'CapEff')]).toEqual([name, told(pid, 'CapBnd')]);
      expect([name, told(pid, 'NoNewPrivs')]).toEqual([name, '1']);
      expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max core file size +0 +0 /m);
    }
  });

  it('gives a privileged container what containerd has', async () => {
    const privileged = { linux: { securityContext: { privileged: true } } };
    const own = await runPod(node, privileged);
    const id = await runContainer(node, own, shell('all', 'sleep 1000', privileged));
    const { stdout } = await exec(node, id, 'grep', '^CapEff', '/proc/self/status');
    const known = capabilitiesUpTo(ALL);
    const theirs = capabilityNames(told('self', 'CapEff')); // whose child containerd is
    expect(capabilityNames(stdout.split('\t')[1]?.trim() ?? '')).toEqual(known.filter((name) => theirs.includes(name)));
    await removePod(node, own);
  }, 60_000);

  it('runs commands, streams, and forwards ports', async () => {
    expect(await exec(node, containerId, 'cat', '/www/page')).toMatchObject({ stdout: 'right\n', exitCode: 0 });
    const command = { containerId, cmd: ['head', '-n', '1'], tty: false, stdin: true, stdout: true, stderr: false };
    const outcome = await runStreamed(node, command, { protocol: 'v5.channel.k8s.io', input: 'said\n' });
    expect(outcome).toMatchObject({ status: 'Success', stdout: 'said\n' });
    const request = PortForwardRequest.fromPartial({ podSandboxId: pod.id });
    const client = await dialSpdy((await node.cri.runtime.portForward(request)).url, 'portforward.k8s.io');
    const { data } = await client.openPair(8080, 'page');
    data.end('GET /page HTTP/1.0\r\n\r\n');
    expect(String(await data.all())).toContain('right\n');
    client.destroy();
  });

  it('makes nothing that others than root can read, but what is for others', async () => {
    const { configFile, netnsDir, recordDirs } = node.crisp;
    const roots = new Set([netnsDir, ...recordDirs].map((dir) => dirname(dir)));
    const found = [join(node.dir, 'crisp'), node.network.cacheDir, ...roots]
      .flatMap(modesBelow)
      .filter(([path]) => path !== configFile); // which is the test's
    const wrong = found.filter(([path, mode]) => {
      const shared = FOR_OTHERS.find(([shape]) => shape.test(path))?.[1];
      return shared ? mode !== shared : mode !== '700' && mode !== '600';
    });
    expect(wrong).toEqual([]);
    for (const part of [
      'crisp.sock',
      'stdio/sock',
      'stdio/open/',
      'sandboxes/',
      'resolv.conf',
      'io/',
      '/status',
      'results/',
    ])
      expect([part, found.some(([path]) => path.includes(part))]).toEqual([part, true]);
  });

  it('is not made to open a debugger by a signal', async () => {
    const stdio = node.crisp.stdioPid();
    for (const [, pid] of processes()) process.kill(pid, 'SIGUSR1');
    // Node's own handler for it would be a thread's: each is looked at until it has had the signal.
    for (const [name, pid] of processes()) {
      const pending = (): boolean => BigInt(`0x${told(pid, 'ShdPnd')}`) !== 0n;
      await until(`${name} has had the signal`, 10 * SECOND, async () => !pending());
    }
    expect(await exec(node, containerId, 'true')).toMatchObject({ exitCode: 0 });
    expect(node.crisp.stdioPid()).toBe(stdio);
    const logs = [node.crisp.daemon.logFile, join(node.dir, 'crisp/state/stdio/log')];
    expect(logs.filter((path) => /debugger/i.test(readFileSync(path, 'utf8')))).toEqual([]);
  });

  it('takes the pod down again', async () => {
    await removePod(node, pod);
    await nothingLeft(node);
  }, 60_000);
});
