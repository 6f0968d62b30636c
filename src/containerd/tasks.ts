import { type DeleteResponse, TasksDefinition } from '../../generated/containerd/services/tasks/v1/tasks';
import { Status, type Process as WireProcess } from '../../generated/containerd/types/task/task';
import type { Any } from '../model/any';
import type { Mount } from '../model/mount';
import type { Client } from '../rpc/client/client';
import type { CallOptions, Connection } from './connection';
import { malformed, orAbsent, wasThere } from './errors';
import { toNanos } from './time';

export type TaskStatus = 'UNKNOWN' | 'CREATED' | 'RUNNING' | 'STOPPED' | 'PAUSED' | 'PAUSING';

/** The first process of a task (execId empty) or one that was executed in it. */
export interface Process {
  containerId: string;
  execId: string;
  pid: number;
  status: TaskStatus;
  exitStatus: number;
  /** Nanoseconds since 1970; 0n while it runs. */
  exitedAt: bigint;
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}

/** Names a process: without `execId` the first one of the task. */
export interface ProcessRef {
  containerId: string;
  execId?: string;
}

/** Paths of FIFOs, empty or absent: none. */
export interface Stdio {
  stdin?: string;
  stdout?: string;
  stderr?: string;
  terminal?: boolean;
}

export interface ExitInfo {
  exitStatus: number;
  exitedAt: bigint;
}

export interface DeletedProcess extends ExitInfo {
  pid: number;
}

/**
 * A call in which the shim runs its runtime is not given up with its caller: the runtime would be killed in the midst, and
 * what it had begun (a first process that waits for ever, its cgroup) would belong to nobody. So there is a deadline only,
 * as long as kubelet's own.
 */
type ToTheEnd = Pick<CallOptions, 'timeoutMs'>;
const RUNTIME_TIMEOUT_MS = 120_000;

/** Running containers: the processes behind a container record. */
export class Tasks {
  private readonly service: Client<typeof TasksDefinition>;

  constructor(private readonly connection: Connection) {
    this.service = connection.service(TasksDefinition);
  }

  /** Starts the shim and makes the first process without running it. `options` replace those of the record, unmerged. */
  async create(
    task: Stdio & { containerId: string; rootfs: Mount[]; options?: Any; runtimePath?: string },
    options?: ToTheEnd,
  ): Promise<{ pid: number }> {
    const { containerId, rootfs, options: taskOptions, runtimePath = '' } = task;
    const request = {
      ...stdioOf(task),
      containerId,
      rootfs,
      options: taskOptions,
      runtimePath,
      taskApiAddress: '',
      taskApiVersion: 0,
    };
    const { pid } = await this.service.create(
      request,
      this.connection.call({ timeoutMs: RUNTIME_TIMEOUT_MS, ...options }),
    );
    return { pid };
  }

  /** Runs the program of a process that was created. */
  async start(process: ProcessRef, options?: ToTheEnd): Promise<{ pid: number }> {
    const call = this.connection.call({ timeoutMs: RUNTIME_TIMEOUT_MS, ...options });
    const { pid } = await this.service.start(refOf(process), call);
    return { pid };
  }

  /**
   * Resolves when the process has ended. Has no deadline of its own. A broken connection rejects with UNAVAILABLE, which
   * says nothing about the process.
   */
  async wait(process: ProcessRef, options?: CallOptions): Promise<ExitInfo> {
    const { exitStatus, exitedAt } = await this.service.wait(refOf(process), this.connection.stream(options));
    if (!exitedAt) throw malformed(TasksDefinition, 'Wait', 'without a time of exit');
    return { exitStatus, exitedAt: toNanos(exitedAt) };
  }

  /** The process; undefined when containerd says that there is none. An answer about nothing or another task rejects. */
  async get(process: ProcessRef, options?: CallOptions): Promise<Process | undefined> {
    const answer = await orAbsent(this.service.get(refOf(process), this.connection.call(options)));
    if (!answer) return undefined;
    const ref = refOf(process);
    if (!answer.process || !isAbout(answer.process, ref)) {
      throw malformed(TasksDefinition, 'Get', `about ${answer.process ? 'another task' : 'nothing'}`);
    }
    return toProcess(answer.process, ref);
  }

  /** The first processes of all tasks. */
  async list(options?: CallOptions): Promise<Process[]> {
    const { tasks } = await this.service.list({ filter: '' }, this.connection.call(options));
    // Releases differ in which of the two ids they fill; for a first process both are the container's.
    return tasks.map((task) => toProcess(task, { containerId: task.containerId || task.id, execId: '' }));
  }

