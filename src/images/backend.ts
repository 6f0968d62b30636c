import type { ContainerdClient } from '../containerd/client';

/** The parts of containerd that hold images. */
export type ImageBackend = Pick<ContainerdClient, 'content' | 'snapshots' | 'diff' | 'images' | 'leases'>;

/** How a step of a pull calls containerd: what it makes is kept by `lease`, and it stops when `signal` fires. */
export interface Work {
  readonly lease: string;
  readonly signal: AbortSignal;
}

/** Label that tells containerd when a lease may be collected, should nobody delete it. */
const EXPIRE_LABEL = 'containerd.io/gc.expire';
const LEASE_LIFETIME_MS = 24 * 3_600_000;

/**
 * Runs `act` under a lease of its own, so that nothing it makes is collected before something refers to it. The lease is
 * deleted afterwards in any case; one that a crash leaves behind expires after a day.
 */
export async function underLease<T>(
  backend: Pick<ImageBackend, 'leases'>,
  id: string,
  act: (lease: string) => Promise<T>,
): Promise<T> {
  const expires = new Date(Date.now() + LEASE_LIFETIME_MS).toISOString();
  await backend.leases.create({ id, labels: { [EXPIRE_LABEL]: expires } });
  try {
    return await act(id);
  } finally {
    await backend.leases.delete(id).catch(() => false); // it expires
  }
}
