import { join } from 'node:path';
import { writeFileAtomic } from '../base/atomic-file';
import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import type { Metrics } from '../base/metrics';
import { readRegularFile } from '../base/regular-file';
import { within } from '../base/wait/deadline';
import type { PodNetworkConfig, PodNetworkResult } from '../model/network';
import { Attachments, type IsOrphan } from './attachments';
import { CniError } from './cni-error';
import { collectGarbage } from './collect-garbage';
import { ConfDir } from './conf-dir';
import { renderConfTemplate } from './conf-template';
import { NetworkGates } from './gate';
import { GiveUp } from './give-up';
import { NetworkCalls } from './network-calls';
import { type NetworkConfig, networkJson, parseNetworkList } from './network-config';
import { PluginExec } from './plugin-exec';
import { type IpPreference, podNetworkResult } from './pod-result';
import { ResultCache } from './result-cache';

/** Whole names and operations as containerd's CRI exposes them, doubled endings included: dashboards ask for these. */
const OPERATIONS = 'containerd_cri_network_plugin_operations_total_total';
const ERRORS = 'containerd_cri_network_plugin_operations_errors_total_total';
const DURATION = 'containerd_cri_network_plugin_operations_duration_seconds_seconds';

export interface PodNetworksOptions {
  /** Directory of the network configurations; it may come later. */
  readonly confDir: string;
  readonly binDirs: readonly string[];
  /** Networks to load; 0: all. */
  readonly maxConfNum: number;
  readonly cacheDir: string;
  /** Cache directories of other runtimes, whose pods GC must spare; left out: none. */
  readonly otherCacheDirs?: readonly string[];
  readonly ipPref: IpPreference;
  readonly setupSerially: boolean;
  readonly useInternalLoopback: boolean;
  /** Time limit of one plugin call. */
  readonly timeoutMs: number;
  /** How long an ADD goes on whose caller has left; default: ten seconds. */
  readonly addEndsMs?: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly bringLoopbackUp: (netnsPath: string) => Promise<void>;
  /** Shared by all that may know a network of the same name; left out: nobody else does. */
  readonly gates?: NetworkGates;
}

export interface NetworkStatus {
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

const READY: NetworkStatus = { ready: true, reason: '', message: '' };
const NOT_READY = 'NetworkPluginNotReady';
/** kubelet asks every few seconds, and other clients besides: a plugin's answer holds this long. */
const STATUS_HOLDS_MS = 3_000;
const STATUS_TIMEOUT_MS = 10_000;
/** The file that is made from a template; the plugin's name for it, so that its own is replaced. */
const TEMPLATE_TARGET = '10-containerd-net.conflist';

/** The networks that pods are attached to by CNI plugins, as one configuration directory says. */
export class PodNetworks {
  private readonly conf: ConfDir;
  private readonly calls: NetworkCalls;
  private readonly cache: ResultCache;
  private readonly attachments: Attachments;
  private readonly giveUp = new GiveUp();
  private readonly gates: NetworkGates;
  private lastStatus?: { at: number; networks: readonly NetworkConfig[]; answer: Promise<NetworkStatus> };

  constructor(private readonly options: PodNetworksOptions) {
    const { confDir, maxConfNum, log } = options;
    this.conf = new ConfDir({ dir: confDir, maxConfNum, log });
    this.calls = new NetworkCalls(new PluginExec(options));
    this.cache = new ResultCache(options.cacheDir);
    this.gates = options.gates ?? new NetworkGates();
    this.attachments = new Attachments({
      calls: this.calls,
      cache: this.cache,
      setupSerially: options.setupSerially,
      loopbackPlugin: !options.useInternalLoopback,
      addEndsMs: options.addEndsMs,
      log,
      gates: this.gates,
      networks: () => this.conf.loaded(),
    });
  }

  /** Reads the configuration directory and follows its changes. What is asked meanwhile waits for the first reading. */
  start(): Promise<void> {
    return this.conf.start();
  }

  stop(): void {
    this.conf.stop();
  }

  /** Whether a pod could be attached now; plugins of CNI 1.1.0 are asked. The reason and words are those kubelet knows. */
  async status(): Promise<NetworkStatus> {
    await this.conf.settled();
    const networks = this.conf.loaded();
    if (networks.length === 0) return notReady(thrownBy(() => this.conf.current()));
    const now = performance.now();
    if (!this.lastStatus || this.lastStatus.networks !== networks || now - this.lastStatus.at > STATUS_HOLDS_MS) {
      this.lastStatus = { at: now, networks, answer: this.askPlugins(networks) };
    }
    return this.lastStatus.answer;
  }

