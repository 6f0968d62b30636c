import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CachedAttachment, ResultCache } from '../../../src/cni/result-cache';
import { ScriptedPlugins } from './scripted-plugins';

const attachment: CachedAttachment = {
  containerId: 'a'.repeat(64),
  networkName: 'net',
  ifName: 'eth0',
  config: Buffer.from('{"name":"net"}'),
  netnsPath: '/run/netns/a',
  cniArgs: [['IgnoreUnknown', '1']],
  capabilityArgs: { portMappings: [] },
  result: { cniVersion: '1.0.0' },
};

describe('ResultCache', () => {
  let scripted: ScriptedPlugins;
  let cache: ResultCache;
  beforeEach(() => {
    scripted = new ScriptedPlugins();
    cache = new ResultCache(scripted.cacheDir);
  });
  afterEach(() => scripted.remove());

  it('writes the file of the reference library', async () => {
    await cache.write(attachment);
    const file = join(scripted.cacheDir, 'results', `net-${'a'.repeat(64)}-eth0`);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      kind: 'cniCacheV1',
      containerId: 'a'.repeat(64),
      config: 'eyJuYW1lIjoibmV0In0=',
      ifName: 'eth0',
      networkName: 'net',
      netns: '/run/netns/a',
      cniArgs: [['IgnoreUnknown', '1']],
      capabilityArgs: { portMappings: [] },
      result: { cniVersion: '1.0.0' },
    });
  });

  it('finds the attachments of a sandbox again, and no one else’s', async () => {
    await cache.write(attachment);
    await cache.write({ ...attachment, ifName: 'lo' });
    await cache.write({ ...attachment, containerId: 'b' });
    expect(await cache.ofSandbox(attachment.containerId)).toEqual([attachment, { ...attachment, ifName: 'lo' }]);
    expect(await cache.list()).toHaveLength(3);
  });

  it('remembers that a DEL was given up', async () => {
    await cache.write({ ...attachment, abandoned: true });
    expect(await cache.list()).toEqual([{ ...attachment, abandoned: true }]);
  });

  it('forgets an attachment, also when it is gone already', async () => {
    await cache.write(attachment);
    await cache.delete(attachment);
    await cache.delete(attachment);
    expect(readdirSync(join(scripted.cacheDir, 'results'))).toEqual([]);
  });

  it('has nothing before anything was written', async () => {
    expect(await cache.list()).toEqual([]);
  });

  it('passes over what is torn, of another kind, or under a wrong name', async () => {
    await cache.write(attachment);
    const dir = join(scripted.cacheDir, 'results');
    const good = readFileSync(join(dir, `net-${'a'.repeat(64)}-eth0`), 'utf8');
    writeFileSync(join(dir, `x-${'a'.repeat(64)}-eth0`), good);
    writeFileSync(join(dir, `torn-${'a'.repeat(64)}-eth0`), good.slice(0, 40));
    writeFileSync(join(dir, `old-${'a'.repeat(64)}-eth0`), '{"cniVersion":"0.3.1"}');
    mkdirSync(join(dir, `dir-${'a'.repeat(64)}-eth0`));
    expect(await cache.ofSandbox(attachment.containerId)).toEqual([attachment]);
  });

  it('reads what the plugin of containerd has written', async () => {
    const fixtures = join(__dirname, '../../fixtures/plugin-records/1.6/cni-cache.json');
    const files: Record<string, string> = JSON.parse(readFileSync(fixtures, 'utf8'));
    const dir = join(scripted.cacheDir, 'results');
    mkdirSync(dir, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    const found = await cache.list();
    expect(found.map(({ ifName }) => ifName).sort()).toEqual(['eth0', 'lo']);
    // It did not keep the namespace, but its plugin had named it.
    expect(found.map(({ netnsPath }) => netnsPath)).toEqual([
      expect.stringContaining('/netns/cni-'),
      expect.stringContaining('/netns/cni-'),
    ]);
    expect(JSON.parse(String(found.find(({ ifName }) => ifName === 'lo')?.config))).toMatchObject({
      name: 'cni-loopback',
    });
  });
});
