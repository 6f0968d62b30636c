import { readFileSync } from 'node:fs';
import { parseTable } from './cgroup-text';

/**
 * How many processes a cgroup's counter (`memory.events` of v2, `memory.oom_control` of v1) says the kernel has killed for
 * memory; undefined when the cgroup is gone or does not count. The kernel answers from its own memory, in some 20 µs.
 */
export function oomKillsNow(file: string): bigint | undefined {
  try {
    return parseTable(readFileSync(file, 'utf8')).get('oom_kill');
  } catch {
    return undefined;
  }
}
