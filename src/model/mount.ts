/** A mount as a snapshotter describes it and a task takes it for its root filesystem (containerd.types.Mount). */
export interface Mount {
  type: string;
  source: string;
  target: string;
  options: string[];
}
