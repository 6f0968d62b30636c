import type { Any } from './any';

/** A named way to run pods: one `containerd.runtimes.<name>` table of the configuration. */
export interface RuntimeHandler {
  /** The name kubelet uses; the default handler answers to the empty name too. */
  readonly name: string;
  /** For example `io.containerd.runc.v2`. */
  readonly runtimeType: string;
  /** Absolute path of a shim binary, or empty. */
  readonly runtimePath: string;
  /** How many pods share a shim; 1: each has its own. */
  readonly podsPerShim: number;
  /** Runtime options as the shim takes them; none when the configuration has no options table. */
  readonly options?: Any;
  /** The options table as configured, for `crictl inspect` and features. */
  readonly optionsTable: Readonly<Record<string, unknown>>;
  readonly systemdCgroup: boolean;
  readonly snapshotter: string;
  /** Globs (path.Match) of pod and container annotations handed to the OCI spec. */
  readonly podAnnotations: readonly string[];
  readonly containerAnnotations: readonly string[];
  readonly privilegedWithoutHostDevices: boolean;
  readonly privilegedWithoutHostDevicesAllDevicesAllowed: boolean;
  readonly cgroupWritable: boolean;
  /** JSON file that replaces the generated base of every spec; empty: none. */
  readonly baseRuntimeSpec: string;
  readonly cniConfDir: string;
  readonly cniMaxConfNum: number;
  /** Processes get the SELinux type of virtual machine monitors. */
  readonly selinuxKvmLabel: boolean;
  /** `auto`: pods have a pause task only where something needs one. */
  readonly infraContainer: 'auto' | 'always';
  /**
   * Processes are the host's (runc, crun). False where they are a virtual machine's or another kernel's (Kata, gVisor): their
   * pids mean nothing on the host.
   */
  readonly hostProcesses: boolean;
}
