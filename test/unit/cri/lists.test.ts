import {
  ContainerFilter,
  ContainerState,
  type Container as CriContainer,
  type DeepPartial,
  type ListContainersRequest,
  ListContainersResponse,
  ListPodSandboxResponse,
  PodSandboxFilter,
  PodSandboxState,
  StreamContainersResponse,
  StreamPodSandboxesResponse,
} from '../../../generated/cri/v1/api';
import { listContainers } from '../../../src/cri/container/list-containers';
import { streamContainers } from '../../../src/cri/container/stream-containers';
import { listPodSandbox } from '../../../src/cri/sandbox/list-pod-sandbox';
import { stopPodSandbox } from '../../../src/cri/sandbox/stop-pod-sandbox';
import { streamPodSandboxes } from '../../../src/cri/sandbox/stream-pod-sandboxes';
import type { Container } from '../../../src/model/container';
import { makeContainer, runContainer, runPod } from '../../support/story-pods';
import { useRig } from '../../support/use-rig';
import { collect, collectDecoded } from '../rpc/rpc-rig';

const rig = useRig();
let web: string;
let db: string;
let app: Container;
let side: Container;

beforeEach(async () => {
  web = await runPod(rig.now, { labels: { tier: 'front', zone: 'a' } });
  db = await runPod(rig.now, {
    metadata: { name: 'db', namespace: 'shop', uid: '2' },
    labels: { tier: 'back', zone: 'a' },
  });
  app = await runContainer(rig.now, web, { labels: { part: 'app' } });
  side = await makeContainer(rig.now, web, { metadata: { name: 'side' }, labels: { part: 'side' } });
});

async function pods(filter?: DeepPartial<PodSandboxFilter>): Promise<string[]> {
  const request = { filter: filter && PodSandboxFilter.fromPartial(filter) };
  const { items } = ListPodSandboxResponse.decode(
    (await listPodSandbox(rig.now.deps, request)).parts[0] ?? Buffer.alloc(0),
  );
  const streamed = await collectDecoded(streamPodSandboxes(rig.now.deps, request), StreamPodSandboxesResponse);
  expect(streamed.flatMap(({ podSandboxes }) => podSandboxes)).toEqual(items);
  return items.map(({ id }) => id).sort();
}

async function listed(request: ListContainersRequest = { filter: undefined }): Promise<CriContainer[]> {
  return ListContainersResponse.decode((await listContainers(rig.now.deps, request)).parts[0] ?? Buffer.alloc(0))
    .containers;
}

async function containers(filter?: DeepPartial<ContainerFilter>): Promise<string[]> {
  const request = { filter: filter && ContainerFilter.fromPartial(filter) };
  const found = await listed(request);
  const streamed = await collectDecoded(streamContainers(rig.now.deps, request), StreamContainersResponse);
  expect(streamed.flatMap((message) => message.containers)).toEqual(found);
  return found.map(({ id }) => id).sort();
}

describe('ListPodSandbox, and its stream', () => {
  it('lists every pod without a filter, and with an empty one', async () => {
    expect(await pods()).toEqual([web, db].sort());
    expect(await pods({})).toEqual([web, db].sort());
  });

  it('lists what all parts of a filter let through', async () => {
    expect(await pods({ id: web })).toEqual([web]);
    expect(await pods({ id: web.slice(0, 8) })).toEqual([web]);
    expect(await pods({ labelSelector: { zone: 'a' } })).toEqual([web, db].sort());
    expect(await pods({ labelSelector: { zone: 'a', tier: 'back' } })).toEqual([db]);
    expect(await pods({ id: web, labelSelector: { tier: 'back' } })).toEqual([]);
    expect(await pods({ state: { state: PodSandboxState.SANDBOX_NOTREADY } })).toEqual([]);
    await stopPodSandbox(rig.now.deps, { podSandboxId: db }, rig.now.call());
    expect(await pods({ state: { state: PodSandboxState.SANDBOX_NOTREADY } })).toEqual([db]);
    expect(await pods({ state: { state: PodSandboxState.SANDBOX_READY } })).toEqual([web]);
  });

  it('lists nothing for an id that nobody has, and sends no message then', async () => {
    expect(await pods({ id: 'absent' })).toEqual([]);
    const filter = PodSandboxFilter.fromPartial({ id: 'absent' });
    expect(await collect(streamPodSandboxes(rig.now.deps, { filter }))).toEqual([]);
  });

  it('asks neither the daemon nor a shim', async () => {
    const before = rig.now.fake.calls.length;
    await pods();
    await containers();
    expect(rig.now.fake.calls.length).toBe(before);
  });
});

describe('ListContainers, and its stream', () => {
  it('lists every container without a filter, and with an empty one', async () => {
    const all = [app, side].map(({ metadata }) => metadata.id).sort();
    expect(await containers()).toEqual(all);
    expect(await containers({})).toEqual(all);
  });

  it('lists what all parts of a filter let through', async () => {
    const [a, s] = [app.metadata.id, side.metadata.id];
    expect(await containers({ id: a.slice(0, 8) })).toEqual([a]);
    expect(await containers({ podSandboxId: web })).toEqual([a, s].sort());
    expect(await containers({ podSandboxId: db })).toEqual([]);
    expect(await containers({ labelSelector: { part: 'side' } })).toEqual([s]);
    expect(await containers({ state: { state: ContainerState.CONTAINER_RUNNING } })).toEqual([a]);
    expect(await containers({ state: { state: ContainerState.CONTAINER_CREATED } })).toEqual([s]);
    expect(await containers({ id: a, labelSelector: { part: 'side' } })).toEqual([]);
  });

  it('tells of a change at once', async () => {
    const state = async () => (await listed()).find(({ id }) => id === app.metadata.id)?.state;
    expect(await state()).toBe(ContainerState.CONTAINER_RUNNING);
    await rig.now.deps.containers.update(app, { finishedAt: app.status.startedAt + 1n });
    expect(await state()).toBe(ContainerState.CONTAINER_EXITED);
    await rig.now.deps.containers.update(app, { finishedAt: 0n });
    expect(await state()).toBe(ContainerState.CONTAINER_RUNNING);
  });

  it('tells of a container what a status tells, by the id of its image', async () => {
    const found = await listed();
    expect(found.find(({ id }) => id === app.metadata.id)).toMatchObject({
      podSandboxId: web,
      metadata: { name: 'app', attempt: 0 },
      image: { image: 'docker.io/library/app:1' },
      imageRef: app.metadata.imageRef,
      imageId: app.metadata.imageRef,
      state: ContainerState.CONTAINER_RUNNING,
      createdAt: app.status.createdAt,
      labels: { part: 'app' },
    });
  });
});
