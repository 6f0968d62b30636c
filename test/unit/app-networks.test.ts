import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Networks } from '../../src/app-networks';
import { silentLogger } from '../../src/base/logger';
import { parseConfig } from '../../src/config/load';
import { runtimeHandlers } from '../../src/cri/runtime-handlers';
import { MetricsRegistry } from '../../src/observability/metrics-registry';

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
});
