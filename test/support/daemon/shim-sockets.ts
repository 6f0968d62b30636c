import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where shims listen: one place for all containerds of a machine, whatever their state directory is (`defaults.DefaultStateDir`
 * of containerd 1.6; 2.x has a setting, which tests leave alone).
 */
const FOLDER = '/run/containerd/s';

/**
 * The socket of the shim that was started for `id`, a pod or a container, by the containerd at `address`: its name is a hash
 * of both and of the namespace (`SocketAddress` in containerd's shim package).
 */
export function shimSocketOf(address: string, id: string): string {
  return join(
    FOLDER,
    createHash('sha256')
      .update(join(address, 'k8s.io', id))
      .digest('hex'),
  );
}

/** Those of these pods and containers whose shim's socket is there, as `SOCKET of ID`. */
export function shimSockets(address: string, ids: Iterable<string>): string[] {
  return [...ids]
    .map((id) => ({ id, path: shimSocketOf(address, id) }))
    .filter(({ path }) => existsSync(path))
    .map(({ id, path }) => `${path} of ${id}`);
}
