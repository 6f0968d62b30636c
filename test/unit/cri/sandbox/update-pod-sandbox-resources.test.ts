import { type DeepPartial, UpdatePodSandboxResourcesRequest } from '../../../../generated/cri/v1/api';
import { silentLogger } from '../../../../src/base/logger';
import { Retries } from '../../../../src/base/work/retry-queue';
import { podSandboxStatus } from '../../../../src/cri/sandbox/pod-sandbox-status';
import { updatePodSandboxResources } from '../../../../src/cri/sandbox/update-pod-sandbox-resources';
import { Code } from '../../../../src/rpc/code';
import type { SandboxStore } from '../../../../src/state/sandbox-store';
import { askAndRecover } from '../../../support/ask-and-recover';
import { runPod } from '../../../support/story-pods';
import { type RigOptions, StoryRig } from '../../../support/story-rig';
import { until } from '../../../support/streaming/until';
import { removeAll, useRig } from '../../../support/use-rig';

function update(one: StoryRig, request: DeepPartial<UpdatePodSandboxResourcesRequest>) {
  return updatePodSandboxResources(one.deps, UpdatePodSandboxResourcesRequest.fromPartial(request), one.call());
}

/** What a verbose status shows of the pod's resources. */
async function shown(one: StoryRig, podSandboxId: string): Promise<{ overhead: unknown; resources: unknown }> {
  const { info } = await podSandboxStatus(one.deps, { podSandboxId, verbose: true }, one.call());
  const { overhead, resources } = JSON.parse(info.info ?? '') as { overhead: unknown; resources: unknown };
  return { overhead, resources };
}

const REQUEST = {
  overhead: { cpuShares: 2n },
  resources: { cpuQuota: 50_000n, cpuPeriod: 100_000n, memoryLimitInBytes: 9_007_199_254_740_993n },
};
/** As text: the limit is beyond what a number holds. */
const STORED = '"resources":{"linux":{"cpu_period":100000,"cpu_quota":50000,"memory_limit_in_bytes":9007199254740993}}';

describe.each<[string, RigOptions]>([
  ['a daemon without a sandbox store', {}],
  ['a daemon with a sandbox store', { sandboxStore: true }],
])('UpdatePodSandboxResources on %s', (_daemon, options) => {
  const rig = useRig(options);

  it('shows what kubelet said in the verbose status, and nothing before', async () => {
    const podSandboxId = await runPod(rig.now);
    expect(await shown(rig.now, podSandboxId)).toEqual({ overhead: undefined, resources: undefined });
    expect(await update(rig.now, { podSandboxId, ...REQUEST })).toEqual({});
    const { info } = await podSandboxStatus(rig.now.deps, { podSandboxId, verbose: true }, rig.now.call());
    expect(info.info).toContain(STORED);
    expect(info.info).toContain('"overhead":{"linux":{"cpu_shares":2}}');
  });

  it('keeps limits of huge pages that are not said again: those of the pod’s start, then those of the last change', async () => {
    const pages = (limit: bigint, pageSize = '2MB') => ({ pageSize, limit });
    const linux = { resources: { cpuShares: 2n, hugepageLimits: [pages(1n)] } };
    const podSandboxId = await runPod(rig.now, { linux });
    const resources = async (): Promise<unknown> => (await shown(rig.now, podSandboxId)).resources;
    await update(rig.now, { podSandboxId, resources: { cpuQuota: -1n } });
    const first = { page_size: '2MB', limit: 1 };
    expect(await resources()).toEqual({ linux: { cpu_quota: -1, hugepage_limits: [first] } });
    await update(rig.now, { podSandboxId, resources: { hugepageLimits: [pages(3n, '1GB')] } });
    await update(rig.now, { podSandboxId, resources: { cpuShares: 4n } });
    const second = { page_size: '1GB', limit: 3 };
    expect(await resources()).toEqual({ linux: { cpu_shares: 4, hugepage_limits: [first, second] } });
  });

  it('forgets what else is not said again', async () => {
    const podSandboxId = await runPod(rig.now);
    await update(rig.now, { podSandboxId, ...REQUEST });
    await update(rig.now, { podSandboxId, resources: { cpuShares: 3n } });
    expect(await shown(rig.now, podSandboxId)).toEqual({
      overhead: undefined,
      resources: { linux: { cpu_shares: 3 } },
    });
  });

  it.each([
    ['', false],
    [' when the store cannot be listed', true],
  ])('is remembered over a restart%s', async (_when, unlisted) => {
    const before = await StoryRig.start(options);
    const podSandboxId = await runPod(before);
    await update(before, { podSandboxId, ...REQUEST });
    const after = before.restarted(options);
    if (unlisted && options.sandboxStore) after.fake.fail('Store/List', {});
    const asked = after.fake.calls.length;
    await askAndRecover(after.deps);
    const gets = (): number => after.fake.calls.slice(asked).filter((call) => call.endsWith('Store/Get')).length;
    const { info } = await podSandboxStatus(after.deps, { podSandboxId, verbose: true }, after.call());
    expect(info.info).toContain(STORED); // by the journal, where the store is silent
    if (unlisted && options.sandboxStore) await until('the store is asked again', () => gets() > 0);
    else expect(gets()).toBe(0);
    await removeAll(after);
    expect(await after.leftovers()).toEqual({});
    await after.close();
  });

  it('refuses a pod that is not there, and one that is not named', async () => {
    await expect(update(rig.now, { podSandboxId: 'absent' })).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(update(rig.now, {})).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: 'pod_sandbox_id: is empty',
    });
  });
});

