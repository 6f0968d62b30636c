import { stringify } from 'smol-toml';
import { silentLogger } from '../../../src/base/logger';
import { createContainer } from '../../../src/cri/container/create-container';
import { startContainer } from '../../../src/cri/container/start-container';
import type { CriDeps } from '../../../src/cri/deps';
import { toStatus } from '../../../src/cri/errors';
import { HandlerFeatures } from '../../../src/cri/runtime/handler-features';
import { removePodSandbox } from '../../../src/cri/sandbox/remove-pod-sandbox';
import { runPodSandbox } from '../../../src/cri/sandbox/run-pod-sandbox';
import { stopPodSandbox } from '../../../src/cri/sandbox/stop-pod-sandbox';
import { codeName } from '../../../src/rpc/code';
import { StoryRig } from '../story-rig';
import { CHOSEN, HANDLERS, settings, USUAL } from './handlers';
import type { RecordedHost } from './host';
import { GROUP, imageConfigs, PASSWD, PAUSE_IMAGES } from './images';
import { type Made, makeSpecs, type Release, type SpecMaker } from './make-specs';

/** The specs that crisp's RPCs make of the cases on a machine such as the recorded one, by `pod` and `pod/container`. */
export async function specsOfCrisp(release: Release, host: RecordedHost): Promise<Made> {
  const rig = await StoryRig.start({
    sandboxStore: release === '2',
    userns: release === '2',
    config: stringify({
      ...USUAL,
      ...settings(release),
      sandbox_image: PAUSE_IMAGES[release],
      containerd: { runtimes: { runc: { runtime_type: 'io.containerd.runc.v2' }, ...HANDLERS } },
    }),
    images: imageConfigs(release).map(({ name, config }) => ({ name, config: { ...config } })),
  });
  try {
    pretend(rig, host);
    return await makeSpecs(asked(rig, withFeatures(rig, host.features)), release);
  } finally {
    await rig.close();
  }
}

/** From now on the rig's machine answers as the recorded one. */
function pretend(
  { host: fake }: StoryRig,
  { facts, paths, devices, allDevices, cgroupMountOptions }: RecordedHost,
): void {
  fake.facts = { ...facts, controllers: new Set(facts.controllers) };
  for (const [path, what] of Object.entries(paths)) fake.hostPaths.set(path, what);
  for (const [path, nodes] of Object.entries(devices)) fake.devices.set(path, [...nodes]);
  fake.allDevices = async () => [...allDevices];
  fake.cgroupMountOptions = async () => [...cgroupMountOptions];
  fake.rootfsFiles.set('/etc/passwd', Buffer.from(PASSWD)).set('/etc/group', Buffer.from(GROUP));
}

function withFeatures(rig: StoryRig, document: unknown): CriDeps {
  const { containerd } = rig.deps;
  const runFeatures = async (): Promise<Buffer> => Buffer.from(JSON.stringify(document));
  return {
    ...rig.deps,
    features: new HandlerFeatures({ containerd, facts: () => rig.host.facts, log: silentLogger, runFeatures }),
  };
}

function asked(rig: StoryRig, deps: CriDeps): SpecMaker {
  return {
    runPod: async (request) => (await runPodSandbox(deps, request, rig.call())).podSandboxId,
    createContainer: async (request) => (await createContainer(deps, request, rig.call())).containerId,
    startContainer: async (containerId) => void (await startContainer(deps, { containerId }, rig.call())),
    removePod: async (podSandboxId) => {
      await stopPodSandbox(deps, { podSandboxId }, rig.call());
      await removePodSandbox(deps, { podSandboxId }, rig.call());
    },
    specOf: async (id) => Buffer.from(rig.fake.state.containers.get(id)?.spec?.value ?? '').toString(),
    pidOf: async (id) => rig.fake.process(id).pid,
    codeOf: (error) => codeName(toStatus(error, rig.call()).code),
    masks: [
      [new RegExp(`${rig.dir}/cri-root`, 'g'), 'ROOT'],
      [new RegExp(`${rig.dir}/cri-state`, 'g'), 'STATE'],
      [new RegExp(`${rig.dir}/netns`, 'g'), 'NETNS'],
      [new RegExp(rig.dir, 'g'), 'SCRATCH'],
      ...CHOSEN,
    ],
  };
}
