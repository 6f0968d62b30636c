import type { Process, TaskStatus } from '../containerd/tasks';

/**
 * What a start makes of what it found. Every rule is here and nothing else is: no call, no clock. `docs/architecture.md`
 * has the same as tables, with what kubelet does then.
 */

/** What containerd said of a task, checked against its other answers and /proc. */
export type TaskAnswer =
  /** It runs, or is paused. */
  | { readonly said: 'runs'; readonly task: Process }
  /** It has ended and waits to be deleted. */
  | { readonly said: 'ended'; readonly task: Process }
  /** It was created and never started. */
  | { readonly said: 'created'; readonly task: Process }
  /** There is none: List, Get and /proc agree. */
  | { readonly said: 'none' }
  /** Not known: no answer, or answers that contradict each other. */
  | { readonly said: 'nothing'; readonly why: string };

const RUNS: ReadonlySet<TaskStatus> = new Set<TaskStatus>(['RUNNING', 'PAUSED', 'PAUSING']);

/** What a task's status says. */
export function answerOf(task: Process): TaskAnswer {
  if (RUNS.has(task.status)) return { said: 'runs', task };
  if (task.status === 'STOPPED') return { said: 'ended', task };
  return { said: 'created', task };
}

/** A look at the machine: a look that failed is neither. */
export type Look = 'yes' | 'no' | 'failed';

export interface PodFacts {
  /** Its pause task. */
  readonly task: TaskAnswer['said'];
  /** Its record says that it has no pause task. */
  readonly withoutInfra: boolean;
  /** Without a pause task: its namespaces are pinned, which its stop and a reboot undo. */
  readonly pinned: Look;
  /** Its network namespace is pinned, or on the node's network its /dev/shm is mounted: its stop and a reboot undo that. */
  readonly wired: Look;
  /** /proc has processes of its pause task. */
  readonly processes: boolean;
}

export type PodDecision =
  | { readonly state: 'READY'; readonly infra: boolean; readonly doubt: boolean }
  | { readonly state: 'NOTREADY'; readonly infra: boolean; readonly doubt: boolean };

/**
 * READY or NOTREADY, which is all that CRI knows of a pod. kubelet kills and replaces a pod that a successful answer calls
 * NOTREADY or leaves out, so a pod in doubt is READY unless the machine shows that it was stopped.
 */
export function decidePod(facts: PodFacts): PodDecision {
  const { task, withoutInfra, pinned, wired, processes } = facts;
  const infra = !withoutInfra;
  switch (task) {
    case 'runs':
      return { state: 'READY', infra: true, doubt: false };
    case 'ended':
      return { state: 'NOTREADY', infra: true, doubt: false };
    case 'created':
    case 'none':
      if (infra || pinned === 'no') return { state: 'NOTREADY', infra, doubt: false };
      return { state: 'READY', infra, doubt: pinned === 'failed' };
    case 'nothing': {
      const lives = processes || (infra ? wired !== 'no' : pinned !== 'no');
      return { state: lives ? 'READY' : 'NOTREADY', infra, doubt: true };
    }
  }
}

export interface ContainerFacts {
  readonly task: TaskAnswer['said'];
  /** What its status file says; `unread`: there is none that can be read. */
  readonly last: 'created' | 'running' | 'exited' | 'unread';
  /** /proc has processes of its task. */
  readonly processes: boolean;
  /** Whether its log is there: then it has been started once. */
  readonly logged: Look;
}

export type ContainerDecision =
  /** It runs: watch it, and take up its output. */
  | 'run on'
  /** Its task has ended: record that, with its code. */
  | 'record the end'
  /** Its task was never started: delete it, after which the container is CREATED. */
  | 'delete the task'
  /** It ended while crisp was away, and its code is lost. */
  | 'record a lost end'
  /** It is what its status file says. */
  | 'leave'
  /** It ended, and how cannot be read: its status is not told until it can, or has been waited for in vain. */
  | 'EXITED unread'
  /** It was never started, or a start of it was cut off: what that left is cleared. */
  | 'clear a cut-off start'
  /** In doubt it is what it was last; asked again until that is known. */
  | 'EXITED in doubt'
  | 'RUNNING in doubt'
  | 'CREATED in doubt'
  | 'UNKNOWN in doubt';

/** What becomes of a container. kubelet kills and replaces an UNKNOWN one, so that is only for one without a last state. */
export function decideContainer({ task, last, processes, logged }: ContainerFacts): ContainerDecision {
  switch (task) {
    case 'runs':
      return 'run on';
    case 'ended':
      return 'record the end';
    case 'created':
      return 'delete the task';
    case 'none':
      if (last === 'exited') return 'leave';
      if (last === 'running') return 'record a lost end';
      if (last === 'unread' && logged !== 'no') return 'EXITED unread';
      return 'clear a cut-off start';
    case 'nothing':
      if (last === 'exited') return 'EXITED in doubt';
      if (last === 'running' || processes) return 'RUNNING in doubt';
      return last === 'created' ? 'CREATED in doubt' : 'UNKNOWN in doubt';
  }
}
