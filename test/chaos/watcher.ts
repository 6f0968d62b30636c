import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

import { ContainerState, PodSandboxState } from '../../generated/cri/v1/api';
import type { CriClient } from '../../src/client/cri-client';
import { RpcCallError } from '../../src/rpc/client/rpc-call-error';
import { Code } from '../../src/rpc/code';
import type { Done, Faults } from '../support/counts';
import type { Containerd } from '../support/daemon/containerd';
import type { Seeded } from '../support/seeded';
import type { RunningContainer, Watched } from './watched';

/** What the watcher counts. */
export const WATCHER_FAULTS = ['running pods harmed', 'running pods misled'] as const;

const EVERY_MS = 250;
const CALL_MS = 2000;

interface WatcherParts {
  readonly watched: Watched;
  readonly cri: CriClient;
  readonly containerd: Containerd;
  readonly random: Seeded;
  readonly faults: Faults;
  readonly done: Done;
}

/**
 * Looks at the running pods again and again: whether they are as they were, by the machine itself, and whether crisp tells
 * that they run. A call that fails tells nobody anything.
 */
export class Watcher {
  private readonly told = new Set<string>();

  constructor(private readonly parts: WatcherParts) {}

  /** Until it is over. Never rejects. */
  async watch(over: () => boolean): Promise<void> {
    while (!over()) {
      this.lookAtMachine();
      await this.lookAtAnswers();
      await pause(EVERY_MS);
    }
  }

  /** Whether containerd still has what running pods need of it. */
  async lookAtContainerd(): Promise<void> {
    const { watched, containerd, done } = this.parts;
    const running = watched.running();
    const lists = [
      ['containers', 'list', '--quiet'],
      ['tasks', 'list', '--quiet'],
      ['snapshots', 'list'],
    ];
    for (const args of lists) {
      const ids = new Set((await ctr(containerd, args)).split('\n').map((row) => row.split(/\s/)[0]));
      for (const container of running) {
        if (ids.has(container.id) || !watched.isRunning(container)) continue;
        this.count('running pods harmed', `${container.id} is not in ${args.join(' ')}`);
      }
    }
    done.add('looks at what containerd has of running pods');
  }

  private lookAtMachine(): void {
    for (const what of this.parts.watched.harmed()) this.count('running pods harmed', what);
  }

  private async lookAtAnswers(): Promise<void> {
    const { watched, cri, random, done } = this.parts;
    const running = watched.running();
    if (running.length === 0) return;
    const options = { timeoutMs: CALL_MS };
    const one = random.pick(running);
    const [pods, containers, podStatus, status] = await Promise.all([
      this.answer(cri.runtime.listPodSandbox({ filter: undefined }, options)),
      this.answer(cri.runtime.listContainers({ filter: undefined }, options)),
      this.answer(cri.runtime.podSandboxStatus({ podSandboxId: one.podId, verbose: false }, options)),
      this.answer(cri.runtime.containerStatus({ containerId: one.id, verbose: false }, options)),
    ]);
    const podStates = pods && 'items' in pods ? statesOf(pods.items) : undefined;
    const containerStates = containers && 'containers' in containers ? statesOf(containers.containers) : undefined;
    for (const each of running) {
      if (podStates) this.compare('ListPodSandbox', each, each.podId, podStates.get(each.podId));
      if (containerStates) this.compare('ListContainers', each, each.id, containerStates.get(each.id));
    }
    if (podStatus)
      this.compare('PodSandboxStatus', one, one.podId, 'status' in podStatus ? podStatus.status?.state : undefined);
    if (status) this.compare('ContainerStatus', one, one.id, 'status' in status ? status.status?.state : undefined);
    done.add(podStates && containerStates ? 'lists of running pods looked at' : 'lists of running pods not answered');
  }

  /** The answer; `absent` when crisp says that there is no such thing; undefined when it says nothing. */
  private async answer<T>(call: Promise<T>): Promise<T | { readonly absent: true } | undefined> {
    try {
      return await call;
    } catch (error) {
      return error instanceof RpcCallError && error.code === Code.NOT_FOUND ? { absent: true } : undefined;
    }
  }

  /** `state` undefined: crisp does not know it. What ended or was stopped meanwhile may be told in any way. */
  private compare(rpc: string, container: RunningContainer, id: string, state: number | undefined): void {
    const ofPod = id === container.podId;
    const right = ofPod ? PodSandboxState.SANDBOX_READY : ContainerState.CONTAINER_RUNNING;
    if (state === right || !this.parts.watched.isRunning(container)) return;
    const names: Record<number, string> = ofPod ? PodSandboxState : ContainerState;
    const is = state === undefined ? 'missing' : names[state];
    this.count('running pods misled', `${rpc} of ${id}, of which pid ${container.pid} runs: ${is}`);
  }

  private count(kind: (typeof WATCHER_FAULTS)[number], what: string): void {
    if (this.told.has(what)) return;
    this.told.add(what);
    const line = `${new Date().toISOString()} ${what}`;
    this.parts.faults.add(kind, line);
    if (process.env.CHAOS_VERBOSE) console.log(`${kind}: ${line}`);
  }
}

function statesOf(list: readonly { readonly id: string; readonly state: number }[]): Map<string, number> {
  return new Map(list.map(({ id, state }) => [id, state]));
}

/** Beside the proxy, and without holding up the calls of lives. */
async function ctr({ programs, address }: Containerd, args: readonly string[]): Promise<string> {
  const all = ['--address', address, '--namespace', 'k8s.io', ...args];
  return (await promisify(execFile)(programs.ctr, all, { maxBuffer: 64 << 20 })).stdout;
}
