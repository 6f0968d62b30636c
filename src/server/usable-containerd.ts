import type { ContainerdClient } from '../containerd/client';
import { CRI_PLUGIN } from '../containerd/cri-plugin';
import { pidBehindSocket } from '../host/process/peer';
import { sameMountNamespace } from '../host/process/proc';
import type { DaemonFeatures } from '../tasks/deps';

/** containerd is there but must not be used as it is: an operator has to configure or start it differently. */
export class UnusableDaemon extends Error {
  override readonly name = 'UnusableDaemon';
  constructor(
    message: string,
    /** Its own CRI has our pods: nobody else may touch them, or read what their containers print. */
    readonly hasOurPods: boolean,
  ) {
    super(message);
  }
}

const SANDBOX_STORE = 'type==io.containerd.grpc.v1,id==sandboxes';

/** The namespace of containerd's own CRI, which no setting changes. */
export const CRI_NAMESPACE = 'k8s.io';

/**
 * Throws UnusableDaemon when the daemon's own CRI plugin runs in our namespace (both would act on every exit) or when it does
 * not see our mounts; rejects as a call does when it cannot be reached.
 */
export async function requireUsableDaemon(
  containerd: ContainerdClient,
  { address, namespace }: { address: string; namespace: string },
): Promise<void> {
  const [[cri], pid] = await Promise.all([
    containerd.introspection.plugins([CRI_PLUGIN]),
    pidBehindSocket(address.replace(/^unix:\/\//, '')),
  ]);
  if (cri && !cri.initError && namespace === CRI_NAMESPACE) {
    throw new UnusableDaemon(
      `the containerd behind ${address} runs its own CRI plugin: add "io.containerd.grpc.v1.cri" to its disabled_plugins`,
      true,
    );
  }
  if (pid !== undefined && (await sameMountNamespace(pid)) === false) {
    throw new UnusableDaemon(
      `the containerd behind ${address} (pid ${pid}) is in another mount namespace: it would not see our mounts`,
      false,
    );
  }
}

/** Which release this daemon is and what it offers beyond 1.6. 1.7 has a sandbox store too, but lacks what makes it safe to use. */
export async function daemonFeatures(containerd: ContainerdClient): Promise<DaemonFeatures> {
  const [[store], { version }] = await Promise.all([
    containerd.introspection.plugins([SANDBOX_STORE]),
    containerd.version.version(),
  ]);
  const usable = store !== undefined && !store.initError && !/^v?1\./.test(version);
  return { sandboxStore: usable, version };
}
