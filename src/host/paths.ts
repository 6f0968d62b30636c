import { dirname, join } from 'node:path';

/**
 * Where runc's shim has its OCI runtime keep state unless its option `Root` says otherwise (RuncRoot in containerd's
 * pkg/process, also in 2.x); it does not follow the daemon's own state directory.
 */
const RUNC_ROOT = '/run/containerd/runc';

/** Every path of a sandbox or container derives from its id, so that an undo needs nothing else. */
export class Paths {
  constructor(
    private readonly dirs: {
      /** The plugin's root, `…/io.containerd.grpc.v1.cri`. */
      readonly criRoot: string;
      /** The plugin's state directory, gone after a reboot. */
      readonly criState: string;
      /** Where network namespaces are pinned. */
      readonly netns: string;
      /** crisp's own state directory. */
      readonly state: string;
      /** The containerd namespace of pods and containers. */
      readonly namespace: string;
    },
  ) {}

  /** hostname, hosts and resolv.conf lie here. */
  sandboxRoot(id: string): string {
    return join(this.dirs.criRoot, 'sandboxes', id);
  }

  sandboxState(id: string): string {
    return join(this.dirs.criState, 'sandboxes', id);
  }

  shm(id: string): string {
    return join(this.sandboxState(id), 'shm');
  }

  /** `cni-` and a uuid made of the id's first 32 hex digits: found again without a record. */
  netns(id: string): string {
    const digits = id.slice(0, 32);
    const uuid = [
      digits.slice(0, 8),
      digits.slice(8, 12),
      digits.slice(12, 16),
      digits.slice(16, 20),
      digits.slice(20),
    ];
    return join(this.dirs.netns, `cni-${uuid.join('-')}`);
  }

  /**
   * Directory of a pod's pinned namespaces, but that of its network. A pod without a pause task is READY as long as it is
   * there: it is made with the pod, and taken away by its stop or by a reboot.
   */
  pinned(id: string): string {
    return join(this.sandboxState(id), 'pinned-namespaces');
  }

  /** Where the user namespace that owns a pod's network namespace is pinned. */
  userns(id: string): string {
    return join(this.pinned(id), 'user');
  }

  /** The directory that has those of all containers. */
  get containerStates(): string {
    return join(this.dirs.criState, 'containers');
  }

  /**
   * The directory that containerd keeps for a task while it knows it, and no longer. No service of containerd 1.6 or 2.x tells
   * its state directory, so the plugin's state directory is taken to be in it.
   */
  bundle(id: string): string {
    return join(this.bundles, this.dirs.namespace, id);
  }

  /** The directory with those of all tasks of containerd, one for each namespace. */
  get bundles(): string {
    return join(dirname(this.dirs.criState), 'io.containerd.runtime.v2.task');
  }

  /** containerd's namespace for everything that is ours. */
  get namespace(): string {
    return this.dirs.namespace;
  }

  /** The directory in which a handler's OCI runtime keeps state; `root` is the option `Root` of runc's shim, empty: none. */
  runtimeRoot(root: string): string {
    return join(root || RUNC_ROOT, this.dirs.namespace);
  }

  containerRoot(id: string): string {
    return join(this.dirs.criRoot, 'containers', id);
  }

  containerState(id: string): string {
    return join(this.containerStates, id);
  }

  /** Directory of the FIFOs. */
  io(id: string): string {
    return join(this.containerState(id), 'io');
  }

  /** Copies of what the image declares as VOLUME. */
  imageVolumeCopies(id: string): string {
    return join(this.containerRoot(id), 'volumes');
  }

  /** Mount points of the image volumes of a pod. */
  imageVolumes(sandboxId: string): string {
    return join(this.dirs.criState, 'image-volumes', sandboxId);
  }

  /** Every directory with an entry for each pod or container, named by its id. */
  directoriesById(): string[] {
    const { criRoot, criState } = this.dirs;
    return [
      ...[criRoot, criState].flatMap((dir) => [join(dir, 'sandboxes'), join(dir, 'containers')]),
      join(criState, 'image-volumes'),
    ];
  }

  /** The directories that keep an entry for each pod and container over a reboot, named by its id. */
  recordDirectories(): string[] {
    return ['sandboxes', 'containers'].map((name) => join(this.dirs.criRoot, name));
  }

  /** Where root filesystems are mounted for a moment. */
  scratchRoot(): string {
    return join(this.dirs.state, 'mounts');
  }

  /** A place to mount one. */
  scratch(name: string): string {
    return join(this.scratchRoot(), name);
  }
}
