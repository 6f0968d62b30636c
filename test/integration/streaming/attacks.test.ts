import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { ExecRequest, PortForwardRequest } from '../../../generated/cri/v1/api';
import { until } from '../../support/daemon/process';
import { openSockets, residentBytes } from '../../support/node/crisp-process';
import { ANSWERED_WITHIN_MS, longestAnswer } from '../../support/node/longest-answer';
import { PAUSE, startNode, type TestNode } from '../../support/node/node';
import { exec, nothingLeft, type Pod, removePod, runContainer, runPod, shell } from '../../support/node/pods';
import { dialSpdy } from '../../support/streaming/direct-client';
import { TestWebSocket } from '../../support/streaming/web-socket';
import { rawWebSocket, webSocketFrame } from '../../support/streaming/web-socket-frames';

const MINUTE = 60_000;
const MIB = 1 << 20;
const V5 = 'v5.channel.k8s.io';
const DESCRIPTORS = 1024;

let node: TestNode;
let pod: Pod;
let id: string;

beforeAll(async () => {
  const launch = (argv: readonly string[]) => ['prlimit', `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`, '--', ...argv];
  node = await startNode({ settings: { sandbox_image: PAUSE, log: { level: 'warn' } }, launch });
  pod = await runPod(node);
  // The server takes connections, and says nothing to those that ask for nothing.
  id = await runContainer(node, pod, shell('main', 'httpd -p 127.0.0.1:8080 -h /etc; sleep 100000'));
}, 2 * MINUTE);

afterAll(async () => {
  await removePod(node, pod);
  await nothingLeft(node);
  await node.stop();
}, MINUTE);

async function execUrl(request: Partial<ExecRequest> = {}): Promise<string> {
  const cmd = ['cat'];
  const all = { containerId: id, cmd, stdin: true, stdout: true, stderr: true };
  return (await node.cri.runtime.exec(ExecRequest.fromPartial({ ...all, ...request }))).url;
}

async function stillServes(): Promise<void> {
  expect((await exec(node, id, 'true')).exitCode).toBe(0);
  const client = await TestWebSocket.connect(await execUrl({ cmd: ['echo', 'served'], stdin: false }), V5);
  await client.end();
  expect(client.text(1)).toBe('served\n');
}

describe('Sizes of terminals', () => {
  it.each([1, 12])(
    'that are none, %d MiB of them, hold up nobody, and the next size counts',
    async (mebibytes) => {
      const cmd = ['sh', '-c', 'until stty size | grep "33 77"; do sleep 0.1; done'];
      const url = await execUrl({ cmd, tty: true, stderr: false });
      const client = await TestWebSocket.connect(url, V5);
      const longest = await longestAnswer(node, async () => {
        for (let sent = 0; sent < mebibytes; sent++) client.send(4, Buffer.alloc(MIB - 1, '}'));
        client.send(4, '{"Width":77,"Height":33}');
        await client.end();
      });
      expect(client.text(1)).toContain('33 77');
      expect(longest).toBeLessThan(ANSWERED_WITHIN_MS);
    },
    MINUTE,
  );

  it(
    'may change a hundred times a second: the last one counts',
    async () => {
      const cmd = ['sh', '-c', 'until stty size | grep "9 300"; do sleep 0.1; done'];
      const client = await dialSpdy(await execUrl({ cmd, tty: true, stderr: false }));
      const { error, stdout, resize } = await client.openAll('error', 'stdin', 'stdout', 'resize');
      for (let width = 101; width <= 300; width++) {
        const text = `{"Width":${width},"Height":9}\n`;
        // Frames end anywhere: it is one stream of bytes.
        resize.write(text.slice(0, width % text.length));
        resize.write(text.slice(width % text.length));
        await pause(10);
      }
      expect(JSON.parse(await error.all())).toMatchObject({ status: 'Success' });
      expect(stdout.text()).toContain('9 300');
      client.destroy();
    },
    MINUTE,
  );
});

describe('Messages that never end', () => {
  it(
    'of thirty clients hold up nobody, and their memory is given back',
    async () => {
      const clients: Socket[] = [];
      const before = residentBytes(node.crisp.daemon.pid);
      const part = webSocketFrame({ fin: false, payload: Buffer.alloc(MIB - 100) });
      const longest = await longestAnswer(node, async () => {
        // Half of the clients that may be served are one container's.
        for (let i = 0; i < 30; i++) clients.push(await rawWebSocket(await execUrl(), V5));
        for (const client of clients) client.write(part);
        await until('all is sent', MINUTE, async () => clients.every(({ writableLength }) => writableLength === 0));
      });
      expect(residentBytes(node.crisp.daemon.pid) - before).toBeLessThan(150 * MIB);
      for (const client of clients) client.destroy();
      expect(longest).toBeLessThan(ANSWERED_WITHIN_MS);
      await stillServes();
    },
    2 * MINUTE,
  );
});

describe('A thousand connections that say nothing', () => {
  it(
    'leave descriptors for everybody else, and the oldest go',
    async () => {
      const { hostname, port } = new URL(await execUrl());
      const before = openSockets(node.crisp.daemon.pid);
      const silent: (Socket & { over?: boolean })[] = [];
      const longest = await longestAnswer(node, async () => {
        for (let i = 0; i < DESCRIPTORS; i++) {
          const socket: Socket & { over?: boolean } = connect({ host: hostname, port: Number(port) });
          socket.on('error', () => undefined);
          socket.on('close', () => {
            socket.over = true;
          });
          silent.push(socket);
          if (i % 50 === 0) await pause(10);
        }
        await until(
          'most are closed',
          MINUTE,
          async () => silent.filter(({ over }) => over).length >= DESCRIPTORS - 64,
        );
        await stillServes();
      });
      expect(openSockets(node.crisp.daemon.pid) - before).toBeLessThan(100);
      expect(longest).toBeLessThan(ANSWERED_WITHIN_MS);
      for (const socket of silent) socket.destroy();
    },
    2 * MINUTE,
  );
});

describe('Connections to a port that never answers', () => {
  it(
    'are so many at most; the others are refused, and nobody else is held up',
    async () => {
      const request = PortForwardRequest.fromPartial({ podSandboxId: pod.id });
      const client = await dialSpdy((await node.cri.runtime.portForward(request)).url, 'portforward.k8s.io');
      const before = openSockets(node.crisp.daemon.pid);
      const longest = await longestAnswer(node, async () => {
        const pairs: Awaited<ReturnType<typeof client.openPair>>[] = [];
        for (let i = 0; i < 200; i++) pairs.push(await client.openPair(8080, String(i)));
        await client.ping();
        const refused = (): number => pairs.filter(({ error }) => error.text().includes('too many')).length;
        await until('the others are refused', MINUTE, async () => refused() >= 200 - 64);
        await stillServes();
      });
      expect(openSockets(node.crisp.daemon.pid) - before).toBeLessThan(100);
      expect(longest).toBeLessThan(ANSWERED_WITHIN_MS);
      client.destroy();
      await until('they are let go', MINUTE, async () => openSockets(node.crisp.daemon.pid) <= before);
    },
    2 * MINUTE,
  );
});
