import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import {
  type ContainerConfig,
  ContainerState,
  type ContainerStatus,
  type DeepPartial,
  PullImageRequest,
} from '../../generated/cri/v1/api';
import { errorMessage } from '../../src/base/errors';
import { until } from '../support/daemon/process';
import { checkLog } from '../support/node/log-check';
import { logOf, type Pod } from '../support/node/pods';
import { Commands } from './commands';
import { CALL_MS, type Ground, wrong } from './ground';
import type { PodCalls } from './pod-calls';
import { ABSENT } from './soak-node';
import { timesBackwards, wrongEnd } from './status-look';
import { configOf, eventsOf, prints, type Work } from './work';

const { CONTAINER_CREATED, CONTAINER_EXITED, CONTAINER_RUNNING, CONTAINER_UNKNOWN } = ContainerState;
const LOOKS_MS = 100;
const COMES_MS = 30_000;
/** An end is told within this. */
const TOLD_WITHIN_MS = 2000;
/** What CRI runtimes report for a container whose start failed. */
const FAILED_START = { code: 128, reason: 'StartError' };

/** One container of a pod: made, started, asked and ended as its work says. */
export class ContainerLife {
  private id = '';
  private seen: ContainerStatus | undefined;
  private started = false;
  private ended = false;
  private removed = false;
  private readonly runtime;

  constructor(
    private readonly ground: Ground,
    private readonly calls: PodCalls,
    private readonly pod: Pod,
    private readonly work: Work,
  ) {
    this.runtime = ground.cri.runtime;
  }

  /** Makes and starts it, as far as its work lets it. `dir` has the container's own files on the node. */
  async begin(dir: string, shared: DeepPartial<ContainerConfig>): Promise<void> {
    const { work, ground } = this;
    const config = configOf(work, dir, shared);
    if (work.kind === 'has no such image') return this.failWithoutImage(config);
    if (work.kind === 'has a mount of what cannot be on the node') {
      return this.mustFail('CreateContainer', () => this.create(config, { timeoutMs: CALL_MS }));
    }
    this.id = await this.calls.call('CreateContainer', (options) => this.create(config, options));
    ground.soak.ids.add(this.id);
    await this.look();
    ground.done.add(`containers: ${work.kind}`);
    if (work.kind === 'is never started') return;
    if (!work.end) return this.failToStart();
    this.started = await this.start();
  }

  /** From its start to its end, or to where it goes on until its pod ends. */
  async goOn(): Promise<void> {
    if (!this.started) return;
    await this.whileItRuns();
    await this.end();
  }

  /** To be called before its pod is stopped. */
  podEnds(): void {
    this.ground.present.containerEnds(this.id);
  }

  /** After its pod was stopped: nothing of it may run. */
  async afterStop(): Promise<void> {
    if (this.id === '' || this.removed) return;
    const { state } = await this.look();
    if (state === CONTAINER_RUNNING) this.wrongState('it runs though its pod was stopped');
  }

  /** When its pod has been removed: what was told of it, and its log. */
  async close(): Promise<void> {
    const { ground, work } = this;
    if (this.id === '') return;
    ground.present.removed(this.id);
    const problem = await ground.events.close(this.id, this.calls.uncertain ? undefined : eventsOf(work));
    if (problem) wrong(ground, 'events lost, twice or out of order', `${this.about}: ${problem}`);
    ground.done.add('containers whose events were looked at');
    this.lookAtLog();
  }

  private get about(): string {
    return `${this.id} (${this.work.kind})`;
  }

  private async create(config: ContainerConfig, options: { timeoutMs?: number }): Promise<string> {
    const request = { podSandboxId: this.pod.id, config, sandboxConfig: this.pod.config };
    return (await this.runtime.createContainer(request, options)).containerId;
  }

