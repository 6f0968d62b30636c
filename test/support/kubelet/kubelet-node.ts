import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ContainerdVersion } from '../daemon/containerd';
import { until } from '../daemon/process';
import { type Infra, infraAsked, infraSettings } from '../infra';
import { type NodeOptions, startNode, type TestNode } from '../node/node';
import { stageNamed, versionOf } from '../stages';
import { KubeletApi } from './api';
import type { Settings } from './configuration';
import { podEvidence } from './evidence';
import { type Kubelet, startKubelet } from './kubelet';
import type { Manifest } from './manifest';
import type { PodView } from './pod-view';

export interface KubeletNodeOptions {
  /** Over kubelet's configuration. */
  readonly kubelet?: Settings;
  readonly flags?: readonly string[];
  /** Over crisp's configuration. */
  readonly crisp?: Readonly<Record<string, unknown>>;
  /** Something between crisp and containerd; kubelet's cAdvisor is told containerd's own address. */
  readonly inFront?: NodeOptions['inFront'];
}

/** A node with a kubelet of its own, which runs pods through the node's crisp. */
export interface KubeletNode extends TestNode {
  readonly kubelet: Kubelet;
  readonly api: KubeletApi;
}

/** The containerd that `make e2e-kubelet` tests on right now: STAGE names it; 2.x goes without saying. */
export function stage(): ContainerdVersion {
  return versionOf(stageNamed(process.env.STAGE) ?? '2.x');
}

/** Whether the pods that `make e2e-kubelet` makes right now have a pause task: INFRA=always, which goes without saying, or auto. */
export function infra(): Infra {
  return infraAsked() ?? 'always';
}

/** Starts the node's parts and its kubelet; the caller stops it. */
export async function startKubeletNode(options: KubeletNodeOptions = {}): Promise<KubeletNode> {
  const settings = { ...infraSettings(infra()), ...options.crisp };
  const node = await startNode({ version: stage(), settings, inFront: options.inFront });
  try {
    const kubelet = await startKubelet({
      logDir: node.dir,
      criSocket: node.crisp.socket,
      containerdSocket: node.containerd.address,
      settings: options.kubelet,
      flags: options.flags,
    });
    const stop = async (): Promise<void> => {
      await kubelet.stop();
      await node.stop();
      kubelet.remove();
    };
    return { ...node, kubelet, api: new KubeletApi(kubelet), stop };
  } catch (error) {
    await node.stop();
    throw error;
  }
}

/** Afterwards kubelet reads the manifest and begins to run the pod; a pod of that name is replaced. */
export function putPod(node: KubeletNode, manifest: Manifest): void {
  const path = manifestPath(node, manifest.metadata.name);
  // kubelet looks at once, and leaves out what begins with a dot.
  const partial = join(node.kubelet.manifests, `.${manifest.metadata.name}`);
  writeFileSync(partial, JSON.stringify(manifest));
  renameSync(partial, path);
}

/** Afterwards kubelet begins to end the pod. */
export function deletePod(node: KubeletNode, name: string): void {
  rmSync(manifestPath(node, name));
}

function manifestPath(node: KubeletNode, name: string): string {
  return join(node.kubelet.manifests, `${name}.json`);
}

/** The name that kubelet gives the pod of a manifest. */
export function fullName(node: KubeletNode, name: string): string {
  return `${name}-${node.kubelet.nodeName}`;
}

/** The pod as kubelet shows it; undefined when it shows none of that name. */
export async function findPod(node: KubeletNode, name: string): Promise<PodView | undefined> {
  const pods = await node.api.pods();
  return pods.find(({ metadata }) => metadata.name === fullName(node, name));
}

/** What is waited for, in words for the message of a failure, and for how long at most. */
export interface Waiting {
  readonly what: string;
  readonly withinMs?: number;
}

/** Waits until kubelet shows the pod as described; answers that view. The error tells what kubelet showed last, and `podEvidence`. */
export async function podUntil(
  node: KubeletNode,
  name: string,
  { what, withinMs = 45_000 }: Waiting,
  holds: (pod: PodView) => boolean,
): Promise<PodView> {
  let seen: PodView | undefined;
  const look = async (): Promise<boolean> => {
    seen = await findPod(node, name);
    // A pod that is new has no containers to speak of.
    return seen?.status.containerStatuses !== undefined && holds(seen);
  };
  try {
    await until(`${name}: ${what}`, withinMs, look);
  } catch (error) {
    const last = JSON.stringify(seen?.status);
    const evidence = await podEvidence(node, fullName(node, name));
    throw new Error(`${error instanceof Error ? error.message : String(error)}; last seen: ${last}\n${evidence}`);
  }
  if (!seen) throw new Error(`${name} is not shown`);
  return seen;
}

/** kubelet answers what runs from what it asked of the runtime up to two seconds ago (its runtimeCache), with some to spare. */
const CACHED_MS = 2500;

/**
 * Waits until nothing of the pod runs. Of a pod that has only just come kubelet may not know yet, so it is taken for gone
 * when it has been missing for longer than that.
 */
export async function ended(node: KubeletNode, name: string, withinMs = 45_000): Promise<void> {
  let missing: number | undefined;
  await until(`${name} runs no more`, withinMs, async () => {
    if ((await node.api.runningPods()).includes(fullName(node, name))) missing = undefined;
    else missing ??= Date.now();
    return missing !== undefined && Date.now() - missing > CACHED_MS;
  });
}

/** Waits until each container of the pod is ready; answers that view. */
export function ready(node: KubeletNode, name: string, withinMs = 45_000): Promise<PodView> {
  return podUntil(node, name, { what: 'is ready', withinMs }, ({ status }) =>
    (status.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True'),
  );
}

/** The log of a pod's container `main`, once it has these words: what is ready has not always printed. */
export async function logWith(node: KubeletNode, name: string, words: string): Promise<string> {
  let log = '';
  await until(`${name} has printed "${words}"`, 20_000, async () => {
    log = await logsOf(node, name, 'main');
    return log.includes(words);
  });
  return log;
}

/** What a server in a pod answers: one that has only been started may not listen yet. */
export async function fetched(url: string): Promise<Response> {
  const answers: Response[] = [];
  await until(`${url} answers`, 20_000, async () => {
    answers.push(
      ...(await fetch(url)
        .then((answer) => [answer])
        .catch(() => [])),
    );
    return answers.length > 0;
  });
  return answers[0] as Response;
}

/** A container's log, as `kubectl logs` shows it. `query` is kubelet's, such as `previous=true`. */
export function logsOf(node: KubeletNode, name: string, container: string, query = ''): Promise<string> {
  return node.api.text(`/containerLogs/default/${fullName(node, name)}/${container}?${query}`);
}
