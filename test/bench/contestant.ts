import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';

import { CriClient } from '../../src/client/cri-client';
import { createPodNetwork } from '../support/daemon/cni';
import {
  type Containerd,
  type ContainerdPrograms,
  containerdPrograms,
  startContainerd,
} from '../support/daemon/containerd';
import { type Crisp, serves, startCrisp } from '../support/daemon/crisp';
import { until } from '../support/daemon/process';
import { createScratch, removeScratch } from '../support/daemon/scratch';
import { CpuAccount } from './cpu-account';

/** Who takes part: containerd's own CRI plugin, or crisp with these settings. */
export type Entry =
  | { readonly name: string; readonly kind: 'plugin' }
  | {
      readonly name: string;
      readonly kind: 'crisp';
      readonly settings: Record<string, unknown>;
      /** Another `dist/crisp.js`. */
      readonly bundle?: string;
      readonly nodeFlags?: readonly string[];
    };

/** One CRI server with a containerd, directories, a pod network and a cgroup that nobody else has. */
export interface Contestant {
  readonly name: string;
  readonly dir: string;
  readonly cri: CriClient;
  readonly socket: string;
  readonly containerd: Containerd;
  readonly cpu: CpuAccount;
  readonly crisp: Crisp | undefined;
  /** Afterwards every pod is removed, every process ended, and every directory gone. */
  stop(): Promise<void>;
}

export const PAUSE = 'registry.k8s.io/pause:3.10.2';

/** Starts a contestant; what has started is stopped again when a later part fails. */
export async function startContestant(entry: Entry, certsDir: string): Promise<Contestant> {
  const dir = createScratch();
  const undo: (() => Promise<void> | void)[] = [];
  const stop = (): Promise<void> => undoAll(undo);
  try {
    const programs = ownPrograms(dir);
    const cpu = new CpuAccount(basename(dir));
    undo.push(() => cpu.close());
    const network = createPodNetwork({ dir, binDirs: [programs.cniBinDir], cniVersion: '1.1.0', bandwidth: false });
    const launch = (argv: readonly string[]) => cpu.launch(argv);
    const plugin = entry.kind === 'plugin' ? { network, certsDir } : undefined;
    const containerd = await startContainerd({ version: '2', dir, programs, launch, plugin });
    undo.push(() => removeScratch(dir, containerd.address));
    undo.push(() => network.remove());
    undo.push(() => containerd.stop());
    let crisp: Crisp | undefined;
    if (entry.kind === 'crisp') {
      const node = ownCopy(dir, process.execPath);
      crisp = await startCrisp({
        ...{ dir, containerd, network, certsDir, program: entry.bundle },
        settings: { sandbox_image: PAUSE, ...entry.settings },
        launch: ([, ...args]) => launch([node, ...(entry.nodeFlags ?? []), ...args]),
      });
    }
    undo.push(() => crisp?.endStdio());
    undo.push(() => crisp?.stop());
    const socket = crisp?.socket ?? containerd.address;
    await until(`CRI is served at ${socket}`, 30_000, () => serves(socket));
    const cri = new CriClient(socket);
    undo.push(() => cri.close());
    undo.push(() => removeEveryPod(cri));
    return { name: entry.name, dir, cri, socket, containerd, cpu, crisp, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What fails must not leave the daemons below it running. */
async function undoAll(undo: (() => Promise<void> | void)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of undo.splice(0).reverse()) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

async function removeEveryPod(cri: CriClient): Promise<void> {
  const { items } = await cri.runtime.listPodSandbox({ filter: undefined });
  for (const { id } of items) {
    await cri.runtime.stopPodSandbox({ podSandboxId: id });
    await cri.runtime.removePodSandbox({ podSandboxId: id });
  }
}

/**
 * The programs of containerd 2.x, as copies: pages of a program's file are shared between all who run that file, and a
 * contestant's memory must not look smaller because another one (or somebody else on this machine) runs the same.
 */
function ownPrograms(dir: string): ContainerdPrograms {
  const found = containerdPrograms('2');
  const built = join(found.containerd, '..');
  const own = (path: string): string => ownCopy(dir, path);
  own(join(built, 'containerd-shim-runc-v2'));
  const programs = { ...found, containerd: own(found.containerd), runc: own(found.runc) };
  return { ...programs, path: [join(dir, 'bin'), found.path].join(delimiter) };
}

function ownCopy(dir: string, program: string): string {
  const copy = join(dir, 'bin', basename(program));
  mkdirSync(join(dir, 'bin'), { recursive: true });
  copyFileSync(program, copy);
  return copy;
}
