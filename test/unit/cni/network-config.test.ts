import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadNetworks, parseNetworkList } from '../../../src/cni/network-config';
import { ScriptedPlugins } from './scripted-plugins';

const list = (name: string, more: object = {}): object => ({
  cniVersion: '1.0.0',
  name,
  plugins: [{ type: 'bridge' }],
  ...more,
});

describe('loadNetworks', () => {
  let scripted: ScriptedPlugins;
  beforeEach(() => {
    scripted = new ScriptedPlugins();
  });
  afterEach(() => scripted.remove());

  const names = async (max: number): Promise<string[]> =>
    (await loadNetworks(scripted.confDir, max)).map(({ name }) => name);

  it('takes the first files in the order of their names, of the known kinds only', async () => {
    scripted.conf('20-b.conflist', list('b'));
    scripted.conf('10-a.json', { cniVersion: '0.3.1', name: 'a', type: 'ptp' });
    scripted.conf('30-c.conf', { name: 'c', type: 'ptp' });
    scripted.conf('00-kindnet.conflist.temp', '{');
    scripted.conf('README', 'x');
    expect(await names(1)).toEqual(['a']);
    expect(await names(2)).toEqual(['a', 'b']);
    expect(await names(0)).toEqual(['a', 'b', 'c']);
  });

  it('makes a list of a single plugin, and of a missing version the first', async () => {
    scripted.conf('a.conf', { name: 'a', type: 'ptp', mtu: 1460 });
    const [network] = await loadNetworks(scripted.confDir, 1);
    expect(network).toMatchObject({
      name: 'a',
      cniVersion: '0.1.0',
      plugins: [{ type: 'ptp', conf: { name: 'a', type: 'ptp', mtu: 1460 } }],
      file: join(scripted.confDir, 'a.conf'),
    });
    expect(JSON.parse(String(network?.bytes))).toEqual({ name: 'a', plugins: [{ name: 'a', type: 'ptp', mtu: 1460 }] });
  });

  it('adds the plugins of the directory named as the network, unless the list wants its own only', async () => {
    mkdirSync(join(scripted.confDir, 'a'));
    writeFileSync(join(scripted.confDir, 'a', '10.conf'), '{"type":"portmap"}');
    scripted.conf('a.conflist', list('a'));
    expect((await loadNetworks(scripted.confDir, 1))[0]?.plugins.map(({ type }) => type)).toEqual([
      'bridge',
      'portmap',
    ]);
    scripted.conf('a.conflist', list('a', { loadOnlyInlinedPlugins: true }));
    expect((await loadNetworks(scripted.confDir, 1))[0]?.plugins.map(({ type }) => type)).toEqual(['bridge']);
  });

  it('counts only files that hold a configuration', async () => {
    symlinkSync('/nowhere', join(scripted.confDir, '00.conflist'));
    scripted.conf('10.conflist', list('a'));
    symlinkSync('/nowhere', join(scripted.confDir, '15.conf'));
    scripted.conf('20.conflist', list('b'));
    const passedOver: string[] = [];
    const load = async (max: number): Promise<string[]> =>
      (await loadNetworks(scripted.confDir, max, (file) => passedOver.push(file))).map(({ name }) => name);
    expect(await load(1)).toEqual(['a']);
    expect(passedOver).toEqual([join(scripted.confDir, '00.conflist')]);
    expect(await load(2)).toEqual(['a', 'b']);
  });

  it('refuses a network one of whose plugins cannot be read', async () => {
    mkdirSync(join(scripted.confDir, 'a', '05.conf'), { recursive: true });
    scripted.conf('a.conflist', list('a'));
    expect(await names(1)).toEqual(['a']); // a directory is no plugin
    symlinkSync('/nowhere', join(scripted.confDir, 'a', '10.conf'));
    await expect(names(1)).rejects.toThrow(/a\.conflist: ENOENT/);
  });

  it('has nothing to load from a directory that is not there', async () => {
    rmSync(scripted.confDir, { recursive: true });
    expect(await names(1)).toEqual([]);
  });

  it.each([
    ['10.conflist', '{', /JSON/],
    ['10.conflist', '[]', 'is not a JSON object'],
    ['10.conflist', { name: 'a', plugins: [] }, 'has no plugins'],
    ['10.conflist', { name: 'a', plugins: [{}] }, 'plugins[0] has no type'],
    ['10.conflist', list('a/../b'), 'name "a/../b" is missing or has other characters'],
    ['10.conflist', { plugins: [{ type: 'x' }] }, 'name "" is missing'],
    ['10.conflist', list('a', { cniVersion: '7.0.0' }), 'cniVersion 7.0.0 is not one we know'],
    ['10.conf', list('a'), 'has no type; a list of plugins belongs into a .conflist file'],
  ])('refuses all when %s is %j', async (file, content, message) => {
    scripted.conf(file, content);
    scripted.conf('20.conflist', list('good'));
    await expect(names(0)).rejects.toThrow(message);
    await expect(names(0)).rejects.toThrow(join(scripted.confDir, file));
  });

  it('refuses two networks of one name, whose attachments could not be told apart', async () => {
    scripted.conf('1.conflist', list('a'));
    scripted.conf('2.conflist', list('a'));
    await expect(names(0)).rejects.toThrow('another file has a network "a" too');
  });
});

describe('parseNetworkList', () => {
  it.each([
    [{ cniVersion: '1.0.0', cniVersions: ['0.4.0', '1.1.0', '2.0.0'] }, '1.1.0'],
    [{ cniVersion: '1.0.0' }, '1.0.0'],
    [{ cniVersion: undefined }, '0.1.0'],
  ])('of %j takes version %s', (versions, expected) => {
    expect(parseNetworkList(Buffer.from(JSON.stringify(list('a', versions)))).cniVersion).toBe(expected);
  });

  it.each([
    [{}, false, false],
    [{ disableCheck: true, disableGC: true }, true, true],
    [{ disableCheck: 'true', disableGC: 'no' }, true, false],
  ])('reads the switches of %j', (more, disableCheck, disableGC) => {
    expect(parseNetworkList(Buffer.from(JSON.stringify(list('a', more))))).toMatchObject({ disableCheck, disableGC });
  });
});
