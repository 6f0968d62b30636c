import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { errorMessage } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { Frame, messageFrame, parseMessage, readFrames } from '../../stdio/frames';
import type { Answer, Hello, Request, Told, Welcome } from '../../stdio/messages';
import { StdioError } from '../../stdio/stdio-error';
import type { StdioService } from '../../stdio/stdio-service';
import { AttachServer } from './attach-server';

export interface StdioServerOptions {
  readonly stdio: StdioService;
  readonly log: Logger;
  /** The program that runs. */
  readonly build: string;
  /** A server has come or gone; `containerd` is the daemon it names. */
  onControl(controllers: number, containerd: string): void;
  /** Another process takes over: let go of everything and end. */
  onQuit(): Promise<void>;
  /** Somebody else has the containers: let go of them for good and end. */
  onLetGo(): Promise<void>;
  /** The server has said that it goes away. */
  onLeave(): void;
  /** HELLO_WITHIN_MS; for tests. */
  readonly helloWithinMs?: number;
}

/** What a connection gets to say what it is for. */
const HELLO_WITHIN_MS = 60_000;

/** Serves a StdioService on a unix socket: connections that control it, and one connection for each attached client. */
export class StdioServer {
  private readonly controlling = new Set<Socket>();
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private ending = false;
  private closed: Promise<void> | undefined;

  constructor(private readonly options: StdioServerOptions) {
    this.server = createServer((socket) => this.greet(socket));
  }

  /** How many servers are connected. */
  get controllers(): number {
    return this.controlling.size;
  }

  /** Listens at a path where nothing is. */
  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(path, () => {
        this.server.off('error', reject);
        chmodSync(path, 0o600);
        resolve();
      });
    });
  }

  /**
   * Takes no new connections. From now on a request that fails is not answered: it is repeated when the connection is
   * gone, and the next process can do better.
   */
  beginToEnd(): void {
    this.ending = true;
    this.closed ??= new Promise((resolve) => this.server.close(() => resolve()));
  }

  /** Cuts every connection off and stops listening. */
  async close(): Promise<void> {
    this.beginToEnd();
    for (const socket of this.sockets) socket.destroy();
    await this.closed;
  }

  /** Tells every server something that it did not ask for; false when there is none. */
  tell(message: Told): boolean {
    for (const socket of this.controlling) socket.write(messageFrame(message));
    return this.controlling.size > 0;
  }

  private greet(socket: Socket): void {
    this.sockets.add(socket);
    let serve: ((type: number, content: Buffer) => void) | undefined;
    socket.on('error', (error) => this.options.log.debug('a connection broke off', { error: error.message }));
    const late = setTimeout(() => socket.destroy(), this.options.helloWithinMs ?? HELLO_WITHIN_MS).unref();
    socket.on('close', () => {
      clearTimeout(late);
      this.sockets.delete(socket);
    });
    readFrames(socket, (type, content) => {
      clearTimeout(late);
      serve ??= this.roleOf(socket, parseMessage(content) as Hello);
      serve(type, content);
    });
  }

  /** What the first message makes of a connection: a function for the frames that follow. */
  private roleOf(socket: Socket, hello: Hello): (type: number, content: Buffer) => void {
    if (hello.hello === 'attach') return this.attach(socket, hello);
    this.control(socket, hello.containerd);
    return afterFirst((type, content) => {
      if (type === Frame.MESSAGE) void this.request(socket, parseMessage(content) as Request & { seq: number });
    });
  }

  private attach(socket: Socket, { attach, ticket }: Extract<Hello, { hello: 'attach' }>) {
    const client = new AttachServer(socket, attach);
    void client.serve(this.options.stdio).then((end) => {
      if (end === 'slow') this.tell({ dropped: ticket });
    });
    return afterFirst((type, content) => client.onFrame(type, content));
  }

  private control(socket: Socket, containerd: string): void {
    this.controlling.add(socket);
    socket.on('close', () => {
      this.controlling.delete(socket);
      this.options.onControl(this.controlling.size, containerd);
    });
    const welcome: Welcome = { welcome: true, pid: process.pid, build: this.options.build };
    socket.write(messageFrame(welcome));
    this.options.onControl(this.controlling.size, containerd);
  }

  private async request(socket: Socket, request: Request & { seq: number }): Promise<void> {
    const { seq } = request;
    const answer = await this.perform(request).then(
      (result): Answer => ({ seq, ...result }),
      (error: unknown): Answer => {
        const code = error instanceof StdioError ? error.code : 'FAILED';
        return { seq, failure: { code, message: errorMessage(error) } };
      },
    );
    if (this.ending && answer.failure) return;
    if (!socket.destroyed) socket.write(messageFrame(answer));
  }

  private async perform(request: Request): Promise<Omit<Answer, 'seq'> | undefined> {
    const { stdio, onLeave, onLetGo, onQuit } = this.options;
    switch (request.op) {
      case 'open':
        await stdio.open(request.spec);
        return undefined;
      case 'reopen':
        await stdio.reopen(request.id, request.logPath);
        return undefined;
      case 'drain':
        return (await stdio.drain(request.id, { timeoutMs: request.timeoutMs ?? Number.POSITIVE_INFINITY }))
          ? undefined
          : { incomplete: true };
      case 'close':
        await stdio.close(request.id);
        return undefined;
      case 'list':
        return { ids: await stdio.list() };
      case 'leave':
        onLeave();
        return undefined;
      case 'quit':
        await onQuit();
        return undefined;
      case 'letGo':
        await onLetGo();
        return undefined;
    }
  }
}

/** Passes on every frame but the first, which was the greeting. */
function afterFirst(pass: (type: number, content: Buffer) => void): (type: number, content: Buffer) => void {
  let first = true;
  return (type, content) => {
    if (!first) pass(type, content);
    first = false;
  };
}
