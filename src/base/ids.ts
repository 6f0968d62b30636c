import { randomBytes } from 'node:crypto';

/** A new id: 64 lower-case hexadecimal digits. cAdvisor finds containers by that pattern in cgroup names. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

/** Whether a name is such an id, as pods and containers have it, also those of containerd's own CRI. */
export function isId(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

/** A short random name part for temporary files and snapshot keys. */
export function newSuffix(): string {
  return randomBytes(6).toString('hex');
}
