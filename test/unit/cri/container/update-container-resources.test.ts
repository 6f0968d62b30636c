import { type DeepPartial, UpdateContainerResourcesRequest } from '../../../../generated/cri/v1/api';
import { silentLogger } from '../../../../src/base/logger';
import { Retries } from '../../../../src/base/work/retry-queue';
import { containerStatus } from '../../../../src/cri/container/container-status';
import { updateContainerResources } from '../../../../src/cri/container/update-container-resources';
import type { Container } from '../../../../src/model/container';
import type { Spec } from '../../../../src/model/spec';
import type { Call } from '../../../../src/rpc/call';
import { Code } from '../../../../src/rpc/code';
import { askAndRecover } from '../../../support/ask-and-recover';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { StoryRig } from '../../../support/story-rig';
import { until } from '../../../support/streaming/until';
import { ended, removeAll, useRig } from '../../../support/use-rig';

const LIMITED = { linux: { resources: { cpuShares: 512n, cpuQuota: 50_000n, memoryLimitInBytes: 1n << 30n } } };
const rig = useRig();

function update(containerId: string, linux: DeepPartial<UpdateContainerResourcesRequest['linux']>) {
  const request = UpdateContainerResourcesRequest.fromPartial({ containerId, linux, annotations: { a: 'b' } });
  return updateContainerResources(rig.now.deps, request, rig.now.call());
}

const specOf = (id: string): Spec =>
  JSON.parse(rig.now.fake.state.containers.get(id)?.spec?.value.toString() ?? '') as Spec;
/** What the runtime was told, in order. */
const told = (id: string): unknown[] =>
  (rig.now.fake.state.tasks.get(id)?.resources ?? []).map(({ value }) => JSON.parse(value.toString()) as unknown);

async function shown({ metadata }: Container) {
  const request = { containerId: metadata.id, verbose: false };
  return (await containerStatus(rig.now.deps, request, rig.now.call())).status?.resources?.linux;
}

/** All that an update can change. */
async function everything(container: Container): Promise<unknown[]> {
  const { id } = container.metadata;
  return [specOf(id), await shown(container), await rig.now.deps.containers.readStatus(id)];
}

