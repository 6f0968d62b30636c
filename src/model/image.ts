/** An OCI content descriptor. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: bigint;
  annotations?: Record<string, string>;
}

/** The part of an image's config that containers are made from (OCI image-spec config, `config` object). */
export interface ImageConfig {
  user: string;
  env: string[];
  entrypoint: string[];
  cmd: string[];
  workingDir: string;
  labels: Record<string, string>;
  volumes: string[];
  stopSignal: string;
}

/** An image as CRI lists it: all names that resolve to one config. */
export interface ListedImage {
  /** Digest of the image config, `sha256:…`. */
  readonly id: string;
  /** Every name in containerd's image store that resolves to it, the id itself left out. */
  readonly references: readonly string[];
  /** The config's chain id: the snapshot that containers take as their parent. */
  readonly chainId: string;
  readonly diffIds: readonly string[];
  /** Sum of the compressed sizes of manifest, config and layers; never 0. */
  readonly size: bigint;
  /** `User` of its config. */
  readonly user: string;
  readonly pinned: boolean;
  /** What the names point at: index or manifest. */
  readonly target: Descriptor;
  readonly platform: { os: string; architecture: string; variant: string };
}

/** An image with what containers are made from. */
export interface Image extends ListedImage {
  readonly config: ImageConfig;
}
