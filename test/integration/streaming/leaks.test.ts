import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { AttachRequest, ExecRequest, PortForwardRequest } from '../../../generated/cri/v1/api';
import { silentLogger } from '../../../src/base/logger';
import { Limit } from '../../../src/base/work/limit';
import { ContainerdClient } from '../../../src/containerd/client';
import { type Daemon, startDaemon, until } from '../../support/daemon/process';
import { handlesEnv, openFiles, readHandles } from '../../support/node/crisp-process';
import { PAUSE, startNode, type TestNode } from '../../support/node/node';
import { exec, nothingLeft, type Pod, removePod, runContainer, runPod, serving, shell } from '../../support/node/pods';
import { dialSpdy } from '../../support/streaming/direct-client';
import type { SpdyClient } from '../../support/streaming/spdy-client';
import { askSpdy } from '../../support/streaming/upgrade';
import { TestWebSocket } from '../../support/streaming/web-socket';

const MINUTE = 60_000;
const AT_ONCE = 6;
/** A second: for a moment crisp may not have run at all. */
const QUIET_LOOKS = 20;
const ALL = ['error', 'stdin', 'stdout', 'stderr'] as const;
const V5 = 'v5.channel.k8s.io';

let node: TestNode;
let pod: Pod;
let main: string;
let events: Daemon;
let containerd: ContainerdClient;

beforeAll(async () => {
  node = await startNode({ settings: { sandbox_image: PAUSE, log: { level: 'warn' } }, env: handlesEnv });
  pod = await runPod(node);
  main = await runContainer(node, pod, shell('main', 'httpd -p 127.0.0.1:8080 -h /etc; cat', { stdin: true }));
  containerd = new ContainerdClient({ address: node.containerd.address, namespace: 'k8s.io', log: silentLogger });
  const { ctr } = node.containerd.programs;
  const argv = [ctr, '--address', node.containerd.address, 'events'];
  // It writes nothing when it has subscribed: what it shows of commands is the sign.
  const ready = async () => {
    await exec(node, main, 'true');
    return execIds().length > 0;
  };
  events = await startDaemon({ name: 'events', argv, dir: node.dir, ready });
}, 2 * MINUTE);

afterAll(async () => {
  containerd.close();
  await events.stop();
  await removePod(node, pod);
  await nothingLeft(node);
  await node.stop();
}, MINUTE);

/** A URL for a command that prints, and goes on until its stdin ends. */
async function execUrl(): Promise<string> {
  const cmd = ['sh', '-c', 'echo ready; cat; echo over >&2'];
  const request = ExecRequest.fromPartial({ containerId: main, cmd, stdin: true, stdout: true, stderr: true });
  return (await node.cri.runtime.exec(request)).url;
}

async function attachUrl(): Promise<string> {
  const request = AttachRequest.fromPartial({ containerId: main, stdin: true, stdout: true, stderr: true });
  return (await node.cri.runtime.attach(request)).url;
}

async function forwardUrl(): Promise<string> {
  return (await node.cri.runtime.portForward(PortForwardRequest.fromPartial({ podSandboxId: pod.id }))).url;
}

/** Dials a URL and leaves, each time at another moment: over SPDY from before the answer to amid data, over WebSocket too. */
const PROCESS_MOMENTS: readonly ((url: string) => Promise<void>)[] = [
  async () => undefined, // nobody ever dials
  async (url) => void (await askSpdy(url, 'v4.channel.k8s.io')).socket?.destroy(),
  async (url) => void (await askSpdy(url, 'v99.channel.k8s.io')),
  async (url) => {
    const client = await dialSpdy(url);
    await client.openAll('error', 'stdin');
    client.destroy();
  },
  async (url) => {
    const client = await dialSpdy(url);
    await client.openAll(...ALL);
    client.destroy();
  },
  async (url) => {
    const client = await dialSpdy(url);
    const { stdin, stdout } = await client.openAll(...ALL);
    stdin.write('to and fro\n');
    await until('some output', MINUTE, async () => stdout.bytes > 0);
    client.destroy();
  },
  async (url) => {
    const client = await dialSpdy(url);
    const { stdin, stdout } = await client.openAll(...ALL);
    stdout.giveUp();
    stdin.write(Buffer.alloc(100_000, 'x\n'));
    await client.ping();
    client.socket.end();
  },
  async (url) => (await TestWebSocket.connect(url, V5)).destroy(),
  async (url) => {
    const client = await TestWebSocket.connect(url, V5);
    client.send(0, 'to and fro\n');
    await until('some output', MINUTE, async () => client.bytes(1).length > 0);
    client.destroy();
  },
];

