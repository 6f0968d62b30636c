import { type ContainerdVersion, isFirst } from '../support/daemon/releases';
import type { FaultSpec, FileSpec, Where } from './fault';
import { CALL_FAULTS, type FaultKind, ITEM_FAULTS } from './kinds';
import { type Row, rowOf } from './rows';

/** The table's rows of one kind; of each kind one is run where not all are. */
type Group = readonly Row[];

/** `calls`: a method, or a service as a whole: `Tasks/Wait`, `Tasks`. */
function fault(calls: string, kind: string, more: Pick<Where, 'about' | 'item'> = {}): FaultSpec {
  const [service = ''] = calls.split('/');
  const kinds: readonly FaultKind[] = more.item === undefined ? CALL_FAULTS : ITEM_FAULTS;
  const found = kinds.find(({ name }) => name === kind);
  if (!found) throw new Error(`there is no fault ${kind}`);
  return { where: { service, method: calls === service ? undefined : calls, ...more }, kind: found };
}

const start = (...faults: FaultSpec[]): Row => rowOf(faults);
const restart = (...faults: FaultSpec[]): Row => rowOf(faults, 'containerd restart');
const file = ({ path, fault: kind }: FileSpec): Row => ({
  name: `start: file ${path} is ${kind}`,
  faults: [],
  what: 'start',
  file: { path, fault: kind },
});

/** crisp asks for the one task only when the list of all lacks it. */
function singleTask(role: string, kind: string): FaultSpec[] {
  return [fault('Tasks/List', 'left out', { item: role }), fault('Tasks/Get', kind, { about: role })];
}

const STATUS = 'containerd/root/io.containerd.grpc.v1.cri/containers/bridge/side/status';
const JOURNAL = 'crisp/root/sandboxes/host.json';

/** Gone by what one service says; refused; late; lost; one task; records; files; containerd restarted. */
const BOTH: readonly Group[] = [
  [
    start(fault('Containers/ListStream', 'empty')),
    start(fault('Tasks/Wait', 'NOT_FOUND')),
    start(fault('Tasks', 'NOT_FOUND')),
    start(fault('Tasks/Wait', 'NOT_FOUND', { about: 'bridge/app' })),
  ],
  [start(fault('Tasks', 'UNAVAILABLE')), start(fault('Containers', 'UNAVAILABLE'))],
  [start(fault('Tasks', 'hangs')), start(fault('Tasks', 'never answers'))],
  [start(fault('Tasks', 'answer lost'))],
  [
    start(
      ...singleTask('bridge/app', 'UNAVAILABLE'),
      ...singleTask('host/app', 'hangs'),
      ...singleTask('shared/app', 'answer lost'),
    ),
  ],
  [
    start(fault('Containers', 'of version v9', { item: 'bridge' }), fault('Containers', 'torn', { item: 'host' })),
    start(
      fault('Containers', 'of version v9', { item: 'bridge/side' }),
      fault('Containers', 'with a torn spec', { item: 'host/app' }),
    ),
  ],
  [file({ path: STATUS, fault: 'torn' }), file({ path: JOURNAL, fault: 'a directory' })],
  [restart(fault('Tasks', 'NOT_FOUND')), restart(fault('Tasks', 'never answers'))],
];

/** On 1.x there are no sandbox records: there the same is tried on what it has instead. */
const OWN: Readonly<Record<'1.x' | '2.x', Group>> = {
  '2.x': [
    start(fault('Store', 'UNAVAILABLE')),
    start(fault('Store', 'INTERNAL')),
    start(fault('Store', 'answer lost')),
    start(fault('Store', 'of another', { item: 'host' })),
  ],
  '1.x': [
    start(fault('Tasks', 'INTERNAL')),
    start(fault('Containers', 'answer lost')),
    start(fault('Containers', 'left out', { item: 'bridge' })),
    restart(fault('Tasks/Wait', 'NOT_FOUND')),
  ],
};

/**
 * The twenty starts in which a fault once did most harm, or told kubelet most that was wrong, also while containerd is
 * restarted under a running crisp. `turn` chooses one of each kind; undefined: all of them.
 */
export function kubeletRows(version: ContainerdVersion, turn: number | undefined): Row[] {
  const groups = [...BOTH, OWN[isFirst(version) ? '1.x' : '2.x']];
  if (turn === undefined) return groups.flat();
  return groups.flatMap((rows) => rows.slice(turn % rows.length).slice(0, 1));
}
