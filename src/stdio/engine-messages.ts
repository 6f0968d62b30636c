import type { LogFields } from '../base/logger';
import type { OutputStream } from './cri-log';
import type { StdioErrorCode } from './stdio-error';
import type { StdioSpec } from './stdio-service';

/** The outputs of a container: FIFOs that exist, and the log they go to. */
export type OutputSpec = Omit<StdioSpec, 'stdin' | 'tty'>;

/** A path, and the disk that it lies on as far as the mount table tells. */
export interface OnDisk {
  /** Directory part without symbolic links, as far as they have been followed. */
  readonly path: string;
  /** Number of the device, as in /proc/self/mountinfo. */
  readonly disk: string;
}

/** What a thread that copies output is told to do. */
export type Command =
  | {
      readonly kind: 'open';
      readonly spec: OutputSpec;
      /** Where the log is looked for before anything is opened: on another disk, nothing is. Absent: it is not. */
      readonly at?: OnDisk;
      /** File of the journal that has an unfinished move of this container. */
      readonly leftIn?: string;
    }
  | { readonly kind: 'reopen'; readonly id: string; readonly logPath: string; readonly at?: OnDisk }
  /** Whether what is copied is to be told in `data` events too. */
  | { readonly kind: 'listen'; readonly id: string; readonly on: boolean }
  /** Takes what lies in the pipes right now, then closes them and the log. */
  | { readonly kind: 'finish'; readonly id: string }
  /** Closes at once; what lies in the pipes stays for another reader. */
  | { readonly kind: 'release'; readonly id: string }
  /** Copies nothing more until told to go on; what is printed waits in its pipe. */
  | { readonly kind: 'pause'; readonly on: boolean }
  /** Releases everything; the thread ends. */
  | { readonly kind: 'stop' };

/** A command with the number under which it is answered. */
export interface Numbered {
  readonly seq: number;
  readonly command: Command;
}

/** Why a command failed, in a form that passes between threads and processes. */
export interface Failure {
  readonly code: StdioErrorCode;
  readonly message: string;
}

/** What the thread tells. */
export type EngineEvent =
  /** The thread is there; a byte written to `waker` makes it look for commands. */
  | { readonly kind: 'ready'; readonly waker: number }
  | {
      readonly kind: 'answer';
      readonly seq: number;
      readonly failure?: Failure;
      /** Nothing was done: the log lies on another disk. */
      readonly elsewhere?: OnDisk;
    }
  | { readonly kind: 'data'; readonly id: string; readonly stream: OutputStream; readonly chunk: Uint8Array }
  /** The main thread is too far behind: this container's output is told no more, until it is asked for anew. */
  | { readonly kind: 'overrun'; readonly id: string }
  /** The output has ended, and all of it is in the log. */
  | { readonly kind: 'ended'; readonly id: string; readonly stream: OutputStream }
  | { readonly kind: 'count'; readonly name: string; readonly labels?: Record<string, string>; readonly by: number }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: LogFields;
    };
