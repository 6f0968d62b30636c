import { connect, type Socket } from 'node:net';
import { errorMessage } from '../../base/errors';
import { unlessAborted } from '../../base/wait/deadline';
import type { Container } from '../../model/container';
import type { ExecStreamOptions, ExecStreams } from '../../stdio/exec-streams';
import {
  type AttachRequest,
  type ExecRequest,
  type ProcessStreams,
  SlowClient,
  type StreamingRuntime,
  type TerminalSize,
} from '../../streaming/streaming-runtime';
import type { CriDeps } from '../deps';
import { notFound, notReady } from '../errors';
import { createExec, type ExecOptions, type ExecProcess, requireRunning, runExec, withExec } from './exec-process';

type Deps = Pick<
  CriDeps,
  'config' | 'containerd' | 'containers' | 'sandboxes' | 'host' | 'paths' | 'retries' | 'log' | 'stdio' | 'execIo'
>;

const DIAL_TIMEOUT_MS = 10_000;
/** What Node keeps of a port's answer that its client does not take, in chunks that may be a byte long each. */
const TARGET_KEEPS = { readableHighWaterMark: 1024 };

/** What clients of the streaming server get to talk to: processes and ports of our pods. */
export function streamingRuntime(deps: Deps): StreamingRuntime {
  return {
    exec: (request, streams, onMade) => exec(deps, request, { streams, onMade }),
    attach: (request, streams) => attach(deps, request, streams),
    dial: (sandboxId, port, signal) => dial(deps, sandboxId, port, signal),
  };
}

/**
 * Runs a command for a client and answers its exit code. A client that leaves ends the command's stdin, not the command
 * (unless the configuration says so): it is up to the command what that means. One that left before the command was
 * started starts none. Afterwards nothing of the process is left.
 */
async function exec(
  deps: Deps,
  request: ExecRequest,
  { streams, onMade }: { readonly streams: ProcessStreams; readonly onMade?: () => void },
): Promise<number> {
  const { tasks } = deps.containerd;
  const { signal } = streams;
  const closeStdin = ({ containerId, execId }: ExecProcess): void =>
    quietly(deps, 'close stdin', tasks.closeStdin({ containerId, execId }));
  const options: ExecOptions<ExecStreams> = {
    stdio: request,
    open: (process) =>
      deps.execIo.stream({
        owner: request.sandboxId,
        ...streamOptions(process, streams, () => closeStdin(process)),
      }),
  };
  return withExec(deps, requireContainer(deps, request.containerId), options, async (process, io) => {
    const { containerId, execId } = process;
    const onLeave = (): void => {
      if (request.stdin) void io.stdinHasReader().then(() => closeStdin(process));
    };
    try {
      signal.throwIfAborted();
      await createExec(deps, process, request.cmd);
      onMade?.();
      signal.throwIfAborted();
      const killedBy = deps.config.streaming.kill_exec_on_disconnect ? signal : NEVER;
      const code = await runExec(deps, process, killedBy, () => {
        io.startStdin();
        if (request.tty) streams.onResize(terminalOf(deps, { containerId, execId }));
        whenGone(signal, onLeave);
      });
      const drained = io.drain(deps.config.drain_exec_sync_io_timeout || Number.POSITIVE_INFINITY);
      // For a client that has left, nothing is waited for that children of the process may still print.
      await unlessAborted(drained, signal).catch(() => undefined);
      return code;
    } finally {
      signal.removeEventListener('abort', onLeave);
    }
  });
}

/** An output without a stream of the client's is read and thrown away. */
function streamOptions(process: ExecProcess, streams: ProcessStreams, onStdinEnd: () => void): ExecStreamOptions {
  const { stdin, stdout, stderr } = streams;
  const paths = { stdinPath: process.stdin, stdoutPath: process.stdout, stderrPath: process.stderr };
  return { ...paths, stdin, stdout, stderr, onStdinEnd };
}

const NEVER = new AbortController().signal;

function whenGone(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act, { once: true });
}

/** Joins a client to a container's first process until its outputs have ended or the client has left. */
async function attach(deps: Deps, request: AttachRequest, streams: ProcessStreams): Promise<void> {
  const { containerId } = request;
  const container = requireContainer(deps, containerId);
  requireRunning(container);
  const { tty, stdinOnce } = container.metadata.config;
  const closes = stdinOnce && !tty;
  const attachment = await deps.stdio.attach(containerId, {
    stdin: streams.stdin,
    stdout: streams.stdout,
    stderr: tty ? undefined : streams.stderr,
    closeStdinAtEnd: closes,
    onStdinEnd: () => {
      if (closes) quietly(deps, 'close stdin', deps.containerd.tasks.closeStdin({ containerId }));
    },
  });
  if (tty) streams.onResize(terminalOf(deps, { containerId }));
  const detach = (): void => attachment.detach();
  whenGone(streams.signal, detach);
  try {
    if ((await attachment.done) === 'slow') throw new SlowClient();
  } finally {
    streams.signal.removeEventListener('abort', detach);
  }
}

/** Connects to a port of the pod's loopback: the IPv4 one, or else the IPv6 one. */
async function dial(deps: Deps, sandboxId: string, port: number, signal: AbortSignal): Promise<Socket> {
  const sandbox = deps.sandboxes.get(sandboxId);
  if (!sandbox) throw notFound('pod sandbox', sandboxId);
  if (sandbox.status.state !== 'READY') throw notReady(`pod sandbox "${sandboxId}" is not ready`);
  const { netnsPath } = sandbox.metadata;
  if (netnsPath === '') {
    return connectTo('127.0.0.1', port, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      return connectTo('::1', port, signal).catch(() => Promise.reject(error));
    });
  }
  if (!(await deps.host.isNetns(netnsPath))) throw notReady(`the network of pod sandbox "${sandboxId}" is gone`);
  return deps.host.dialInNetns(netnsPath, 'localhost', port, signal);
}

function connectTo(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, ...TARGET_KEEPS });
    const settle = (): void => {
      clearTimeout(late);
      signal.removeEventListener('abort', onAbort);
    };
    const giveUp = (error: unknown): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => giveUp(signal.reason);
    const late = setTimeout(() => giveUp(new Error(`no answer within ${DIAL_TIMEOUT_MS} ms`)), DIAL_TIMEOUT_MS);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', giveUp);
    socket.once('connect', () => {
      settle();
      socket.off('error', giveUp);
      resolve(socket);
    });
    if (signal.aborted) onAbort();
  });
}

function requireContainer(deps: Deps, id: string): Container {
  const container = deps.containers.get(id);
  if (!container) throw notFound('container', id);
  return container;
}

/** Resizes a process's terminal, one call at a time: a client may send sizes faster than the shim takes them. */
function terminalOf(deps: Deps, process: { containerId: string; execId?: string }): (size: TerminalSize) => void {
  let next: TerminalSize | undefined;
  let busy = false;
  const resize = async (): Promise<void> => {
    busy = true;
    for (let size = next; size; size = next) {
      next = undefined;
      await deps.containerd.tasks.resizePty({ ...process, ...size });
    }
  };
  return (size) => {
    next = size;
    if (busy) return;
    const resizing = resize().finally(() => {
      busy = false;
    });
    quietly(deps, 'resize the terminal', resizing);
  };
}

/** The process may end at any moment, and then there is nothing to do any more. */
function quietly(deps: Deps, what: string, doing: Promise<unknown>): void {
  doing.catch((error: unknown) => deps.log.debug(`could not ${what}`, { error: errorMessage(error) }));
}
