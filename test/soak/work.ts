import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ContainerConfig, ContainerEventType, DeepPartial } from '../../generated/cri/v1/api';
import { BUSYBOX } from '../support/node/node';
import { shell } from '../support/node/pods';
import type { Seeded } from '../support/seeded';
import { FAILED_START, NEVER_STARTED, WHOLE_LIFE } from './event-record';
import { ABSENT } from './soak-node';

/** What a container does. */
export type Kind =
  | 'ends with a code'
  | 'waits to be ended'
  | 'does not end when told to'
  | 'answers who attaches'
  | 'runs out of memory'
  | 'has no such program'
  | 'has a mount below a file of the image'
  | 'has a mount of what cannot be on the node'
  | 'has no such image'
  | 'is never started';

/** How often among 20. */
const WEIGHTS: Readonly<Record<Kind, number>> = {
  'ends with a code': 5,
  'waits to be ended': 6,
  'does not end when told to': 1,
  'answers who attaches': 2,
  'runs out of memory': 1,
  'has no such program': 1,
  'has a mount below a file of the image': 1,
  'has a mount of what cannot be on the node': 1,
  'has no such image': 1,
  'is never started': 1,
};
const KINDS = (Object.keys(WEIGHTS) as Kind[]).flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind));

const KILLED = 137;
const MEMORY_BYTES = 32n << 20n;
const LONG_LINE_BYTES = 20_000;
/** After so many lines a container pauses, so that its log can be rotated while it writes. */
const BURST = 40;

/** How a container that ran comes to its end. */
export interface End {
  readonly code: number;
  readonly reason: 'Completed' | 'Error' | 'OOMKilled';
  /** What StopContainer gives it; undefined: it ends by itself. */
  readonly graceS: bigint | undefined;
}

/** One container's work, drawn by chance. */
export interface Work {
  readonly kind: Kind;
  /** Of the container in its pod. */
  readonly name: string;
  readonly lines: number;
  /** Longer than what fits into one row of a log. */
  readonly longLines: boolean;
  readonly streams: readonly ('stdout' | 'stderr')[];
  /** Undefined: it never runs. */
  readonly end: End | undefined;
}

export function drawWork(random: Seeded, name: string): Work {
  const kind = random.pick(KINDS);
  const longLines = random.next() < 0.1;
  return {
    ...{ kind, name, longLines },
    lines: longLines ? random.between(20, 60) : random.between(20, 500),
    streams: random.next() < 0.3 ? ['stdout', 'stderr'] : ['stdout'],
    end: endOf(kind, random),
  };
}

function endOf(kind: Kind, random: Seeded): End | undefined {
  const code = random.next() < 0.3 ? 0 : random.between(1, 120);
  const reason = code === 0 ? 'Completed' : 'Error';
  switch (kind) {
    case 'ends with a code':
      return { code, reason, graceS: undefined };
    case 'waits to be ended':
      return { code, reason, graceS: 30n };
    case 'does not end when told to':
      return { code: KILLED, reason: 'Error', graceS: BigInt(random.between(0, 1)) };
    case 'answers who attaches':
      return { code: KILLED, reason: 'Error', graceS: 0n };
    case 'runs out of memory':
      return { code: KILLED, reason: 'OOMKilled', graceS: undefined };
    default:
      return undefined;
  }
}

/** Whether it prints numbered lines from its start on. */
export function prints({ kind }: Pick<Work, 'kind'>): boolean {
  return kind === 'ends with a code' || kind === 'waits to be ended' || kind === 'does not end when told to';
}

/** The events of its life, when nothing is cut off. */
export function eventsOf({ kind, end }: Pick<Work, 'kind' | 'end'>): readonly ContainerEventType[] {
  if (end) return WHOLE_LIFE;
  return kind === 'is never started' ? NEVER_STARTED : FAILED_START;
}

/** What is asked for; `dir` has a file of the pod that no folder can be made below. */
export function configOf(work: Work, dir: string, shared: DeepPartial<ContainerConfig>): ContainerConfig {
  const file = join(dir, 'termination-log');
  writeFileSync(file, '');
  const mounts = [{ containerPath: '/dev/termination-log', hostPath: file }];
  const { linux, ...rest } = shared;
  const config = (more: DeepPartial<ContainerConfig> = {}): ContainerConfig =>
    shell(work.name, scriptOf(work), { ...rest, linux, mounts, ...more });
  switch (work.kind) {
    case 'answers who attaches':
      return config({ stdin: true });
    case 'runs out of memory':
      return config({
        linux: { ...linux, resources: { memoryLimitInBytes: MEMORY_BYTES, memorySwapLimitInBytes: MEMORY_BYTES } },
      });
    case 'has no such program':
      return config({ command: ['/no/such/program'] });
    case 'has a mount below a file of the image':
      return config({ mounts: [...mounts, { containerPath: '/etc/passwd/below', hostPath: dir }] });
    case 'has a mount of what cannot be on the node':
      return config({ mounts: [...mounts, { containerPath: '/data', hostPath: join(file, 'below') }] });
    case 'has no such image':
      return config({ image: { image: ABSENT } });
    default:
      return config({ image: { image: BUSYBOX } });
  }
}

function scriptOf(work: Work): string {
  const { kind, end } = work;
  switch (kind) {
    case 'ends with a code':
      return `${printing(work)}; exit ${end?.code}`;
    case 'waits to be ended':
      // A first process ignores what it has no handler for, and a shell runs a handler while it waits for a child.
      return `trap 'exit ${end?.code}' TERM; ${printing(work)}; sleep 1000000 & wait`;
    case 'does not end when told to':
      return `trap '' TERM; ${printing(work)}; while :; do sleep 1000; done`;
    case 'answers who attaches':
      return 'i=0; while read -r l; do i=$((i+1)); echo "line $i of 0 heard $l"; done';
    case 'runs out of memory':
      return 'exec dd if=/dev/zero of=/dev/null bs=256M count=1';
    default:
      return 'sleep 1000000';
  }
}

function printing({ lines, longLines, streams }: Work): string {
  const tail = longLines ? ` ${LONG_LINE_BYTES} $x` : '';
  const filling = longLines ? `x=$(head -c ${LONG_LINE_BYTES} /dev/zero | tr '\\0' x); ` : '';
  const line = `"line $i of ${lines}${tail}"`;
  const echoes = streams.map((stream) => `echo ${line}${stream === 'stderr' ? ' >&2' : ''}`);
  const pause = `[ $((i % ${BURST})) = 0 ] && usleep 20000`;
  return `${filling}i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); ${[...echoes, pause].join('; ')}; done`;
}
