import { ExecSyncRequest, UpdateContainerResourcesRequest } from '../../generated/cri/v1/api';
import { containerStatus } from '../../src/cri/container/container-status';
import { execSync } from '../../src/cri/container/exec-sync';
import { updateContainerResources } from '../../src/cri/container/update-container-resources';
import { MAX_VARIABLES } from '../../src/oci/process/env';
import { askAndRecover } from './ask-and-recover';
import { makeContainer, runContainer, runPod } from './story-pods';
import { StoryRig } from './story-rig';

/** As many variables as a request may have: with their pointers they are nearly all that Linux takes. */
export const ENVS = Array.from({ length: MAX_VARIABLES }, (_, at) => ({
  key: `SERVICE_${at}_PORT_80_TCP_ADDR`,
  value: Buffer.from(`tcp://10.96.${at >> 8}.${at & 255}:80`),
}));

/** What is done with a container that has them. */
const CONFIG = { envs: ENVS, linux: { resources: { cpuShares: 2n } } };

/** The longest turn of the event loop, in milliseconds of processor time, in each of the things that a caller may ask of such a container. */
export async function turnsOfLargeContainer(): Promise<[what: string, ms: number][]> {
  const turns: [string, number][] = [];
  const timed = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    const { most, answer } = await longestTurn(act);
    turns.push([what, most]);
    return answer;
  };
  let rig = await StoryRig.start();
  try {
    rig.fake.world.onStart = (process) => {
      if (process.execId !== '') process.exit(0);
    };
    const pod = await runPod(rig);
    const { metadata } = await timed('created and started', () => runContainer(rig, pod, CONFIG));
    const containerId = metadata.id;
    await timed('asked for again', () => makeContainer(rig, pod, CONFIG));
    const exec = ExecSyncRequest.fromPartial({ containerId, cmd: ['true'] });
    await timed('executed in', () => execSync(rig.deps, exec, rig.call()));
    await timed('told verbosely', () => containerStatus(rig.deps, { containerId, verbose: true }, rig.call()));
    const update = UpdateContainerResourcesRequest.fromPartial({ containerId, linux: { cpuShares: 4n } });
    await timed('updated', () => updateContainerResources(rig.deps, update, rig.call()));
    rig = rig.restarted();
    await rig.deps.images.resync();
    await timed('recovered', () => askAndRecover(rig.deps));
    await timed('executed in after a restart', () => execSync(rig.deps, exec, rig.call()));
    await timed('asked for again after a restart', () => makeContainer(rig, pod, CONFIG));
  } finally {
    await rig.close();
  }
  return turns;
}

async function longestTurn<T>(act: () => Promise<T>): Promise<{ most: number; answer: T }> {
  let most = 0;
  let going = true;
  let before = process.cpuUsage();
  const tick = (): void => {
    const { user, system } = process.cpuUsage(before);
    most = Math.max(most, (user + system) / 1000);
    before = process.cpuUsage();
    if (going) setImmediate(tick);
  };
  setImmediate(tick);
  const answer = await act();
  going = false;
  tick();
  return { most, answer };
}
