import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { checkout } from './places';

export type Tool =
  | 'containerd'
  | 'containerd-2.3'
  | 'containerd-1.7'
  | 'runc'
  | 'cni-plugins'
  | 'crictl'
  | 'critest'
  | 'kubelet'
  | 'load'
  | 'node';

const BUILD = 'test/tools/build.sh';

/** Builds what is not built yet and answers the folder of each tool; the first build of containerd takes minutes. */
export function buildTools<T extends Tool>(tools: readonly T[], env: NodeJS.ProcessEnv = {}): Record<T, string> {
  const output = execFileSync('bash', [join(checkout(), BUILD), ...tools], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const folders = output.trim().split('\n');
  return Object.fromEntries(tools.map((tool, i) => [tool, folders[i]])) as Record<T, string>;
}

/** Whether these have been built, in the pinned versions: `buildTools` would take no time. */
export function areAtHand(tools: readonly Tool[]): boolean {
  const { status } = spawnSync('bash', [join(checkout(), BUILD), '--at-hand', ...tools], { stdio: 'ignore' });
  return status === 0;
}

/** The folder of a program on PATH, also where PATH leaves out the sbin folders. */
export function folderOf(program: string): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  const found = folders.find((folder) => existsSync(join(folder, program)));
  if (!found) throw new Error(`${program} is not installed`);
  return found;
}
