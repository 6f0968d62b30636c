/** Marks the leases that we take for pods; those of containerd's own CRI have no label. */
export const POD_LEASE_LABEL = 'crisp.io/pod-lease';
