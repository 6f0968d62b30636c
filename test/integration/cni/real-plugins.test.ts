import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/logger';
import { noMetrics } from '../../../src/base/metrics';
import { PodNetworks, type PodNetworksOptions } from '../../../src/cni/pod-networks';
import { bringLoopbackUp } from '../../../src/host/namespace/netns';
import type { PodNetworkConfig } from '../../../src/model/network';

const PLUGINS = '/usr/lib/cni';
const NEEDED = ['bridge', 'host-local', 'portmap', 'loopback'];
const able = process.getuid?.() === 0 && NEEDED.every((name) => existsSync(join(PLUGINS, name)));

const HOST = `crisp-cni-host-${process.pid}`;
const ID = randomBytes(32).toString('hex');
/** As crisp names the namespace of a pod. */
const POD = `cni-${ID.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}`;
const POD_PATH = `/run/netns/${POD}`;
const never = new AbortController().signal;

const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });
const tries = (...args: string[]): boolean => spawnSync('ip', args).status === 0;

/** The plugins run in a namespace that stands for the host, so that nothing of them is left on this machine. */
(able ? describe : describe.skip)('PodNetworks with the real plugins', () => {
  let home: string;
  let leases: string;
  let networks: PodNetworks;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'crisp-cni-'));
    leases = join(home, 'leases');
    for (const name of ['bin', 'net.d']) mkdirSync(join(home, name));
    for (const name of NEEDED) {
      const wrapper = join(home, 'bin', name);
      writeFileSync(wrapper, `#!/bin/sh\nexec ip netns exec ${HOST} ${PLUGINS}/${name}\n`);
      chmodSync(wrapper, 0o755);
    }
    for (const name of [HOST, POD]) ip('netns', 'add', name);
    ip('-n', HOST, 'link', 'set', 'lo', 'up');
  });
  afterEach(() => {
    networks.stop();
    for (const name of [POD, HOST]) tries('netns', 'delete', name);
    rmSync(home, { recursive: true, force: true });
  });

  const conf = (change: object = {}): object => ({
    cniVersion: '1.0.0',
    name: 'test',
    plugins: [
      {
        type: 'bridge',
        bridge: 'br0',
        isGateway: true,
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: leases,
          ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd77::/64' }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: false },
    ],
    ...change,
  });
  const start = async (options: Partial<PodNetworksOptions> = {}, change: object = {}): Promise<void> => {
    writeFileSync(join(home, 'net.d', '10-test.conflist'), JSON.stringify(conf(change)));
    networks = new PodNetworks({
      confDir: join(home, 'net.d'),
      binDirs: [join(home, 'bin')],
      maxConfNum: 1,
      cacheDir: join(home, 'cache'),
      ipPref: 'ipv4',
      setupSerially: false,
      useInternalLoopback: true,
      timeoutMs: 30_000,
      log: silentLogger,
      metrics: noMetrics,
      bringLoopbackUp,
      ...options,
    });
    await networks.start();
  };
  const pod = (change: Partial<PodNetworkConfig> = {}): PodNetworkConfig => ({
    sandboxId: ID,
    name: 'web',
    namespace: 'shop',
    uid: '1',
    netnsPath: POD_PATH,
    annotations: {},
    portMappings: [],
    cgroupPath: '',
    ...change,
  });
  const leased = (): string[] => {
    const dir = join(leases, 'test');
    return existsSync(dir) ? readdirSync(dir).filter((name) => /^(10\.77|fd77)/.test(name)) : [];
  };
  const cached = (): string[] => readdirSync(join(home, 'cache', 'results'));

  it.each([true, false])(
    'attaches a pod and takes it off again (internal loopback: %s)',
    async (useInternalLoopback) => {
      await start({ useInternalLoopback });
      const result = await networks.add(pod(), never);
      expect(result.ip).toBe('10.77.0.2');
      expect(result.additionalIps).toEqual(['fd77::2']);
      expect(ip('-n', POD, '-o', 'addr', 'show', 'eth0')).toContain('10.77.0.2/24');
      expect(ip('-n', POD, '-o', 'link', 'show', 'lo')).toContain('LOOPBACK,UP');
      expect(cached().sort()).toEqual([...(useInternalLoopback ? [] : [`cni-loopback-${ID}-lo`]), `test-${ID}-eth0`]);
      await networks.check(pod(), never);

      await networks.del(pod(), never);
      expect(tries('-n', POD, 'link', 'show', 'eth0')).toBe(false);
      expect([leased(), cached()]).toEqual([[], []]);
    },
  );

  it('prefers the family it is told to', async () => {
    await start({ ipPref: 'ipv6' });
    expect(await networks.add(pod(), never)).toMatchObject({ ip: 'fd77::2', additionalIps: ['10.77.0.2'] });
  });

  it('maps ports, and unmaps them', async () => {
    await start();
    await networks.add(
      pod({ portMappings: [{ protocol: 'tcp', hostPort: 18080, containerPort: 80, hostIp: '' }] }),
      never,
    );
    const rules = (): string => ip('netns', 'exec', HOST, 'iptables-save', '-t', 'nat');
    expect(rules()).toMatch(/--dport 18080 -j DNAT --to-destination 10\.77\.0\.2:80/);
    await networks.del(pod(), never);
    expect(rules()).not.toContain('18080');
  });

  it('finds that a network is not as it was left', async () => {
    await start();
    await networks.add(pod(), never);
    ip('-n', POD, 'addr', 'flush', 'dev', 'eth0');
    await expect(networks.check(pod(), never)).rejects.toThrow('CNI CHECK of plugin bridge: ');
  });

  it('gives the address back after the namespace has gone', async () => {
    await start();
    await networks.add(pod(), never);
    expect(leased()).toEqual(['10.77.0.2', 'fd77::2']);
    ip('netns', 'delete', POD);
    await networks.del(pod({ netnsPath: '' }), never);
    expect([leased(), cached()]).toEqual([[], []]);
  });

  it('gives the address back of an ADD that failed half-way', async () => {
    const broken = join(home, 'bin', 'broken');
    writeFileSync(broken, '#!/bin/sh\ncat > /dev/null\n[ "$CNI_COMMAND" != ADD ]\n');
    chmodSync(broken, 0o755);
    const { plugins } = conf() as { plugins: object[] };
    await start({}, { plugins: [...plugins, { type: 'broken' }] });
    await expect(networks.add(pod(), never)).rejects.toThrow('CNI ADD of plugin broken: exit code 1');
    expect(leased()).toEqual(['10.77.0.2', 'fd77::2']);
    await networks.del(pod(), never);
    expect(leased()).toEqual([]);
  });

  it('releases what a pod left behind that nobody knows any more', async () => {
    await start();
    await networks.add(pod(), never);
    await networks.gc(() => [ID]);
    expect(leased()).toHaveLength(2);
    ip('netns', 'delete', POD);
    await networks.gc(() => []);
    expect([leased(), cached()]).toEqual([[], []]);
  });

  it('says which versions the plugins support when the configuration is newer', async () => {
    await start({}, { cniVersion: '1.1.0' });
    await expect(networks.add(pod(), never)).rejects.toThrow(
      /CNI version 1\.1\.0, which plugin bridge does not support/,
    );
    expect(await networks.status()).toMatchObject({ ready: false, reason: 'NetworkPluginNotReady' });
  });
});