  private async failWithoutImage(config: ContainerConfig): Promise<void> {
    const { images } = this.ground.cri;
    const request = PullImageRequest.fromPartial({ image: { image: ABSENT } });
    await this.mustFail('PullImage', () => images.pullImage(request, { timeoutMs: CALL_MS }));
    await this.mustFail('CreateContainer', () => this.create(config, { timeoutMs: CALL_MS }));
  }

  private async failToStart(): Promise<void> {
    const { id: containerId } = this;
    await this.mustFail('StartContainer', () => this.runtime.startContainer({ containerId }, { timeoutMs: CALL_MS }));
    this.lookAtEnd(await this.untilEnded(), FAILED_START);
  }

  private async mustFail(rpc: string, act: () => Promise<unknown>): Promise<void> {
    const { ground, work } = this;
    const failed = await act().then(
      () => false,
      () => true,
    );
    if (!failed) wrong(ground, 'calls that should have failed', `${rpc} of a container that ${work.kind}: ${this.id}`);
    ground.done.add(`calls that failed as they should: ${rpc}, ${work.kind}`);
  }

  /** False when the start was cut off and undone: kubelet would make another container. */
  private async start(): Promise<boolean> {
    const { id: containerId, ground } = this;
    await this.calls.call('StartContainer', async (options) => {
      const { state } = this.calls.uncertain ? await this.look() : { state: CONTAINER_CREATED };
      if (state === CONTAINER_UNKNOWN) throw new Error('its start is being undone');
      if (state === CONTAINER_CREATED) await this.runtime.startContainer({ containerId }, options);
    });
    const { reason } = await this.look();
    if (reason !== FAILED_START.reason) return true;
    if (!this.calls.uncertain)
      wrong(ground, 'wrong states', `${this.about}: ${reason} after a start that was answered`);
    ground.done.add('starts that were cut off and undone');
    return false;
  }

  private async whileItRuns(): Promise<void> {
    const { random, present, over } = this.ground;
    const { kind } = this.work;
    const lasts = this.work.end?.graceS !== undefined;
    if (lasts) present.containerRuns(this.id);
    if (prints(this.work) && random.next() < 0.4) await this.rotate();
    if (!lasts) return;
    // It has its handler when it has printed.
    if (prints(this.work)) await this.untilPrinted();
    const commands = new Commands(this.ground, this.calls, this.id);
    if (kind === 'answers who attaches') await commands.attach();
    for (let at = random.between(0, 2); at > 0 && !over(); at -= 1) await commands.any();
  }

  /** As kubelet does it: a new name, then the call, and the old name again when that fails. */
  private async rotate(): Promise<void> {
    const { random, done } = this.ground;
    const path = logOf(this.pod, this.work.name);
    const times = random.between(1, 3);
    for (let nth = 1; nth <= times; nth += 1) {
      await pause(random.between(0, 60));
      if ((await this.look()).state !== CONTAINER_RUNNING) return;
      const rotated = `${path}.${nth}`;
      renameSync(path, rotated);
      try {
        await this.runtime.reopenContainerLog({ containerId: this.id }, { timeoutMs: CALL_MS });
        done.add('logs rotated');
      } catch (error) {
        if (!existsSync(path)) renameSync(rotated, path);
        // One that has just ended has no log to open anew, a moment before it is told to have ended.
        const hasEnded = async (): Promise<boolean> => (await this.look()).state !== CONTAINER_RUNNING;
        await until('it has ended', TOLD_WITHIN_MS, hasEnded).catch(() => {
          throw error;
        });
      }
    }
  }

  /** The last line is there of each of its streams. */
  private async untilPrinted(): Promise<void> {
    const { lines, name, streams } = this.work;
    const path = logOf(this.pod, name);
    const printed = async (): Promise<boolean> => {
      const texts = filesOf(path).map((file) => readFileSync(file, 'latin1'));
      return texts.join('').split(`line ${lines} of `).length > streams.length;
    };
    await until(`${this.about} has printed`, COMES_MS, printed).catch((error: unknown) => {
      wrong(this.ground, 'log lines lost', errorMessage(error));
    });
  }

