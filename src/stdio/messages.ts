import type { LogFields } from '../base/logger';
import type { Failure } from './engine-messages';
import type { AttachEnd, StdioSpec } from './stdio-service';

/** What the server asks of the process that has the stdio, each answered under its `seq`. */
export type Request =
  | { readonly op: 'open'; readonly spec: StdioSpec }
  | { readonly op: 'reopen'; readonly id: string; readonly logPath: string }
  /** `timeoutMs` null: for ever. */
  | { readonly op: 'drain'; readonly id: string; readonly timeoutMs: number | null }
  | { readonly op: 'close'; readonly id: string }
  | { readonly op: 'list' }
  /** The server goes away on purpose: with nothing open, so does the process. */
  | { readonly op: 'leave' }
  /** Lets go of everything at once and ends: another process of ours takes over. */
  | { readonly op: 'quit' }
  /** The same, for good: containerd's own CRI has the containers. */
  | { readonly op: 'letGo' };

/** The first message of a connection: what it is for. */
export type Hello =
  /** `containerd`: address of the daemon whose containers these are. */
  | { readonly hello: 'control'; readonly containerd: string }
  /** `ticket`: the name under which the server that controls is told when this client was too slow. */
  | { readonly hello: 'attach'; readonly ticket: string; readonly attach: AttachRequest };

export interface AttachRequest {
  readonly id: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly closeStdinAtEnd: boolean;
}

/** The answer to `control`. */
export interface Welcome {
  readonly welcome: true;
  readonly pid: number;
  /** The program that runs: another build is replaced. */
  readonly build: string;
}

export interface Answer {
  readonly seq: number;
  readonly failure?: Failure;
  /** Of `drain`: the disk of the log does not answer; it is completed later. */
  readonly incomplete?: true;
  /** Of `list`. */
  readonly ids?: string[];
}

/** What a server is told without having asked. */
export type Told =
  /** What has been counted since the last time. */
  | { readonly counted: readonly Count[] }
  /** What the process would have logged. */
  | { readonly said: Said }
  /** An attached client took its output too slowly. */
  | { readonly dropped: string };

export interface Said {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

export interface Count {
  readonly name: string;
  readonly labels?: Record<string, string>;
  readonly by: number;
}

/** What an attach is told. */
export type AttachEvent =
  | { readonly attached: true }
  | { readonly failure: Failure }
  | { readonly stdinEnded: true }
  | { readonly end: AttachEnd };
