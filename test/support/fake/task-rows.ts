import { Metrics as CgroupMetrics } from '../../../generated/cgroups/v3/cgroup2/stats/metrics';
import { TaskDelete, TaskExit, TaskStart } from '../../../generated/containerd/events/task';
import type { TasksDefinition } from '../../../generated/containerd/services/tasks/v1/tasks';
import { type Process, Status } from '../../../generated/containerd/types/task/task';
import type { Any } from '../../../generated/google/protobuf/any';
import { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';
import { FakeProcess } from './fake-process';
import { fieldsOf, matches } from './filter';
import type { Ctx, Rows } from './rows';
import {
  alreadyExists,
  type FakeTask,
  failedPrecondition,
  must,
  type NamespaceState,
  notFound,
  type World,
} from './world';

/** Tasks: processes that run until they are killed. */
export function taskRows(world: World): Rows<typeof TasksDefinition> {
  return { ...lifeRows(world), ...endRows(), ...lookRows(world), ...changeRows() };
}

type LifeRows = Pick<Rows<typeof TasksDefinition>, 'create' | 'start' | 'delete' | 'deleteProcess' | 'exec'>;

function lifeRows(world: World): LifeRows {
  return {
    create: (req, { ns }) => {
      const { containerId, stdin, stdout, stderr, terminal, rootfs, options, runtimePath } = req;
      must(ns.containers, containerId, 'container');
      if (ns.tasks.has(containerId)) throw alreadyExists(`task ${containerId}`);
      const facts = { containerId, execId: '', pid: world.newPid(), stdin, stdout, stderr, terminal };
      requireOutputs(facts);
      const init = new FakeProcess(facts, (process) => exited(world, ns, process));
      ns.tasks.set(containerId, { init, execs: new Map(), rootfs, options, runtimePath, resources: [] });
      return { containerId, pid: init.pid };
    },
    start: ({ containerId, execId }, { ns }) => {
      const process = processOf(ns, containerId, execId);
      if (process.status !== Status.CREATED) throw failedPrecondition(`process of ${containerId} has been started`);
      requireOutputs(process.facts);
      process.status = Status.RUNNING;
      const event = TaskStart.encode({ containerId, pid: process.pid }).finish();
      world.publish(ns.name, '/tasks/start', any('containerd.events.TaskStart', event));
      world.onStart(process);
      return { pid: process.pid };
    },
    exec: ({ containerId, execId, stdin, stdout, stderr, terminal, spec }, { ns }) => {
      const task = must(ns.tasks, containerId, 'task');
      if (task.init.status !== Status.RUNNING) throw failedPrecondition(`task ${containerId} is not running`);
      if (task.execs.has(execId)) throw alreadyExists(`exec ${execId}`);
      const facts = { containerId, execId, pid: world.newPid(), stdin, stdout, stderr, terminal, spec };
      task.execs.set(execId, new FakeProcess(facts, (process) => exited(world, ns, process)));
      return {};
    },
    delete: ({ containerId }, { ns }) => {
      const { init, execs } = must(ns.tasks, containerId, 'task');
      if (init.status === Status.RUNNING)
        throw failedPrecondition(`task ${containerId} must be stopped before deletion`);
      for (const exec of execs.values()) exec.exit(137);
      init.exit(137); // one that was never started is taken away as it is
      ns.tasks.delete(containerId);
      return deleted(world, ns, init);
    },
    deleteProcess: ({ containerId, execId }, { ns }) => {
      const process = processOf(ns, containerId, execId);
      if (process.status === Status.RUNNING) throw failedPrecondition(`process ${execId} must be stopped`);
      must(ns.tasks, containerId, 'task').execs.delete(execId);
      process.exit(137);
      return deleted(world, ns, process);
    },
  };
}

/**
 * As runc's shim: it opens both outputs by their names, or the one of a terminal, and fails when a name is empty. Without any
 * stream (and terminal) it opens nothing.
 */
function requireOutputs({ stdin, stdout, stderr, terminal }: FakeProcess['facts']): void {
  const named = stdout !== '' && (terminal || stderr !== '');
  const none = !terminal && stdin === '' && stdout === '' && stderr === '';
  if (!named && !none) throw new RpcError(Code.UNKNOWN, 'failed to start io pipe copy: opening file "" failed');
}

type EndRows = Pick<Rows<typeof TasksDefinition>, 'kill' | 'wait'>;

function endRows(): EndRows {
  return {
    kill: ({ containerId, execId, signal, all }, { ns }) => {
      const process = processOf(ns, containerId, execId);
      if (process.status === Status.STOPPED) throw notFound('process already finished');
      if (all) for (const exec of must(ns.tasks, containerId, 'task').execs.values()) exec.kill(signal);
      process.kill(signal);
      return {};
    },
    wait: async ({ containerId, execId }, { ns, signal }) => {
      const process = processOf(ns, containerId, execId);
      await Promise.race([process.exited, untilAborted(signal)]);
      return { exitStatus: process.exitStatus, exitedAt: process.exitedAt };
    },
  };
}

type LookRows = Pick<Rows<typeof TasksDefinition>, 'get' | 'list' | 'listPids' | 'metrics'>;

function lookRows(world: World): LookRows {
  const noMetrics = any(
    'io.containerd.cgroups.v2.Metrics',
    CgroupMetrics.encode(CgroupMetrics.fromPartial({})).finish(),
  );
  return {
    get: ({ containerId, execId }, { ns }) => ({ process: wireProcess(processOf(ns, containerId, execId)) }),
    list: (_req, { ns }) => ({ tasks: [...ns.tasks.values()].map(({ init }) => wireProcess(init)) }),
    listPids: ({ containerId }, { ns }) => {
      const { init, execs } = must(ns.tasks, containerId, 'task');
      const running = [init, ...execs.values()].filter(({ status }) => status === Status.RUNNING);
      return { processes: running.map(({ pid }) => ({ pid })) };
    },
    metrics: ({ filters }, { ns }) => {
      const running = [...ns.tasks].filter(([id, { init }]) => {
        return init.status === Status.RUNNING && matches(filters, fieldsOf({ id, namespace: ns.name }));
      });
      const metrics = running.map(([id]) => ({ id, timestamp: world.now(), data: world.metrics.get(id) ?? noMetrics }));
      return { metrics };
    },
  };
}

type ChangeRows = Omit<Rows<typeof TasksDefinition>, keyof LifeRows | keyof EndRows | keyof LookRows>;

function changeRows(): ChangeRows {
  const become = (to: Status, from: Status) => {
    return ({ containerId }: { containerId: string }, { ns }: Ctx) => {
      const { init } = must(ns.tasks, containerId, 'task');
      if (init.status !== from) throw failedPrecondition(`task ${containerId} is ${Status[init.status]}`);
      init.status = to;
      return {};
    };
  };
  return {
    pause: become(Status.PAUSED, Status.RUNNING),
    resume: become(Status.RUNNING, Status.PAUSED),
    update: ({ containerId, resources }, { ns }) => {
      if (resources) must(ns.tasks, containerId, 'task').resources.push(resources);
      return {};
    },
    resizePty: ({ containerId, execId, width, height }, { ns }) => {
      processOf(ns, containerId, execId).size = { width, height };
      return {};
    },
    closeIO: ({ containerId, execId, stdin }, { ns }) => {
      if (stdin) processOf(ns, containerId, execId).stdinClosed = true;
      return {};
    },
    checkpoint: () => {
      throw new RpcError(Code.UNIMPLEMENTED, 'the fake makes no checkpoints');
    },
  };
}

/** The process of a task, or one executed in it. */
export function processOf(ns: NamespaceState, containerId: string, execId = ''): FakeProcess {
  const task: FakeTask = must(ns.tasks, containerId, 'task');
  return execId === '' ? task.init : must(task.execs, execId, 'exec');
}

function exited(world: World, ns: NamespaceState, process: FakeProcess): void {
  process.exitedAt = world.now();
  const { containerId, execId, pid } = process;
  if (execId === '') for (const exec of ns.tasks.get(containerId)?.execs.values() ?? []) exec.exit(137);
  const exit = {
    containerId,
    id: execId || containerId,
    pid,
    exitStatus: process.exitStatus,
    exitedAt: process.exitedAt,
  };
  world.publish(ns.name, '/tasks/exit', any('containerd.events.TaskExit', TaskExit.encode(exit).finish()));
}

function deleted(world: World, ns: NamespaceState, process: FakeProcess) {
  const { containerId, execId, pid, exitStatus, exitedAt } = process;
  const event = { containerId, id: execId || containerId, pid, exitStatus, exitedAt };
  world.publish(ns.name, '/tasks/delete', any('containerd.events.TaskDelete', TaskDelete.encode(event).finish()));
  return { id: execId || containerId, pid, exitStatus, exitedAt };
}

/** As a real daemon answers: the container's id stands in `id`, and `container_id` is empty. */
function wireProcess(process: FakeProcess): Process {
  const { stdin, stdout, stderr, terminal } = process.facts;
  const { pid, status, exitStatus, exitedAt, execId, containerId } = process;
  return {
    containerId: '',
    id: execId || containerId,
    pid,
    status,
    stdin,
    stdout,
    stderr,
    terminal,
    exitStatus,
    exitedAt,
  };
}

function any(typeUrl: string, bytes: Uint8Array): Any {
  return { typeUrl, value: Buffer.from(bytes) };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
