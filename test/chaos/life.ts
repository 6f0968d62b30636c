import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  ContainerState,
  type ContainerStatus,
  ExecSyncRequest,
  NamespaceMode,
  PodSandboxState,
} from '../../generated/cri/v1/api';
import { checkLog } from '../support/node/log-check';
import { logOf, type Pod, podConfig, shell } from '../support/node/pods';
import { CALL_MS, cutOff, type Ground, type Made, Patience, Rebooted } from './ground';
import { StatisticsLook } from './statistics';

const { CONTAINER_CREATED, CONTAINER_EXITED, CONTAINER_RUNNING, CONTAINER_UNKNOWN } = ContainerState;
/** A shim that was silent for two seconds while crisp started leaves its containers in doubt until it is asked again. */
const IN_DOUBT_MS = 20_000;
const LABEL = 'chaos-life';

/** One pod from its start to its removal, with containers that print, end and are asked things, as kubelet does it. */
export class Life {
  private readonly patience: Patience;
  private readonly made: Made[] = [];
  /** Whether its containers share a PID namespace, which a pause task keeps; kubelet's pods mostly do not. */
  private readonly sharesPids: boolean;
  private pod: Pod | undefined;
  private statistics: StatisticsLook | undefined;

  constructor(
    private readonly ground: Ground,
    private readonly number: string,
  ) {
    this.patience = new Patience(ground);
    this.sharesPids = ground.random.next() < 0.2;
  }

  async run(): Promise<void> {
    const { done, random } = this.ground;
    try {
      await this.begin();
      for (let at = random.between(1, 3); at > 0; at -= 1) await this.container(`c${at}`);
      for (let at = random.between(0, 4); at > 0 && !this.ground.over(); at -= 1) {
        await this.command();
        await this.statistics?.look(this.made, () => this.patience.rebooted);
        await pause(random.between(100, 1500));
      }
      for (const made of this.made) if (made.code !== undefined) await this.ended(made, made.code);
      await this.look();
      done.add('pods that ran to their end');
    } catch (error) {
      if (!(error instanceof Rebooted)) throw error;
      done.add('pods that a reboot ended');
    } finally {
      await this.end();
    }
  }

  private async begin(): Promise<void> {
    const { node } = this.ground.chaos;
    const config = podConfig(node, {
      labels: { [LABEL]: this.number },
      linux: this.linux(),
      portMappings: [{ containerPort: 80, hostPort: 0 }],
    });
    const request = { config, runtimeHandler: '' };
    await cutOff(this.ground, (cri, timeoutMs) => cri.runtime.runPodSandbox(request, { timeoutMs }));
    const { podSandboxId } = await this.patience.call('RunPodSandbox', (cri) =>
      cri.runtime.runPodSandbox(request, { timeoutMs: CALL_MS }),
    );
    this.pod = { id: podSandboxId, config };
    this.statistics = new StatisticsLook(this.ground, podSandboxId);
    this.ground.done.add('pods started');
  }

  private linux() {
    const { CONTAINER, POD } = NamespaceMode;
    return { securityContext: { namespaceOptions: { pid: this.sharesPids ? POD : CONTAINER } } };
  }

  /** A start that failed leaves a container that has ended: another takes its place. */
  private async container(name: string): Promise<void> {
    const { random, done } = this.ground;
    const code = random.next() < 0.6 ? random.between(0, 120) : undefined;
    const lines = random.between(50, 3000);
    const end =
      code === undefined ? 'exec sleep 100000' : `read -r up idle </proc/uptime; echo $up >$END; exit ${code}`;
    const script = `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo "line $i of ${lines}"; [ $((i%100)) = 0 ] && sleep 0.1; done; ${end}`;
    for (let attempt = 0; !(await this.attempt(`${name}-${attempt}`, script, code)); attempt += 1) {
      done.add('starts that failed');
    }
    done.add('containers started');
  }