describe('UpdatePodSandboxResources', () => {
  const rig = useRig({ sandboxStore: true });

  it('writes the extension that containerd’s plugin reads', async () => {
    const podSandboxId = await runPod(rig.now);
    await update(rig.now, { podSandboxId, resources: { cpuShares: 3n } });
    const { extensions } = rig.now.fake.state.sandboxes.get(podSandboxId) ?? {};
    expect(extensions?.['updated-resources']).toEqual({
      typeUrl: 'io.containerd.cri.v1/UpdatedResources',
      value: Buffer.from('{"Overhead":null,"Resources":{"cpu_shares":3}}'),
    });
    expect(Object.keys(extensions ?? {})).toContain('metadata');
  });

  it.each([
    ['the daemon’s store', (now: StoryRig) => now.fake.fail('Store/Update', {})],
    ['the journal', (now: StoryRig) => failOnce(now.deps.sandboxes)],
  ])('does not fail when %s cannot be written, and stores it later', async (_what, fail) => {
    const podSandboxId = await runPod(rig.now);
    await update(rig.now, { podSandboxId, resources: { cpuShares: 3n } });
    fail(rig.now);
    const retries = new Retries(silentLogger, { firstMs: 1, maxMs: 1 });
    const request = UpdatePodSandboxResourcesRequest.fromPartial({ podSandboxId, resources: { cpuShares: 4n } });
    expect(await updatePodSandboxResources({ ...rig.now.deps, retries }, request, rig.now.call())).toEqual({});
    expect((await shown(rig.now, podSandboxId)).resources).toEqual({ linux: { cpu_shares: 4 } });
    const stored = () =>
      rig.now.fake.state.sandboxes.get(podSandboxId)?.extensions['updated-resources']?.value.toString();
    await until('it is stored', () => stored() === '{"Overhead":null,"Resources":{"cpu_shares":4}}');
    await until('it is not tried again', () => retries.pending.length === 0);
    retries.stop();
    expect(await rig.now.deps.sandboxes.readResources(podSandboxId)).toMatchObject({ resources: { cpuShares: 4n } });
  });
});

/** The next write of what UpdatePodSandboxResources says does not reach the disk. */
function failOnce(sandboxes: SandboxStore): void {
  const recordResources = sandboxes.recordResources.bind(sandboxes);
  sandboxes.recordResources = async () => {
    sandboxes.recordResources = recordResources;
    throw new Error('the disk is full');
  };
}
