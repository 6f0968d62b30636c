import type { Readable, Writable } from 'node:stream';

/** The stdio of one container: paths of FIFOs that exist already, and of the log. */
export interface StdioSpec {
  id: string;
  /** Absent: the container has no such stream (no stderr with a tty). */
  stdin?: string;
  stdout?: string;
  stderr?: string;
  tty: boolean;
  /** Absolute path; empty: no log. */
  logPath: string;
  /** Longer lines are split in the log; 0 or less: no limit. */
  maxLineBytes: number;
}

/**
 * Why an attach ended: the container's outputs did, and the client has all of them; `detach` or `close` was called; the
 * client is gone; or it took its output too slowly.
 */
export type AttachEnd = 'ended' | 'detached' | 'gone' | 'slow';

export interface AttachOptions {
  stdin?: Readable;
  /** Never ended by this service: whoever gave them ends them after `done`. Destroyed when the client is too slow. */
  stdout?: Writable;
  stderr?: Writable;
  /** Lets go of the container's stdin when this client's ends (`stdin_once`); say so to containerd in `onStdinEnd`. */
  closeStdinAtEnd?: boolean;
  /** The client's stdin has ended, and all of it has been written. */
  onStdinEnd?(): void;
  onClose?(reason: AttachEnd): void;
}

export interface Attachment {
  readonly done: Promise<AttachEnd>;
  detach(): void;
}

export interface DrainOptions {
  /** How long to wait for the streams to end; Infinity: for ever, 0: only take what lies in the pipes. */
  timeoutMs: number;
}

/**
 * All stdio of containers. Callers name containers by id and FIFOs by path and hold no descriptors, so this may as well
 * be in another process. An id that is not open is an error for `reopen` and `attach`; the rest ignore it.
 */
export interface StdioService {
  /**
   * Opens the log and the FIFOs for reading, and begins to copy. Must be done before Tasks.Create, which waits for
   * readers; works as well for a container that runs already (after a restart). Nothing stays open when it fails.
   * A second call for an open id does nothing.
   */
  open(spec: StdioSpec): Promise<void>;
  /** Goes on in a new file at `logPath`; when that cannot be opened, rejects and keeps the old one. Tears no line. */
  reopen(id: string, logPath: string): Promise<void>;
  attach(id: string, options: AttachOptions): Promise<Attachment>;
  /**
   * Resolves when both outputs have ended or the time is up, whichever is first, with true: the log is complete and closed,
   * and the id is not open any more; or some seconds later with false: the disk of the log does not answer. It is completed
   * and closed in the background then, and the id is open until that has been done. A child left behind may hold an output open for its whole life, and a FIFO opened
   * after its last writer left never ends: hence the limit.
   */
  drain(id: string, options: DrainOptions): Promise<boolean>;
  /**
   * Lets go of FIFOs and log at once, leaving what lies in the pipes to the next reader. Where the disk of the log
   * does not answer, that goes on in the background after some seconds.
   */
  close(id: string): Promise<void>;
  /** The ids that are open. */
  list(): Promise<string[]>;
  /** The caller goes away, and containers run on. */
  leave(): Promise<void>;
}

/** The service that has the descriptors, in the process that copies. */
export interface CopyingStdio extends StdioService {
  /** Resolves when a container that is being closed in the background is not open any more. Absent: none ever is. */
  closed?(id: string): Promise<void>;
}

/** A StdioService whose process may be away for a while, or unable to open something yet. */
export interface LastingStdio extends StdioService {
  /**
   * The same as `open` for a container that runs already, and tried again in the background until it is open, or the
   * container is drained or closed: one that is never read blocks when its pipe is full. Resolves then; never rejects.
   */
  takeUp(spec: StdioSpec): Promise<void>;
}
