import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ConfDir } from '../../../src/cni/conf-dir';
import { keepingLogger, ScriptedPlugins } from './scripted-plugins';

const list = (name: string): object => ({ cniVersion: '1.0.0', name, plugins: [{ type: 'x' }] });

describe('ConfDir', () => {
  let scripted: ScriptedPlugins;
  let dir: ConfDir;
  let log: ReturnType<typeof keepingLogger>;
  beforeEach(() => {
    scripted = new ScriptedPlugins();
    log = keepingLogger();
  });
  afterEach(() => {
    dir.stop();
    scripted.remove();
  });

  /** `pollMs` long: only events are heard; `debounceMs` long: only looking finds anything. */
  const follow = async (by: 'events' | 'looking'): Promise<void> => {
    const timing = by === 'events' ? { pollMs: 600_000, debounceMs: 10 } : { pollMs: 20, debounceMs: 600_000 };
    dir = new ConfDir({ dir: scripted.confDir, maxConfNum: 1, log, ...timing });
    await dir.start();
  };
  const loaded = (): string => dir.loaded()[0]?.name ?? 'none';
  const becomes = async (name: string): Promise<void> => {
    const end = Date.now() + 5_000;
    while (loaded() !== name && Date.now() < end) await new Promise((resolve) => setImmediate(resolve));
    expect(loaded()).toBe(name);
  };

  it.each(['events', 'looking'] as const)('finds by %s what was written, renamed and removed', async (by) => {
    await follow(by);
    expect(dir.lastLoadStatus()).toBe(`cni config load failed: no network config found in ${scripted.confDir}`);
    scripted.conf('10-kindnet.conflist.temp', list('first'));
    renameSync(join(scripted.confDir, '10-kindnet.conflist.temp'), join(scripted.confDir, '10-kindnet.conflist'));
    await becomes('first');
    scripted.conf('10-kindnet.conflist', list('changed'));
    await becomes('changed');
    scripted.conf('05-other.conflist', list('other'));
    await becomes('other');
    rmSync(join(scripted.confDir, '05-other.conflist'));
    await becomes('changed');
    rmSync(join(scripted.confDir, '10-kindnet.conflist'));
    await becomes('none');
  });

  it('waits for a directory that comes later, and survives that it is made anew', async () => {
    rmSync(scripted.confDir, { recursive: true });
    await follow('looking');
    expect(loaded()).toBe('none');
    mkdirSync(scripted.confDir);
    scripted.conf('a.conflist', list('first'));
    await becomes('first');
    rmSync(scripted.confDir, { recursive: true });
    await becomes('none');
    mkdirSync(scripted.confDir);
    scripted.conf('a.conflist', list('second'));
    await becomes('second');
  });

  it('drops the networks when a file is bad, says which, and takes them again when it is mended', async () => {
    scripted.conf('a.conflist', list('good'));
    await follow('events');
    expect(() => dir.current()).not.toThrow();
    scripted.conf('a.conflist', '{');
    await becomes('none');
    expect(() => dir.current()).toThrow(/cni plugin not initialized: .*a\.conflist: /);
    scripted.conf('a.conflist', list('good'));
    await becomes('good');
    expect(dir.lastLoadStatus()).toBe('OK');
  });

  it('reads nothing while nothing changes', async () => {
    scripted.conf('a.conflist', list('good'));
    await follow('events');
    const before = dir.loaded();
    await dir.refresh();
    expect(dir.loaded()).toBe(before);
    expect(log.lines).toHaveLength(1);
  });
});
