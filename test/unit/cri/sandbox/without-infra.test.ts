import { type DeepPartial, NamespaceMode, type PodSandboxConfig } from '../../../../generated/cri/v1/api';
import { parseJson } from '../../../../src/base/json/json';
import { createContainer } from '../../../../src/cri/container/create-container';
import { startContainer } from '../../../../src/cri/container/start-container';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import { podSandboxStats } from '../../../../src/cri/stats/pod-sandbox-stats';
import type { Spec } from '../../../../src/model/spec';
import { AUTO, containerRequest, makeContainer, OWN_PIDS, runContainer, runPod } from '../../../support/story-pods';
import type { StoryRig } from '../../../support/story-rig';
import { ended, useRig } from '../../../support/use-rig';

const { POD, CONTAINER, NODE } = NamespaceMode;
const config = AUTO;
const rig = useRig({ config, sandboxStore: true });

type Options = NonNullable<NonNullable<DeepPartial<PodSandboxConfig>['linux']>['securityContext']>['namespaceOptions'];

const withOptions = (namespaceOptions: Options): DeepPartial<PodSandboxConfig> => ({
  linux: { securityContext: { namespaceOptions } },
});

const stop = (podSandboxId: string, on: StoryRig = rig.now) => stopPodSandbox(on.deps, { podSandboxId }, on.call());

async function specOf(id: string): Promise<Spec> {
  const record = await rig.now.deps.containerd.containers.get(id);
  return parseJson(record?.spec?.value.toString() ?? '{}') as Spec;
}

const pinsOf = (id: string) => {
  const { paths } = rig.now.deps;
  return { network: paths.netns(id), ipc: `${paths.pinned(id)}/ipc`, uts: `${paths.pinned(id)}/uts` };
};

