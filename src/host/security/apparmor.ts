import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runOk } from '../process/run';

/** containerd's name for it: pods of the built-in plugin and ours run under the same profile. */
export const DEFAULT_APPARMOR_PROFILE = 'cri-containerd.apparmor.d';

const PROFILES = 'sys/kernel/security/apparmor/profiles';

/** Names of the profiles in the kernel, from the text of `profiles`: `NAME (enforce)` a line; a name may hold spaces. */
export function parseProfiles(text: string): ReadonlySet<string> {
  return new Set(text.split('\n').flatMap((line) => /^(.+) \([a-z]+\)$/.exec(line)?.[1] ?? []));
}

/** True when a profile of exactly this name is loaded. Rejects when this host has no AppArmor. `root` is for tests. */
export async function isAppArmorProfileLoaded(name: string, root = '/'): Promise<boolean> {
  return (await loadedProfiles(root)).has(name);
}

/** Loads the default profile unless it is there. Rejects when this host has no AppArmor or no apparmor_parser. */
export async function ensureDefaultAppArmorProfile(root = '/'): Promise<void> {
  if ((await loadedProfiles(root)).has(DEFAULT_APPARMOR_PROFILE)) return;
  const has = (name: string): Promise<boolean> =>
    stat(join(root, 'etc/apparmor.d', name)).then(
      () => true,
      () => false,
    );
  const current = await readFile('/proc/self/attr/current', 'utf8').catch(() => 'unconfined');
  const text = defaultProfile({
    tunables: await has('tunables/global'),
    base: await has('abstractions/base'),
    signalPeer: current.trim().replace(/ \([a-z]+\)$/, ''),
  });
  // Read from standard input, replaced if it exists meanwhile, kept out of the parser's cache.
  await runOk(['apparmor_parser', '--replace', '--skip-cache'], { input: text });
}

/**
 * The default profile: everything a container usually does, but no mounting, no tracing from outside, and none of the
 * files below /proc and /sys through which it would change or read the host.
 */
export function defaultProfile(host: { tunables: boolean; base: boolean; signalPeer: string }): string {
  const peers = [...new Set(['unconfined', 'runc', 'crun', host.signalPeer])].filter((peer) => /^[\w./-]+$/.test(peer));
  return [
    host.tunables ? '#include <tunables/global>' : '@{PROC}=/proc/',
    '',
    `profile ${DEFAULT_APPARMOR_PROFILE} flags=(attach_disconnected,mediate_deleted) {`,
    ...(host.base ? ['#include <abstractions/base>'] : []),
    'network,',
    'capability,',
    'file,',
    'umount,',
    ...peers.map((peer) => `signal (receive) peer=${peer},`),
    `signal (send,receive) peer=${DEFAULT_APPARMOR_PROFILE},`,
    `ptrace (trace,read,tracedby,readby) peer=${DEFAULT_APPARMOR_PROFILE},`,
    'deny mount,',
    // Below /proc a process may write only to directories of processes and to /proc/sys/kernel/shm*.
    'deny @{PROC}/* w,',
    'deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9]*}/** w,',
    'deny @{PROC}/sys/[^k]** w,',
    'deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,',
    'deny @{PROC}/sysrq-trigger rwklx,',
    'deny @{PROC}/mem rwklx,',
    'deny @{PROC}/kmem rwklx,',
    'deny @{PROC}/kcore rwklx,',
    'deny /sys/[^f]*/** wklx,',
    'deny /sys/f[^s]*/** wklx,',
    'deny /sys/fs/[^c]*/** wklx,',
    'deny /sys/fs/c[^g]*/** wklx,',
    'deny /sys/fs/cg[^r]*/** wklx,',
    'deny /sys/firmware/** rwklx,',
    'deny /sys/devices/virtual/powercap/** rwklx,',
    'deny /sys/kernel/security/** rwklx,',
    '}',
    '',
  ].join('\n');
}

async function loadedProfiles(root: string): Promise<ReadonlySet<string>> {
  const text = await readFile(join(root, PROFILES), 'utf8').catch((cause: unknown) => {
    throw new Error('AppArmor is not enabled on this host', { cause });
  });
  return parseProfiles(text);
}
