import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

/** Sends a byte every few milliseconds, for ever. */
function trickle(socket: Socket, before: string, byte = 'x'): void {
  socket.write(before);
  const timer = setInterval(() => socket.write(byte), 5);
  socket.once('close', () => clearInterval(timer));
}

/** Writes the same for as long as it is taken. */
function flood(socket: Socket, text: string): void {
  const block = text.repeat(Math.ceil(65_536 / text.length));
  const more = (): void => {
    while (socket.writable && socket.write(block));
  };
  socket.on('drain', more);
  more();
}

/** What a peer does with whoever has connected and said something. None of them ever gives an answer that is one. */
export const ODD_BEHAVIOURS = {
  'never answers': () => undefined,
  'closes at once': (socket) => socket.destroy(),
  'ends at once': (socket) => socket.end(),
  'answers nonsense': (socket) => socket.write('\0\x01\x02 what?\r\n\r\n'),
  'answers half a status line': (socket) => socket.write('HTTP/1.1 20'),
  'switches protocols': (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nother');
  },
  'says 101 and nothing else': (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  'only informs': (socket) => flood(socket, 'HTTP/1.1 102 Processing\r\n\r\n'),
  'sends headers without end': (socket) => flood(socket, `X-Header: ${'x'.repeat(50)}\r\n`),
  'trickles its headers': (socket) => trickle(socket, `${OK}X-Header: `),
  'trickles its body': (socket) => trickle(socket, `${OK}Content-Length: 100000\r\n\r\n`),
  'trickles chunks': (socket) => trickle(socket, `${OK}Transfer-Encoding: chunked\r\n\r\n`, '1\r\nx\r\n'),
  'sends a body without end': (socket) => {
    socket.write(`${OK}\r\n`);
    flood(socket, 'x');
  },
} satisfies Record<string, (socket: Socket) => unknown>;

export type OddBehaviour = keyof typeof ODD_BEHAVIOURS;

/** A peer that behaves oddly: on a loopback port, or on a unix socket. */
export class OddPeer {
  private readonly open = new Set<Socket>();
  private readonly waiting = new Set<() => void>();
  /** How many connections there have been. */
  connections = 0;
  private meet: () => void = () => undefined;
  private readonly met = new Promise<void>((resolve) => {
    this.meet = resolve;
  });

  private constructor(private readonly server: Server) {}

  static async start(behaviour: OddBehaviour, path?: string): Promise<OddPeer> {
    const act: (socket: Socket) => unknown = ODD_BEHAVIOURS[behaviour];
    const server = createServer();
    const peer = new OddPeer(server);
    server.on('connection', (socket) => {
      peer.connections++;
      peer.meet();
      peer.open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => peer.gone(socket));
      socket.once('data', () => act(socket));
      socket.resume();
    });
    await new Promise<void>((resolve) => {
      if (path === undefined) server.listen(0, '127.0.0.1', resolve);
      else server.listen(path, resolve);
    });
    return peer;
  }

  /** `127.0.0.1:<port>`. */
  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Resolves when there has been a connection. */
  untilMet(): Promise<void> {
    return this.met;
  }

  /** Resolves when whoever had connected has closed all connections. */
  async untilLeft(): Promise<void> {
    if (this.open.size > 0) await new Promise<void>((resolve) => this.waiting.add(resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private gone(socket: Socket): void {
    this.open.delete(socket);
    if (this.open.size > 0) return;
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}