const EXEC_MOMENTS = [
  ...PROCESS_MOMENTS,
  async (url: string) => {
    const client = await dialSpdy(url);
    const { error, stdin } = await client.openAll(...ALL);
    stdin.end('all\n');
    expect(JSON.parse(await error.all())).toMatchObject({ status: 'Success' });
    client.destroy();
  },
];

const FORWARD_MOMENTS: readonly ((url: string) => Promise<void>)[] = [
  async () => undefined,
  async (url) => (await dialSpdy(url, 'portforward.k8s.io')).destroy(),
  async (url) => {
    const client = await dialSpdy(url, 'portforward.k8s.io');
    await client.open({ streamtype: 'error', port: '8080', requestid: '0' });
    client.destroy();
  },
  async (url) => {
    const client = await dialSpdy(url, 'portforward.k8s.io');
    for (let i = 0; i < 5; i++) await client.openPair(8080, String(i));
    client.destroy();
  },
  async (url) => {
    const client = await dialSpdy(url, 'portforward.k8s.io');
    const { data } = await client.openPair(8080, '0');
    data.write('GET /passwd HTTP/1.0\r\n');
    await client.ping();
    data.giveUp();
    client.destroy();
  },
  async (url) => {
    const client = await dialSpdy(url, 'portforward.k8s.io');
    const { error } = await client.openPair(9, '0');
    expect(await error.all()).toContain('forward to port 9');
    client.destroy();
  },
  async (url) => {
    const client = await dialSpdy(url, 'portforward.k8s.io');
    const { data } = await client.openPair(8080, '0');
    data.end('GET /passwd HTTP/1.0\r\n\r\n');
    expect(await data.all()).toContain('root');
    client.destroy();
  },
  async (url) => {
    const client = await TestWebSocket.connect(url, 'SPDY/3.1+portforward.k8s.io');
    client.destroy();
  },
];

/** Goes through the moments, several clients at a time. */
async function cycles(count: number, moments: readonly ((url: string) => Promise<void>)[], url: () => Promise<string>) {
  const limit = new Limit(AT_ONCE);
  const each = (at: number) => limit.run(async () => moments[at % moments.length]?.(await url()));
  await Promise.all(Array.from({ length: count }, (_, at) => each(at)));
}

