/** What kubelet says of one run of a container. */
export interface StateView {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt: string };
  readonly terminated?: {
    readonly exitCode: number;
    readonly signal?: number;
    readonly reason?: string;
    readonly message?: string;
    readonly startedAt: string;
    readonly finishedAt: string;
    readonly containerID: string;
  };
}

export interface ContainerView {
  readonly name: string;
  readonly state: StateView;
  readonly lastState: StateView;
  readonly ready: boolean;
  readonly started?: boolean;
  readonly restartCount: number;
  readonly image: string;
  readonly imageID: string;
  /** `containerd://` and the id. */
  readonly containerID?: string;
}

/** The members of a v1.Pod that tests look at. */
export interface PodView {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly startTime?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly initContainerStatuses?: readonly ContainerView[];
    readonly containerStatuses?: readonly ContainerView[];
  };
}

/** A container of the pod, init containers included; throws when kubelet does not know it yet. */
export function containerOf(pod: PodView, name: string): ContainerView {
  const all = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
  const found = all.find((container) => container.name === name);
  if (!found) throw new Error(`kubelet knows no container ${name} of ${pod.metadata.name}`);
  return found;
}

/** True when the pod has that condition and it holds. */
export function isTrue(pod: PodView, condition: string): boolean {
  return (pod.status.conditions ?? []).some(({ type, status }) => type === condition && status === 'True');
}

/** The id that CRI knows a container by; empty while it has none. */
export function criId(container: ContainerView): string {
  return (container.containerID ?? '').replace('containerd://', '');
}

/**
 * What must not change while a pod is there: which containers run since when, and its address while it runs. (That of one
 * that has ended is remembered by the API server alone.)
 */
export function identityOf(pod: PodView): unknown {
  const { phase, podIP, initContainerStatuses = [], containerStatuses = [] } = pod.status;
  const containers = [...initContainerStatuses, ...containerStatuses].map(
    ({ name, restartCount, containerID, state }) => ({ name, restartCount, containerID, state }),
  );
  return { uid: pod.metadata.uid, phase, podIP: phase === 'Running' ? podIP : undefined, containers };
}
