import type { Duplex } from 'node:stream';
import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import type { ForwardOptions } from './forward-to';
import { grantSpdy, refuse } from './http-answer';
import type { SharedLimits } from './limits';
import { type ProcessConnection, type ProcessRequest, runProcess } from './process-connection';
import {
  choose,
  SPDY_PORT_FORWARD_PROTOCOLS,
  SPDY_PROCESS_PROTOCOLS,
  WEBSOCKET_PORT_FORWARD_PROTOCOLS,
  WEBSOCKET_PROCESS_PROTOCOLS,
} from './protocols';
import { forwardOverSpdy } from './spdy/port-forward';
import { acceptProcess } from './spdy/process-connection';
import type { PortForwardRequest, StreamingRuntime } from './streaming-runtime';
import { forwardOverChannels, forwardThroughTunnel } from './websocket/port-forward';
import { processOverWebSocket } from './websocket/process-connection';
import { type Upgrade, upgradeToWebSocket } from './websocket/upgrade';

/** What a token stands for. */
export type StreamingRequest = ProcessRequest | { readonly kind: 'portforward'; readonly request: PortForwardRequest };

export interface ServeOptions {
  readonly runtime: StreamingRuntime;
  readonly log: Logger;
  readonly creationTimeoutMs: number;
  readonly shared: SharedLimits;
  /** See StreamingRuntime.exec. */
  onMade?(): void;
}

/** Of an argument beside its characters. */
const ARGUMENT_COST = 16;
/** A thousand commands of this size are 4 MiB: whoever has filled the room for commands keeps nobody from a short one. */
const SMALL_BYTES = 4096;

/** Whose streams they are: the pod's, whatever of it a request is for, so that a pod with more containers gets no more. */
export function ownerOf(asked: StreamingRequest): string {
  return asked.request.sandboxId;
}

/** What a command takes of memory, in bytes; 0 of one so small that the number of requests bounds it, and of all else. */
export function weightOf(asked: StreamingRequest): number {
  if (asked.kind !== 'exec') return 0;
  const { cmd } = asked.request;
  const bytes = cmd.reduce((sum, each) => sum + each.length, cmd.length * ARGUMENT_COST);
  return bytes < SMALL_BYTES ? 0 : bytes;
}

/** Serves one client whose token was good, until it is gone. Rejects when the client never got as far as its streams. */
export async function serveUpgrade(asked: StreamingRequest, upgrade: Upgrade, options: ServeOptions): Promise<void> {
  const wants = (upgrade.request.headers.upgrade ?? '').toLowerCase();
  if (wants === 'websocket') return overWebSocket(asked, upgrade, options);
  if (wants === 'spdy/3.1') return overSpdy(asked, upgrade, options);
  refuse(upgrade.socket, 400, 'upgrade to SPDY/3.1 or websocket');
  return undefined;
}

async function overSpdy(asked: StreamingRequest, upgrade: Upgrade, options: ServeOptions): Promise<void> {
  const { socket } = upgrade;
  if (asked.kind === 'portforward') {
    const protocol = spdyProtocol(SPDY_PORT_FORWARD_PROTOCOLS, SPDY_PORT_FORWARD_PROTOCOLS[0], upgrade);
    if (!protocol) return;
    return forwardOverSpdy(socket, forwarding(asked.request, options));
  }
  const oldest = SPDY_PROCESS_PROTOCOLS.at(-1);
  const protocol = oldest && spdyProtocol(SPDY_PROCESS_PROTOCOLS, oldest, upgrade);
  if (!protocol) return;
  const accept = { ...options, protocol, wanted: asked.request, owner: ownerOf(asked) };
  await run(asked, await acceptProcess(socket, accept), options);
}

/** Grants or refuses. The oldest clients do not say what they speak inside SPDY. */
function spdyProtocol<P extends { readonly name: string }>(
  ours: readonly P[],
  unsaid: P,
  { request, socket }: Upgrade,
): P | undefined {
  const offered = request.headers['x-stream-protocol-version'];
  const protocol = offered === undefined ? unsaid : choose(ours, String(offered));
  if (protocol) grantSpdy(socket, protocol.name);
  else refuse(socket, 403, noneOf(ours));
  return protocol;
}

async function overWebSocket(asked: StreamingRequest, upgrade: Upgrade, options: ServeOptions): Promise<void> {
  const offered = upgrade.request.headers['sec-websocket-protocol'] ?? '';
  const messages = options.shared.messages.of(ownerOf(asked));
  if (asked.kind === 'portforward') {
    const protocol = choose(WEBSOCKET_PORT_FORWARD_PROTOCOLS, offered);
    if (!protocol) {
      refuse(upgrade.socket, 403, noneOf(WEBSOCKET_PORT_FORWARD_PROTOCOLS));
      return;
    }
    const { ports } = asked.request;
    if (protocol.form !== 'tunnel' && ports.length === 0) {
      refuse(upgrade.socket, 400, 'no port is given');
      return;
    }
    const webSocket = await upgradeToWebSocket(upgrade, protocol.name, messages);
    const how = forwarding(asked.request, options);
    if (protocol.form === 'tunnel') return forwardThroughTunnel(webSocket, how);
    return forwardOverChannels(webSocket, ports, { ...how, base64: protocol.form === 'base64' });
  }
  const protocol = choose(WEBSOCKET_PROCESS_PROTOCOLS, offered);
  if (!protocol) {
    refuse(upgrade.socket, 403, noneOf(WEBSOCKET_PROCESS_PROTOCOLS));
    return;
  }
  const webSocket = await upgradeToWebSocket(upgrade, protocol.name, messages);
  const streams = { wanted: asked.request, messages };
  return run(asked, processOverWebSocket(webSocket, protocol, streams), options);
}

async function run(asked: ProcessRequest, connection: ProcessConnection, options: ServeOptions): Promise<void> {
  const { runtime, onMade } = options;
  const result = await runProcess(runtime, asked, { connection, onMade });
  if (!('error' in result)) return;
  const { signal } = connection.streams;
  if (signal.aborted && result.error === signal.reason) options.log.debug('a client left before its process ended');
  else options.log.info('a streamed process ended with an error', { error: errorMessage(result.error) });
}

function forwarding({ sandboxId }: PortForwardRequest, { runtime, ...options }: ServeOptions): ForwardOptions {
  const dial = (port: number, signal: AbortSignal): Promise<Duplex> => runtime.dial(sandboxId, port, signal);
  return { ...options, owner: sandboxId, dial };
}

function noneOf(protocols: readonly { readonly name: string }[]): string {
  const names = protocols.map(({ name }) => name).filter((name) => name !== '');
  return `none of the protocols that the client offers is one of ours: ${names.join(', ')}`;
}
