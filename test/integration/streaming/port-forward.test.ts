import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect, createServer } from 'node:net';

import { PortForwardRequest } from '../../../generated/cri/v1/api';
import { until } from '../../support/daemon/process';
import { type Crictl, describeWithCrictl, type Running, TRANSPORTS, useCrictl } from '../../support/node/crictl';
import { openSockets } from '../../support/node/crisp-process';
import type { TestNode } from '../../support/node/node';
import { exec, type Pod, runContainer, runPod, shell } from '../../support/node/pods';
import { dialSpdy } from '../../support/streaming/direct-client';

const MINUTE = 60_000;
const HOST_NETWORK = { linux: { securityContext: { namespaceOptions: { network: 2 } } } };
/** Serves one file of 300 kB; and on a port of its own whatever is sent to it, with a greeting first. */
const serve = (port: number): string => `
  mkdir /www; yes 'a page' | head -c 300000 > /www/page; sha256sum /www/page
  httpd -p 127.0.0.1:${port} -h /www
  sleep 1000`;

let node: TestNode;
let crictl: Crictl;
const pods: { kind: string; pod: Pod; port: number; container: string }[] = [];

/** A port of this machine that is free now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describeWithCrictl('crictl port-forward', () => {
  // Before the node is gone: these run in the order in which they stand.
  afterAll(() => {
    expect(readFileSync(node.crisp.daemon.logFile, 'utf8')).not.toContain('Warning'); // of too many listeners, say
  });

  useCrictl(async (started) => {
    ({ node, crictl } = started);
    for (const [kind, input] of [
      ['pod', {}],
      ['host', HOST_NETWORK],
    ] as const) {
      const pod = await runPod(node, input);
      const port = kind === 'pod' ? 8080 : await freePort();
      const container = await runContainer(node, pod, shell('web', serve(port)));
      pods.push({ kind, pod, port, container });
    }
  });

  const podOf = (kind: string) => pods.find((each) => each.kind === kind) ?? fail(kind);

  /** Starts a forward from free ports; answers them in the order of the ports forwarded to. */
  async function forward(
    transport: string,
    pod: Pod,
    ...ports: number[]
  ): Promise<{ running: Running; local: number[] }> {
    const running = crictl.start('port-forward', '--transport', transport, pod.id, ...ports.map((port) => `0:${port}`));
    const said = (): RegExpMatchArray[] => [
      ...String(running.stdout()).matchAll(/Forwarding from 127\.0\.0\.1:(\d+)/g),
    ];
    await until('it forwards', MINUTE, async () => said().length === ports.length);
    return { running, local: said().map(([, port]) => Number(port)) };
  }

  describe.each([
    ['pod', 'spdy'],
    ['pod', 'websocket'],
    ['host', 'spdy'],
    ['host', 'websocket'],
  ])('into the network of a %s over %s', (kind, transport) => {
    it('serves fifty requests at a time', async () => {
      const { pod, port, container } = podOf(kind);
      const page = await exec(node, container, 'sha256sum', '/www/page');
      const { local } = await forward(transport, pod, port);
      const agent = new Agent({ maxSockets: 50, keepAlive: false });
      const bodies = await Promise.all(Array.from({ length: 50 }, () => fetchBody(local[0] ?? 0, agent)));
      const digests = new Set(bodies.map((body) => createHash('sha256').update(body).digest('hex')));
      expect([...digests]).toEqual([page.stdout.split(' ')[0]]);
    });
  });

  it.each(TRANSPORTS)('says over %s that a port is refused', async (transport) => {
    const { running, local } = await forward(transport, podOf('pod').pod, 81);
    const socket = connect(local[0] ?? 0, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('close', resolve));
    await until('the reason', MINUTE, async () => running.stderr().includes('forward to port 81'));
    expect(running.stderr()).toMatch(/ECONNREFUSED|refused/);
  });

  it.each(TRANSPORTS)('over %s goes on when a connection is reset, by either side', async (transport) => {
    const { pod, port, container } = podOf('pod');
    const resets = transport === 'spdy' ? 8082 : 8083;
    // What has not been read when it closes turns the close into a reset.
    await exec(node, container, 'sh', '-c', `nc -ll -p ${resets} -e sleep 0.2 </dev/null >/dev/null 2>&1 &`);
    await until('it listens', MINUTE, async () => {
      return (await exec(node, container, 'netstat', '-ltn')).stdout.includes(`:${resets} `);
    });
    const { local } = await forward(transport, pod, port, resets);
    const before = openSockets(node.crisp.daemon.pid);
    for (let i = 0; i < 5; i++) {
      const bad = connect(local[1] ?? 0, '127.0.0.1');
      bad.on('error', () => undefined);
      bad.write(Buffer.alloc(200_000));
      await new Promise((resolve) => bad.once('close', resolve));
      const left = connect(local[0] ?? 0, '127.0.0.1');
      left.on('error', () => undefined);
      left.write('GET /page HTTP/1.0\r\n\r\n');
      await new Promise((resolve) => left.once('data', resolve));
      left.resetAndDestroy();
      expect((await fetchBody(local[0] ?? 0)).length).toBe(300_000);
    }
    await until('no connection is left', MINUTE, async () => openSockets(node.crisp.daemon.pid) <= before);
  });

  it('over SPDY keeps a session whose pod resets connections, and ends with its client', async () => {
    const { pod, port } = podOf('pod');
    const before = openSockets(node.crisp.daemon.pid);
    const request = PortForwardRequest.fromPartial({ podSandboxId: pod.id });
    const client = await dialSpdy((await node.cri.runtime.portForward(request)).url, 'portforward.k8s.io');
    const refused = await client.openPair(9, 'refused');
    expect(await refused.error.all()).toContain('forward to port 9');
    const { data } = await client.openPair(port, 'good');
    data.end('GET /page HTTP/1.0\r\n\r\n');
    expect(await data.all()).toContain('a page');
    client.destroy();
    await until('nothing is left', MINUTE, async () => openSockets(node.crisp.daemon.pid) <= before);
  });
});

function fail(kind: string): never {
  throw new Error(`no pod of kind ${kind}`);
}

/** The page that is served on a port of this machine. */
function fetchBody(port: number, agent?: Agent): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/page', agent: agent ?? false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks)));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}
