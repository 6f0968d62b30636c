import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';

import { ContainersDefinition } from '../../../generated/containerd/services/containers/v1/containers';
import { TasksDefinition } from '../../../generated/containerd/services/tasks/v1/tasks';
import { VersionDefinition } from '../../../generated/containerd/services/version/v1/version';
import { ImageServiceDefinition, PullImageRequest, RuntimeServiceDefinition } from '../../../generated/cri/v1/api';
import { errorMessage } from '../../../src/base/errors';
import { codeName } from '../../../src/rpc/code';
import { createPodNetwork } from '../daemon/cni';
import { type Containerd, containerdPrograms, startContainerd } from '../daemon/containerd';
import { until } from '../daemon/process';
import { startRegistry } from '../daemon/registry';
import { createScratch, removeScratch } from '../daemon/scratch';
import { DaemonClient } from '../record/daemon-client';
import { compressed } from './canonical';
import { fixture } from './files';
import { CHOSEN, HANDLERS, recordedFile, settings } from './handlers';
import { clearHost, prepareHost, readHost } from './host';
import { imageConfigs, imageDefinitions } from './images';
import { makeSpecs, type Release, type SpecMaker } from './make-specs';

/**
 * Records the specs that containerd's own CRI plugin makes for the pods and containers of the cases, with each containerd named:
 * `1.6`, `2`.
 */
export async function main(args: readonly string[]): Promise<void> {
  for (const version of args) {
    if (version !== '1.6' && version !== '2') throw new Error(`1.6 or 2, not ${version}`);
    await record(version);
  }
}

async function record(version: Release): Promise<void> {
  const dir = createScratch();
  const programs = containerdPrograms(version);
  const network = createPodNetwork({
    dir,
    binDirs: [programs.cniBinDir],
    cniVersion: version === '2' ? '1.1.0' : '1.0.0',
  });
  const registry = await startRegistry(dir);
  let address: string | undefined;
  try {
    await registry.push(imageDefinitions());
    const plugin = { network, certsDir: registry.certsDir, settings: settings(version), runtimes: HANDLERS };
    const containerd = await startContainerd({ version, dir, plugin });
    address = containerd.address;
    const client = new DaemonClient(address);
    try {
      prepareHost();
      await until('the plugin is ready', 60_000, () => isReady(client));
      await pullAll(client, version);
      const { version: containerdVersion } = await client.unary(
        VersionDefinition.fullName,
        VersionDefinition.methods.version,
        {},
      );
      const host = await readHost(containerd.daemon.pid, programs.runc);
      const specs = compressed(await makeSpecs(plugged(client, containerd, dir), version));
      const file = fixture(recordedFile(version));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `${JSON.stringify({ containerd: containerdVersion, host, specs }, null, 1)}\n`);
    } finally {
      client.close();
      await containerd.stop();
    }
  } finally {
    await registry.stop();
    network.remove();
    removeScratch(dir, address);
    clearHost();
  }
}

async function isReady(client: DaemonClient): Promise<boolean> {
  const { fullName, methods } = RuntimeServiceDefinition;
  const answer = await client.unary(fullName, methods.status, { verbose: false }).catch(() => undefined);
  const ready = answer?.status?.conditions.filter(({ status }) => status).map(({ type }) => type) ?? [];
  return ['RuntimeReady', 'NetworkReady'].every((type) => ready.includes(type)); // the third tells of old settings
}

async function pullAll(client: DaemonClient, version: Release): Promise<void> {
  const { fullName, methods } = ImageServiceDefinition;
  for (const { name } of imageConfigs(version)) {
    await client.unary(fullName, methods.pullImage, PullImageRequest.fromPartial({ image: { image: name } }));
  }
}

/** containerd's plugin, asked over CRI; what it has stored is read over containerd's own API. */
function plugged(client: DaemonClient, { root, state }: Containerd, dir: string): SpecMaker {
  const { fullName: runtime, methods } = RuntimeServiceDefinition;
  return {
    runPod: async (request) => (await client.unary(runtime, methods.runPodSandbox, request)).podSandboxId,
    createContainer: async (request) => (await client.unary(runtime, methods.createContainer, request)).containerId,
    startContainer: async (containerId) => void (await client.unary(runtime, methods.startContainer, { containerId })),
    removePod: async (podSandboxId) => {
      await client.unary(runtime, methods.stopPodSandbox, { podSandboxId });
      await client.unary(runtime, methods.removePodSandbox, { podSandboxId });
    },
    specOf: async (id) => {
      const answer = await client.unary(ContainersDefinition.fullName, ContainersDefinition.methods.get, { id });
      return Buffer.from(answer.container?.spec?.value ?? '').toString();
    },
    pidOf: async (containerId) => {
      const request = { containerId, execId: '' };
      const answer = await client.unary(TasksDefinition.fullName, TasksDefinition.methods.get, request);
      return answer.process?.pid ?? 0;
    },
    codeOf: (error) => {
      process.stderr.write(`${errorMessage(error)}\n`); // whoever records sees what is refused
      return codeName((error as { code?: number }).code ?? 2);
    },
    masks: [
      [new RegExp(join(root, 'io.containerd.grpc.v1.cri'), 'g'), 'ROOT'],
      [new RegExp(join(state, 'io.containerd.grpc.v1.cri/netns'), 'g'), 'NETNS'],
      [new RegExp(join(state, 'io.containerd.grpc.v1.cri'), 'g'), 'STATE'],
      [new RegExp(dir, 'g'), 'SCRATCH'],
      [new RegExp(`HOSTNAME=${hostname()}"`, 'g'), 'HOSTNAME=NODE"'],
      ...CHOSEN,
    ],
  };
}
