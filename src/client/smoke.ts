import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListPodSandboxRequest, RemovePodSandboxRequest, StopPodSandboxRequest } from '../../generated/cri/v1/api';
import { errorMessage } from '../base/errors';
import { newSuffix } from '../base/ids';
import { type CriCalls, CriClient } from './cri-client';
import { ensureImage } from './ensure-image';
import { prepareSmoke, SMOKE_LABEL, smokePod } from './smoke-pod';
import { StepFailed, timedSteps } from './stopwatch';

/** Stopping a pod calls its network plugins. */
const TEARDOWN_TIMEOUT_MS = 60_000;

export interface SmokeOptions {
  /** Socket path, with or without `unix://`. */
  readonly endpoint: string;
  readonly image: string;
  readonly runtimeHandler: string;
  readonly print: (line: string) => void;
  /** Ends the run at the next step; what it made is taken down all the same. */
  readonly signal?: AbortSignal;
}

/** Runs one pod through the server at `endpoint`; 0 when every step went well, else 1. Only a pulled image stays behind. */
export async function runSmoke(options: SmokeOptions): Promise<number> {
  const client = new CriClient(options.endpoint);
  try {
    return await smoke(client, options);
  } finally {
    client.close();
  }
}

/** As runSmoke, with a client that is there already. */
export async function smoke(cri: CriCalls, options: Omit<SmokeOptions, 'endpoint'>): Promise<number> {
  const { print, image, runtimeHandler, signal } = options;
  const name = `smoke-${newSuffix()}`;
  const logDirectory = await mkdtemp(join(tmpdir(), 'crisp-smoke-'));
  const pod = { name, image, runtimeHandler, logDirectory, signal };
  const step = timedSteps({ print, signal });
  try {
    const config = await prepareSmoke(cri, pod, step);
    try {
      await smokePod(cri, pod, config, step);
    } catch (error) {
      await teardown(cri, name, print);
      throw error;
    }
    print('smoke: ok');
    return 0;
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    print(`smoke: failed at "${error.step}": ${errorMessage(error.cause)}`);
    return 1;
  } finally {
    await rm(logDirectory, { recursive: true, force: true });
  }
}

/** Makes sure that the server at `endpoint` has an image; 0 when it has. */
export async function runPull(options: {
  endpoint: string;
  image: string;
  timeoutMs: number;
  print: (line: string) => void;
  signal?: AbortSignal;
}): Promise<number> {
  const client = new CriClient(options.endpoint);
  try {
    const { id, pulled } = await ensureImage(client, options.image, options);
    options.print(`${options.image}: ${pulled ? 'pulled' : 'present'} (${id})`);
    return 0;
  } catch (error) {
    options.print(`pull: ${errorMessage(error)}`);
    return 1;
  } finally {
    client.close();
  }
}

/** Stops and removes every pod of the server at `endpoint`; 0 when none is left. */
export async function runRemovePods(options: { endpoint: string; print: (line: string) => void }): Promise<number> {
  const client = new CriClient(options.endpoint);
  try {
    await removePods(client, {}, (id) => options.print(`removed the pod ${id}`));
    return 0;
  } catch (error) {
    options.print(`remove-pods: ${errorMessage(error)}`);
    return 1;
  } finally {
    client.close();
  }
}

/** Takes the pod down by its label: the failed call may have made it without our knowing its id. */
async function teardown(cri: CriCalls, name: string, print: (line: string) => void): Promise<void> {
  try {
    await removePods(cri, { [SMOKE_LABEL]: name }, (id) => print(`smoke: took down the sandbox ${id}`));
  } catch (error) {
    print(`smoke: the teardown failed too: ${errorMessage(error)}`);
  }
}

/** Stopping a sandbox stops its containers, removing it removes them: CRI promises both. */
async function removePods(
  { runtime }: CriCalls,
  labelSelector: Record<string, string>,
  removed: (id: string) => void,
): Promise<void> {
  const options = { timeoutMs: TEARDOWN_TIMEOUT_MS };
  const { items } = await runtime.listPodSandbox(
    ListPodSandboxRequest.fromPartial({ filter: { labelSelector } }),
    options,
  );
  for (const { id: podSandboxId } of items) {
    await runtime.stopPodSandbox(StopPodSandboxRequest.fromPartial({ podSandboxId }), options);
    await runtime.removePodSandbox(RemovePodSandboxRequest.fromPartial({ podSandboxId }), options);
    removed(podSandboxId);
  }
}
