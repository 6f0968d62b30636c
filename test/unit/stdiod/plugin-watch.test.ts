import { silentLogger } from '../../../src/base/logger';
import { TakeoverWatch } from '../../../src/stdiod/plugin-watch';
import { plugin } from '../../support/fake/daemon-rows';
import { FakeContainerd } from '../../support/fake-containerd';
import { until } from '../stdio/fixture';

const CRI = { type: 'io.containerd.grpc.v1', id: 'cri' };

let fake: FakeContainerd;
let told: string[];
let watch: TakeoverWatch;
beforeEach(async () => {
  fake = await FakeContainerd.start();
  told = [];
  watch = new TakeoverWatch({
    ...{ address: fake.address, log: silentLogger },
    pause: async (on) => void told.push(on ? 'pause' : 'go on'),
    letGo: () => void told.push('let go'),
  });
});
afterEach(async () => {
  watch.stop();
  await fake.stop();
});

describe('The watch for containerd’s own CRI', () => {
  it('holds copying while containerd is away, and goes on when it comes back without the plugin', async () => {
    watch.start();
    await until(() => told.length === 1);
    await fake.restart();
    await until(() => told.length === 3);
    expect(told).toEqual(['go on', 'pause', 'go on']);
  });

  it('lets go when it comes back with the plugin, having copied nothing meanwhile', async () => {
    watch.start();
    await until(() => told.length === 1);
    fake.world.plugins.push(plugin(CRI));
    await fake.restart();
    await until(() => told.includes('let go'));
    expect(told).toEqual(['go on', 'pause', 'let go']);
  });

  it('lets go at once when the plugin is there already', async () => {
    fake.world.plugins.push(plugin(CRI));
    watch.start();
    await until(() => told.length > 0);
    expect(told).toEqual(['let go']);
  });

  it('takes a plugin that failed to start for none', async () => {
    fake.world.plugins.push(plugin({ ...CRI, initErr: { code: 2, message: 'no cni', details: [] } }));
    watch.start();
    await until(() => told.length > 0);
    expect(told).toEqual(['go on']);
  });

  it('lets nothing go when it was stopped while it connected', async () => {
    fake.world.plugins.push(plugin(CRI));
    watch.start();
    watch.stop();
    await until(() => told.length > 0);
    expect(told).toEqual(['go on']);
  });

  it('ends when it is stopped, with copying going on', async () => {
    watch.start();
    await until(() => told.length === 1);
    watch.stop();
    await until(() => told.length === 2);
    await fake.restart();
    expect(told).toEqual(['go on', 'go on']);
  });
});
