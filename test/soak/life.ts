import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import {
  type DeepPartial,
  NamespaceMode,
  type PodSandboxConfig,
  PodSandboxState,
  type PodSandboxStatusResponse,
} from '../../generated/cri/v1/api';
import { errorMessage } from '../../src/base/errors';
import { allEnded } from '../../src/base/work/all-ended';
import { RpcCallError } from '../../src/rpc/client/rpc-call-error';
import { Code } from '../../src/rpc/code';
import { type Pod, podConfig } from '../support/node/pods';
import { ContainerLife } from './container-life';
import { WHOLE_LIFE } from './event-record';
import { CALL_MS, type Ground, wrong } from './ground';
import { CUT_OFF, type CutOff, PodCalls } from './pod-calls';
import { drawWork } from './work';

const { CONTAINER, NODE, POD } = NamespaceMode;
const UID_LABEL = 'io.kubernetes.pod.uid';
/** One call of every twelfth pod is cut off. */
const CUT_OFF_SHARE = 1 / 12;
/** What a call that was cut off has begun may still be on its way: lists are asked so often without an answer in between. */
const [QUIET_LOOKS, QUIET_MS] = [3, 300] as const;
const [FIRST_PORT, PORTS] = [20_000, 10_000] as const;

/** One pod from its start to its removal, as kubelet does it. */
export class Life {
  private readonly calls: PodCalls;
  private readonly hostNetwork: boolean;
  /** Its containers share a PID namespace, which a pause task keeps. */
  private readonly sharesPids: boolean;
  private readonly containers: ContainerLife[] = [];
  private pod: Pod | undefined;

  constructor(
    private readonly ground: Ground,
    /** Of the pod among all of the run. */
    private readonly number: number,
  ) {
    const { random } = ground;
    const victim: CutOff | undefined = random.next() < CUT_OFF_SHARE ? random.pick(CUT_OFF) : undefined;
    this.calls = new PodCalls(ground, victim);
    this.hostNetwork = random.next() < 0.25;
    this.sharesPids = random.next() < 0.25;
  }

  /** Never rejects: what fails is counted. */
  async run(): Promise<void> {
    const { random, done } = this.ground;
    const config = this.config();
    try {
      await this.begin(config);
      if (this.pod) {
        for (let at = random.between(1, 2); at > 0; at -= 1) await this.beginContainer(`c${at}`);
        await allEnded(this.containers.map((container) => container.goOn()));
        done.add('pods that ran to their end');
      }
    } catch (error) {
      wrong(this.ground, 'calls that failed', `pod ${this.number}: ${errorMessage(error)}`);
    }
    await this.end(config).catch((error: unknown) => {
      wrong(this.ground, 'calls that failed', `the end of pod ${this.number}: ${errorMessage(error)}`);
    });
    done.add('pods');
  }

  private config(): PodSandboxConfig {
    const { soak, random } = this.ground;
    const { hostNetwork, number } = this;
    const plain = podConfig(soak.node);
    const uid = plain.metadata?.uid ?? '';
    const hostPort = random.next() < 0.25 ? FIRST_PORT + (number % PORTS) : 0;
    return podConfig(soak.node, {
      ...plain,
      ...(hostNetwork ? { hostname: '' } : { portMappings: [{ containerPort: 80, hostPort }] }),
      dnsConfig: { servers: ['10.96.0.10'], searches: ['default.svc.cluster.local'], options: ['ndots:5'] },
      labels: { [UID_LABEL]: uid, 'io.kubernetes.pod.name': uid, 'io.kubernetes.pod.namespace': 'default' },
      annotations: { 'kubernetes.io/config.source': 'api' },
      linux: {
        cgroupParent: soak.makePodCgroup(uid),
        securityContext: { namespaceOptions: this.namespaces },
        resources: { cpuPeriod: 100_000n, cpuShares: 102n },
      },
    });
  }

  private get namespaces(): DeepPartial<{ network: NamespaceMode; pid: NamespaceMode; ipc: NamespaceMode }> {
    return { network: this.hostNetwork ? NODE : POD, pid: this.sharesPids ? POD : CONTAINER, ipc: POD };
  }

  private async begin(config: PodSandboxConfig): Promise<void> {
    const { soak, cri, random, done, present } = this.ground;
    const request = { config, runtimeHandler: '' };
    if (!this.hostNetwork) soak.maybeFailCni(random);
    if (this.calls.isVictim('RunPodSandbox') && random.next() < 0.5) {
      // A pod that is deleted meanwhile: nobody makes the call again.
      this.calls.uncertain = true;
      const answer = await this.calls.cutOff('RunPodSandbox', (options) => cri.runtime.runPodSandbox(request, options));
      if (!answer) return void done.add('pods given up while they were made');
      this.pod = { id: answer.value.podSandboxId, config };
    } else {
      const made = await this.calls.call('RunPodSandbox', (options) => cri.runtime.runPodSandbox(request, options));
      this.pod = { id: made.podSandboxId, config };
    }
    const { id } = this.pod;
    soak.ids.add(id);
    const told = await this.status(id);
    const address = told.status?.network?.ip ?? '';
    if (told.status?.state !== PodSandboxState.SANDBOX_READY) {
      wrong(this.ground, 'wrong states', `pod ${id} is not ready after its start`);
    }
    const holder = present.podReady(id, address);
    if (holder !== undefined) wrong(this.ground, 'wrong addresses', `${id} and ${holder} have ${address}`);
    if ((address === '') !== this.hostNetwork) wrong(this.ground, 'wrong addresses', `${id} has "${address}"`);
    this.lookAtPause(id, told);
  }

