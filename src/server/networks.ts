import type { Logger } from '../base/logger';
import { NetworkGates } from '../cni/gate';
import { PodNetworks } from '../cni/pod-networks';
import type { Config } from '../config/schema';
import { bringLoopbackUp } from '../host/namespace/netns';
import type { RuntimeHandler } from '../model/runtime-handler';
import type { MetricsRegistry } from '../observability/metrics-registry';

/** Where the reference CNI library keeps results, and so every runtime that does not say otherwise. */
const USUAL_CACHE_DIR = '/var/lib/cni';

/** The pod networks of each CNI configuration directory: handlers may have one of their own. */
export class Networks {
  private readonly byDir = new Map<string, PodNetworks>();
  /** Common to all directories: networks of one name are one network to their plugins. */
  private readonly gates = new NetworkGates();

  constructor(
    private readonly config: Config,
    private readonly log: Logger,
    private readonly metrics: MetricsRegistry,
  ) {}

  /** The networks of a handler; made and started when first asked for. */
  of(handler: RuntimeHandler): PodNetworks {
    const key = `${handler.cniConfDir} ${handler.cniMaxConfNum}`;
    const known = this.byDir.get(key);
    if (known) return known;
    const { cni } = this.config;
    const networks = new PodNetworks({
      confDir: handler.cniConfDir,
      binDirs: cni.bin_dirs,
      maxConfNum: handler.cniMaxConfNum,
      cacheDir: cni.cache_dir,
      otherCacheDirs: [USUAL_CACHE_DIR].filter((dir) => dir !== cni.cache_dir),
      ipPref: cni.ip_pref,
      setupSerially: cni.setup_serially,
      useInternalLoopback: cni.use_internal_loopback,
      timeoutMs: cni.timeout,
      log: this.log,
      metrics: this.metrics,
      bringLoopbackUp: (path) => bringLoopbackUp(path),
      gates: this.gates,
    });
    this.byDir.set(key, networks);
    // Not awaited: it can be asked at once, and waits by itself for the first look at its directory.
    void networks.start();
    return networks;
  }

  stop(): void {
    for (const networks of this.byDir.values()) networks.stop();
  }
}
