import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { RunError, run } from './run';

/** `user:role:type:level`; the level may hold colons of its own. */
export interface SelinuxLabel {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly level: string;
}

/** What the policy gives containers: the labels of lxc_contexts, without categories. */
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

/** The container labels of the loaded policy; undefined when it defines none. `root` is for tests. */
export async function readSelinuxContexts(root = '/'): Promise<SelinuxContexts | undefined> {
  const read = (path: string): Promise<string> => readFile(join(root, 'etc/selinux', path), 'utf8').catch(() => '');
  const policy = /^\s*SELINUXTYPE\s*=\s*(\S+)/m.exec(await read('config'))?.[1] ?? 'targeted';
  const text = await read(join(policy, 'contexts/lxc_contexts'));
  const value = (key: string): string => new RegExp(`^\\s*${key}\\s*=\\s*"?([^"\\s]+)"?`, 'm').exec(text)?.[1] ?? '';
  const contexts = { process: value('process'), file: value('file'), kvmProcess: value('kvm_process') };
  return contexts.process && contexts.file ? contexts : undefined;
}

/** A file system root or system directory: relabelling one breaks the host. */
const NEVER_RELABELLED: ReadonlySet<string> = new Set(
  [
    '/ /bin /boot /dev /etc /etc/group /etc/hosts /etc/passwd /etc/resolv.conf /etc/shadow /home /lib /lib64 /media /opt',
    '/proc /root /run /sbin /srv /sys /tmp /usr /usr/bin /usr/lib /usr/lib64 /usr/local /usr/sbin /var /var/lib /var/log',
  ].flatMap((line) => line.split(' ')),
);

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
  if (NEVER_RELABELLED.has(resolve(path))) throw new Error(`refusing to relabel the system path "${path}"`);
  const argv: [string, ...string[]] = ['chcon', '-h', ...(options.recursive ? ['-R'] : []), '--', label, path];
  const result = await run(argv, { signal: options.signal, timeoutMs: 0, env: { LC_ALL: 'C' } });
  const complaints = result.stderr.split('\n').filter((line) => line !== '' && !line.includes('not supported'));
  if (result.code !== 0 && complaints.length > 0) throw new RunError('chcon', complaints[0] ?? '', result);
}
