import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ContainerFacts,
  decideContainer,
  decidePod,
  type Look,
  type PodFacts,
  type TaskAnswer,
} from '../../../src/recovery/recovery-decision';

const TASKS: readonly TaskAnswer['said'][] = ['runs', 'ended', 'created', 'none', 'nothing'];
const LOOKS: readonly Look[] = ['yes', 'no', 'failed'];
const BOTH = [true, false] as const;

/** Every combination of facts about a pod. */
const pods: PodFacts[] = TASKS.flatMap((task) =>
  BOTH.flatMap((withoutInfra) =>
    LOOKS.flatMap((pinned) =>
      LOOKS.flatMap((wired) => BOTH.map((processes) => ({ task, withoutInfra, pinned, wired, processes }))),
    ),
  ),
);

describe('What a start makes of a pod', () => {
  it.each<[string, Partial<PodFacts>, string]>([
    ['its pause task runs', { task: 'runs' }, 'READY'],
    ['its pause task runs, though it needed none', { task: 'runs', withoutInfra: true }, 'READY'],
    ['its pause task has ended', { task: 'ended' }, 'NOTREADY'],
    ['its pause task was never started', { task: 'created' }, 'NOTREADY'],
    ['it has no pause task', { task: 'none' }, 'NOTREADY'],
    ['it needs no pause task and is pinned', { task: 'none', withoutInfra: true, pinned: 'yes' }, 'READY'],
    ['it needs no pause task and was stopped', { task: 'none', withoutInfra: true, pinned: 'no' }, 'NOTREADY'],
    ['its pins cannot be looked at', { task: 'none', withoutInfra: true, pinned: 'failed' }, 'READY, in doubt'],
    ['nothing is known and its processes run', { task: 'nothing', processes: true }, 'READY, in doubt'],
    ['nothing is known and it is wired', { task: 'nothing', wired: 'yes' }, 'READY, in doubt'],
    ['nothing is known, nor can it be looked at', { task: 'nothing', wired: 'failed' }, 'READY, in doubt'],
    ['nothing is known and nothing of it is there', { task: 'nothing' }, 'NOTREADY, in doubt'],
  ])('when %s', (_when, facts, expected) => {
    const all: PodFacts = {
      ...{ task: 'none', withoutInfra: false, pinned: 'no', wired: 'no', processes: false },
      ...facts,
    };
    const { state, doubt } = decidePod(all);
    expect(`${state}${doubt ? ', in doubt' : ''}`).toBe(expected);
  });

  it('is never NOTREADY while its processes run and nobody has said that its task is gone', () => {
    const wrong = pods.filter(
      (facts) => facts.task === 'nothing' && facts.processes && decidePod(facts).state !== 'READY',
    );
    expect(wrong).toEqual([]);
  });

  it('is never in doubt when its task has been seen', () => {
    expect(pods.filter(({ task }) => task === 'runs' || task === 'ended').some((facts) => decidePod(facts).doubt)).toBe(
      false,
    );
  });
});

describe('What a start makes of a container', () => {
  const LASTS = ['created', 'running', 'exited', 'unread'] as const;
  const table: Record<string, Record<(typeof LASTS)[number], string>> = {
    runs: { created: 'run on', running: 'run on', exited: 'run on', unread: 'run on' },
    ended: {
      ...{ created: 'record the end', running: 'record the end' },
      ...{ exited: 'record the end', unread: 'record the end' },
    },
    created: {
      ...{ created: 'delete the task', running: 'delete the task' },
      ...{ exited: 'delete the task', unread: 'delete the task' },
    },
    none: {
      ...{ created: 'clear a cut-off start', running: 'record a lost end' },
      ...{ exited: 'leave', unread: 'clear a cut-off start' },
    },
    nothing: {
      ...{ created: 'CREATED in doubt', running: 'RUNNING in doubt' },
      ...{ exited: 'EXITED in doubt', unread: 'UNKNOWN in doubt' },
    },
  };

  it.each(TASKS.flatMap((task) => LASTS.map((last) => [task, last] as const)))(
    'whose task is %s and that was %s',
    (task, last) => {
      const facts: ContainerFacts = { task, last, processes: false, logged: 'no' };
      expect(decideContainer(facts)).toBe(table[task]?.[last]);
    },
  );

  it.each(['yes', 'failed'] as const)(
    'has ended when its status file is not there and its log may be (%s)',
    (logged) => {
      expect(decideContainer({ task: 'none', last: 'unread', processes: false, logged })).toBe('EXITED unread');
    },
  );

  it('runs when its processes do, unless its end was recorded', () => {
    const decided = LASTS.map((last) => decideContainer({ task: 'nothing', last, processes: true, logged: 'yes' }));
    expect(decided).toEqual(['RUNNING in doubt', 'RUNNING in doubt', 'EXITED in doubt', 'RUNNING in doubt']);
  });
});

it('The architecture says what kubelet does with each state that a start answers', () => {
  const text = readFileSync(join(__dirname, '../../../docs/architecture.md'), 'utf8');
  const section = text.slice(text.indexOf('### What a start decides'));
  for (const word of ['READY', 'NOTREADY', 'RUNNING', 'EXITED', 'CREATED', 'UNKNOWN', 'UNAVAILABLE'])
    expect(section).toContain(word);
});