  private async attempt(name: string, script: string, code: number | undefined): Promise<boolean> {
    const pod = this.theirPod();
    const config = shell(name, script, {
      linux: this.linux(),
      envs: [{ key: 'END', value: Buffer.from(`/ends/${this.number}-${name}`) }],
      mounts: [{ hostPath: this.ground.chaos.endsDir, containerPath: '/ends' }],
    });
    const request = { podSandboxId: pod.id, config, sandboxConfig: pod.config };
    await cutOff(this.ground, (cri, timeoutMs) => cri.runtime.createContainer(request, { timeoutMs }));
    const { containerId: id } = await this.patience.call('CreateContainer', (cri) =>
      cri.runtime.createContainer(request, { timeoutMs: CALL_MS }),
    );
    const made: Made = { id, name, code, unanswered: 0 };
    const started = await this.patience.call('StartContainer', async (cri) => {
      const { state, reason } = await this.status(id);
      // kubelet kills an UNKNOWN container: the task of a failed start may still be there.
      if (state !== CONTAINER_CREATED) return reason !== 'StartError' && state !== CONTAINER_UNKNOWN;
      made.unanswered += 1;
      await cri.runtime.startContainer({ containerId: id }, { timeoutMs: CALL_MS });
      made.unanswered -= 1;
      return true;
    });
    if (started) this.began(pod, made);
    else
      await this.patience.call('RemoveContainer', (cri) =>
        cri.runtime.removeContainer({ containerId: id }, { timeoutMs: CALL_MS }),
      );
    return started;
  }

  /** From now on the container is watched, until the pod is stopped. */
  private began({ id: podId }: Pod, made: Made): void {
    const { chaos, done } = this.ground;
    this.made.push(made);
    if (chaos.watched.add(podId, made.id, this.endFile(made.name))) done.add('running containers watched');
  }

  private async status(containerId: string): Promise<ContainerStatus> {
    const { status } = await this.ground.cri.runtime.containerStatus(
      { containerId, verbose: false },
      { timeoutMs: CALL_MS },
    );
    if (!status) throw new Error(`no status of ${containerId}`);
    return status;
  }

  /** It may fail for many reasons, but an answer must be the right one. */
  private async command(): Promise<void> {
    const { random, cri, faults, done } = this.ground;
    const lasting = this.made.filter(({ code }) => code === undefined);
    if (lasting.length === 0) return;
    const code = random.between(0, 120);
    const cmd = ['sh', '-c', `echo out ${code}; echo err >&2; exit ${code}`];
    const request = ExecSyncRequest.fromPartial({ containerId: random.pick(lasting).id, cmd, timeout: 20n });
    try {
      const { stdout, stderr, exitCode } = await cri.runtime.execSync(request, { timeoutMs: CALL_MS });
      const answer = `${stdout}${stderr}${exitCode}`;
      if (answer !== `out ${code}\nerr\n${code}`) faults.add('wrong answers of commands', JSON.stringify(answer));
      done.add('commands answered');
    } catch {
      done.add('commands cut off');
    }
  }

  private async ended({ id, name }: Made, code: number): Promise<void> {
    const { faults, done } = this.ground;
    const status = await this.patience.call('the exit of a container', async () => {
      const now = await this.status(id);
      if (now.state !== CONTAINER_EXITED) throw new Error(`it is ${now.state}`);
      return now;
    });
    const { createdAt, startedAt, finishedAt } = status;
    if (createdAt > startedAt || startedAt > finishedAt) {
      faults.add('times that run backwards', `${id}: ${createdAt}, ${startedAt}, ${finishedAt}`);
    }
    if (status.reason === 'Unknown') return this.lost(id, this.endOf(name));
    if (status.exitCode !== code) {
      faults.add(
        'wrong exit codes',
        `${status.exitCode} (${status.reason} ${status.message}) instead of ${code}: ${id}`,
      );
    }
    done.add('exit codes looked at');
  }

  /** A daemon that starts forgets the tasks that ended without it: no code is made up for them. No other may be lost. */
  private lost(id: string, endedAt: number): void {
    const { faults, done, chaos } = this.ground;
    if (chaos.containerdAway.cover(endedAt)) done.add('exit codes that containerd lost while it was away');
    else faults.add('exit codes lost while containerd was there', `${id} at ${endedAt}, ${chaos.containerdAway}`);
  }

