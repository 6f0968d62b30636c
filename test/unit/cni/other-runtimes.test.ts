import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ETH0, never, pod, ScriptedPlugins } from './scripted-plugins';

const NET = { cniVersion: '1.0.0', name: 'net', plugins: [{ type: 'one' }, { type: 'two' }] };
const ID = 'a'.repeat(64);
const B = 'b'.repeat(64);

describe('Garbage collection beside another runtime', () => {
  let scripted: ScriptedPlugins;
  beforeEach(() => {
    scripted = new ScriptedPlugins();
    scripted.conf('10-net.conflist', NET);
    for (const name of ['one', 'two']) scripted.plugin(name, { ADD: ETH0 });
  });
  afterEach(() => scripted.remove());

  const started = async (options: Parameters<ScriptedPlugins['networks']>[0] = {}) => {
    const networks = scripted.networks(options);
    await networks.start();
    networks.stop(); // what is there was read; tests do not wait for changes
    return networks;
  };
  const cached = (): string[] => readdirSync(join(scripted.cacheDir, 'results')).sort();

  it.each([
    ['whose namespace is still there', '/proc/self/ns/net'],
    ['whose namespace a reboot has taken', '/run/netns/cni-12345678-1234-1234-1234-123456789012'],
    ['of which no namespace is known', ''],
  ])('leaves a pod of another runtime, %s', async (_what, netnsPath) => {
    const networks = await started();
    const interfaces = ETH0.interfaces.map(({ name, mac }) => ({ name, mac })); // which tell of no namespace either
    for (const name of ['one', 'two']) scripted.answer(name, 'ADD', { ...ETH0, interfaces });
    await networks.add(pod({ netnsPath }), never);
    scripted.forgetCalls();
    await networks.gc(() => []);
    expect([scripted.calls(), cached()]).toEqual([[], [`net-${ID}-eth0`]]);
  });

  it('spares pods of the same network that another runtime has in a cache of its own', async () => {
    scripted.conf('10-net.conflist', { ...NET, cniVersion: '1.1.0' });
    const theirs = await started({ cacheDir: join(scripted.home, 'theirs') });
    await theirs.add(pod({ sandboxId: B, netnsPath: '/run/netns/theirs' }), never);
    const networks = await started({ otherCacheDirs: [join(scripted.home, 'theirs'), join(scripted.home, 'none')] });
    await networks.add(pod(), never);
    scripted.forgetCalls();
    await networks.gc(() => [ID]);
    const told = scripted.calls().map(({ conf }) => conf['cni.dev/valid-attachments']);
    const valid = [ID, B].map((containerID) => ({ containerID, ifname: 'eth0' }));
    expect(told).toEqual([valid, valid]);
  });
});
