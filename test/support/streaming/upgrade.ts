import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';

export interface UpgradeOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Authority that must have signed the server's certificate; absent: any certificate will do. */
  readonly ca?: string;
}

/** What a server said to an upgrade request, and the connection when it said yes. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Empty when the upgrade was granted. */
  readonly body: string;
  readonly socket?: Socket;
  /** What came right behind the response's head. */
  readonly head: Buffer;
}

/** Asks for an upgrade by hand, as a client that knows nothing of our server would. */
export function askUpgrade(url: string, options: UpgradeOptions = {}): Promise<Answer> {
  const { method = 'POST', headers = {}, ca } = options;
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method,
      agent: false,
      headers: { connection: 'Upgrade', ...headers },
      ca,
      rejectUnauthorized: ca !== undefined,
    });
    request.on('error', reject);
    request.on('upgrade', (response, socket, head) => {
      socket.on('error', () => undefined);
      resolve({ status: 101, headers: response.headers, body: '', socket: socket as Socket, head });
    });
    request.on('response', (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, head: Buffer.alloc(0) });
      });
      response.on('error', reject);
    });
    request.end();
  });
}

/** Asks for SPDY, naming these protocols. */
export function askSpdy(url: string, protocols?: string, options: UpgradeOptions = {}): Promise<Answer> {
  const named: Record<string, string> = protocols === undefined ? {} : { 'x-stream-protocol-version': protocols };
  return askUpgrade(url, { ...options, headers: { upgrade: 'SPDY/3.1', ...named, ...options.headers } });
}
