import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { within } from '../../base/wait/deadline';
import { fromOutside } from '../../base/wait/outside';
import type { SpecIdMapping } from '../../model/spec';
import { bindMount } from '../mount/mounts';
import { cleanEnv } from '../process/run';
import { hostMeans, type Means } from '../syscall/syscalls';
import { bringLoopbackUp, makeMountPoint, removeNetns } from './netns';

const TIMEOUT_MS = 10_000;

export interface UserNetns {
  /** Where the network namespace is pinned. */
  readonly path: string;
  /** Where the user namespace that owns it is pinned as well; left out: it lives only as long as its users. */
  readonly userPath?: string;
  readonly uids: readonly SpecIdMapping[];
  readonly gids: readonly SpecIdMapping[];
}

/**
 * Pins a network namespace that belongs to a new user namespace with these id mappings, its loopback up. The owner
 * matters: only root of the owning user namespace may mount sysfs for it, so a pod with a user namespace cannot use one
 * made by `createNetns`. Leaves nothing behind when it fails.
 */
export async function createUserNetns(netns: UserNetns, means: Means = hostMeans()): Promise<void> {
  await makeMountPoint(netns.path);
  try {
    await within(TIMEOUT_MS, 'making a user namespace', (signal) => pin(netns, signal, means));
    // From outside: a program that ran before the ids were mapped has lost its capabilities in there.
    await bringLoopbackUp(netns.path, means);
  } catch (error) {
    await removeNetns(netns.path, means).catch(() => undefined);
    if (netns.userPath !== undefined) await removeNetns(netns.userPath, means).catch(() => undefined);
    throw error;
  }
}

/** The text of /proc/PID/uid_map or gid_map: "inside outside count", one mapping a line. */
export function idMapText(mappings: readonly SpecIdMapping[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('');
}

/** A process of its own has to make them, since a threaded process such as Node may not unshare its user namespace. */
async function pin(netns: UserNetns, signal: AbortSignal, means: Means): Promise<void> {
  const child = spawn('unshare', ['--user', '--net', '--', 'cat'], { env: cleanEnv(), cwd: '/' });
  try {
    await echoed(child, signal);
    const proc = `/proc/${child.pid}`;
    // One write each: the kernel takes the whole mapping at once, and only once.
    await writeFile(`${proc}/uid_map`, idMapText(netns.uids), { flag: 'r+' });
    await writeFile(`${proc}/gid_map`, idMapText(netns.gids), { flag: 'r+' });
    await bindMount(`${proc}/ns/net`, netns.path, {}, means);
    if (netns.userPath !== undefined) {
      await makeMountPoint(netns.userPath);
      await bindMount(`${proc}/ns/user`, netns.userPath, {}, means);
    }
  } finally {
    child.kill('SIGKILL');
  }
}

/** Resolves when `cat` answers: by then unshare has made the namespaces and become it. */
function echoed(child: ChildProcess, signal: AbortSignal): Promise<void> {
  const wait = { what: 'making a user namespace', limitMs: TIMEOUT_MS, signal };
  return fromOutside<void>(wait, ({ answer, fail }) => {
    let said = '';
    child.on('error', fail);
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.on('close', () => fail(new Error(said.trim() || 'unshare ended early')));
    child.stdout?.once('data', () => answer());
    child.stdin?.on('error', () => undefined);
    child.stdin?.write('\n');
    return () => void child.kill('SIGKILL');
  });
}
