import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Mount } from '../../model/mount';
import { RunError, run } from '../process/run';

/** `user:role:type:level`; the level may hold colons of its own. */
export interface SelinuxLabel {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly level: string;
}

/** What the policy gives containers, without categories. */
export interface SelinuxContexts {
  readonly process: string;
  readonly file: string;
  /** For runtimes that start virtual machines; empty when the policy has none. */
  readonly kvmProcess: string;
}

/** Takes a label apart; undefined when it has fewer than three parts. A label without a level has an empty one. */
export function parseLabel(text: string): SelinuxLabel | undefined {
  const [user, role, type, ...level] = text.split(':');
  if (!user || !role || !type) return undefined;
  return { user, role, type, level: level.join(':') };
}

/** The label as the kernel writes it. */
export function formatLabel(label: SelinuxLabel): string {
  return [label.user, label.role, label.type, label.level].filter((part) => part !== '').join(':');
}

/** Where distributions ship the container labels, whatever policy is loaded; it wins over the policy's own file. */
const SHIPPED_CONTEXTS = 'usr/share/containers/selinux/contexts';

/** The container labels of this host; undefined when neither distribution nor policy defines any. `root` is for tests. */
export async function readSelinuxContexts(root = '/'): Promise<SelinuxContexts | undefined> {
  const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8').catch(() => '');
  const policy = /^\s*SELINUXTYPE\s*=\s*(\S+)/m.exec(await read('etc/selinux/config'))?.[1] ?? 'targeted';
  const text = (await read(SHIPPED_CONTEXTS)) || (await read(join('etc/selinux', policy, 'contexts/lxc_contexts')));
  const value = (key: string): string => new RegExp(`^\\s*${key}\\s*=\\s*"?([^"\\s]+)"?`, 'm').exec(text)?.[1] ?? '';
  const contexts = { process: value('process'), file: value('file'), kvmProcess: value('kvm_process') };
  return contexts.process && contexts.file ? contexts : undefined;
}

const list = (text: string): string[] => text.split(' ');

/** Directories of the host's own: relabelling one of them breaks the host, what lies in it need not. */
const NEVER_RELABELLED: ReadonlySet<string> = new Set([
  ...list(
    '/ /home /media /mnt /opt /root /run /srv /tmp /usr/local /var /var/cache /var/lib /var/log /var/run /var/spool',
  ),
  ...list('/var/tmp /var/lib/containerd /var/lib/crisp /var/lib/kubelet /var/log/pods /run/containerd /run/crisp'),
]);

/** The operating system: neither these nor anything in them is a volume of somebody's. */
const NEVER_BELOW = list('/bin /boot /dev /etc /lib /lib32 /lib64 /libx32 /proc /sbin /sys /usr/bin /usr/etc').concat(
  list('/usr/include /usr/lib /usr/lib32 /usr/lib64 /usr/libexec /usr/sbin /usr/share'),
);

/** False for what belongs to the host: its system directories and files (CVE-2021-43816). `path` has its links resolved. */
export function mayRelabel(path: string): boolean {
  const clean = resolve(path);
  if (clean === '/usr' || NEVER_RELABELLED.has(clean)) return false;
  return !NEVER_BELOW.some((dir) => clean === dir || clean.startsWith(`${dir}/`));
}

/**
 * Mounts of a root filesystem under a label: its files then belong to the container, whatever they carry themselves. An
 * empty label changes nothing. A mount that takes no such option, as a bind mount, leaves it aside.
 */
export function labelledMounts(mounts: readonly Mount[], label: string): Mount[] {
  if (label === '') return [...mounts];
  return mounts.map((mount) => ({ ...mount, options: [...mount.options, `context="${label}"`] }));
}

/**
 * Gives `path`, and with `recursive` all below it, an SELinux label; links themselves, not what they point at. A filesystem
 * without labels is left as it is. Rejects for a system directory. With an empty label nothing is done.
 */
export async function relabel(
  path: string,
  label: string,
  options: { recursive?: boolean; signal?: AbortSignal } = {},
): Promise<void> {
  if (label === '') return;
  if (!mayRelabel(path)) throw new Error(`refusing to relabel the system path "${path}"`);
  const argv: [string, ...string[]] = ['chcon', '-h', ...(options.recursive ? ['-R'] : []), '--', label, path];
  const result = await run(argv, { signal: options.signal, timeoutMs: 0, env: { LC_ALL: 'C' } });
  const complaints = result.stderr.split('\n').filter((line) => line !== '' && !line.includes('not supported'));
  if (result.code !== 0 && complaints.length > 0) throw new RunError('chcon', complaints[0] ?? '', result);
}
