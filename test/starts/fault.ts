import { setTimeout as pause } from 'node:timers/promises';

import type { Message } from '../support/daemon/daemon-methods';
import type { ProxiedCall, Treatment } from '../support/daemon/fault-proxy';
import { type CallKind, callName, isOf, itemsIn, kindOf } from './calls';
import type { FileFaultName } from './files';
import { type FaultKind, type ItemFault, truncated } from './kinds';
import type { NamedPod } from './start-pods';

/** Which calls go wrong. */
export interface Where {
  readonly service: string;
  /** Only this method. */
  readonly method?: string;
  /** Only calls about this. */
  readonly about?: string;
  /** Only answers with an item of this pod or container, and only that item. */
  readonly item?: string;
  /** Only the first of them; else each of them while the fault lasts. */
  readonly once?: boolean;
}

export interface FaultSpec {
  readonly where: Where;
  readonly kind: FaultKind;
}

/** `Tasks/Get of bridge/app, once: NOT_FOUND`. */
export function faultName({ where, kind }: FaultSpec): string {
  const { service, method, about = '', item, once } = where;
  const calls = method ? callName({ method, about }) : `${service}/*`;
  return `${calls}${once ? ', once' : ''}: ${item ? `${item} ${kind.name}` : kind.name}`;
}

/** A file that is wrong while crisp starts. */
export interface FileSpec {
  /** With roles for ids, below the node's folder. */
  readonly path: string;
  readonly fault: FileFaultName;
}

/** Whether such a call is among those that go wrong. */
export function reaches(where: Where, { method, about }: CallKind): boolean {
  if (!method.startsWith(`${where.service}/`)) return false;
  if (where.method !== undefined && where.method !== method) return false;
  return where.about === undefined || where.about === about;
}

/** Records seen in earlier answers, by service: what a wrong answer can be made of. */
export type Gallery = Map<string, Message[]>;

/** A fault that is armed; `lift` ends it, and lets go of what it holds. */
export class Fault {
  /** How many calls it has hit. */
  hits = 0;
  private lifted = false;
  private letGo: () => void = () => undefined;
  private readonly held = new Promise<void>((resolve) => {
    this.letGo = resolve;
  });

  constructor(
    private readonly spec: FaultSpec,
    private readonly pods: readonly NamedPod[],
    private readonly gallery: Gallery,
    private readonly hangMs: number,
  ) {}

  /** Ids of which less can be told while it lasts. */
  get blurred(): ReadonlySet<string> {
    const { where, kind } = this.spec;
    if (kind.kind !== 'item' || !kind.blurs || where.item === undefined) return new Set();
    return new Set([idOf(this.pods, where.item)]);
  }

  /** It spoils one item of an answer, and leaves the rest of the answer to others. */
  get rewrites(): boolean {
    return this.spec.kind.kind === 'item';
  }

  plan(call: ProxiedCall): Treatment | undefined {
    const { where, kind } = this.spec;
    if (this.lifted || !reaches(where, kindOf(call, this.pods))) return undefined;
    if (where.once && this.hits > 0) return undefined;
    const until = this.held;
    if (kind.kind === 'item') return { kind: 'rewrite', until, change: (answers) => this.inItem(kind, answers) };
    this.hits += 1;
    switch (kind.kind) {
      case 'refused':
        return { kind: 'refuse', code: kind.code };
      case 'lost':
        return { kind: 'lose answer', until };
      case 'hangs':
        return { kind: 'hold', until: Promise.race([this.held, pause(this.hangMs)]) };
      case 'never':
        return { kind: 'hold', until };
      case 'truncated':
        return { kind: 'spoil', until, change: truncated };
      case 'empty':
        return { kind: 'answer nothing' };
    }
  }

  lift(): void {
    this.lifted = true;
    this.letGo();
  }

  private inItem(kind: ItemFault, answers: Message[]): Message[] {
    const { where } = this.spec;
    const id = idOf(this.pods, where.item ?? '');
    const seen = this.gallery.get(where.service) ?? [];
    for (const item of itemsIn(answers)) {
      if (!isOf(item.value, id) || (where.once && this.hits > 0)) continue;
      const other = seen.find((each) => !isOf(each, id) && alike(each, item.value));
      const next = kind.change(item.value, other);
      if (!next) continue;
      this.hits += 1;
      item.replace(next);
    }
    return answers;
  }
}

/** Both of a pod, or both of a container, as far as labels tell. */
function alike(a: Message, b: Message): boolean {
  const kind = (each: Message): unknown =>
    (each.labels as Record<string, string> | undefined)?.['io.cri-containerd.kind'];
  return kind(a) === kind(b);
}

/** The id of a pod or container, by its role. */
export function idOf(pods: readonly NamedPod[], role: string): string {
  for (const { role: of, pod, containers } of pods) {
    if (of === role) return pod.id;
    for (const each of containers) if (each.role === role) return each.id;
  }
  throw new Error(`nothing is called ${role}`);
}
