import { basename, dirname, join } from 'node:path';
import type { Logger } from '../../base/logger';
import { KeyedMutex } from '../../base/work/keyed-mutex';
import { endedOrLate } from '../../stdio/ended-or-late';
import type { Command, OnDisk, OutputSpec } from '../../stdio/engine-messages';
import { StdioError } from '../../stdio/stdio-error';
import type { JournalFiles } from './journal-files';
import type { EnginePort, LanePort } from './worker-port';

/** The most threads. Logs of further disks share the last one. */
export const MAX_LANES = 8;
/** A thread without containers ends after this time, unless it is the only one. */
const IDLE_MS = 30_000;
/** How often a log may turn out to lie on another disk than it seems to: as often as the kernel follows links. */
const MAX_MOVES = 40;
/** How long a thread may take to hold the copying, or to end, before it counts as held up by its disk. */
const ANSWER_MS = 1000;
/** Instead of a disk: the thread has the logs of several. */
const SHARED = 'shared';

export interface EngineLanesOptions {
  /** Starts a thread whose journal is in that file. `onDead` as of WorkerPort. */
  start(journal: string, onDead: (why: string) => void): LanePort;
  /** The disk that a path lies on as far as the mount table tells, symbolic links left aside; empty path: no disk. */
  diskOf(path: string): string;
  readonly journals: JournalFiles;
  /** Resolves when no system call of a thread of a killed predecessor can take effect any more. */
  threadGone(owner: string): Promise<void>;
  readonly log: Logger;
  /** A thread ended though it was not asked to. */
  onDead(why: string): void;
}

interface Lane {
  readonly port: LanePort;
  readonly journal: string;
  /** Undefined: it has no container and may be any disk's. */
  disk: string | undefined;
  readonly ids: Set<string>;
  idle: NodeJS.Timeout | undefined;
}

interface OpenOutput {
  readonly spec: OutputSpec;
  readonly lane: Lane;
  /** Where its log seemed to lie, and where it does. */
  readonly seemed: OnDisk;
  readonly at: OnDisk;
  listening: boolean;
}

/**
 * The threads that copy output: one for each disk that logs lie on, so that a disk that does not answer holds up its own
 * logs only. Mostly that is one thread. Which disk a log lies on is told by the mount table; symbolic links are followed
 * by the thread of the disk that they lie on. What is asked for one container is carried out in order.
 */
export class EngineLanes implements EnginePort {
  private readonly lanes: Lane[] = [];
  private readonly open = new Map<string, OpenOutput>();
  private readonly turns = new KeyedMutex();
  private paused = false;
  private stopped = false;

  constructor(private readonly options: EngineLanesOptions) {
    this.start(); // or the first container would have to wait for it
  }

  /** How many threads there are. */
  get size(): number {
    return this.lanes.length;
  }

  async send(command: Command): Promise<void> {
    if (command.kind === 'pause') return this.pause(command.on);
    if (command.kind === 'stop') throw new Error('threads are stopped by stop()');
    const id = command.kind === 'open' ? command.spec.id : command.id;
    await using _turn = await this.turns.hold(id);
    await this.carryOut(command, id);
  }

  /** Ends all threads; false when one of them does not end, since its disk does not answer. */
  async stop(): Promise<boolean> {
    this.stopped = true;
    for (const { idle } of this.lanes) clearTimeout(idle);
    return endedOrLate(Promise.all(this.lanes.map(({ port }) => port.stop())), ANSWER_MS);
  }

  private async carryOut(command: Exclude<Command, { kind: 'pause' | 'stop' }>, id: string): Promise<unknown> {
    switch (command.kind) {
      case 'open':
        return this.openOutput(command.spec);
      case 'reopen':
        return this.reopen(this.find(id), command.logPath);
      case 'listen':
        this.find(id).listening = command.on;
        return this.find(id).lane.port.send(command);
      default:
        return this.close(id, command);
    }
  }

  private async openOutput(spec: OutputSpec): Promise<void> {
    const left = this.options.journals.leftBy(spec.id);
    if (left) await this.options.threadGone(left.owner);
    await this.place(spec, this.where(spec.logPath), left?.path);
    this.options.journals.finished(spec.id);
  }

