import type { ContainerdClient } from '../../../src/containerd/client';
import { Code } from '../../../src/rpc/code';
import { type Rig, startRig } from './rig';

type Ask = (client: ContainerdClient) => Promise<unknown>;

/** Every question whose answer names what was asked for. */
const QUESTIONS: [string, Ask][] = [
  ['Containers/Get', ({ containers }) => containers.get('c')],
  ['Content/Info', ({ content }) => content.info(`sha256:${'0'.repeat(64)}`)],
  ['Images/Get', ({ images }) => images.get('docker.io/library/busybox:1.36')],
  ['Snapshots/Stat', ({ snapshots }) => snapshots.stat({ snapshotter: 'overlayfs', key: 'k' })],
  ['Store/Get', ({ sandboxStore }) => sandboxStore.get('s')],
  ['Tasks/Get', ({ tasks }) => tasks.get({ containerId: 'c' })],
];

describe('An answer about nothing', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig({ sandboxStore: true });
  });
  afterEach(() => rig.close());

  it.each(QUESTIONS)('does not say that there is nothing: %s', async (method, ask) => {
    rig.fake.fail(method, { empty: true });
    await expect(ask(rig.client)).rejects.toMatchObject({ code: Code.INTERNAL });
    expect(await ask(rig.client)).toBeUndefined(); // NOT_FOUND does
  });
});
