import { isAlreadyExists } from '../containerd/errors';
import type { LifecycleDeps } from '../tasks/deps';

/** Marks the leases that we take for pods; those of containerd's own CRI have no label. */
export const POD_LEASE_LABEL = 'crisp.io/pod-lease';

/** The lease that everything of a pod is made under. The label has a value: containerd drops labels without. */
export function podLease(id: string): { readonly id: string; readonly labels: Record<string, string> } {
  return { id, labels: { [POD_LEASE_LABEL]: 'true' } };
}

/** Afterwards the pod has its lease: containers are made under it, and the plugin of 1.6 takes none for its pods. */
export async function ensurePodLease(deps: Pick<LifecycleDeps, 'containerd'>, id: string): Promise<void> {
  try {
    await deps.containerd.leases.create(podLease(id));
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
