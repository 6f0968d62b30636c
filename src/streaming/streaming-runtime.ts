import type { Duplex, Readable, Writable } from 'node:stream';

/** A command to run in a container, and the streams its client wants of it. */
export interface ExecRequest {
  readonly containerId: string;
  /** The pod that the container is in. */
  readonly sandboxId: string;
  /** It may be megabytes, and the process may run for days: it is emptied once the process has been made. */
  cmd: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** The streams that a client wants of a container's first process. */
export interface AttachRequest {
  readonly containerId: string;
  /** The pod that the container is in. */
  readonly sandboxId: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface PortForwardRequest {
  readonly sandboxId: string;
  /** Only the WebSocket forms look at it: over SPDY each connection names its port. */
  readonly ports: readonly number[];
}

/** Size of a terminal, in characters; neither is 0. */
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** What a client and a process have between them, whatever the transport. */
export interface ProcessStreams {
  readonly stdin?: Readable;
  /** Outputs are ended by whoever gave them, when the runtime's promise has settled. */
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  /** Calls back with the latest size, if there is one, and with each one that follows. */
  onResize(listener: (size: TerminalSize) => void): void;
  /** Fires when the client is gone. */
  readonly signal: AbortSignal;
}

/** A client was dropped because it did not take its output. */
export class SlowClient extends Error {
  override readonly name = 'SlowClient';
  constructor() {
    super('the client took its output too slowly');
  }
}

/** What the streaming server needs of whoever runs containers. */
export interface StreamingRuntime {
  /**
   * Runs the command; resolves with its exit code once the client has all of its output. `onMade` is called once the process has
   * been made, when its command is not needed any more.
   */
  exec(request: ExecRequest, streams: ProcessStreams, onMade?: () => void): Promise<number>;
  /**
   * Resolves when the container's outputs have ended and the client has all of them, or the client has left. Rejects with
   * SlowClient when the client held up the others.
   */
  attach(request: AttachRequest, streams: ProcessStreams): Promise<void>;
  /** A connection to that port of the pod's loopback; half-open capable, the caller's to destroy. */
  dial(sandboxId: string, port: number, signal: AbortSignal): Promise<Duplex>;
}
