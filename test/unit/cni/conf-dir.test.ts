import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ConfDir } from '../../../src/cni/conf-dir';
import { loadNetworks } from '../../../src/cni/network-config';
import { keepingLogger, ScriptedPlugins } from './scripted-plugins';

const list = (name: string): object => ({ cniVersion: '1.0.0', name, plugins: [{ type: 'x' }] });

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

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
  const follow = async (by: 'events' | 'looking', load?: typeof loadNetworks): Promise<void> => {
    const timing = by === 'events' ? { pollMs: 600_000, debounceMs: 10 } : { pollMs: 20, debounceMs: 600_000 };
    dir = new ConfDir({ dir: scripted.confDir, maxConfNum: 1, log, load, ...timing });
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

  /** Reading takes as long as `hold` says, as on a mount whose server is gone. */
  const held = (): { load: typeof loadNetworks; hold: () => () => void } => {
    let held: Promise<void> | undefined;
    return {
      load: async (...args) => {
        const networks = await loadNetworks(...args);
        await held;
        return networks;
      },
      hold: () => {
        let release = (): void => undefined;
        held = new Promise((resolve) => {
          release = resolve;
        });
        return release;
      },
    };
  };

  it('answers with what was read before while a reading hangs, and goes on when that ends', async () => {
    const { load, hold } = held();
    scripted.conf('b.conflist', list('before'));
    await follow('events', load);
    const release = hold();
    scripted.conf('a.conflist', list('after'));
    const hanging = dir.refresh();
    let next: Promise<void> | undefined;
    try {
      await dir.settled();
      expect(loaded()).toBe('before');
      const later = new Promise((resolve) => setImmediate(() => resolve('later')));
      expect(await Promise.race([dir.settled().then(() => 'at once'), later])).toBe('at once');
      next = dir.refresh();
      expect(dir.refresh()).toBe(next);
      await until(() => log.lines.some((line) => line.includes('reading the CNI configuration hangs')));
    } finally {
      rmSync(join(scripted.confDir, 'a.conflist'));
      release();
    }
    await hanging;
    expect(loaded()).toBe('after');
    await next;
    expect(loaded()).toBe('before');
  });

  it('lets a caller leave while a reading hangs', async () => {
    const { load, hold } = held();
    await follow('events', load);
    const release = hold();
    scripted.conf('a.conflist', list('a'));
    const hanging = dir.refresh();
    try {
      await expect(dir.settled(AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
    } finally {
      release();
    }
    await hanging;
  });

  it.each<[string, (path: string) => void, number]>([
    ['a link that leads nowhere', (path) => symlinkSync('/nowhere', path), 1],
    ['a link in a circle', (path) => symlinkSync(path, path), 1],
    ['a link to a directory', (path) => symlinkSync('/', path), 1],
    ['a link to a device', (path) => symlinkSync('/dev/null', path), 1],
    ['a directory', (path) => mkdirSync(path), 0],
    ['a FIFO', (path) => execFileSync('mkfifo', [path]), 1],
  ])('passes over %s, and warns of it once, but not of a directory', async (_what, make, warned) => {
    make(join(scripted.confDir, '00-odd.conf'));
    scripted.conf('10-a.conflist', list('good'));
    await follow('looking');
    expect([loaded(), dir.lastLoadStatus()]).toEqual(['good', 'OK']);
    scripted.conf('10-a.conflist', list('changed'));
    await becomes('changed');
    const warnings = log.lines.filter((line) => line.startsWith('CNI configuration passed over'));
    expect(warnings).toHaveLength(warned);
  });

  it('says what was passed over when nothing is left, and loads a link once it leads somewhere', async () => {
    symlinkSync(join(scripted.confDir, 'later'), join(scripted.confDir, 'a.conflist'));
    await follow('looking');
    expect(dir.lastLoadStatus()).toMatch(/no network config found in .* \(passed over: .*a\.conflist: ENOENT/);
    scripted.conf('later', list('good'));
    await becomes('good');
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
