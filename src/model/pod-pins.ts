/** Where the namespaces of a pod are pinned; one left out is the host's. */
export interface PodPins {
  readonly network?: string;
  readonly ipc?: string;
  readonly uts?: string;
}
