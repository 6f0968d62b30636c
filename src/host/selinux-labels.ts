import { randomInt } from 'node:crypto';
import { formatLabel, parseLabel, type SelinuxContexts } from './selinux';

/** What a pod or container asks for; an empty part is the policy's. */
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

/** `s0`, `s0-s1`, each with or without categories `:c1,c2` or `:c0.c1023`. */
const LEVEL = /^s\d{1,2}(-s\d{1,2})?(:c\d{1,4}([.,]c\d{1,4})*)?$/;
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

  /** Labels for a pod or container, its level held until `release`. Throws for a malformed level, or when all are taken. */
  allocate(asked?: SelinuxOptions): SelinuxLabels {
    const { contexts } = this.options;
    if (contexts === undefined) return NONE;
    const process = parseLabel(contexts.process);
    const file = parseLabel(contexts.file);
    if (process === undefined || file === undefined)
      throw new Error('the SELinux contexts of the policy are malformed');
    if (asked?.level && !LEVEL.test(asked.level)) throw new Error(`SELinux level "${asked.level}" is malformed`);
    const level = asked?.level || this.freeLevel();
    this.hold(level);
    const user = asked?.user || process.user;
    return {
      process: formatLabel({ user, role: asked?.role || process.role, type: asked?.type || process.type, level }),
      mount: formatLabel({ ...file, user: asked?.user || file.user, level }),
    };
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