  /** Opens it on the thread of its log's disk. Afterwards, when that fails, it is not open. */
  private async place(spec: OutputSpec, where: OnDisk, leftIn?: string): Promise<void> {
    let at = where;
    for (let moves = 0; ; moves++) {
      const lane = this.laneOf(at.disk);
      lane.ids.add(spec.id);
      const looks = moves < MAX_MOVES && lane.disk !== SHARED && spec.logPath !== '';
      let elsewhere: OnDisk | undefined;
      try {
        elsewhere = await lane.port.send({ kind: 'open', spec, leftIn, at: looks ? at : undefined });
      } catch (error) {
        this.leave(lane, spec.id);
        throw error;
      }
      if (!elsewhere) {
        this.open.set(spec.id, { spec, lane, seemed: where, at, listening: false });
        return;
      }
      this.leave(lane, spec.id);
      at = elsewhere;
    }
  }

  private async reopen(output: OpenOutput, logPath: string): Promise<void> {
    const { lane, spec, listening } = output;
    const changed = { ...spec, logPath };
    const where = this.where(logPath);
    // In the same directory it lies where the one before it does, whatever links lead there.
    const beside = dirname(logPath) === dirname(spec.logPath) && where.disk === output.seemed.disk;
    const at = beside ? { path: join(dirname(output.at.path), basename(logPath)), disk: output.at.disk } : where;
    const shared = lane.disk === SHARED;
    const stays = shared || at.disk === lane.disk;
    const command: Command = { kind: 'reopen', id: spec.id, logPath, at: shared ? undefined : at };
    const elsewhere = stays ? await lane.port.send(command) : at;
    if (!elsewhere) {
      this.open.set(spec.id, { ...output, spec: changed, seemed: where, at });
      return;
    }
    await this.close(spec.id, { kind: 'release', id: spec.id });
    try {
      await this.place(changed, elsewhere);
    } catch (error) {
      await this.place(spec, this.where(spec.logPath));
      throw error;
    } finally {
      await this.listenAgain(spec.id, listening);
    }
  }

  private async listenAgain(id: string, on: boolean): Promise<void> {
    const output = this.open.get(id);
    if (!output || !on) return;
    output.listening = on;
    await output.lane.port.send({ kind: 'listen', id, on });
  }

  private async close(id: string, command: Command): Promise<void> {
    const output = this.open.get(id);
    if (!output) return this.options.journals.forget(id);
    await output.lane.port.send(command);
    this.open.delete(id);
    this.leave(output.lane, id);
  }

  /** A thread that does not answer copies nothing, and learns of it before it copies again. */
  private async pause(on: boolean): Promise<void> {
    this.paused = on;
    const told = this.lanes.map(({ port }) => port.send({ kind: 'pause', on }));
    await endedOrLate(Promise.allSettled(told), ANSWER_MS);
  }

  private where(logPath: string): OnDisk {
    return { path: logPath, disk: this.options.diskOf(logPath) };
  }

  private laneOf(disk: string): Lane {
    const lane =
      this.lanes.find((each) => each.disk === disk) ??
      this.lanes.find((each) => each.disk === undefined) ??
      (this.lanes.length < MAX_LANES ? this.start() : undefined);
    if (!lane) return this.shared();
    clearTimeout(lane.idle);
    lane.disk = disk;
    return lane;
  }

  private shared(): Lane {
    const last = this.lanes.at(-1) ?? this.start();
    if (last.disk !== SHARED) this.options.log.warn('logs of several disks share a thread', { threads: MAX_LANES });
    last.disk = SHARED;
    return last;
  }

  private start(): Lane {
    const journal = this.options.journals.take();
    const onDead = (why: string): void => {
      if (this.lanes.includes(lane)) this.options.onDead(why);
    };
    const port = this.options.start(journal, onDead);
    const lane: Lane = { port, journal, disk: undefined, ids: new Set(), idle: undefined };
    this.lanes.push(lane);
    if (this.paused) void port.send({ kind: 'pause', on: true }).catch(() => undefined);
    return lane;
  }

  private leave(lane: Lane, id: string): void {
    lane.ids.delete(id);
    if (lane.ids.size > 0) return;
    lane.disk = undefined;
    lane.idle = setTimeout(() => void this.end(lane), IDLE_MS);
    lane.idle.unref();
  }

  private async end(lane: Lane): Promise<void> {
    if (lane.disk !== undefined || this.stopped || this.lanes.length === 1) return;
    this.lanes.splice(this.lanes.indexOf(lane), 1);
    await lane.port.stop();
    this.options.journals.give(lane.journal);
  }

  private find(id: string): OpenOutput {
    const output = this.open.get(id);
    if (!output) throw new StdioError('NOT_OPEN', `the stdio of container "${id}" is not open`);
    return output;
  }
}
