import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, errorMessage } from '../../base/errors';
import type { PodPins } from '../../model/pod-pins';
import { BadInputError } from '../bad-input';
import { runOk } from '../process/run';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import type { ThreadNamespace } from './in-netns';
import type { PinnedAt, Setting } from './namespace-calls';
import { makeMountPoint, removeNetns } from './netns';

/** What holds in a pod's namespaces. */
export interface NamespaceSettings {
  /** Empty: the host's name stays. */
  readonly hostname: string;
  /** By their paths below /proc/sys, in the order in which they are written. */
  readonly sysctls: readonly { readonly name: string; readonly path: string; readonly value: string }[];
}

/** By the names that the kernel and its tools have for them. */
const KINDS: Readonly<Record<keyof PodPins, ThreadNamespace>> = { network: 'net', ipc: 'ipc', uts: 'uts' };
const SYSCTLS = '/proc/sys';
/** The kernel would cut a longer one off without a word. */
const MAX_HOSTNAME_BYTES = 64;

/**
 * Pins new namespaces at these paths, the network's with its loopback up: they live until `unpinNamespaces`, also without
 * a process. Fails when there is something at one of the paths, and leaves nothing behind when it fails later.
 */
export async function pinNamespaces(pins: PodPins, means: Means = hostMeans()): Promise<void> {
  const made: string[] = [];
  try {
    for (const { path } of pinned(pins)) {
      await makeMountPoint(path);
      made.push(path);
    }
    if (made.length === 0) return;
    const late = (): void => void Promise.all(made.map((path) => removeNetns(path, means))).catch(() => undefined);
    if (means.syscalls) await kernelCall(means, 'pin', pinned(pins), { subject: made.join(', '), late });
    else await pinByTool(pins);
  } catch (error) {
    for (const path of made) await removeNetns(path, means).catch(() => undefined);
    throw error;
  }
}

/**
 * Afterwards nothing is pinned at these paths, and `dir`, which held nothing else, is gone. Idempotent. A namespace ends
 * with its last user.
 */
export async function unpinNamespaces(dir: string, pins: PodPins, means: Means = hostMeans()): Promise<void> {
  for (const { path } of pinned(pins)) await removeNetns(path, means);
  await rmdir(dir).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
}

/**
 * Sets the host name and the sysctls of pinned namespaces, without a process in them. The caller has seen to it that each
 * sysctl belongs to one of them: any other would be the host's. Rejects with BadInputError for what the kernel refuses.
 */
export async function setInNamespaces(
  pins: PodPins,
  settings: NamespaceSettings,
  means: Means = hostMeans(),
): Promise<void> {
  const files = filesOf(pins, settings);
  if (files.length === 0) return;
  const subject = files.map(({ what }) => what).join(', ');
  if (means.syscalls) return kernelCall(means, 'set', { pins: pinned(pins), settings: files }, { subject });
  await runOk(['nsenter', ...toolFlags(pins), '--', process.execPath, '-e', WRITE, JSON.stringify(files)]).catch(
    (error) => {
      throw new BadInputError(errorMessage(error));
    },
  );
}

function filesOf(pins: PodPins, { hostname, sysctls }: NamespaceSettings): Setting[] {
  const named = hostname !== '' && pins.uts !== undefined;
  if (named && (/[\s\p{Cc}]/u.test(hostname) || Buffer.byteLength(hostname) > MAX_HOSTNAME_BYTES)) {
    throw new BadInputError(
      `hostname ${JSON.stringify(hostname)} is not one word of at most ${MAX_HOSTNAME_BYTES} bytes`,
    );
  }
  return [
    ...(named ? [{ what: 'hostname', path: join(SYSCTLS, 'kernel/hostname'), value: hostname }] : []),
    ...sysctls.map(({ name, path, value }) => ({ what: `sysctl "${name}"`, path: join(SYSCTLS, path), value })),
  ];
}

function pinned(pins: PodPins): PinnedAt[] {
  const types = Object.keys(KINDS) as (keyof PodPins)[];
  return types.flatMap((type) => (pins[type] === undefined ? [] : [{ kind: KINDS[type], path: pins[type] }]));
}

function toolFlags(pins: PodPins): string[] {
  return pinned(pins).map(({ kind, path }) => `--${kind}=${path}`);
}

async function pinByTool(pins: PodPins): Promise<void> {
  const act = pins.network === undefined ? ['true'] : ['ip', 'link', 'set', 'lo', 'up'];
  await runOk(['unshare', ...toolFlags(pins), '--', ...act]);
}

/** As `setByCall`, in a process of its own that runs inside. */
const WRITE = `const fs = require('fs');
for (const { what, path, value } of JSON.parse(process.argv[1])) {
  try {
    const fd = fs.openSync(path, fs.constants.O_WRONLY);
    fs.writeSync(fd, value);
  } catch (error) {
    console.error(what + ' cannot be set to ' + JSON.stringify(value) + ': ' + error.message);
    process.exit(1);
  }
}`;
