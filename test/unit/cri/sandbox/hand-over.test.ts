import { handOver } from '../../../../src/cri/sandbox/hand-over';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import { INFRA_LABEL } from '../../../../src/pods/infra';
import { askAndRecover } from '../../../support/ask-and-recover';
import { arrange, callsOf, type OutwardCall, tryEach } from '../../../support/each-call';
import { AUTO, OWN_PIDS, runContainer, runPod } from '../../../support/story-pods';
import { StoryRig } from '../../../support/story-rig';
import { removeAll } from '../../../support/use-rig';

const options = { config: AUTO, sandboxStore: true };

let rig: StoryRig;
let lines: string[];

beforeEach(async () => {
  rig = await StoryRig.start(options);
  lines = [];
});

afterEach(async () => {
  try {
    rig = await afterwards(rig);
    await removeAll(rig);
    expect(await rig.leftovers()).toEqual({});
  } finally {
    await rig.close();
  }
});

/** The server that is started when all is done. */
async function afterwards(before: StoryRig): Promise<StoryRig> {
  before.heal();
  const next = before.restarted(options);
  await next.deps.images.resync();
  await askAndRecover(next.deps);
  return next;
}

const print = (line: string): void => void lines.push(line);
const hand = () => handOver(rig.deps, print);
const recordOf = (id: string) => rig.deps.containerd.containers.get(id);

describe('crisp handover', () => {
  it('starts a pause task in every pod without one, and says so', async () => {
    const id = await runPod(rig, OWN_PIDS);
    const container = await runContainer(rig, id, OWN_PIDS);
    await runPod(rig, { metadata: { name: 'shared', namespace: 'shop', uid: 'uid-2' } });
    expect(await hand()).toEqual({ started: 1, left: 0, failed: 0 });
    expect(lines).toEqual([`pod web_shop_uid-1_0 (${id.slice(0, 13)}): has a pause task now`]);
    expect([rig.fake.process(id).status, rig.fake.process(container.metadata.id).status]).toEqual([2, 2]);
    expect((await recordOf(id))?.labels[INFRA_LABEL]).toBeUndefined();
    expect(await hand()).toEqual({ started: 0, left: 0, failed: 0 });
  });

  it('derives the spec anew, since the image may not have been here before', async () => {
    const id = await runPod(rig, OWN_PIDS);
    const spec = (await recordOf(id))?.spec;
    await rig.deps.containerd.containers.update({ id, spec: { typeUrl: '', value: Buffer.from('{}') } }, ['spec']);
    await hand();
    expect((await recordOf(id))?.spec).toEqual(spec);
  });

  it('leaves a pod alone that is stopped', async () => {
    const id = await runPod(rig, OWN_PIDS);
    await stopPodSandbox(rig.deps, { podSandboxId: id }, rig.call());
    expect(await hand()).toEqual({ started: 0, left: 1, failed: 0 });
    expect(rig.fake.leftovers().tasks).toBeUndefined();
  });

  it('goes on with the others when a pod cannot be handed over, and says why', async () => {
    await runPod(rig, OWN_PIDS);
    await runPod(rig, { ...OWN_PIDS, metadata: { name: 'other', namespace: 'shop', uid: 'uid-2' } });
    rig.fake.fail('Tasks/Start', {});
    expect(await hand()).toMatchObject({ started: 1, failed: 1 });
    expect(lines.filter((line) => line.includes('made to fail'))).toHaveLength(1);
    expect(await hand()).toMatchObject({ started: 1, failed: 0 });
  });

  it('finishes, when it is called again, what a call before has begun, whichever call failed', async () => {
    const learner = await StoryRig.start(options);
    await runPod(learner, OWN_PIDS);
    const calls = await callsOf(learner, () => handOver(learner.deps, print));
    await learner.close();
    expect(calls.length).toBeGreaterThan(8);
    expect(await tryEach(calls, handOverAgain)).toEqual([]);
  }, 60_000);
});

async function handOverAgain(call: OutwardCall): Promise<unknown[]> {
  let one = await StoryRig.start(options);
  try {
    const id = await runPod(one, OWN_PIDS);
    arrange(one, call, 'takes effect but its answer is lost');
    await handOver(one.deps, print).catch(() => undefined);
    one.heal();
    await handOver(one.deps, print);
    one = await afterwards(one);
    const found = one.deps.sandboxes.get(id);
    const wrong = found?.status.state === 'READY' && found.status.pid > 0 ? [] : [{ call, found: found?.status }];
    await removeAll(one);
    const left = await one.leftovers();
    return Object.keys(left).length > 0 ? [...wrong, { call, left }] : wrong;
  } finally {
    await one.close();
  }
}
