import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import { delayed } from '../base/wait/deadline';
import { endProcessesWith } from '../host/process/processes-with';
import type { PodNetworkConfig } from '../model/network';
import { capabilityArgs, cniArgs } from './capability-args';
import { CniError } from './cni-error';
import type { NetworkGates, SharedWait } from './gate';
import type { JsonObject } from './json-value';
import type { NetworkCalls } from './network-calls';
import { LOOPBACK_NETWORK, type NetworkConfig, parseNetworkList } from './network-config';
import { DEFAULT_INTERFACE } from './pod-result';
import { type CniResult, parseResult } from './result';
import type { CachedAttachment, ResultCache } from './result-cache';

/** A network and the interface by which a pod is attached to it. */
export interface PlannedAttachment {
  readonly network: NetworkConfig;
  readonly ifName: string;
}

/** An attachment to take down or look at, with the arguments and the answer of its ADD as far as they are known. */
interface KnownAttachment extends PlannedAttachment {
  readonly cniArgs: readonly (readonly [string, string])[];
  readonly capabilityArgs: JsonObject;
  readonly result?: JsonObject;
}

export interface AttachmentsOptions {
  readonly calls: NetworkCalls;
  readonly cache: ResultCache;
  readonly setupSerially: boolean;
  /** The loopback interface is a network of its own, brought up by a plugin. */
  readonly loopbackPlugin: boolean;
  /** How long an ADD goes on whose caller has left; default: ten seconds. */
  readonly addEndsMs?: number;
  readonly log: Logger;
  /** ADD and DEL pass on the shared side, as the specification demands of whoever calls GC. */
  readonly gates: NetworkGates;
  /** What a new pod would be attached to now. */
  readonly networks: () => readonly NetworkConfig[];
}

/** Says right before a DEL whether nothing owns the attachments of a sandbox. */
export type IsOrphan = (sandboxId: string) => Promise<boolean>;

const REMEMBERED = 1_000;
/** How long a pod waits for a GC under way, however many networks it has. Garbage can wait, pods cannot. */
const GC_PATIENCE_MS = 2_000;
/**
 * How long an ADD goes on whose caller has left, before its plugin is killed. A plugin that is killed may leave what no DEL
 * finds, such as an address of host-local whose file does not say yet whose it is.
 */
const ADD_ENDS_MS = 10_000;

/**
 * Attaches pods to their networks and takes them off again. What was attached is in the cache, with the configuration it
 * was attached by: a DEL works also when that configuration has been changed or removed since.
 */
export class Attachments {
  /** What was begun for a sandbox and is not known to be complete; its DEL must not rely on the cache. */
  private readonly unfinished = new Map<string, readonly PlannedAttachment[]>();
  /** Sandboxes whose attachments are left to the sweep: their stop must not wait for them again. */
  private readonly abandoned = new Set<string>();
  /** Sandboxes whose DEL is done: kubelet stops a pod several times, and plugins need not be asked again. */
  private readonly removed = new Set<string>();

  constructor(private readonly options: AttachmentsOptions) {}

  /**
   * Attaches the pod to each network; the results in their order. When one fails, all have ended, and `del` undoes them. An
   * ADD under way comes to its end, within `addEndsMs`, also when the signal fires.
   */
  async add(pod: PodNetworkConfig, networks: readonly NetworkConfig[], signal: AbortSignal): Promise<CniResult[]> {
    this.unfinished.set(pod.sandboxId, []);
    this.removed.delete(pod.sandboxId);
    const args = { cniArgs: cniArgs(pod), capabilityArgs: capabilityArgs(pod) };
    const planned = this.plan(networks);
    this.unfinished.set(pod.sandboxId, planned);
    using kill = delayed(signal, this.options.addEndsMs ?? ADD_ENDS_MS);
    const passage = { signal, patientUntil: performance.now() + GC_PATIENCE_MS, kill: kill.signal };
    const attach = (one: PlannedAttachment): Promise<CniResult> => this.attach(pod, { ...one, ...args }, passage);
    const results = this.options.setupSerially ? await oneByOne(planned, attach) : await allAtOnce(planned, attach);
    this.unfinished.delete(pod.sandboxId);
    return results;
  }

