import { closeSync } from 'node:fs';
import { createServer, Socket } from 'node:net';

/** Takes up one more connection of a listening socket: its descriptor; undefined when nobody waits. May throw an errno. */
export type Accept = (listening: number) => number | undefined;

/** How many connections one turn of the event loop takes up. */
const AT_ONCE = 128;

/** What Node says of a socket that listens, and its types do not. */
interface Listening {
  readonly _handle?: { readonly fd?: number } | null;
}

/**
 * A listening socket, which hands every connection to `take`. Node takes up one connection in a turn of the event loop
 * (libuv's uv__server_io), so that of many that come at once the last waits for as many turns as there are: with `accept`,
 * all that wait are taken up together.
 */
export class Listener {
  private readonly server = createServer();

  constructor(
    private readonly take: (socket: Socket) => void,
    private readonly accept?: Accept,
  ) {
    this.server.on('connection', (socket) => {
      this.take(socket);
      this.takeWaiting();
    });
  }

  /** Resolves when it listens at that path. */
  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(path, () => {
        this.server.removeListener('error', reject);
        this.server.on('error', () => undefined); // too many open files: the next turn tries again
        resolve();
      });
    });
  }

  /** Nobody is let in any more; who is in stays. */
  close(): void {
    if (this.server.listening) this.server.close();
  }

  private takeWaiting(): void {
    const listening = (this.server as Listening)._handle?.fd;
    if (this.accept === undefined || listening === undefined || listening < 0) return;
    for (let count = 1; count < AT_ONCE; count++) {
      const socket = nextSocket(this.accept, listening);
      if (socket === undefined) return;
      this.take(socket);
    }
  }
}

/** Undefined: nobody waits, or cannot be let in now; then Node itself tries in the next turn, and knows what to do. */
function nextSocket(accept: Accept, listening: number): Socket | undefined {
  try {
    const fd = accept(listening);
    return fd === undefined ? undefined : socketOf(fd);
  } catch {
    return undefined;
  }
}

/**
 * A socket on a connection's descriptor. When none can be made, it throws, and the descriptor is closed, unless a handle of
 * Node's has it by then: that closes it, and a second close could hit what has got the same number since.
 */
export function socketOf(fd: number, make: (fd: number) => Socket = nodeSocket): Socket {
  try {
    return make(fd);
  } catch (error) {
    if (isUntaken(error)) closeSync(fd);
    throw error;
  }
}

/** Node's net.Socket throws these before its handle has the descriptor: of no kind that it knows, or the handle's `open` failed. */
function isUntaken(error: unknown): boolean {
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  return code === 'ERR_INVALID_FD_TYPE' || code === 'ERR_INVALID_FD' || syscall === 'open';
}

function nodeSocket(fd: number): Socket {
  return new Socket({ fd, readable: true, writable: true });
}
