import { readFile } from 'node:fs/promises';

/**
 * How many descriptors this process may have open (RLIMIT_NOFILE, soft; Node raises it to the hard one when it starts);
 * Infinity when there is no limit or it cannot be read.
 */
export async function openFilesLimit(path = '/proc/self/limits'): Promise<number> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const soft = Number(/^Max open files\s+(\d+)\s/m.exec(text)?.[1]);
  return Number.isInteger(soft) ? soft : Number.POSITIVE_INFINITY;
}
