import type { ContainerdClient } from '../../../src/containerd/client';
import type { CreateOptions } from '../../../src/containerd/connection';
import { type Rig, record, startRig } from './rig';

type Make = (client: ContainerdClient, options: CreateOptions) => Promise<unknown>;

const SNAPSHOT = { snapshotter: 'overlayfs', key: 'k', parent: '' };
const TARGET = { mediaType: 'm', digest: `sha256:${'0'.repeat(64)}`, size: 1n, annotations: {} };

/** Every call that makes something of which an undo may go out right after it. */
const CREATIONS: [string, Make][] = [
  ['Containers/Create', ({ containers }, options) => containers.create(record('c'), options)],
  ['Store/Create', ({ sandboxStore }, options) => sandboxStore.create({ id: 's' }, options)],
  ['Snapshots/Prepare', ({ snapshots }, options) => snapshots.prepare(SNAPSHOT, options)],
  ['Snapshots/View', ({ snapshots }, options) => snapshots.view(SNAPSHOT, options)],
  ['Leases/Create', ({ leases }, options) => leases.create({ id: 'l' }, options)],
  ['Images/Create', ({ images }, options) => images.create({ name: 'n', target: TARGET, labels: {} }, options)],
];

describe('A call that makes something', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig({ sandboxStore: true });
  });
  afterEach(() => rig.close());

  it.each(CREATIONS)('comes to its end when its caller leaves meanwhile: %s', async (method, make) => {
    const caller = new AbortController();
    let goOn: () => void = () => undefined;
    const until = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const begun = new Promise<void>((resolve) => rig.fake.fail(method, { until, hit: resolve }));
    let settled = false;
    const made = make(rig.client, { signal: caller.signal }).finally(() => {
      settled = true;
    });
    await begun;
    caller.abort(new Error('the caller has left'));
    await rig.client.version.version(); // whatever the signal does has been done by then
    expect(settled).toBe(false);
    goOn();
    await made;
  });

  it.each(CREATIONS)('is not begun for a caller that has left: %s', async (method, make) => {
    const signal = AbortSignal.abort(new Error('the caller has left'));
    await expect(make(rig.client, { signal })).rejects.toThrow('the caller has left');
    expect(rig.fake.calls.filter((call) => call.endsWith(method))).toEqual([]);
  });

  it('ends with its signal where its lease is deleted next', async () => {
    const caller = new AbortController();
    rig.fake.fail('Snapshots/Prepare', { hang: true, hit: () => caller.abort(new Error('the pull was given up')) });
    const prepared = rig.client.snapshots.prepare(SNAPSHOT, { signal: caller.signal, cutOff: true });
    await expect(prepared).rejects.toThrow('the pull was given up');
  });

  it('has a deadline all the same', async () => {
    rig.fake.fail('Leases/Create', { hang: true });
    await expect(rig.client.leases.create({ id: 'l' }, { timeoutMs: 30 })).rejects.toThrow('deadline');
  });
});

describe('A call', () => {
  it('is about another namespace where it says so', async () => {
    const rig = await startRig();
    await rig.client.containers.create(record('a'), { namespace: 'moby' });
    expect(await rig.client.containers.list()).toEqual([]);
    expect(await rig.client.containers.list([], { namespace: 'moby' })).toMatchObject([{ id: 'a' }]);
    await rig.close();
  });
});