  /** Sends a signal, by number; `all`: to every process of the task. False when the process has ended or never was. */
  kill(target: ProcessRef & { signal: number; all?: boolean }, options?: CallOptions): Promise<boolean> {
    const request = { ...refOf(target), signal: target.signal, all: target.all ?? false };
    return wasThere(this.service.kill(request, this.connection.call(options)));
  }

  /** Removes a task that has ended and its shim; undefined when there was none. */
  delete(containerId: string, options?: CallOptions): Promise<DeletedProcess | undefined> {
    return deleted(this.service.delete({ containerId }, this.connection.call(options)));
  }

  /** Removes an executed process that has ended; undefined when there was none. */
  deleteProcess(
    process: { containerId: string; execId: string },
    options?: CallOptions,
  ): Promise<DeletedProcess | undefined> {
    return deleted(this.service.deleteProcess(refOf(process), this.connection.call(options)));
  }

  /** Adds a process to a running task; `start` runs it. `spec` is an OCI process as JSON. */
  async exec(
    process: Stdio & { containerId: string; execId: string; spec: Any },
    options?: CallOptions,
  ): Promise<void> {
    const request = { ...stdioOf(process), ...refOf(process), spec: process.spec };
    await this.service.exec(request, this.connection.call(options));
  }

  /** Sets the size of a process' terminal, in characters. */
  async resizePty(target: ProcessRef & { width: number; height: number }, options?: CallOptions): Promise<void> {
    const { width, height } = target;
    await this.service.resizePty({ ...refOf(target), width, height }, this.connection.call(options));
  }

  /** Has the shim close its own end of a process' stdin, so that the process reads end of file. */
  async closeStdin(process: ProcessRef, options?: CallOptions): Promise<void> {
    await this.service.closeIO({ ...refOf(process), stdin: true }, this.connection.call(options));
  }

  /** Every process in the task's cgroup, by its pid on the host. */
  async pids(containerId: string, options?: CallOptions): Promise<{ pid: number; info?: Any }[]> {
    const { processes } = await this.service.listPids({ containerId }, this.connection.call(options));
    return processes.map(({ pid, info }) => ({ pid, info }));
  }

  /** Changes the resources of a running task. */
  async update(
    change: { containerId: string; resources: Any; annotations?: Record<string, string> },
    options?: CallOptions,
  ): Promise<void> {
    const { containerId, resources, annotations = {} } = change;
    await this.service.update({ containerId, resources, annotations }, this.connection.call(options));
  }

  /** What the cgroups of these tasks count; a task that does not run has no entry. */
  async metrics(ids: string[], options?: CallOptions): Promise<{ id: string; timestamp: bigint; data?: Any }[]> {
    if (ids.length === 0) return []; // no filter would mean all tasks
    const filters = ids.map((id) => `id==${id}`);
    const { metrics } = await this.service.metrics({ filters }, this.connection.call(options));
    return metrics.map(({ id, timestamp, data }) => ({ id, timestamp: toNanos(timestamp), data }));
  }

  /** Freezes every process of a task. */
  async pause(containerId: string, options?: CallOptions): Promise<void> {
    await this.service.pause({ containerId }, this.connection.call(options));
  }

  /** Lets a frozen task go on. */
  async resume(containerId: string, options?: CallOptions): Promise<void> {
    await this.service.resume({ containerId }, this.connection.call(options));
  }
}

function refOf({ containerId, execId = '' }: ProcessRef): { containerId: string; execId: string } {
  return { containerId, execId };
}

/** Releases differ in which of the two ids they fill. */
function isAbout(process: WireProcess, { containerId, execId }: { containerId: string; execId: string }): boolean {
  if (process.containerId !== '' && process.containerId !== containerId) return false;
  return process.id === '' ? process.containerId !== '' : process.id === (execId || containerId);
}

function stdioOf({ stdin = '', stdout = '', stderr = '', terminal = false }: Stdio): Required<Stdio> {
  return { stdin, stdout, stderr, terminal };
}

function toProcess(process: WireProcess, ref: { containerId: string; execId: string }): Process {
  const { pid, status, exitStatus, exitedAt, stdin, stdout, stderr, terminal } = process;
  return {
    ...ref,
    pid,
    status: (Status[status] as TaskStatus | undefined) ?? 'UNKNOWN',
    exitStatus,
    exitedAt: toNanos(exitedAt),
    stdin,
    stdout,
    stderr,
    terminal,
  };
}

async function deleted(answer: Promise<DeleteResponse>): Promise<DeletedProcess | undefined> {
  const response = await orAbsent(answer);
  if (!response) return undefined;
  const { pid, exitStatus, exitedAt } = response;
  return { pid, exitStatus, exitedAt: toNanos(exitedAt) };
}
