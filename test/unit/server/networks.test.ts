import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/logger';
import { parseConfig } from '../../../src/config/load';
import { runtimeHandlers } from '../../../src/cri/runtime-handlers';
import { MetricsRegistry } from '../../../src/observability/metrics-registry';
import { Networks } from '../../../src/server/networks';
import { ETH0, never, pod, ScriptedPlugins } from '../cni/scripted-plugins';

let dir: string;
let networks: Networks | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'networks-'));
});
afterEach(() => {
  networks?.stop();
  rmSync(dir, { recursive: true });
});

describe('The networks of a handler', () => {
  it('are those of its own directory, and of the common one when it has none', async () => {
    const own = join(dir, 'own');
    mkdirSync(own);
    const conf = { cniVersion: '1.0.0', name: 'own', plugins: [{ type: 'loopback' }] };
    writeFileSync(join(own, '10-own.conflist'), JSON.stringify(conf));
    mkdirSync(join(dir, 'common'));
    const config = parseConfig(`
      [cni]
      conf_dir = "${join(dir, 'common')}"
      [containerd.runtimes.kata]
      runtime_type = "io.containerd.kata.v2"
      cni_conf_dir = "${own}"
      cni_max_conf_num = 1
      [containerd.runtimes.crun]
      runtime_type = "io.containerd.runc.v2"
    `);
    const made = new Networks(config, silentLogger, new MetricsRegistry());
    networks = made;
    const { find, default: runc } = runtimeHandlers(config);
    const of = (name: string) => made.of(find(name) ?? runc);
    expect((await of('kata').status()).ready).toBe(true);
    expect((await of('').status()).ready).toBe(false);
    expect(of('crun')).toBe(of('runc'));
    expect(of('kata')).not.toBe(of('runc'));
  });

  it('have one lock for a name, whichever directory it is in: a pod of one handler stops a GC of the other', async () => {
    const scripted = new ScriptedPlugins();
    const pid = join(scripted.home, 'pid');
    scripted.plugin('one', { ADD: { ...ETH0, cniVersion: '1.1.0' } });
    scripted.script('one', 'GC', `echo $$ > ${pid}.new; mv ${pid}.new ${pid}; sleep 3600`);
    const conf = { cniVersion: '1.1.0', name: 'same', plugins: [{ type: 'one' }] };
    scripted.conf('10-same.conflist', conf);
    const own = join(dir, 'own');
    mkdirSync(own);
    writeFileSync(join(own, '10-same.conflist'), JSON.stringify(conf));
    const config = parseConfig(`
      [cni]
      conf_dir = "${scripted.confDir}"
      bin_dirs = ["${scripted.binDir}"]
      cache_dir = "${scripted.cacheDir}"
      timeout = "1h"
      use_internal_loopback = false
      [containerd.runtimes.kata]
      runtime_type = "io.containerd.kata.v2"
      cni_conf_dir = "${own}"
    `);
    scripted.plugin('loopback', { ADD: { ...ETH0, cniVersion: '0.3.1' } });
    const made = new Networks(config, silentLogger, new MetricsRegistry());
    networks = made;
    const { find, default: runc } = runtimeHandlers(config);
    const gc = made.of(runc).gc(() => []);
    const end = Date.now() + 20_000;
    while (!existsSync(pid) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
    await made.of(find('kata') ?? runc).add(pod(), never);
    await gc;
    expect(scripted.order()).toEqual(['GC one', expect.anything(), expect.anything()]);
    scripted.remove();
  }, 30_000);
});
