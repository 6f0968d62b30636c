import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { isIPv4, isIPv6, Socket } from 'node:net';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Seats } from '../../base/seats';
import { cleanEnv } from '../process/run';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means, SyscallError, type Syscalls } from '../syscall/syscalls';

interface Target {
  /** A pinned network namespace. */
  readonly path: string;
  readonly host: string;
  readonly port: number;
}

export interface DialOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Where there are no system calls, a connection is a process of its own: one seat for each. Absent: any number. */
  readonly tools?: Seats;
}

/** Connections that are processes of Node, about 45 MiB each: where koffi does not load. */
export const MOST_TOOLS = 32;
const AF_INET = 2;
const AF_INET6 = 10;
const TIMEOUT_MS = 10_000;
const FIRST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 50;
/** What Node keeps of an answer that nobody takes, in chunks that may be a byte long each. */
const KEEPS = { readableHighWaterMark: 1024 };
const { EISCONN, EINPROGRESS, EALREADY } = constants.errno;

/**
 * Connects to an address (IPv4, IPv6, or `localhost`: the IPv4 loopback, then the IPv6 one) as a process inside a pinned
 * network namespace would. The socket is connected and half-open capable; the caller owns it. Rejects as connect does
 * (`ECONNREFUSED`), after `timeoutMs` (10 s), or with the signal's reason.
 */
export async function dialInNetns(
  target: Target,
  options: DialOptions = {},
  means: Means = hostMeans(),
): Promise<Socket> {
  if (target.host === 'localhost') {
    return dialInNetns({ ...target, host: '127.0.0.1' }, options, means).catch((error: unknown) => {
      options.signal?.throwIfAborted();
      return dialInNetns({ ...target, host: '::1' }, options, means).catch(() => Promise.reject(error));
    });
  }
  const address = socketAddress(target.host, target.port);
  const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  signal.throwIfAborted();
  return means.syscalls
    ? dial(means.syscalls, means, { path: target.path, address, signal })
    : dialBySeat(target, signal, options.tools);
}

async function dialBySeat(target: Target, signal: AbortSignal, tools: Seats | undefined): Promise<Socket> {
  const leave = tools?.take(target.path);
  if (tools && !leave) throw new Error('too many connections by tools are there already');
  try {
    const socket = await dialByTool(target, signal);
    socket.once('close', () => leave?.());
    return socket;
  } catch (error) {
    leave?.();
    throw error;
  }
}

/** `struct sockaddr_in` or `sockaddr_in6`: the family in this machine's byte order, the rest in the network's. */
export function socketAddress(host: string, port: number): Buffer {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`port ${port} is out of range`);
  const ports = Buffer.from([port >> 8, port & 0xff]);
  if (isIPv4(host))
    return Buffer.concat([family(AF_INET), ports, Buffer.from(host.split('.').map(Number)), Buffer.alloc(8)]);
  if (!isIPv6(host) || host.includes('%')) throw new Error(`"${host}" is no IP address`);
  return Buffer.concat([family(AF_INET6), ports, Buffer.alloc(4), ipv6Bytes(host), Buffer.alloc(4)]);
}

/** A socket belongs to the namespace it was made in, so that connecting may happen outside, without blocking. */
async function dial(
  syscalls: Syscalls,
  means: Means,
  { path, address, signal }: { path: string; address: Buffer; signal: AbortSignal },
): Promise<Socket> {
  const domain = address.length === 16 ? AF_INET : AF_INET6;
  const late = (unused: number | undefined): void => void (unused !== undefined && closeSync(unused));
  const fd = await kernelCall(means, 'socket', { path, domain }, { subject: path, signal, late });
  try {
    await connected(syscalls, fd, address, signal);
    return new Socket({ fd, readable: true, writable: true, allowHalfOpen: true, ...KEEPS });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Connecting again answers how the first attempt went. On a loopback that is at once, so asking needs no poller. */
async function connected(syscalls: Syscalls, fd: number, address: Buffer, signal: AbortSignal): Promise<void> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    const errno = syscalls.connect(fd, address);
    if (errno === 0 || errno === EISCONN) return;
    if (errno !== EINPROGRESS && errno !== EALREADY) throw new SyscallError('connect', errno);
    if (wait > FIRST_WAIT_MS) await delay(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Runs in the other namespace: connects, says so with one byte on its output, then copies between descriptor 3 and the socket. */
const COPY = `const net = require('net');
const [host, port] = process.argv.slice(1);
const remote = net.connect({ host, port: Number(port), allowHalfOpen: true }, () => {
  const local = new net.Socket({ fd: 3, readable: true, writable: true, allowHalfOpen: true });
  for (const [a, b] of [[local, remote], [remote, local]]) a.on('error', () => process.exit(1)).pipe(b);
  process.stdout.write('+');
}).on('error', (error) => { process.stderr.write(error.code || error.message); process.exit(1); });`;

function dialByTool(target: Target, signal: AbortSignal): Promise<Socket> {
  return new Promise<Socket>((resolve, reject) => {
    const program = [process.execPath, '-e', COPY, target.host, String(target.port)];
    const child = spawn('nsenter', [`--net=${target.path}`, '--', ...program], {
      env: cleanEnv(),
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    let said = '';
    const settle = (): void => signal.removeEventListener('abort', onAbort);
    const fail = (reason: unknown): void => {
      settle();
      child.kill('SIGKILL');
      near?.destroy();
      reject(reason);
    };
    const onAbort = (): void => fail(signal.reason);
    const onClose = (): void => fail(Object.assign(new Error(`connect: ${said.trim()}`), { code: said.trim() }));
    signal.addEventListener('abort', onAbort, { once: true });
    // Before its streams are touched: without free descriptors there are none, and this event is all there is.
    child.on('error', fail).on('close', onClose);
    const near = child.stdio?.[3] as Socket | undefined;
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.stdout?.once('data', () => {
      settle();
      child.off('close', onClose);
      if (near === undefined) return;
      near.allowHalfOpen = true;
      near.on('close', () => child.kill('SIGKILL'));
      resolve(near);
    });
  });
}

function family(number: number): Uint8Array {
  return new Uint8Array(new Uint16Array([number]).buffer);
}

function ipv6Bytes(host: string): Buffer {
  // The URL parser knows every way to write one and gives back one without a dotted tail.
  const text = new URL(`http://[${host}]/`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0);
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...left, ...zeros, ...right].entries()) bytes.writeUInt16BE(group, index * 2);
  return bytes;
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