  /** Ends by itself, is stopped, or is left to the stop of its pod; removed now or with it. */
  private async end(): Promise<void> {
    const { work, ground, id: containerId } = this;
    const { random, present } = ground;
    if (!work.end) return;
    const { graceS } = work.end;
    if (graceS !== undefined) {
      if (random.next() < 0.15) return;
      present.containerEnds(containerId);
      await this.calls.call('StopContainer', (options) =>
        this.runtime.stopContainer({ containerId, timeout: graceS }, options),
      );
    }
    this.lookAtEnd(await this.untilEnded(), work.end);
    this.ended = true;
    if (random.next() < 0.3) return;
    await this.calls.call('RemoveContainer', (options) => this.runtime.removeContainer({ containerId }, options));
    this.removed = true;
    present.removed(containerId);
  }

  private async untilEnded(): Promise<ContainerStatus> {
    let status = await this.look();
    const ended = async (): Promise<boolean> => {
      if (status.state === CONTAINER_EXITED) return true;
      status = await this.look();
      return status.state === CONTAINER_EXITED;
    };
    await until(`${this.about} has ended`, COMES_MS, ended, LOOKS_MS).catch(() => undefined); // its state tells
    return status;
  }

  private lookAtEnd(status: ContainerStatus, end: Parameters<typeof wrongEnd>[1]): void {
    const { ground } = this;
    const problem = wrongEnd(status, end);
    if (problem) wrong(ground, 'wrong exit codes and reasons', `${this.about}: ${problem}`);
    ground.done.add('exit codes and reasons looked at');
  }

  /** Asks for its status, and looks at what cannot be right whatever it does. */
  private async look(): Promise<ContainerStatus> {
    const { ground, id: containerId } = this;
    const { status } = await this.calls.call('ContainerStatus', (options) =>
      this.runtime.containerStatus({ containerId, verbose: false }, options),
    );
    if (!status) throw new Error(`ContainerStatus of ${containerId} has no status`);
    for (const problem of timesBackwards(status, this.seen, BigInt(Date.now()) * 1_000_000n))
      wrong(ground, 'times that go backwards', `${this.about}: ${problem}`);
    if (status.state === CONTAINER_EXITED && this.seen?.state !== CONTAINER_EXITED) ground.done.add('ends looked at');
    this.seen = status;
    return status;
  }

  private wrongState(what: string): void {
    wrong(this.ground, 'wrong states', `${this.about}: ${what}`);
  }

  private lookAtLog(): void {
    const { ground, work, pod, ended } = this;
    if (!prints(work) && work.kind !== 'answers who attaches') return;
    const whole = ended && prints(work);
    const expected = { whole, streams: work.streams };
    const verdict = checkLog(filesOf(logOf(pod, work.name)), expected);
    const where = `the log of ${this.about}, which ends with "${verdict.end.slice(0, 120)}"`;
    if (verdict.lost > 0) wrong(ground, 'log lines lost', `${verdict.lost} of ${where}`);
    if (verdict.torn > 0) wrong(ground, 'log lines torn', `${verdict.torn} in ${where}`);
    if (verdict.disordered > 0) wrong(ground, 'log lines twice or out of order', `${verdict.disordered} in ${where}`);
    if (verdict.backwards > 0) wrong(ground, 'times that go backwards', `${verdict.backwards} in ${where}`);
    ground.done.add('log lines read', verdict.lines);
    ground.done.add('logs read');
  }
}

/** The files of a log, oldest first. */
function filesOf(path: string): string[] {
  const folder = dirname(path);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const rotated = names.filter((name) => name.startsWith(`${basename(path)}.`)).sort();
  return [...rotated.map((name) => `${folder}/${name}`), ...(existsSync(path) ? [path] : [])];
}
