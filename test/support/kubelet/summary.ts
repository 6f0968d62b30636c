/** A point of time and numbers; JSON numbers are exact enough for a test. */
export interface CpuView {
  readonly time: string;
  readonly usageNanoCores?: number;
  readonly usageCoreNanoSeconds?: number;
}

export interface MemoryView {
  readonly time: string;
  readonly usageBytes?: number;
  readonly workingSetBytes?: number;
  readonly rssBytes?: number;
  readonly availableBytes?: number;
}

export interface FsView {
  readonly usedBytes?: number;
  readonly capacityBytes?: number;
  readonly availableBytes?: number;
  readonly inodesUsed?: number;
}

export interface ContainerStatsView {
  readonly name: string;
  readonly startTime: string;
  readonly cpu?: CpuView;
  readonly memory?: MemoryView;
  readonly rootfs?: FsView;
  readonly logs?: FsView;
}

export interface PodStatsView {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly containers: readonly ContainerStatsView[];
  readonly cpu?: CpuView;
  readonly memory?: MemoryView;
  readonly network?: {
    readonly name: string;
    readonly rxBytes?: number;
    readonly txBytes?: number;
    readonly interfaces?: readonly { readonly name: string; readonly rxBytes?: number }[];
  };
  readonly volume?: readonly (FsView & { readonly name: string })[];
  readonly 'ephemeral-storage'?: FsView;
  readonly process_stats?: { readonly process_count?: number };
}

/** The members of kubelet's `/stats/summary` that tests look at. */
export interface Summary {
  readonly node: {
    readonly nodeName: string;
    readonly cpu?: CpuView;
    readonly memory?: MemoryView;
    readonly fs?: FsView;
    readonly runtime?: { readonly imageFs?: FsView; readonly containerFs?: FsView };
  };
  readonly pods: readonly PodStatsView[];
}
