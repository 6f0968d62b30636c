/** What this host can do. Read once at start by host/; pure modules take it as a value. */
export interface HostFacts {
  /** True on a pure cgroup v2 host. */
  readonly cgroup2: boolean;
  /** cgroup controllers at hand, by v1 names (`cpu`, `memory`, `hugetlb`, …) or v2 names. */
  readonly controllers: ReadonlySet<string>;
  /** The memory controller accounts swap. */
  readonly swapController: boolean;
  readonly seccomp: boolean;
  readonly apparmor: boolean;
  readonly selinux: boolean;
  /** Capabilities of the process that runs containers (the daemon behind the socket), names with CAP_. */
  readonly capabilities: readonly string[];
  /** All capabilities this kernel knows, names with CAP_. */
  readonly kernelCapabilities: readonly string[];
  /** The daemon may lower oom_score_adj (CAP_SYS_RESOURCE); else scores are clamped to `minOomScoreAdj`. */
  readonly canLowerOomScore: boolean;
  /** oom_score_adj of the daemon's process: the lowest score a child can have without CAP_SYS_RESOURCE. */
  readonly minOomScoreAdj: number;
  /** Kernel release as two numbers. */
  readonly kernel: { readonly major: number; readonly minor: number };
  /** OCI name of the architecture (`amd64`, `arm64`, …). */
  readonly architecture: string;
  readonly hostname: string;
  /** systemd runs this host (/run/systemd/system exists). */
  readonly systemd: boolean;
  /** Huge page sizes as the cgroup files name them, for example `2MB`. */
  readonly hugePageSizes: readonly string[];
  /** Directories that count how often each CPU was throttled for heat; none on many virtual machines. */
  readonly thermalThrottleDirs: readonly string[];
}
