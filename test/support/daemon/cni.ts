import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { removeRulesOfNetwork } from './iptables';

/** A bridge network of a test's own: nothing in it is shared with another test or with the machine's pods. */
export interface PodNetwork {
  readonly name: string;
  readonly bridge: string;
  readonly confDir: string;
  readonly cacheDir: string;
  /** host-local keeps one file per leased address here. */
  readonly leaseDir: string;
  readonly binDirs: readonly string[];
  /** Afterwards the bridge is gone, and with it what pods that were not removed have left in iptables and libcni's cache. */
  remove(): void;
}

export interface PodNetworkOptions {
  readonly dir: string;
  readonly binDirs: readonly string[];
  readonly cniVersion: string;
  /** False: pods' bandwidth is not limited, and a pod takes one plugin call less. */
  readonly bandwidth?: boolean;
}

/** Writes a conf list (bridge, portmap, bandwidth) with a subnet that no link of this machine has. */
export function createPodNetwork({ dir, binDirs, cniVersion, bandwidth = true }: PodNetworkOptions): PodNetwork {
  const [second, third] = freeSubnet();
  const name = `crisp-${second}-${third}`;
  const bridge = `crb${second}-${third}`;
  const network = {
    name,
    bridge,
    confDir: join(dir, 'cni/net.d'),
    cacheDir: join(dir, 'cni/cache'),
    leaseDir: join(dir, 'cni/leases'),
    binDirs,
    remove: () => {
      removeLink(bridge);
      removeRulesOfNetwork(name);
      removeResults(name);
    },
  };
  mkdirSync(network.confDir, { recursive: true });
  const plugins = [
    {
      type: 'bridge',
      bridge,
      isGateway: true,
      ipMasq: true,
      ipam: {
        type: 'host-local',
        dataDir: network.leaseDir,
        ranges: [[{ subnet: `10.${second}.${third}.0/24` }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
    ...(bandwidth ? [{ type: 'bandwidth', capabilities: { bandwidth: true } }] : []),
  ];
  const text = JSON.stringify({ cniVersion, name, plugins }, null, 2);
  writeFileSync(join(network.confDir, '10-crisp.conflist'), `${text}\n`);
  return network;
}

function freeSubnet(): [number, number] {
  const taken = execFileSync('ip', ['-o', '-4', 'addr'], { encoding: 'utf8' });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const second = 100 + Math.floor(Math.random() * 100);
    const third = Math.floor(Math.random() * 256);
    if (!taken.includes(` 10.${second}.${third}.`)) return [second, third];
  }
  throw new Error('no free 10.x.y.0/24 on this machine');
}

function removeLink(bridge: string): void {
  try {
    execFileSync('ip', ['link', 'delete', bridge], { stdio: 'ignore' });
  } catch {
    // No pod was ever started: the bridge plugin makes the bridge with the first one.
  }
}

/** Where containerd's own plugin keeps libcni's results: no setting changes it. */
export const PLUGIN_CACHE = '/var/lib/cni';

function removeResults(network: string): void {
  for (const path of resultsOf(network, PLUGIN_CACHE)) rmSync(path);
}

/** Moves the cached results of a network's pods, their loopback's too, from one cache folder to another, byte for byte. */
export function moveResults(network: string, from: string, to: string): void {
  mkdirSync(join(to, 'results'), { recursive: true });
  for (const path of resultsOf(network, from)) renameAcross(path, join(to, 'results', basename(path)));
}

function resultsOf(network: string, cache: string): string[] {
  const folder = join(cache, 'results');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const ours = names.filter((name) => name.startsWith(`${network}-`));
  const pods = new Set(ours.map((name) => name.slice(network.length + 1).split('-')[0]));
  const loopback = names.filter((name) => name.startsWith('cni-loopback-') && pods.has(name.split('-')[2]));
  return [...ours, ...loopback].map((name) => join(folder, name));
}

/** The folders may lie on different filesystems. */
function renameAcross(from: string, to: string): void {
  copyFileSync(from, to);
  rmSync(from);
}
