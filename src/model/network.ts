/** What a pod asks of its networks: all that CNI's arguments are made from. */
export interface PodNetworkConfig {
  readonly sandboxId: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Path of the network namespace; empty once it is gone. */
  readonly netnsPath: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly portMappings: readonly PortMapping[];
  readonly dns?: { servers: string[]; searches: string[]; options: string[] };
  readonly cgroupPath: string;
}

export interface PortMapping {
  protocol: 'tcp' | 'udp' | 'sctp';
  hostPort: number;
  containerPort: number;
  hostIp: string;
}

/** The outcome of setting up a pod's networks. */
export interface PodNetworkResult {
  /** The address reported first, by `ip_pref`. */
  readonly ip: string;
  readonly additionalIps: readonly string[];
  /** go-cni's Result as containerd's CRI stores it (`CNIResult`): Interfaces, DNS, Routes. Plain JSON. */
  readonly cniResult: unknown;
}
