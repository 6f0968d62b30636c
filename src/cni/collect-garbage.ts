import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import { unlessAborted } from '../base/wait/deadline';
import { isNetns } from '../host/namespace/netns';
import type { PodNetworkConfig } from '../model/network';
import type { Attachments, IsOrphan } from './attachments';
import { GaveWay, type NetworkGates } from './gate';
import { knowsGc, type NetworkCalls } from './network-calls';
import type { NetworkConfig } from './network-config';
import type { ResultCache } from './result-cache';
import { staleAttachments, validAttachments } from './stale-attachments';

/** How long GC waits until no ADD and no DEL of the network is under way. */
const WAIT_MS = 2_000;

export interface GarbageParts {
  readonly attachments: Attachments;
  readonly cache: ResultCache;
  /** Caches of other runtimes that may have pods on the same networks. */
  readonly otherCaches: readonly ResultCache[];
  readonly calls: NetworkCalls;
  readonly gates: NetworkGates;
  readonly networks: () => readonly NetworkConfig[];
  readonly log: Logger;
}

/** Who owns attachments; asked again each time that something is about to be released. */
export interface Ownership {
  /** Ids of all pods that exist or are being made or removed. */
  readonly owners: () => Iterable<string>;
  /** Asked, besides, right before each DEL; attachments of which it says no are left alone, by GC too. */
  readonly isOrphan: IsOrphan;
}

/**
 * Releases what pods that exist no more have left: a DEL for each of their cached attachments, then GC of the plugins that
 * know it. Rejects only with the signal's reason: what could not be released is logged and tried the next time.
 */
export async function collectGarbage(parts: GarbageParts, ownership: Ownership, signal: AbortSignal): Promise<void> {
  const spared = await releaseStale(parts, ownership, signal);
  const owners = (): string[] => [...ownership.owners(), ...spared];
  for (const [index, network] of parts.networks().entries()) {
    if (!knowsGc(network)) continue;
    // Another pod may be about to wait for the next network: one wait in a round is enough.
    if (!(await collect(parts, { network, ifName: `eth${index}` }, owners, signal))) return;
  }
}

/**
 * A DEL for each cached attachment without an owner; answers the ids that `isOrphan` has spared. The cache is read before the
 * owners are asked: a pod that comes meanwhile is among the owners, because it is written down before its first step.
 */
async function releaseStale(
  parts: GarbageParts,
  { owners, isOrphan }: Ownership,
  signal: AbortSignal,
): Promise<Set<string>> {
  const cached = await unlessAborted(parts.cache.list(), signal);
  const stale = staleAttachments(cached, new Set(owners()));
  const spared = new Set<string>();
  for (const id of new Set(stale.map(({ containerId }) => containerId))) {
    signal.throwIfAborted();
    if (new Set(owners()).has(id)) continue; // it was found again meanwhile
    const netnsPath = stale.find(({ containerId }) => containerId === id)?.netnsPath ?? '';
    if (!(await release(parts, { id, netnsPath, isOrphan }, signal))) spared.add(id);
  }
  return spared;
}

/** False when it turned out that somebody owns it. */
async function release(
  { attachments, log }: GarbageParts,
  { id, netnsPath, isOrphan }: { id: string; netnsPath: string; isOrphan: IsOrphan },
  signal: AbortSignal,
): Promise<boolean> {
  const path = netnsPath !== '' && (await isNetns(netnsPath)) ? netnsPath : '';
  try {
    const released = await attachments.del(withoutConfig(id, path), signal, isOrphan);
    if (released) log.info('released the network of a pod that is gone', { sandbox: id });
    return released;
  } catch (error) {
    signal.throwIfAborted();
    log.warn('could not release the network of a pod', { sandbox: id, error: errorMessage(error) });
    return true;
  }
}

/**
 * GC of one network; false when a pod had to wait for it. Plugins release all that is not in the list they are given, so
 * nobody may be missing in it. The list is made while the gate is held alone, from the cache and then from the owners, and
 * the plugins are called before the gate is given back. Nobody is missing because
 * - an ADD that has ended is in the cache, which is written before the gate is left;
 * - no ADD is under way: it would be inside the gate, in this process whatever configuration directory it has, since gates
 *   are by the network's name;
 * - an ADD that comes waits at the gate. When it has waited long enough, the plugin is killed before the ADD begins, and no
 *   other is called with this list;
 * - an ADD that failed and could not be undone is the attachment of an owner, under the interface that the network has here;
 * - what `isOrphan` spared and what could not be released is in the cache, and the former's ids count as owners;
 * - pods of another runtime are in its cache.
 * Whatever is waited for in here ends when the signal fires, because a pod waits for the end of this.
 */
async function collect(
  { gates, cache, otherCaches, calls, log }: GarbageParts,
  { network, ifName }: { network: NetworkConfig; ifName: string },
  owners: () => Iterable<string>,
  signal: AbortSignal,
): Promise<boolean> {
  const gc = async (stop: AbortSignal): Promise<void> => {
    const all = Promise.all([cache.list(), ...otherCaches.map((other) => other.look())]);
    const remaining = (await unlessAborted(all, stop)).flat();
    await calls.gc(network, validAttachments(network, { remaining, valid: [...owners()], ifName }), stop);
  };
  try {
    const ran = await gates.of(network.name).exclusive(gc, { signal, waitMs: WAIT_MS });
    if (!ran) log.info('CNI GC skipped until the next sweep: the network is in use', { network: network.name });
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const gaveWay = error instanceof GaveWay;
    if (gaveWay) log.info('CNI GC stopped until the next sweep: a pod waits', { network: network.name });
    else log.warn('CNI GC failed', { network: network.name, error: errorMessage(error) });
    return !gaveWay;
  }
}

/** All that a DEL needs besides the cache. */
function withoutConfig(sandboxId: string, netnsPath: string): PodNetworkConfig {
  const none = { name: '', namespace: '', uid: '', annotations: {}, portMappings: [], cgroupPath: '' };
  return { sandboxId, netnsPath, ...none };
}
