import { existsSync, readFileSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Backoff, sleep } from '../../base/wait/backoff';

const POLL_MS = 2;
/** How often at most a thread is looked at that the kernel may hold up for ever. */
const DYING_POLL_MS = 50;

/** By number, as linux/capability.h has them. */
const CAPABILITIES = [
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE',
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN',
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE',
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE',
].flatMap((line) => line.split(' ').map((name) => `CAP_${name}`));

/** Names of the bits set in a mask such as CapEff of /proc/PID/status; bits without a known name are left out. */
export function capabilityNames(hexMask: string): string[] {
  const mask = BigInt(`0x${hexMask}`);
  return CAPABILITIES.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n);
}

/** Names of all capabilities from 0 to `last` (/proc/sys/kernel/cap_last_cap). */
export function capabilitiesUpTo(last: number): string[] {
  return CAPABILITIES.slice(0, last + 1);
}

/** One field of /proc/PID/status, or undefined when that has no such line. */
export function statusField(status: string, name: string): string | undefined {
  const line = status.split('\n').find((text) => text.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}

/** The start of a process in clock ticks since boot (field 22 of its stat): with the pid it names one process only. */
export function parseStartTime(stat: string): bigint | undefined {
  const field = afterName(stat)[19];
  return field !== undefined && /^\d+$/.test(field) ? BigInt(field) : undefined;
}

/** The parent's pid in a process' stat (field 4). */
export function parseParent(stat: string): number {
  return Number(afterName(stat)[1]);
}

/** The second field is the program's name in parentheses and may hold anything, spaces and parentheses too. */
function afterName(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Pid of a process' parent; undefined when it does not run. */
export async function parentOf(pid: number, procRoot = '/proc'): Promise<number | undefined> {
  const stat = await statOf(pid, procRoot);
  return stat === undefined ? undefined : parseParent(stat);
}

/** Resolves when a process has ended (as a zombie, too), or after `ms`. */
export async function untilGone(pid: number, ms: number, procRoot = '/proc'): Promise<void> {
  const deadline = Date.now() + ms;
  while (Date.now() < deadline) {
    const stat = await statOf(pid, procRoot);
    if (stat === undefined || isZombie(stat)) return;
    await sleep(POLL_MS);
  }
}

/**
 * Whether a process was killed, or ends, and is not gone: its first thread has ended, and another is in the kernel still,
 * which a dead disk may hold up there for ever. No code of the process runs any more, and what it has open stays open.
 */
export function isDying(pid: number, procRoot = '/proc'): boolean {
  try {
    const stat = readFileSync(join(procRoot, String(pid), 'stat'), 'utf8');
    return isZombie(stat) && Number(afterName(stat)[17]) > 1; // field 20: its threads
  } catch {
    return false;
  }
}

/**
 * Resolves when a thread of a dying process has ended, or its process is no longer dying. `thread`: "PID/task/TID", its path
 * below /proc. Of the threads of a killed process those that nothing holds up end within milliseconds; one that waits for a
 * dead disk may take for ever.
 */
export async function dyingThreadGone(thread: string, procRoot = '/proc'): Promise<void> {
  const pid = Number(thread.split('/', 1)[0]);
  const waits = new Backoff({ firstMs: POLL_MS, maxMs: DYING_POLL_MS });
  while (isDying(pid, procRoot) && existsSync(join(procRoot, thread))) await sleep(waits.next());
}

/** By the third field, the state. */
export function isZombie(stat: string): boolean {
  return afterName(stat)[0] === 'Z';
}

/** The kernel's flag of a process that is ending (PF_EXITING in include/linux/sched.h). */
const ENDING = 0x4;

/**
 * Whether a process is a zombie or exiting: it runs no code of its program any more. The first process of a PID namespace stays
 * in that state until the parents of the namespace's other processes have reaped them (zap_pid_ns_processes in the kernel).
 */
export function isEnding(stat: string): boolean {
  return isZombie(stat) || (Number(afterName(stat)[6]) & ENDING) !== 0; // field 9: its flags
}

async function statOf(pid: number, procRoot: string): Promise<string | undefined> {
  return readFile(join(procRoot, String(pid), 'stat'), 'utf8').catch(() => undefined);
}

/**
 * Start time of a process, in clock ticks since boot; undefined when it does not run: one that has ended and that its parent
 * has not waited for yet, a zombie, does nothing any more and, unless it `isDying`, holds nothing.
 */
export async function startTimeOf(pid: number, procRoot = '/proc'): Promise<bigint | undefined> {
  const stat = await statOf(pid, procRoot);
  return stat === undefined || isZombie(stat) ? undefined : parseStartTime(stat);
}

/** Clock ticks in a second, as the kernel tells programs on every architecture that Node runs on. */
const TICKS = 100n;

/** When a process started, in nanoseconds since 1970; undefined when there is none. */
export async function startedAt(pid: number, procRoot = '/proc'): Promise<bigint | undefined> {
  const stat = await statOf(pid, procRoot);
  const ticks = stat === undefined ? undefined : parseStartTime(stat);
  if (ticks === undefined) return undefined;
  const booted = /^btime (\d+)$/m.exec(await readFile(join(procRoot, 'stat'), 'utf8'))?.[1];
  return booted === undefined ? undefined : BigInt(booted) * 1_000_000_000n + (ticks * 1_000_000_000n) / TICKS;
}

/** Effective capabilities of a process, names with CAP_. Rejects when there is no such process. */
export async function capabilitiesOf(pid: number | 'self', procRoot = '/proc'): Promise<string[]> {
  const status = await readFile(join(procRoot, String(pid), 'status'), 'utf8');
  return capabilityNames(statusField(status, 'CapEff') ?? '0');
}

/** The kernel's name for this boot: a new one after each reboot. */
export async function bootId(procRoot = '/proc'): Promise<string> {
  return (await readFile(join(procRoot, 'sys/kernel/random/boot_id'), 'utf8')).trim();
}

/**
 * True when a process sees the mounts that we make. When the daemon does not (a unit with PrivateMounts, a container),
 * a tmpfs or a namespace pinned by us exists for us alone. Undefined when the process cannot be looked at.
 */
export async function sameMountNamespace(pid: number, procRoot = '/proc'): Promise<boolean | undefined> {
  const links = [readlink(join(procRoot, 'self/ns/mnt')), readlink(join(procRoot, String(pid), 'ns/mnt'))];
  const [own, other] = await Promise.all(links).catch(() => []);
  return own === undefined || other === undefined ? undefined : own === other;
}
