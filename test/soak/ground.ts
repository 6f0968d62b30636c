import type { CriClient } from '../../src/client/cri-client';
import type { Done, Faults } from '../support/counts';
import type { Seeded } from '../support/seeded';
import type { EventRecord } from './event-record';
import type { Present } from './present';
import type { SoakNode } from './soak-node';

/** What must not happen while pods live; what is left of them is counted besides. */
export const WRONG = [
  'calls that failed',
  'calls that should have failed',
  'wrong exit codes and reasons',
  'wrong states',
  'times that go backwards',
  'wrong addresses',
  'pods with a pause task and no need of it, or the other way round',
  'log lines lost',
  'log lines torn',
  'log lines twice or out of order',
  'wrong answers of ExecSync',
  'wrong answers of Exec',
  'wrong answers of Attach',
  'events lost, twice or out of order',
  'events that tell something wrong',
  'wrong statistics',
  'wrong images',
  'processes of crisp that ended',
  'memory, descriptors or threads that grow with the pods',
] as const;
export type Wrong = (typeof WRONG)[number];

/** How long a call may take that nothing holds up but the machine. */
export const CALL_MS = 40_000;

/** What a life goes on in. */
export interface Ground {
  readonly soak: SoakNode;
  /** A connection of the life's own. */
  readonly cri: CriClient;
  readonly random: Seeded;
  readonly faults: Faults;
  readonly done: Done;
  readonly present: Present;
  readonly events: EventRecord;
  /** Whether lives are to come to their end. */
  readonly over: () => boolean;
}

/** Counts something wrong, with the time at which it was seen. */
export function wrong({ faults }: Pick<Ground, 'faults'>, kind: Wrong, what: string): void {
  const line = `${new Date().toISOString()} ${what}`;
  faults.add(kind, line);
  if (process.env.SOAK_VERBOSE) console.log(`${kind}: ${line}`);
}
