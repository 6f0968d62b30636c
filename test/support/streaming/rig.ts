import { silentLogger } from '../../../src/base/logger';
import { noMetrics } from '../../../src/base/metrics';
import { StreamingServer, type StreamingServerOptions } from '../../../src/streaming/server';
import type { AttachRequest, ExecRequest } from '../../../src/streaming/streaming-runtime';
import { FakeRuntime } from './fake-runtime';
import { SpdyClient } from './spdy-client';
import { Targets } from './targets';
import { until } from './until';
import { type Answer, askSpdy } from './upgrade';
import { TestWebSocket } from './web-socket';

const ALL = { tty: false, stdin: true, stdout: true, stderr: true };

/** Each container is in a pod of its own, unless a test says otherwise. */
function podOf({ containerId = 'web' }: { readonly containerId?: string }) {
  return { containerId, sandboxId: `pod of ${containerId}` };
}

/** A streaming server on a port of its own before a runtime that does what the test says. */
export class StreamingRig {
  readonly runtime = new FakeRuntime();
  /** Servers to forward to. */
  readonly targets = new Targets();
  readonly server: StreamingServer;
  private readonly clients: { destroy(): void }[] = [];

  constructor(options: Partial<StreamingServerOptions> = {}) {
    this.server = new StreamingServer({
      address: '127.0.0.1',
      port: 0,
      tls: false,
      idleTimeoutMs: 0,
      creationTimeoutMs: 60_000,
      runtime: this.runtime,
      log: silentLogger,
      metrics: noMetrics,
      ...options,
    });
  }

  execUrl(request: Partial<ExecRequest> = {}): string {
    return this.server.urlFor({ kind: 'exec', request: { ...podOf(request), cmd: ['run'], ...ALL, ...request } });
  }

  attachUrl(request: Partial<AttachRequest> = {}): string {
    return this.server.urlFor({ kind: 'attach', request: { ...podOf(request), ...ALL, ...request } });
  }

  forwardUrl(ports: readonly number[] = []): string {
    return this.server.urlFor({ kind: 'portforward', request: { sandboxId: 'pod', ports } });
  }

  /** A SPDY connection; rejects with the status when the server does not grant it. */
  async spdy(url: string, protocols?: string): Promise<SpdyClient & { answer: Answer }> {
    const answer = await askSpdy(url, protocols);
    if (!answer.socket) throw new Error(`${answer.status} ${answer.body}`);
    return Object.assign(this.keep(new SpdyClient(answer.socket, answer.head)), { answer });
  }

  async webSocket(url: string, protocols?: string): Promise<TestWebSocket> {
    return this.keep(await TestWebSocket.connect(url, protocols));
  }

  /** It is destroyed after the test. */
  keep<T extends { destroy(): void }>(client: T): T {
    this.clients.push(client);
    return client;
  }

  /** Takes every client away; afterwards the server has none, and nothing runs any more. */
  async close(): Promise<void> {
    for (const client of this.clients) client.destroy();
    await until('the server has no client', () => this.server.connectionCount === 0);
    await until('nothing runs', () => this.runtime.running === 0);
    await this.server.stop();
    await this.targets.close();
  }
}

/** A fresh rig for each test of a file. After each, nothing of it may be left open in this process. */
export function useStreaming(options: Partial<StreamingServerOptions> = {}): { readonly now: StreamingRig } {
  let rig: StreamingRig | undefined;
  let before = 0;
  beforeEach(async () => {
    before = openHandles();
    rig = new StreamingRig(options);
    await rig.server.listen();
  });
  afterEach(async () => {
    const ended = rig;
    rig = undefined;
    await ended?.close();
    await until('every socket, server and timer is closed', () => openHandles() <= before);
  });
  return {
    get now() {
      if (!rig) throw new Error('there is a rig only while a test runs');
      return rig;
    },
  };
}

/** Sockets, servers and timers that keep this process alive. */
function openHandles(): number {
  const kinds = /^(TCPSocketWrap|TCPServerWrap|TLSWrap|Timeout)$/;
  return process.getActiveResourcesInfo().filter((kind) => kinds.test(kind)).length;
}
