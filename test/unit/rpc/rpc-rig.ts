import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogFields, type Logger, silentLogger } from '../../../src/base/logger';
import { noMetrics } from '../../../src/base/metrics';
import type { CallStatus as Status } from '../../../src/rpc/call-status';
import { type Channel, createChannel } from '../../../src/rpc/client/client';
import { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';
import { RpcServer, type RpcServerOptions } from '../../../src/rpc/server/server';
import type { EncodedMessage } from '../../../src/rpc/service';

/** The status of an RpcError; INTERNAL for the rest. */
export function simpleStatus(thrown: unknown): Status {
  if (thrown instanceof RpcError) return { code: thrown.code, message: thrown.message };
  return { code: Code.INTERNAL, message: thrown instanceof Error ? thrown.message : String(thrown) };
}

/** A directory with servers and channels in it, all of which `close` takes away. */
export class RpcRig {
  readonly dir = mkdtempSync(join(tmpdir(), 'rpc-'));
  readonly socket = join(this.dir, 's.sock');
  private readonly servers: RpcServer[] = [];
  private readonly channels: Channel[] = [];

  server(options: Partial<RpcServerOptions> = {}): RpcServer {
    const server = new RpcServer({ log: silentLogger, metrics: noMetrics, toStatus: simpleStatus, ...options });
    this.servers.push(server);
    return server;
  }

  channel(address = this.socket): Channel {
    const channel = createChannel(address);
    this.channels.push(channel);
    return channel;
  }

  async close(): Promise<void> {
    for (const channel of this.channels) channel.close();
    await Promise.all(this.servers.map((server) => server.stop({ graceMs: 0 })));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A logger that keeps its lines. */
export function recordingLogger(): Logger & { lines: { level: string; message: string; fields: LogFields }[] } {
  const lines: { level: string; message: string; fields: LogFields }[] = [];
  const make = (inherited: LogFields): Logger => {
    const at =
      (level: string) =>
      (message: string, fields: LogFields = {}): void => {
        lines.push({ level, message, fields: { ...inherited, ...fields } });
      };
    return {
      debugEnabled: true,
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => make({ ...inherited, ...fields }),
    };
  };
  return { ...make({}), lines };
}

/** A promise and the ways to settle it. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Rejects with the reason of the signal as soon as it fires. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** The messages of a stream whose handler encodes them itself. */
export async function collectDecoded<T>(
  messages: AsyncIterable<EncodedMessage>,
  type: { decode(bytes: Uint8Array): T },
): Promise<T[]> {
  return (await collect(messages)).map(({ parts }) => type.decode(Buffer.concat(parts)));
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
