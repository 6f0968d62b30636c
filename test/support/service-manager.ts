import { closeSync, rmSync } from 'node:fs';
import koffi from 'koffi';

import { AF_UNIX, unixAddress } from '../../src/host/process/unix-address';

const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const CMSG_BYTES = 16;
const DATA_BYTES = 4096;
const CONTROL_BYTES = 4096;
const POLL_MS = 2;

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, void *address, uint32_t length)');
const recvmsg = libc.func('int64_t recvmsg(int fd, void *message, int flags)');

/**
 * Stands in for systemd, as far as sd_notify(3) goes: hears whether a service is ready, and keeps descriptors for it over
 * its end.
 */
export class FakeServiceManager {
  /** Every message, its lines joined by spaces. */
  readonly told: string[] = [];
  private readonly kept = new Map<string, number[]>();
  private readonly fd: number;
  private readonly timer: NodeJS.Timeout;

  /** `path` is what a service gets as NOTIFY_SOCKET. */
  constructor(readonly path: string) {
    this.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const address = unixAddress(path);
    if (bind(this.fd, address, address.length) !== 0) throw new Error(`bind ${path}: errno ${koffi.errno()}`);
    this.timer = setInterval(() => this.listen(), POLL_MS);
  }

  /** Names of what is kept. */
  names(): string[] {
    return [...this.kept.keys()];
  }

  /** How many descriptors are kept. */
  get size(): number {
    return [...this.kept.values()].flat().length;
  }

  /** What a service that is started gets of it (sd_listen_fds(3)): descriptors and the names for them. */
  passed(): { fds: number[]; names: string[] } {
    const all = [...this.kept].flatMap(([name, fds]) => fds.map((fd) => ({ name, fd })));
    return { fds: all.map(({ fd }) => fd), names: all.map(({ name }) => name) };
  }

  /** Reads what has been sent so far. */
  listen(): void {
    for (let message = this.receive(); message; message = this.receive()) this.take(message);
  }

  /** Lets go of what is kept under a name, as the end of the machine does. */
  forget(name: string): void {
    this.drop(name);
  }

  /** Stops listening and lets go of everything. */
  close(): void {
    clearInterval(this.timer);
    for (const name of this.names()) this.drop(name);
    closeSync(this.fd);
    rmSync(this.path, { force: true });
  }

  private take({ lines, fds }: { lines: string[]; fds: number[] }): void {
    this.told.push(lines.join(' '));
    const name = lines.find((line) => line.startsWith('FDNAME='))?.slice('FDNAME='.length) ?? 'stored';
    if (lines.includes('FDSTORE=1')) this.kept.set(name, [...(this.kept.get(name) ?? []), ...fds]);
    else for (const fd of fds) closeSync(fd);
    if (lines.includes('FDSTOREREMOVE=1')) this.drop(name);
  }

  private drop(name: string): void {
    for (const fd of this.kept.get(name) ?? []) closeSync(fd);
    this.kept.delete(name);
  }

  private receive(): { lines: string[]; fds: number[] } | undefined {
    const [data, control] = [Buffer.alloc(DATA_BYTES), Buffer.alloc(CONTROL_BYTES)];
    const vector = words(koffi.address(data), data.length);
    const header = words(0, 0, koffi.address(vector), 1, koffi.address(control), control.length, 0);
    const n = Number(recvmsg(this.fd, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
    if (n < 0) return undefined;
    const bytes = Number(control.readBigUInt64LE(0));
    const fds: number[] = [];
    for (let at = CMSG_BYTES; at < bytes; at += 4) fds.push(control.readInt32LE(at));
    return { lines: data.toString('utf8', 0, n).split('\n'), fds };
  }
}

function words(...values: (number | bigint)[]): Buffer {
  return Buffer.from(new BigUint64Array(values.map(BigInt)).buffer);
}