  private async status(podSandboxId: string): Promise<PodSandboxStatusResponse> {
    const request = { podSandboxId, verbose: true };
    return this.calls.call('PodSandboxStatus', (options) => this.ground.cri.runtime.podSandboxStatus(request, options));
  }

  private lookAtPause(id: string, { info }: PodSandboxStatusResponse): void {
    const { soak, done } = this.ground;
    const { pid = 0 } = JSON.parse(info.info ?? '{}') as { pid?: number };
    done.add(`pods ${pid > 0 ? 'with' : 'without'} a pause task, ${this.hostNetwork ? 'host' : 'bridge'} network`);
    if (pid > 0 === (soak.infra === 'always' || this.sharesPids)) return;
    wrong(this.ground, 'pods with a pause task and no need of it, or the other way round', `${id}: pid ${pid}`);
  }

  private async beginContainer(name: string): Promise<void> {
    const { ground, calls, pod } = this;
    if (!pod) return;
    const container = new ContainerLife(ground, calls, pod, drawWork(ground.random, name));
    this.containers.push(container);
    const dir = join(this.dirOf(pod.config), name);
    mkdirSync(dir, { recursive: true });
    await container.begin(dir, {
      labels: { ...pod.config.labels, 'io.kubernetes.container.name': name },
      envs: [{ key: 'KUBERNETES_SERVICE_HOST', value: Buffer.from('10.96.0.1') }],
      linux: {
        resources: { cpuPeriod: 100_000n, cpuShares: 102n, oomScoreAdj: 1000n },
        securityContext: { namespaceOptions: this.namespaces },
      },
    });
  }

  private dirOf({ metadata }: PodSandboxConfig): string {
    return join(this.ground.soak.node.dir, 'pods', metadata?.uid ?? '');
  }

  /** Stops and removes whatever there is of it by its label, looks at what was told of it, and takes away what kubelet does. */
  private async end(config: PodSandboxConfig): Promise<void> {
    const looks = this.calls.uncertain ? QUIET_LOOKS : 1;
    for (let quiet = 0; quiet < looks; ) {
      const ids = await this.listed(config);
      for (const id of ids) await this.stopAndRemove(id);
      quiet = ids.length > 0 && looks > 1 ? 0 : quiet + 1;
      if (quiet < looks) await pause(QUIET_MS);
    }
    if (this.pod) await this.close(this.pod.id);
    this.ground.soak.removePodCgroup(config.metadata?.uid ?? '');
    for (const dir of [config.logDirectory, this.dirOf(config)]) rmSync(dir, { recursive: true, force: true });
  }

  private async listed({ metadata }: PodSandboxConfig): Promise<string[]> {
    const filter = { id: '', state: undefined, labelSelector: { [UID_LABEL]: metadata?.uid ?? '' } };
    const { items } = await this.calls.call('ListPodSandbox', (options) =>
      this.ground.cri.runtime.listPodSandbox({ filter }, options),
    );
    return items.map(({ id }) => id);
  }

  private async stopAndRemove(podSandboxId: string): Promise<void> {
    const { cri, present, soak } = this.ground;
    const { runtime } = cri;
    soak.ids.add(podSandboxId);
    const ours = podSandboxId === this.pod?.id;
    present.podEnds(podSandboxId);
    if (ours) for (const container of this.containers) container.podEnds();
    await this.calls.call('StopPodSandbox', (options) => runtime.stopPodSandbox({ podSandboxId }, options));
    if (ours) {
      const { status } = await this.status(podSandboxId);
      if (status?.state !== PodSandboxState.SANDBOX_NOTREADY) {
        wrong(this.ground, 'wrong states', `pod ${podSandboxId} is ready after its stop`);
      }
      for (const container of this.containers) await container.afterStop();
    }
    await this.calls.call('RemovePodSandbox', (options) => runtime.removePodSandbox({ podSandboxId }, options));
    present.removed(podSandboxId);
  }

  private async close(podSandboxId: string): Promise<void> {
    const { cri, events, done } = this.ground;
    for (const container of this.containers) await container.close();
    const found = await cri.runtime.podSandboxStatus({ podSandboxId, verbose: false }, { timeoutMs: CALL_MS }).then(
      () => true,
      (error: unknown) => !(error instanceof RpcCallError && error.code === Code.NOT_FOUND),
    );
    if (found) wrong(this.ground, 'wrong states', `pod ${podSandboxId} has a status after its removal`);
    const problem = await events.close(podSandboxId, this.calls.uncertain ? undefined : WHOLE_LIFE);
    if (problem) wrong(this.ground, 'events lost, twice or out of order', `pod ${podSandboxId}: ${problem}`);
    done.add('pods whose events were looked at');
  }
}
