import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { until } from './until';

/** Servers behind forwarded ports; every connection made to them is counted, and closed after the test. */
export class Targets {
  private readonly servers: Server[] = [];
  readonly sockets = new Set<Socket>();

  /** Listens on a port of its own; answers it. */
  async serve(onConnection: (socket: Socket) => void): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
      onConnection(socket);
    });
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  }

  /** A server that takes whatever comes and ends when its client does. */
  sink(): Promise<number> {
    return this.serve((socket) => socket.resume().on('end', () => socket.end()));
  }

  /** A server that sends back what it gets. */
  echo(): Promise<number> {
    return this.serve((socket) => socket.pipe(socket));
  }

  /** A port on which nobody listens. To be asked for last: it is free, and a server started later may be given it. */
  async refused(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  /** Afterwards there is no connection and no server. Fails when a forward has kept its connection. */
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.resume().end();
    await until('every forwarded connection is closed', () => this.sockets.size === 0);
    for (const server of this.servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  }
}

/** Connects to a port of this machine's loopback, as a runtime would. */
export function dialLoopback(port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
