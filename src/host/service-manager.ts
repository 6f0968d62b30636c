import { closeSync } from 'node:fs';
import { errnoOf, errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import { noManager, type ServiceManager } from '../base/service-manager';
import { run } from './run';
import { hostMeans, type Means } from './syscalls';
import { AF_UNIX, unixAddress } from './unix-address';

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
  const unsent: (readonly string[])[] = [];
  const tell = (lines: readonly string[], fds: readonly number[] = []): void => {
    const waits = fds.length === 0; // a descriptor may be closed by then
    try {
      if (waits && unsent.length > 0) unsent.push(lines);
      else notify(socket, lines, { fds, means });
    } catch (error) {
      if (waits && errnoOf(error) === 'EAGAIN') {
        unsent.push(lines);
        setTimeout(() => unsent.splice(0).forEach((each) => void tell(each)), RETRY_MS).unref();
        return;
      }
      log.warn('the service manager cannot be told', { what: lines[0], error: errorMessage(error) });
    }
  };
  return {
    ready: () => tell(['READY=1', 'STATUS=serving']),
    waiting: (why) => tell([`STATUS=${oneLine(why)}`]),
    stopping: () => tell(['STOPPING=1']),
    // FDPOLL=0: a pipe without a writer must be kept all the same: what lies in it is what it is kept for.
    keep: (name, fds) => fds.length > 0 && tell(['FDSTORE=1', 'FDPOLL=0', `FDNAME=${name}`], fds),
    drop: (name) => tell(['FDSTOREREMOVE=1', `FDNAME=${name}`]),
  };
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