describe('UpdateContainerResources', () => {
  it('changes what runs, the stored spec and the status, and leaves what is not given', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now), LIMITED);
    const { id } = container.metadata;
    expect(await update(id, { cpuShares: 1024n })).toEqual({});
    const resources = specOf(id).linux?.resources;
    expect(resources?.cpu).toMatchObject({ shares: 1024, quota: 50_000 });
    expect(told(id)).toEqual([resources]);
    expect(await shown(container)).toMatchObject({
      cpuShares: 1024n,
      cpuQuota: 50_000n,
      memoryLimitInBytes: 1n << 30n,
    });
    expect((await rig.now.deps.containers.readStatus(id))?.resources).toEqual(container.status.resources);
  });

  it('tells every resource as it is in force afterwards, also over a restart', async () => {
    const before = await StoryRig.start();
    const memory = { memoryLimitInBytes: 1n << 30n, memorySwapLimitInBytes: 2n << 30n };
    const unified = { 'memory.high': '1', 'memory.min': '2' };
    const resources = { ...memory, oomScoreAdj: 5n, cpusetCpus: '0', unified };
    const { metadata } = await runContainer(before, await runPod(before), { linux: { resources } });
    // A memory limit without a swap limit allows no swap: the swap limit changes with it. The score is none to update.
    const changed = { memoryLimitInBytes: 3n << 30n, cpuPeriod: 100_000n, cpuQuota: -1n, oomScoreAdj: 7n };
    const linux = { ...changed, unified: { 'memory.high': '3', 'memory.low': '4' } };
    const request = UpdateContainerResourcesRequest.fromPartial({ containerId: metadata.id, linux });
    await updateContainerResources(before.deps, request, before.call());
    const inForce = {
      ...changed,
      ...{ memorySwapLimitInBytes: 3n << 30n, oomScoreAdj: 5n, cpusetCpus: '0', cpusetMems: '', cpuShares: 0n },
      ...{ hugepageLimits: [], unified: { 'memory.high': '3', 'memory.min': '2', 'memory.low': '4' } },
    };
    const toldBy = async ({ deps, call }: { deps: StoryRig['deps']; call: Call }): Promise<unknown> =>
      (await containerStatus(deps, { containerId: metadata.id, verbose: false }, call)).status?.resources?.linux;
    expect(await toldBy({ deps: before.deps, call: before.call() })).toEqual(inForce);
    const after = before.restarted();
    await after.deps.images.resync();
    await askAndRecover(after.deps);
    expect(await toldBy({ deps: after.deps, call: after.call() })).toEqual(inForce);
    await removeAll(after);
    await after.close();
  });

  it('tells them also of a container whose status file had none', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now), LIMITED);
    rig.now.deps.containers.updateInMemory(container, { resources: undefined }); // of containerd 1.6
    await update(container.metadata.id, { cpuShares: 1024n });
    expect(await shown(container)).toMatchObject({ cpuShares: 1024n, memoryLimitInBytes: 1n << 30n });
  });

  it('changes the spec of a container that does not run yet, and no task', async () => {
    const container = await makeContainer(rig.now, await runPod(rig.now), LIMITED);
    await update(container.metadata.id, { cpuShares: 1024n });
    expect(specOf(container.metadata.id).linux?.resources?.cpu?.shares).toBe(1024);
    expect(await shown(container)).toMatchObject({ cpuShares: 1024n });
  });

  it('changes neither spec nor status when the runtime refuses, whose words it passes on', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now), LIMITED);
    const before = await everything(container);
    rig.now.fake.fail('Tasks/Update', { code: Code.UNKNOWN });
    await expect(update(container.metadata.id, { memoryLimitInBytes: 1n })).rejects.toThrow('made to fail');
    expect(await everything(container)).toEqual(before);
    expect(told(container.metadata.id)).toEqual([]);
  });

  it('changes nothing when the record cannot be written', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now), LIMITED);
    const before = await everything(container);
    rig.now.fake.fail('Containers/Update', {});
    await expect(update(container.metadata.id, { cpuShares: 1024n })).rejects.toThrow('made to fail');
    expect(await everything(container)).toEqual(before);
    expect(told(container.metadata.id)).toEqual([]);
  });

  it('puts back what the runtime may have done without answering, limits that were none before too', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now), {
      linux: { resources: { cpuShares: 512n } },
    });
    const { id } = container.metadata;
    const before = await everything(container);
    rig.now.fake.fail('Tasks/Update', { afterEffect: true });
    await expect(update(id, { memoryLimitInBytes: 1n << 30n, cpuQuota: 20_000n })).rejects.toThrow('made to fail');
    expect(await everything(container)).toEqual(before);
    expect(told(id)).toHaveLength(2);
    expect(told(id)[1]).toMatchObject({ cpu: { shares: 512, quota: -1 }, memory: { limit: -1 } });
  });

  it('puts the record back whose writing was not answered', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now), LIMITED);
    const before = await everything(container);
    rig.now.fake.fail('Containers/Update', { afterEffect: true });
    await expect(update(container.metadata.id, { cpuShares: 1024n })).rejects.toThrow('made to fail');
    expect(await everything(container)).toEqual(before);
  });

  it('passes on why a change failed when putting it back fails too, and does that before the next change', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now), LIMITED);
    const { id } = container.metadata;
    rig.now.fake.fail('Tasks/Update', { message: 'the cause' });
    rig.now.fake.fail('Containers/Update', { nth: 2, message: 'the record' });
    await expect(update(id, { memoryLimitInBytes: 2n << 30n })).rejects.toThrow('the cause');
    await update(id, { cpuShares: 1024n });
    expect(specOf(id).linux?.resources).toMatchObject({ cpu: { shares: 1024 }, memory: { limit: 1 << 30 } });
    expect(await shown(container)).toMatchObject({ cpuShares: 1024n, memoryLimitInBytes: 1n << 30n });
    expect(told(id).at(-1)).toMatchObject({ cpu: { shares: 1024 }, memory: { limit: 1 << 30 } });
  });

  it('puts it back in the background when no other change comes', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now), LIMITED);
    const before = await everything(container);
    const retries = new Retries(silentLogger, { firstMs: 1, maxMs: 1 });
    const deps = { ...rig.now.deps, retries };
    rig.now.fake.fail('Tasks/Update', { message: 'the cause' });
    rig.now.fake.fail('Containers/Update', { nth: 2 });
    const request = UpdateContainerResourcesRequest.fromPartial({
      ...{ containerId: container.metadata.id, linux: { cpuShares: 1024n } },
    });
    await expect(updateContainerResources(deps, request, rig.now.call())).rejects.toThrow('the cause');
    await until('it is put back', () => container.putBackResources === undefined);
    retries.stop();
    expect(await everything(container)).toEqual(before);
  });

  it('tells what is in force also when that cannot be written into the status file', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now), LIMITED);
    const { containers } = rig.now.deps;
    const writeStatus = containers.writeStatus.bind(containers);
    containers.writeStatus = async () => {
      throw new Error('the disk is full');
    };
    await expect(update(container.metadata.id, { cpuShares: 1024n })).rejects.toThrow('the disk is full');
    expect(await shown(container)).toMatchObject({ cpuShares: 1024n });
    containers.writeStatus = writeStatus;
  });

  it.each([
    ['negative shares', { cpuShares: -1n }, 'linux.cpu_shares'],
    ['what is no cgroup file', { unified: { '../x': '1' } }, 'linux.unified'],
  ])('refuses %s, naming the field, and changes nothing', async (_what, linux, field) => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const before = await everything(container);
    await expect(update(container.metadata.id, linux)).rejects.toMatchObject({ name: 'OciError', field });
    expect(await everything(container)).toEqual(before);
  });

  it('refuses a container that has ended, one that is not there, and a request without resources', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const { id } = container.metadata;
    await expect(update(id, undefined)).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: 'linux: is missing',
    });
    await expect(update('absent', {})).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(update('', {})).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
    rig.now.fake.process(id).exit(0);
    await ended(rig.now, id);
    await expect(update(id, {})).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      message: `container "${id}" is EXITED`,
    });
  });
});
