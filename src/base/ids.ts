import { randomBytes } from 'node:crypto';

/** A new id: 64 lower-case hexadecimal digits. cAdvisor finds containers by that pattern in cgroup names. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

/** A short random name part for temporary files and snapshot keys. */
export function newSuffix(): string {
  return randomBytes(6).toString('hex');
}