  /**
   * Takes the pod off every network it may be on, and answers true. All are tried; the first error is thrown, the rest is
   * logged. `isOrphan` is asked right before each DEL: when it says no, or fails, nothing more is done and the answer is false.
   */
  async del(pod: PodNetworkConfig, signal: AbortSignal, isOrphan: IsOrphan = async () => true): Promise<boolean> {
    const failed: { known: KnownAttachment; error: unknown }[] = [];
    const passage = { signal, patientUntil: performance.now() + GC_PATIENCE_MS };
    const attachments = await this.toRemove(pod);
    const isAnothers = !this.unfinished.has(pod.sandboxId) && attachments.some(({ result }) => result === undefined);
    if (isAnothers) await untilAddEnded(pod.sandboxId, this.options.addEndsMs);
    for (const known of attachments) {
      const { network, ifName } = known;
      if (!(await this.said(pod.sandboxId, isOrphan))) return false;
      try {
        await this.options.gates.of(network.name).shared(async () => {
          await this.detach(pod, known, signal);
          await this.forget(pod.sandboxId, known);
        }, passage);
      } catch (error) {
        signal.throwIfAborted();
        this.options.log.warn('CNI DEL failed, the pod stays on the network', {
          network: network.name,
          ifName,
          error: errorMessage(error),
        });
        failed.push({ known, error });
      }
    }
    const [first] = failed;
    if (first) {
      this.unfinished.set(
        pod.sandboxId,
        failed.map(({ known }) => known),
      );
      throw first.error;
    }
    this.markRemoved(pod.sandboxId);
    return true;
  }

  /**
   * Leaves the pod's attachments to a later DEL, for when none succeeds now: each is in the cache afterwards, also one whose
   * ADD never answered, so that it is found when the pod is gone.
   */
  async abandon(pod: PodNetworkConfig): Promise<void> {
    for (const known of await this.toRemove(pod)) {
      const { network, ifName, cniArgs, capabilityArgs, result } = known;
      await this.options.cache.write({
        ...{ containerId: pod.sandboxId, networkName: network.name, ifName, config: network.bytes },
        ...{ netnsPath: pod.netnsPath, cniArgs, capabilityArgs, result, abandoned: true },
      });
    }
    this.abandoned.add(pod.sandboxId);
    this.unfinished.delete(pod.sandboxId);
  }

  /** Whether the pod's attachments are left to a later DEL. */
  isAbandoned(sandboxId: string): boolean {
    return this.abandoned.has(sandboxId);
  }

  /** Rejects when one of the pod's networks is not as ADD left it. */
  async check(pod: PodNetworkConfig, signal: AbortSignal): Promise<void> {
    for (const known of await this.fromCache(pod)) {
      await this.options.calls.check(known.network, { ...known, attachment: attachmentOf(pod, known) }, signal);
    }
  }

  /** What a pod is attached to, and by which interfaces. */
  plan(networks: readonly NetworkConfig[]): PlannedAttachment[] {
    const loopback = this.options.loopbackPlugin ? [{ network: LOOPBACK_NETWORK, ifName: 'lo' }] : [];
    return [...loopback, ...networks.map((network, index) => ({ network, ifName: `eth${index}` }))];
  }

  private async attach(
    pod: PodNetworkConfig,
    known: KnownAttachment,
    passage: SharedWait & { readonly kill: AbortSignal },
  ): Promise<CniResult> {
    const { network, ifName, cniArgs, capabilityArgs } = known;
    const { calls, cache, gates } = this.options;
    const call = { capabilityArgs, attachment: attachmentOf(pod, known) };
    // Also the writing: whoever is alone at the gate finds every attachment in the cache whose ADD has succeeded.
    const result = await gates.of(network.name).shared(async () => {
      const answer = await calls.add(network, call, passage.signal, passage.kill);
      await cache.write({
        ...{ containerId: pod.sandboxId, networkName: network.name, ifName, config: network.bytes },
        ...{ netnsPath: pod.netnsPath, cniArgs, capabilityArgs, result: answer },
      });
      return answer;
    }, passage);
    return parseResult(result, network.cniVersion);
  }

  /**
   * Calls DEL. When it fails and ADD never answered, DEL is called once more: the first DEL of some plugins takes a half-made
   * attachment apart and fails at what is not there (the bridge plugin's chain of iptables). The second one succeeds.
   */
  private async detach(pod: PodNetworkConfig, known: KnownAttachment, signal: AbortSignal): Promise<void> {
    const { network, result } = known;
    const del = (): Promise<void> =>
      this.options.calls.del(network, { ...known, attachment: attachmentOf(pod, known) }, signal);
    try {
      await del();
    } catch (error) {
      signal.throwIfAborted();
      const refused = error instanceof CniError && error.cause === undefined; // by the plugin, which has ended
      if (result !== undefined || !refused) throw error;
      const said = { network: network.name, sandbox: pod.sandboxId, error: errorMessage(error) };
      this.options.log.info('CNI DEL of an ADD that did not come to its end failed, trying once more', said);
      await del();
    }
  }

