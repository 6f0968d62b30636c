import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Copies the logs of a node's daemons into a folder, which is made; none is named: nothing is done. */
export function keepLogs(dir: string, folder: string | undefined): void {
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(dir).filter((each) => each.endsWith('.log'))) {
    copyFileSync(join(dir, name), join(folder, name));
  }
}