/** What crisp has open, by kind; a count of each. */
function filesOf(pid: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const link of openFiles(pid)) {
    const kind = link.replace(/:.*$/, '');
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** FIFOs of processes that were executed in the container. */
function execFifos(): string[] {
  const io = join(node.containerd.state, 'io.containerd.grpc.v1.cri/containers', main, 'io');
  return readdirSync(io).filter((name) => !name.startsWith(main));
}

/** Every exec that containerd was ever asked for. */
function execIds(): string[] {
  return [...readFileSync(join(node.dir, 'events.log'), 'utf8').matchAll(/exec-added .*"exec_id":"([0-9a-f]+)"/g)].map(
    ([, id = '']) => id,
  );
}

async function execsLeft(): Promise<string[]> {
  const found = await Promise.all(execIds().map((execId) => containerd.tasks.get({ containerId: main, execId })));
  return found.flatMap((process) => (process ? [process.execId] : []));
}

describe('Clients that come and leave', () => {
  it(
    'a thousand times, at every moment, leave no stream, timer, FIFO, process or descriptor behind',
    async () => {
      const { pid } = node.crisp.daemon;
      await cycles(EXEC_MOMENTS.length, EXEC_MOMENTS, execUrl);
      await cycles(PROCESS_MOMENTS.length, PROCESS_MOMENTS, attachUrl);
      await cycles(FORWARD_MOMENTS.length, FORWARD_MOMENTS, forwardUrl);
      await quiet(pid);
      const files = filesOf(pid);
      const before = await readHandles(pid, node.dir);

      await cycles(350, EXEC_MOMENTS, execUrl);
      await cycles(350, PROCESS_MOMENTS, attachUrl);
      await cycles(300, FORWARD_MOMENTS, forwardUrl);

      await until('no exec is left', MINUTE, async () => execFifos().length === 0);
      await until('no process is left', MINUTE, async () => (await execsLeft()).length === 0);
      expect(execIds().length).toBeGreaterThan(100);
      await until('no descriptor is left', MINUTE, async () => notMore(filesOf(pid), files));
      let after = await readHandles(pid, node.dir);
      await until('no handle is left', MINUTE, async () => {
        after = await readHandles(pid, node.dir);
        return notMore(after.resources, before.resources);
      });
      expect(after.memory.heapUsed - before.memory.heapUsed).toBeLessThan(16 << 20);
      // The server and its reader of stdin; a connection that was cut off may take a moment to end its process.
      await until('two processes', MINUTE, async () => (await containerd.tasks.pids(main)).length === 2);
    },
    4 * MINUTE,
  );
});

describe.each(['stop', 'kill'] as const)('Commands that run through a %s of crisp', (how) => {
  it(
    'go on, are read from, and are deleted once they have ended',
    async () => {
      const go = `/go-${how}`;
      // More than a pipe holds: without a reader it would not end.
      const late = `echo ready; while [ ! -e ${go} ]; do usleep 10000; done; head -c 300000 /dev/zero; touch ${go}-done`;
      const clients: SpdyClient[] = [];
      for (const script of [late, 'echo ready; cat']) {
        const cmd = ['sh', '-c', script];
        const request = ExecRequest.fromPartial({ containerId: main, cmd, stdin: true, stdout: true, stderr: true });
        const client = await dialSpdy((await node.cri.runtime.exec(request)).url);
        const { stdout } = await client.openAll(...ALL);
        await until('it runs', MINUTE, async () => stdout.bytes > 0);
        clients.push(client);
      }
      await node.crisp[how]();
      await until('the clients are cut off', MINUTE, async () => clients.every(({ closed }) => closed));
      await node.crisp.start();
      await serving(node);
      // The one that reads its stdin has come to its end.
      await until('one is left', MINUTE, async () => (await execsLeft()).length === 1);
      await exec(node, main, 'touch', go);
      await until('none is left', MINUTE, async () => (await execsLeft()).length === 0 && execFifos().length === 0);
      expect((await exec(node, main, 'ls', `${go}-done`)).exitCode).toBe(0);
    },
    MINUTE,
  );
});

async function quiet(pid: number): Promise<void> {
  await until('the first ones are over', MINUTE, async () => execFifos().length === 0);
  let [before, looks] = [filesOf(pid), 0];
  await until('crisp is quiet', MINUTE, async () => {
    const now = filesOf(pid);
    looks = same(now, before) ? looks + 1 : 0;
    before = now;
    return looks === QUIET_LOOKS;
  });
}

function same(one: Record<string, number>, other: Record<string, number>): boolean {
  const kinds = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...kinds].every((kind) => (one[kind] ?? 0) === (other[kind] ?? 0));
}

/** Calls under way come and go; what counts is that nothing has become more. */
function notMore(after: Record<string, number>, before: Record<string, number>): boolean {
  return Object.entries(after).every(([kind, count]) => count <= (before[kind] ?? 0));
}