  /** In doubt an attachment is somebody's. */
  private async said(sandboxId: string, isOrphan: IsOrphan): Promise<boolean> {
    try {
      return await isOrphan(sandboxId);
    } catch (error) {
      const { log } = this.options;
      log.warn('not known whether a network attachment is in use', { sandbox: sandboxId, error: errorMessage(error) });
      return false;
    }
  }

  /**
   * What is cached, and what was begun besides. After a restart that is not known any more: when the cache has not even
   * the default interface, ADD did not finish, and the networks of today are taken for those it had begun with.
   */
  private async toRemove(pod: PodNetworkConfig): Promise<KnownAttachment[]> {
    const cached = await this.fromCache(pod);
    if (cached.length === 0 && this.removed.has(pod.sandboxId)) return [];
    const complete = cached.some(({ ifName }) => ifName === DEFAULT_INTERFACE);
    const begun = this.unfinished.get(pod.sandboxId) ?? (complete ? [] : this.plan(this.options.networks()));
    const more = begun.filter((one) => !cached.some((other) => sameAttachment(one, other)));
    return [...cached, ...more.map((one) => ({ ...one, ...this.argsOf(pod) }))];
  }

  private async fromCache(pod: PodNetworkConfig): Promise<KnownAttachment[]> {
    const cached = await this.options.cache.ofSandbox(pod.sandboxId);
    const known = await Promise.all(cached.map((one) => this.known(one)));
    return known.filter((one) => one !== undefined);
  }

  /** The network as it was at ADD; one whose cached configuration is unreadable is looked up by its name. */
  private async known(cached: CachedAttachment): Promise<KnownAttachment | undefined> {
    const { networkName, ifName, cniArgs, capabilityArgs, result } = cached;
    const network = readConfig(cached.config) ?? this.options.networks().find(({ name }) => name === networkName);
    if (network) return { network, ifName, cniArgs, capabilityArgs, result };
    this.options.log.warn('a cached attachment has no configuration', { network: networkName, ifName });
    await this.options.cache.delete(cached);
    return undefined;
  }

  /** The arguments as ADD would have them; a pod was not attached with arguments that cannot be made. */
  private argsOf(pod: PodNetworkConfig): Pick<KnownAttachment, 'cniArgs' | 'capabilityArgs'> {
    try {
      return { cniArgs: cniArgs(pod), capabilityArgs: capabilityArgs(pod) };
    } catch {
      return { cniArgs: [['IgnoreUnknown', '1']], capabilityArgs: {} };
    }
  }

  private markRemoved(sandboxId: string): void {
    this.unfinished.delete(sandboxId);
    this.abandoned.delete(sandboxId);
    this.removed.add(sandboxId);
    const [oldest] = this.removed;
    if (this.removed.size > REMEMBERED && oldest !== undefined) this.removed.delete(oldest);
  }

  private async forget(sandboxId: string, { network, ifName }: PlannedAttachment): Promise<void> {
    await this.options.cache.delete({ containerId: sandboxId, networkName: network.name, ifName });
  }
}

/** A plugin outlives the crisp that has called it. DEL must not run beside an ADD of that crisp. */
function untilAddEnded(sandboxId: string, ms = ADD_ENDS_MS): Promise<void> {
  return endProcessesWith(['CNI_COMMAND=ADD', `CNI_CONTAINERID=${sandboxId}`], ms);
}

function attachmentOf(pod: PodNetworkConfig, known: Pick<KnownAttachment, 'ifName' | 'cniArgs'>) {
  return { containerId: pod.sandboxId, netnsPath: pod.netnsPath, ifName: known.ifName, cniArgs: known.cniArgs };
}

function sameAttachment(a: PlannedAttachment, b: PlannedAttachment): boolean {
  return a.network.name === b.network.name && a.ifName === b.ifName;
}

function readConfig(bytes: Buffer): NetworkConfig | undefined {
  try {
    return parseNetworkList(bytes);
  } catch {
    return undefined;
  }
}

async function oneByOne<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await act(item));
  return results;
}

/** Rejects with the first error, but not before all have ended: what still runs could attach after the undo. */
async function allAtOnce<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const outcomes = await Promise.allSettled(items.map(act));
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}