  /** When a container came to its end, by the machine's uptime in seconds; NaN when it did not. */
  private endOf(name: string): number {
    const file = this.endFile(name);
    return existsSync(file) ? Number.parseFloat(readFileSync(file, 'utf8')) : Number.NaN;
  }

  private endFile(name: string): string {
    return join(this.ground.chaos.endsDir, `${this.number}-${name}`);
  }

  /** Before it is taken down it is whole: ready, with an address, and what should run runs. */
  private async look(): Promise<void> {
    const { faults } = this.ground;
    const pod = this.theirPod();
    const inDoubtUntil = Date.now() + IN_DOUBT_MS;
    await this.patience.call('the look at a pod', async (cri) => {
      const { status, info } = await cri.runtime.podSandboxStatus(
        { podSandboxId: pod.id, verbose: true },
        { timeoutMs: CALL_MS },
      );
      const problems: string[] = [];
      if (status?.state !== PodSandboxState.SANDBOX_READY || !status.network?.ip) {
        problems.push(`${pod.id} is ${status?.state} with address "${status?.network?.ip}"`);
      }
      for (const { id, code } of this.made) {
        const wanted = code === undefined ? CONTAINER_RUNNING : CONTAINER_EXITED;
        const { state } = await this.status(id);
        if (state !== wanted) problems.push(`container ${id} is ${state} instead of ${wanted}`);
      }
      if (problems.length > 0 && Date.now() < inDoubtUntil) throw new Error(problems.join());
      this.lookAtPause(pod, info.info ?? '{}');
      for (const problem of problems) faults.add('pods half there', problem);
    });
  }

  private lookAtPause({ id }: Pod, info: string): void {
    const { chaos, faults, done } = this.ground;
    const { pid } = JSON.parse(info) as { pid?: number };
    const has = pid !== undefined && pid > 0;
    done.add(`pods looked at that have ${has ? 'a' : 'no'} pause task`);
    if (has === (chaos.infra === 'always' || this.sharesPids)) return;
    faults.add('pods with a pause task and no need of it, or the other way round', `${id}: pid ${pid}`);
  }

  /** Stops and removes whatever there is of it by its label, as kubelet does, and then looks at the logs. */
  private async end(): Promise<void> {
    const filter = { id: '', state: undefined, labelSelector: { [LABEL]: this.number } };
    if (this.pod) this.ground.chaos.watched.forget(this.pod.id);
    await this.patience.call(
      'the removal of a pod',
      async (cri) => {
        const { items } = await cri.runtime.listPodSandbox({ filter }, { timeoutMs: CALL_MS });
        for (const { id } of items) {
          await cri.runtime.stopPodSandbox({ podSandboxId: id }, { timeoutMs: CALL_MS });
          await cri.runtime.removePodSandbox({ podSandboxId: id }, { timeoutMs: CALL_MS });
        }
      },
      { overReboots: true },
    );
    if (this.pod) for (const made of this.made) this.checkLogOf(this.pod, made);
  }

  private checkLogOf(pod: Pod, { id, name, code, unanswered }: Made): void {
    const { faults, done } = this.ground;
    const whole = code !== undefined && !this.patience.rebooted;
    const { lines, torn, disordered, lost, end } = checkLog(logOf(pod, name), { whole, restarts: unanswered });
    done.add('log lines read', lines);
    const where = `the log of ${id}, started ${unanswered} times without an answer, which ends with "${end}"`;
    if (torn > 0) faults.add('log lines torn', `${torn} in ${where}`);
    if (disordered > 0) faults.add('log lines out of order', `${disordered} in ${where}`);
    if (lost > 0) faults.add('log lines lost', `${lost} of ${where}`);
  }

  private theirPod(): Pod {
    if (!this.pod) throw new Error('there is no pod yet');
    return this.pod;
  }
}