  /**
   * Attaches a pod to its networks. Rejects with a CniError or the signal's reason; `del` must then be called, since a
   * part may have been done. A plugin that runs when the signal fires is not killed before `addEndsMs`, and nothing of it runs
   * any more when this answers. The attachments are cached on disk before this answers.
   */
  add(pod: PodNetworkConfig, signal: AbortSignal): Promise<PodNetworkResult> {
    return this.counted('set_up_pod', async () => {
      await this.conf.settled(signal);
      const networks = this.conf.current();
      if (this.options.useInternalLoopback) await this.options.bringLoopbackUp(pod.netnsPath);
      const results = await this.attachments.add(pod, networks, signal);
      return podNetworkResult(results, this.options.ipPref);
    });
  }

  /**
   * Takes a pod off its networks, by the configuration it was attached with; a pod that never was, or whose namespace is
   * gone, is no error. After five failures or five minutes of them it is left to `gc`: a pod must be able to end.
   */
  async del(pod: PodNetworkConfig, signal: AbortSignal): Promise<void> {
    await this.conf.settled(signal);
    if (this.attachments.isAbandoned(pod.sandboxId)) return;
    try {
      await this.counted('tear_down_pod', () => this.attachments.del(pod, signal));
    } catch (error) {
      if (signal.aborted || !this.giveUp.failed(pod.sandboxId)) throw error;
      const { log } = this.options;
      log.error('gave up taking a pod off its networks for now; the sweep will try again', {
        sandbox: pod.sandboxId,
        pod: `${pod.namespace}/${pod.name}`,
        error: errorMessage(error),
      });
      await this.attachments.abandon(pod);
    }
    this.giveUp.forget(pod.sandboxId);
  }

  /** Rejects with a CniError when a pod's network is not as `add` left it. */
  check(pod: PodNetworkConfig, signal: AbortSignal): Promise<void> {
    return this.counted('check_pod', () => this.attachments.check(pod, signal));
  }

  /**
   * Releases what pods that exist no more have left: a DEL for each of their cached attachments, then GC of the plugins
   * that know it. `owners` are the ids of all pods that exist or are being made or removed; it is asked several times.
   * `isOrphan` is asked right before each DEL; what it says no to is left alone. GC waits two seconds for a network in use,
   * and a pod waits two seconds for GC; then that network has its turn in the next round. Rejects only with the signal's
   * reason: what could not be released is logged and tried the next time.
   */
  async gc(
    owners: () => Iterable<string>,
    signal = new AbortController().signal,
    isOrphan: IsOrphan = async () => true,
  ): Promise<void> {
    await this.conf.settled(signal);
    const { attachments, cache, calls, gates } = this;
    const otherCaches = (this.options.otherCacheDirs ?? []).map((dir) => new ResultCache(dir));
    const networks = (): readonly NetworkConfig[] => this.conf.loaded();
    const parts = { attachments, cache, otherCaches, calls, gates, networks, log: this.options.log };
    await collectGarbage(parts, { owners, isOrphan }, signal);
  }

  /** `OK`, or why no network could be loaded. */
  lastLoadStatus(): string {
    return this.conf.lastLoadStatus();
  }

  /** The configuration in the shape of the plugin's verbose status. */
  configJson(): unknown {
    const { binDirs, confDir, maxConfNum } = this.options;
    return {
      PluginDirs: binDirs,
      PluginConfDir: confDir,
      PluginMaxConfNum: maxConfNum,
      Prefix: 'eth',
      Networks: this.attachments.plan(this.conf.loaded()).map(({ network, ifName }) => ({
        Config: networkJson(network),
        IFName: ifName,
      })),
    };
  }

  /** Writes a network configuration from the template in the file `template`, for these pod CIDRs, and loads it. */
  async writeFromTemplate(template: string, podCidrs: readonly string[]): Promise<void> {
    const text = renderConfTemplate((await readRegularFile(template)).toString(), podCidrs);
    try {
      parseNetworkList(Buffer.from(text));
    } catch (error) {
      throw new CniError(`${template} does not make a network configuration`, { cause: error });
    }
    await writeFileAtomic(join(this.options.confDir, TEMPLATE_TARGET), text, { mode: 0o644, durable: true });
    await this.conf.refresh();
  }

  private async askPlugins(networks: readonly NetworkConfig[]): Promise<NetworkStatus> {
    try {
      await within(STATUS_TIMEOUT_MS, 'CNI STATUS', async (signal) => {
        await Promise.all(networks.map((network) => this.calls.status(network, signal)));
      });
      return READY;
    } catch (error) {
      return notReady(error);
    }
  }

  private async counted<T>(operation: string, act: () => Promise<T>): Promise<T> {
    const { metrics } = this.options;
    const labels = { operation_type: operation };
    const started = performance.now();
    metrics.count(OPERATIONS, labels);
    try {
      return await act();
    } catch (error) {
      metrics.count(ERRORS, labels);
      throw error;
    } finally {
      metrics.time(DURATION, (performance.now() - started) / 1000, labels);
    }
  }
}

function notReady(error: unknown): NetworkStatus {
  return { ready: false, reason: NOT_READY, message: `Network plugin returns error: ${errorMessage(error)}` };
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}
