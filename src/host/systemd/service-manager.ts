import { closeSync, constants, openSync } from 'node:fs';
import { errnoOf, errorMessage } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { noManager, type ServiceManager } from '../../base/service-manager';
import { run } from '../process/run';
import { AF_UNIX, unixAddress } from '../process/unix-address';
import { hostMeans, type Means } from '../syscall/syscalls';

const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
/** A manager that takes no messages (it hangs, or is stopped) is told later: waiting for it would hold up every RPC. */
const RETRY_MS = 50;
/** The first descriptor that a service manager passes on (sd_listen_fds(3)). */
const FIRST_PASSED = 3;

/**
 * Whoever started us, by the protocol of sd_notify(3); without a NOTIFY_SOCKET nobody is told anything. Takes its variables
 * out of `env`: what we start is no business of the service manager's. What cannot be told is logged: it is no reason to
 * stop serving.
 */
export function serviceManager(
  env: Record<string, string | undefined>,
  log: Logger,
  means: Means = hostMeans(),
): ServiceManager {
  const socket = env.NOTIFY_SOCKET;
  delete env.NOTIFY_SOCKET;
  if (socket === undefined || socket === '') return noManager;
  const messages = new Messages((lines, fds) => notify(socket, lines, { fds, means }), log);
  const tell = (...lines: readonly string[]): void => messages.send({ lines, fds: [] });
  return {
    ready: () => tell('READY=1', 'STATUS=serving'),
    waiting: (why) => tell(`STATUS=${oneLine(why)}`),
    stopping: () => tell('STOPPING=1'),
    keep: (name, fds) => {
      // FDPOLL=0: a pipe without a writer must be kept all the same: what lies in it is what it is kept for.
      if (fds.length > 0) messages.send({ lines: ['FDSTORE=1', 'FDPOLL=0', nameLine(name)], fds });
    },
    drop: (name) => {
      messages.forget(nameLine(name));
      tell('FDSTOREREMOVE=1', nameLine(name));
    },
  };
}

const nameLine = (name: string): string => `FDNAME=${name}`;

interface Message {
  readonly lines: readonly string[];
  readonly fds: readonly number[];
}

/** Messages to the service manager, in their order. One that it has no room for now is sent again until it has. */
class Messages {
  /** Their descriptors are copies: those of the sender may be closed before a message is sent. */
  private readonly unsent: Message[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly post: (lines: readonly string[], fds: readonly number[]) => void,
    private readonly log: Logger,
  ) {}

  /** Never throws: what cannot be sent for another reason than a lack of room is logged. */
  send(message: Message): void {
    if (this.unsent.length > 0 || !this.isDone(message)) this.later(message);
  }

  /** Descriptors that wait to be kept under this name need not be kept. */
  forget(name: string): void {
    for (const message of this.unsent.filter(({ lines, fds }) => fds.length > 0 && lines.includes(name))) {
      this.unsent.splice(this.unsent.indexOf(message), 1);
      message.fds.forEach(closeSync);
    }
  }

  private later({ lines, fds }: Message): void {
    try {
      this.unsent.push({ lines, fds: fds.map(copyOf) });
    } catch (error) {
      this.failed(lines, error);
    }
    this.timer ??= setTimeout(() => this.again(), RETRY_MS).unref();
  }

  private again(): void {
    this.timer = undefined;
    for (let first = this.unsent[0]; first && this.isDone(first); first = this.unsent[0]) {
      this.unsent.shift();
      first.fds.forEach(closeSync);
    }
    if (this.unsent.length > 0) this.timer = setTimeout(() => this.again(), RETRY_MS).unref();
  }

  /** False when it must be sent again. */
  private isDone({ lines, fds }: Message): boolean {
    try {
      this.post(lines, fds);
    } catch (error) {
      if (errnoOf(error) === 'EAGAIN') return false;
      this.failed(lines, error);
    }
    return true;
  }

  private failed(lines: readonly string[], error: unknown): void {
    this.log.warn('the service manager cannot be told', { what: lines[0], error: errorMessage(error) });
  }
}

/** Another descriptor of the same pipe. */
function copyOf(fd: number): number {
  return openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
}

function notify(
  socket: string,
  lines: readonly string[],
  { fds, means }: { fds: readonly number[]; means: Means },
): void {
  const { syscalls } = means;
  if (!syscalls) {
    // The tool cannot pass descriptors from here; the rest it can.
    const argv: [string, ...string[]] = ['systemd-notify', ...lines];
    if (fds.length === 0) void run(argv, { env: { NOTIFY_SOCKET: socket } }).catch(() => undefined);
    return;
  }
  const fd = syscalls.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC);
  try {
    syscalls.sendTo(fd, unixAddress(socket), { data: Buffer.from(lines.join('\n')), fds });
  } finally {
    closeSync(fd);
  }
}

function oneLine(text: string): string {
  return text.replaceAll('\n', ' ');
}

/**
 * Closes the descriptors that the service manager has kept for us and passed on (sd_listen_fds(3)); answers their names.
 * It goes on keeping them itself: they are what holds the pipes, and nothing that we start may inherit them.
 */
export function closePassedDescriptors(env: Record<string, string | undefined>, pid = process.pid): string[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  if (LISTEN_PID !== String(pid)) return [];
  const count = Number(LISTEN_FDS);
  for (let fd = FIRST_PASSED; fd < FIRST_PASSED + count; fd++) closeSync(fd);
  return [...new Set(LISTEN_FDNAMES.split(':').filter((name) => name !== ''))];
}
