import { randomInt } from 'node:crypto';
import { formatLabel, parseLabel, type SelinuxContexts, type SelinuxLabel } from './selinux';

/** What a pod or container asks for, checked (oci/security/selinux.ts); an empty part is the policy's. */
export interface SelinuxOptions {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly level: string;
}

export interface SelinuxLabels {
  /** For processes; empty when SELinux is off. */
  readonly process: string;
  /** For the files they may touch; empty when SELinux is off. */
  readonly mount: string;
}

const NONE: SelinuxLabels = { process: '', mount: '' };

/**
 * Hands out MCS levels: two categories that no other pod has, so that one pod's processes cannot touch another's files.
 * Without contexts (SELinux off, here or in the configuration) every label is empty.
 */
export class SelinuxLabelAllocator {
  /** How many hold a level: a pod and its containers share one. */
  private readonly held = new Map<string, number>();

  constructor(private readonly options: { contexts?: SelinuxContexts; categoryRange: number }) {}

  get enabled(): boolean {
    return this.options.contexts !== undefined;
  }

  /**
   * Labels for a pod or container, its level held until `release`. Without options a container gets those of its pod,
   * whose process label is `pod`; with some it still shares the pod's level unless it names one, since that is what lets
   * it at the pod's volumes. Throws when all levels are taken.
   */
  allocate(asked?: SelinuxOptions, pod = ''): SelinuxLabels {
    const policy = this.policy();
    if (policy === undefined) return NONE;
    const given = asked && Object.values(asked).some((part) => part !== '') ? asked : undefined;
    if (!given && pod !== '') {
      this.reserve(pod);
      return { process: pod, mount: this.mountLabel(pod) };
    }
    const { user, role, type } = policy.process;
    const level = given?.level || parseLabel(pod)?.level || (policy.process.level && this.freeLevel());
    const parts = { user: given?.user || user, role: given?.role || role, type: given?.type || type, level };
    const process = formatLabel(parts);
    this.reserve(process);
    return { process, mount: this.mountLabel(process) };
  }

  /** How many levels are taken. */
  get size(): number {
    return this.held.size;
  }

  /** The label of the files that a process with this label may touch; empty when SELinux is off. */
  mountLabel(process: string): string {
    const policy = this.policy();
    const label = parseLabel(process);
    if (policy === undefined || label === undefined) return '';
    const user = label.user === policy.process.user ? policy.file.user : label.user;
    return formatLabel({ ...policy.file, user, level: label.level || policy.file.level });
  }

  /** The same label for files that processes of every level may use: without categories. */
  sharedLabel(label: string): string {
    const parts = parseLabel(label);
    return parts?.level ? formatLabel({ ...parts, level: 's0' }) : label;
  }

  /** Notes that a label found after a restart, or inherited from the pod, is in use. */
  reserve(label: string): void {
    const level = parseLabel(label)?.level;
    if (this.enabled && level) this.hold(level);
  }

  /** Gives up one hold on a label's level; the last one frees it. A label nobody holds is ignored. */
  release(label: string): void {
    const level = parseLabel(label)?.level ?? '';
    const count = this.held.get(level);
    if (count === undefined) return;
    if (count > 1) this.held.set(level, count - 1);
    else this.held.delete(level);
  }

  /** The label with the type that the policy gives virtual machine monitors, when it has one. */
  forVirtualMachine(process: string): string {
    const label = parseLabel(process);
    const type = parseLabel(this.options.contexts?.kvmProcess ?? '')?.type;
    return label && type ? formatLabel({ ...label, type }) : process;
  }

  private policy(): { process: SelinuxLabel; file: SelinuxLabel } | undefined {
    const { contexts } = this.options;
    if (contexts === undefined) return undefined;
    const process = parseLabel(contexts.process);
    const file = parseLabel(contexts.file);
    if (process && file) return { process, file };
    throw new Error('the SELinux contexts of the policy are malformed');
  }

  private hold(level: string): void {
    this.held.set(level, (this.held.get(level) ?? 0) + 1);
  }

  /** Random first, so that a level is not used again soon; then whichever is free. */
  private freeLevel(): string {
    const { categoryRange } = this.options;
    for (let attempt = 0; attempt < categoryRange; attempt++) {
      const level = levelOf(randomInt(categoryRange), randomInt(categoryRange));
      if (level !== undefined && !this.held.has(level)) return level;
    }
    for (let first = 0; first < categoryRange; first++) {
      for (let second = first + 1; second < categoryRange; second++) {
        const level = levelOf(first, second);
        if (level !== undefined && !this.held.has(level)) return level;
      }
    }
    throw new Error(`all SELinux levels of ${categoryRange} categories are taken`);
  }
}

/** Lower category first, as the kernel writes it; two equal ones are none. */
function levelOf(one: number, other: number): string | undefined {
  return one === other ? undefined : `s0:c${Math.min(one, other)},c${Math.max(one, other)}`;
}
