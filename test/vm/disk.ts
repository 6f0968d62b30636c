import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { critestFolder } from '../support/daemon/critest';
import { checkout } from '../support/daemon/places';
import { buildTools } from '../support/daemon/tools';
import type { MachineParts } from './machine';

/** The host, as the machine's network calls it. */
const HOST = '10.0.2.2';

const script = (name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string =>
  execFileSync('bash', [join(checkout(), 'test/vm', name), ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();

/** The machine without anything of crisp; made when the cache has none, which takes two minutes. */
export function baseFolder(): string {
  return script('base.sh', []);
}

/**
 * Makes in `work` what a machine boots from: the base, this checkout's build, the pinned programs and the checks. Images are
 * pulled from where `certsDir` says, a tree of hosts.toml files that name a loopback address of the host.
 */
export function makeDisk(base: string, work: string, certsDir: string): Omit<MachineParts, 'cgroup'> {
  const built = buildTools(['containerd', 'runc', 'cni-plugins', 'crictl', 'node']);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(work, 'key')]);
  writeHosts(certsDir, join(work, 'certs.d'));
  script('disk.sh', [work], {
    BASE: base,
    CONTAINERD: built.containerd,
    RUNC: built.runc,
    CNI_PLUGINS: built['cni-plugins'],
    CRICTL: built.crictl,
    CRITEST: critestFolder(),
    NODE: built.node,
  });
  return { work, kernel: join(base, 'vmlinuz'), initrd: join(base, 'initrd.img') };
}

function writeHosts(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  for (const host of readdirSync(to)) {
    const file = join(to, host, 'hosts.toml');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('127.0.0.1', HOST));
  }
}
