import { readFileSync } from 'node:fs';

/**
 * Fields of `/proc/PID/stat` from the third, the state, on (proc_pid_stat(5)); empty ones when the process has ended. The
 * program's name before them stands in parentheses and may have any character in it, parentheses too.
 */
export function statFields(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
