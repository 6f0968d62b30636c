/** A name that another object holds. */
export class NameTaken extends Error {
  override readonly name = 'NameTaken';
  constructor(
    readonly taken: string,
    readonly owner: string,
  ) {
    super(`the name "${taken}" is held by "${owner}"`);
  }
}

/** Which id owns which name: one object per name at a time, live or being made. */
export class NameIndex {
  private readonly owners = new Map<string, string>();

  /** Afterwards `id` owns `name`. Throws NameTaken when another id does; owning it already is fine. */
  reserve(name: string, id: string): void {
    const owner = this.owners.get(name);
    if (owner !== undefined && owner !== id) throw new NameTaken(name, owner);
    this.owners.set(name, id);
  }

  /** Afterwards `id` does not own `name`. Another owner keeps it. */
  release(name: string, id: string): void {
    if (this.owners.get(name) === id) this.owners.delete(name);
  }

  /** The id that owns `name`, if any. */
  owner(name: string): string | undefined {
    return this.owners.get(name);
  }

  /** How many names are owned. */
  get size(): number {
    return this.owners.size;
  }
}

/** The name of a pod sandbox, as kubelet derives it: unique per pod and attempt. */
export function sandboxName(pod: { name: string; namespace: string; uid: string; attempt: number }): string {
  return [pod.name, pod.namespace, pod.uid, String(pod.attempt)].join('_');
}

/** The name of a container: unique per pod, container name and attempt. */
export function containerName(
  container: { name: string; attempt: number },
  pod: { name: string; namespace: string; uid: string },
): string {
  return [container.name, pod.name, pod.namespace, pod.uid, String(container.attempt)].join('_');
}
