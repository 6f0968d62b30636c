import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '../../src/base/logger';
import { noMetrics } from '../../src/base/metrics';
import { PluginExec } from '../../src/cni/plugin-exec';
import { ContainerdClient } from '../../src/containerd/client';
import { removeDeadSocket } from '../../src/host/process/shim-sockets';
import { TrustStore } from '../../src/images/registry/certificates';
import { exchange } from '../../src/images/registry/exchange';
import { HttpClient } from '../../src/images/registry/http';
import { readBody } from '../../src/images/registry/http-body';
import { SYSTEM_TRUST } from '../../src/images/registry/registry-host';
import { BareConnection } from '../../src/rpc/client/bare-call';
import { bindSocketFile } from '../../src/rpc/server/listen';
import { ODD_BEHAVIOURS, type OddBehaviour, OddPeer } from '../support/odd-peer';

/** Where a peer is: a host with a port, or the path of a unix socket. */
interface At {
  readonly host: string;
  readonly path: string;
}

/** Waits for something outside that come over a connection: each must settle whatever the peer does. */
interface Wait {
  readonly name: string;
  readonly over: 'tcp' | 'unix';
  /** Settles, or else has waited until the signal fired. */
  ask(at: At, signal: AbortSignal): Promise<unknown>;
}

const closing: (() => unknown)[] = [];
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-peers-'));
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  rmSync(dir, { recursive: true });
});

const trust = { ...SYSTEM_TRUST, skipVerify: true, dialTimeoutMs: 2000 };

function client(env: Record<string, string> = {}): HttpClient {
  const made = new HttpClient(new TrustStore({}), env);
  closing.push(() => made.close());
  return made;
}

async function get(from: HttpClient, url: string, signal: AbortSignal): Promise<unknown> {
  const request = { method: 'GET', url: new URL(url), headers: {}, private: {}, trust, signal } as const;
  const body = await readBody(await from.request(request), 1 << 20);
  if (!body) throw new Error('it is too long');
  return body;
}

const WAITS: readonly Wait[] = [
  {
    name: 'a document of a registry',
    over: 'tcp',
    ask: ({ host }, signal) => get(client(), `http://${host}/v2/`, signal),
  },
  { name: 'a document over TLS', over: 'tcp', ask: ({ host }, signal) => get(client(), `https://${host}/v2/`, signal) },
  {
    name: 'a proxy',
    over: 'tcp',
    ask: ({ host }, signal) => get(client({ HTTP_PROXY: `http://${host}` }), 'http://registry.test/v2/', signal),
  },
  {
    name: 'the tunnel of a proxy',
    over: 'tcp',
    ask: ({ host }, signal) => get(client({ HTTPS_PROXY: `http://${host}` }), 'https://registry.test/v2/', signal),
  },
  {
    name: 'the tunnel of a proxy over TLS',
    over: 'tcp',
    ask: ({ host }, signal) => get(client({ HTTPS_PROXY: `https://${host}` }), 'https://registry.test/v2/', signal),
  },
  {
    name: 'an answer of containerd',
    over: 'unix',
    ask: async ({ path }, signal) => {
      const containerd = new ContainerdClient({ address: path, namespace: 'k8s.io', log: silentLogger });
      closing.push(() => containerd.close());
      await containerd.content.info('sha256:0', { signal }).finally(() => containerd.close());
    },
  },
  {
    name: 'a stream of containerd',
    over: 'unix',
    ask: async ({ path }, signal) => {
      const containerd = new ContainerdClient({ address: path, namespace: 'k8s.io', log: silentLogger });
      closing.push(() => containerd.close());
      await containerd.content.readAll('sha256:0', { signal, maxBytes: 1000 }).finally(() => containerd.close());
    },
  },
  {
    name: 'a call of a program that makes one only',
    over: 'unix',
    ask: async ({ path }) => {
      const connection = await BareConnection.open(path);
      await connection.call('/a/B', Buffer.alloc(0)).finally(() => connection.close());
    },
  },
];

describe.each(Object.keys(ODD_BEHAVIOURS) as OddBehaviour[])('A peer that %s', (behaviour) => {
  it.each(WAITS.map((wait): [string, Wait] => [wait.name, wait]))(
    'lets the wait for %s end, and keeps no connection of it',
    async (_name, { over, ask }) => {
      const path = join(dir, 'peer.sock');
      const peer = await OddPeer.start(behaviour, over === 'unix' ? path : undefined);
      closing.push(() => peer.stop());
      const controller = new AbortController();
      const asked = Promise.allSettled([ask({ host: over === 'tcp' ? peer.host : '', path }, controller.signal)]);
      const leaves = async (): Promise<void> => {
        await peer.untilMet();
        await sleep(150, undefined, { ref: false });
        controller.abort(new Error('the caller has left'));
      };
      void leaves();
      const [end] = await asked;
      expect(end?.status).toBe('rejected');
      expect(peer.connections).toBeGreaterThan(0);
      for (const close of closing.splice(1)) await close();
      await peer.untilLeft();
    },
  );

  it('lets an exchange end at its own limit, or with a word of why', async () => {
    const peer = await OddPeer.start(behaviour);
    closing.push(() => peer.stop());
    const [host, port] = peer.host.split(':');
    const agent = Object.assign(new Agent(), { defaultPort: Number(port) });
    closing.push(() => agent.destroy());
    const { signal } = new AbortController();
    const outgoing = { method: 'GET', path: '/', headers: {}, agent, host, port } as Parameters<typeof exchange>[0];
    const [end] = await Promise.allSettled([exchange(outgoing, { signal, limitMs: 100 })]);
    if (end?.status === 'fulfilled') end.value.destroy();
    else expect(end?.reason).toBeDefined();
    await peer.untilLeft();
  });
});

describe('Whoever looks whether somebody listens', () => {
  it.each(['never answers', 'closes at once'] as const)('has an answer of a peer that %s', async (behaviour) => {
    const path = join(dir, 'a'.repeat(64));
    const peer = await OddPeer.start(behaviour, path);
    closing.push(() => peer.stop());
    expect(await removeDeadSocket({ path, ino: 0n })).toBe(false);
    await expect(bindSocketFile(path, 0o600, async () => undefined)).rejects.toThrow('another server listens');
    await peer.untilLeft();
  });
});

/** What a program does that is asked for something and does not answer as it should. */
const ODD_PROGRAMS = {
  'never answers': 'sleep 600',
  'closes its output and stays': 'exec >&- 2>&-; sleep 600',
  'answers nonsense': 'echo "\\0 what?"',
  'answers nothing': 'true',
  'ends with a signal': 'kill -9 $$',
  trickles: 'while :; do printf x; sleep 0.01; done',
  'answers without end': 'while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done',
  'leaves a child with its output': 'sleep 600 & echo "{}"',
} as const;

describe.each(Object.entries(ODD_PROGRAMS))('A CNI plugin that %s', (_name, script) => {
  const call = { command: 'VERSION', type: 'odd', conf: { cniVersion: '1.1.0' } } as const;

  it('lets the wait for it end at its limit and with its caller', async () => {
    writeFileSync(join(dir, 'odd'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const plugins = new PluginExec({ binDirs: [dir], timeoutMs: 300, log: silentLogger, metrics: noMetrics });
    await Promise.allSettled([plugins.call(call)]);
    const controller = new AbortController();
    const waiting = Promise.allSettled([plugins.call(call, controller.signal)]);
    controller.abort(new Error('the caller has left'));
    const [end] = await waiting;
    expect(end?.status).toBe('rejected');
  });
});