describe('A pod without a pause task', () => {
  it('is READY with neither a task nor a root filesystem, and has a record that names its namespaces', async () => {
    const id = await runPod(rig.now, OWN_PIDS);
    expect(rig.now.deps.sandboxes.get(id)?.status).toMatchObject({ state: 'READY', pid: 0 });
    expect(rig.now.fake.leftovers()).toEqual({ containers: [id], leases: [id], sandboxes: [id] });
    expect((await specOf(id)).linux?.namespaces).toEqual(
      expect.arrayContaining(Object.entries(pinsOf(id)).map(([type, path]) => ({ type, path }))),
    );
  });

  it('has its host name and sysctls set where they are pinned', async () => {
    const sysctls = { 'net.ipv4.conf.eth0/100.forwarding': '1', 'kernel.shm_rmid_forced': '1' };
    const id = await runPod(rig.now, { hostname: 'web-0', linux: { ...OWN_PIDS.linux, sysctls } });
    expect(rig.now.host.settings.get(pinsOf(id).network)).toEqual({
      hostname: 'web-0',
      sysctls: [
        { name: 'net.ipv4.conf.eth0/100.forwarding', path: 'net/ipv4/conf/eth0.100/forwarding', value: '1' },
        { name: 'kernel.shm_rmid_forced', path: 'kernel/shm_rmid_forced', value: '1' },
        { name: 'net.ipv4.ip_unprivileged_port_start', path: 'net/ipv4/ip_unprivileged_port_start', value: '0' },
        { name: 'net.ipv4.ping_group_range', path: 'net/ipv4/ping_group_range', value: '0 2147483647' },
      ],
    });
  });

  it.each<[string, Options, string[]]>([
    ['network', { pid: CONTAINER, network: NODE }, ['ipc']],
    ['IPC', { pid: CONTAINER, ipc: NODE }, ['network', 'uts']],
    ['network, IPC and PIDs', { pid: NODE, network: NODE, ipc: NODE }, []],
  ])('pins only what is its own when it shares the %s of the host', async (_what, options, own) => {
    const id = await runPod(rig.now, withOptions(options));
    const pins = Object.entries(pinsOf(id));
    const pinned = await Promise.all(pins.map(([, path]) => rig.now.host.isNetns(path)));
    expect(pins.map(([type]) => type).filter((_, at) => pinned[at])).toEqual(expect.arrayContaining(own));
    expect(pinned.filter(Boolean)).toHaveLength(own.length);
    const container = await runContainer(rig.now, id, withOptions(options));
    const { linux } = await specOf(container.metadata.id);
    const joined = linux?.namespaces?.filter(({ path }) => path !== undefined).map(({ type }) => type);
    expect(joined?.sort()).toEqual([...own].sort());
  });

  it('lends its namespaces to its containers, who are in no sandbox of the daemon', async () => {
    const id = await runPod(rig.now, OWN_PIDS);
    const { metadata } = await runContainer(rig.now, id, OWN_PIDS);
    const { linux } = await specOf(metadata.id);
    const joined = Object.entries(pinsOf(id)).map(([type, path]) => ({ type, path }));
    expect(linux?.namespaces).toEqual(expect.arrayContaining([...joined, { type: 'pid' }, { type: 'mount' }]));
    expect((await rig.now.deps.containerd.containers.get(metadata.id))?.sandboxId).toBe('');
  });

  it('has no PIDs that a container could share', async () => {
    const id = await runPod(rig.now, OWN_PIDS);
    const sharing = createContainer(rig.now.deps, containerRequest(id, withOptions({ pid: POD })), rig.now.call());
    await expect(sharing).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('tells what it uses', async () => {
    const id = await runPod(rig.now, OWN_PIDS);
    const { stats } = await podSandboxStats(rig.now.deps, { podSandboxId: id }, rig.now.call());
    expect(stats?.attributes?.id).toBe(id);
  });

  it('starts though the pause image is not here and never pulled', async () => {
    const { images } = rig.now.deps;
    const find = jest.spyOn(images, 'find').mockReturnValue(undefined);
    const id = await runPod(rig.now, OWN_PIDS);
    find.mockRestore();
    expect((await specOf(id)).process?.args).toEqual(['/pause']);
  });

  it('stays READY when its last container ends', async () => {
    const id = await runPod(rig.now, OWN_PIDS);
    const { metadata } = await runContainer(rig.now, id, OWN_PIDS);
    rig.now.fake.process(metadata.id).exit(1);
    await ended(rig.now, metadata.id);
    expect(rig.now.deps.sandboxes.get(id)?.status.state).toBe('READY');
    await runContainer(rig.now, id, { ...OWN_PIDS, metadata: { name: 'app', attempt: 1 } });
  });

  it('makes no task while another one of it is being deleted', async () => {
    const id = await runPod(rig.now, OWN_PIDS);
    const first = (await runContainer(rig.now, id, OWN_PIDS)).metadata.id;
    const second = await makeContainer(rig.now, id, { ...OWN_PIDS, metadata: { name: 'second' } });
    const order: string[] = [];
    let started: Promise<unknown> | undefined;
    rig.now.fake.fail('Tasks/Delete', {
      passes: true,
      hit: () => {
        order.push('delete');
        started = startContainer(rig.now.deps, { containerId: second.metadata.id }, rig.now.call());
      },
    });
    rig.now.fake.fail('Tasks/Create', { passes: true, hit: () => order.push(`create, ${rig.now.deletedTasks}`) });
    rig.now.fake.process(first).exit(0);
    await ended(rig.now, first);
    await started;
    expect(order).toEqual(['delete', `create, ${first}`]);
  });

  it('is NOTREADY once it is stopped, which is told once', async () => {
    const id = await runPod(rig.now, OWN_PIDS);
    await runContainer(rig.now, id, OWN_PIDS);
    const publish = jest.spyOn(rig.now.deps.events, 'publish');
    await stop(id);
    await stop(id);
    expect(rig.now.deps.sandboxes.get(id)?.status.state).toBe('NOTREADY');
    expect(publish.mock.calls.filter(([of]) => of === id)).toHaveLength(1);
    expect({ mounts: [...rig.now.host.mounts], netns: [...rig.now.host.netns] }).toEqual({ mounts: [], netns: [] });
  });

  it('keeps the namespace of its network when CNI DEL fails, and is NOTREADY all the same', async () => {
    const id = await runPod(rig.now, OWN_PIDS);
    rig.now.faults.fail('del');
    await expect(stop(id)).rejects.toThrow('del was made to fail');
    expect([...rig.now.host.netns]).toEqual([pinsOf(id).network]);
    expect(rig.now.deps.sandboxes.get(id)?.status.state).toBe('NOTREADY');
  });
});

describe('A pod that needs a pause task', () => {
  it.each<[string, DeepPartial<PodSandboxConfig>]>([
    ['nothing said', {}],
    ['a shared PID namespace', withOptions({ pid: POD })],
  ])('has one with %s', async (_what, pod) => {
    const id = await runPod(rig.now, pod);
    expect(rig.now.fake.leftovers()).toMatchObject({ tasks: [id] });
  });
});
