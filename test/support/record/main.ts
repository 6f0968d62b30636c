import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { createPodNetwork } from '../daemon/cni';
import { type Containerd, type ContainerdVersion, containerdPrograms, startContainerd } from '../daemon/containerd';
import { mountsBelow } from '../daemon/leftovers';
import { checkout } from '../daemon/places';
import { startTestRegistry } from '../daemon/registry';
import { cniVersionOf } from '../daemon/releases';
import { createScratch, removeScratch } from '../daemon/scratch';
import { buildTools } from '../daemon/tools';
import { printable } from './print';
import { apiRecords, cniCache, diskRecords } from './snapshot';

const FIXTURES = 'test/fixtures/plugin-records';
/** Host paths that the inputs mount. */
const HOST_DIR = '/tmp/crisp-record';

type Crictl = (...args: string[]) => string;

/**
 * Records what containerd's own CRI plugin leaves behind (records, files, network cache, crictl's answers) for the pods in
 * test/fixtures/plugin-records/inputs, with each containerd named: `1.6`, `2`.
 */
export async function main(args: readonly string[]): Promise<void> {
  for (const version of args) {
    if (version !== '1.6' && version !== '2') throw new Error(`1.6 or 2, not ${version}`);
    await recordVersion(version);
  }
}

async function recordVersion(version: ContainerdVersion): Promise<void> {
  const dir = createScratch();
  const programs = containerdPrograms(version);
  const crictlProgram = join(buildTools(['crictl']).crictl, 'crictl');
  const registry = await startTestRegistry(dir);
  const network = createPodNetwork({
    dir,
    binDirs: [programs.cniBinDir],
    cniVersion: cniVersionOf(version),
  });
  let address: string | undefined;
  try {
    const containerd = await startContainerd({ version, dir, plugin: { network, certsDir: registry.certsDir } });
    address = containerd.address;
    const configFile = join(dir, 'crictl.yaml');
    writeFileSync(configFile, `runtime-endpoint: unix://${address}\nimage-endpoint: unix://${address}\ntimeout: 60\n`);
    const crictl: Crictl = (...args) =>
      execFileSync(crictlProgram, ['--config', configFile, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    try {
      await record(version, containerd, crictl, dir);
    } finally {
      crictl('rmp', '--all', '--force');
      await containerd.stop();
    }
  } finally {
    await registry.stop();
    network.remove();
    removeScratch(dir, address);
    for (const point of mountsBelow(HOST_DIR)) execFileSync('umount', [point]);
    for (const folder of [HOST_DIR, ...logDirs()]) rmSync(folder, { recursive: true, force: true });
  }
}

async function record(version: ContainerdVersion, containerd: Containerd, crictl: Crictl, dir: string): Promise<void> {
  const out = join(checkout(), FIXTURES, version === '2' ? '2.x' : '1.6');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const write = (name: string, value: unknown) =>
    writeFileSync(join(out, `${name}.json`), `${scrub(JSON.stringify(printable(value), null, 1), dir)}\n`);
  const ids = await startPods(crictl);
  await pause(2000); // the plugin writes the exit of the short container, and its first stats
  const pods = [ids.web, ids.agent];
  write('ids', ids);
  for (const [name, value] of Object.entries(await apiRecords(containerd))) write(name, value);
  write('disk', diskRecords(containerd));
  write('cni-cache', cniCache(pods));
  for (const [name, value] of Object.entries(crictlAnswers(crictl, ids))) write(`crictl-${name}`, value);
  crictl('stop', '--timeout', '1', ids.app);
  await pause(500);
  write('crictl-inspect-app-stopped', JSON.parse(crictl('inspect', ids.app)));
  write('disk-app-stopped', diskRecords(containerd));
  crictl('stopp', ids.web);
  write('crictl-inspectp-web-stopped', JSON.parse(crictl('inspectp', ids.web)));
  for (const [name, value] of Object.entries(await apiRecords(containerd))) {
    if (name === 'containers' || name === 'sandboxes' || name === 'snapshots') write(`${name}-web-stopped`, value);
  }
  write('disk-web-stopped', diskRecords(containerd));
}

interface Ids {
  readonly web: string;
  readonly app: string;
  readonly plain: string;
  readonly tty: string;
  readonly agent: string;
  readonly privileged: string;
}

/** Log directories of the pods; the plugin leaves them to the kubelet. */
function logDirs(): string[] {
  return ['pod', 'pod-host'].map((name) => {
    const text = readFileSync(inputFile(name), 'utf8');
    return (JSON.parse(text) as { log_directory: string }).log_directory;
  });
}

function inputFile(name: string): string {
  return join(checkout(), FIXTURES, 'inputs', `${name}.json`);
}

async function startPods(crictl: Crictl): Promise<Ids> {
  for (const folder of ['config', 'shared']) mkdirSync(join(HOST_DIR, folder), { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'crisp-record', join(HOST_DIR, 'shared')]);
  execFileSync('mount', ['--make-shared', join(HOST_DIR, 'shared')]);
  for (const name of ['container', 'container-plain']) {
    const { image } = JSON.parse(readFileSync(inputFile(name), 'utf8')) as { image: { image: string } };
    crictl('pull', image.image);
  }
  const run = (pod: string) => crictl('runp', inputFile(pod)).trim();
  const container = (sandbox: string, name: string, pod: string) => {
    const id = crictl('create', '--no-pull', sandbox, inputFile(name), inputFile(pod)).trim();
    crictl('start', id);
    return id;
  };
  const web = run('pod');
  const agent = run('pod-host');
  return {
    web,
    app: container(web, 'container', 'pod'),
    plain: container(web, 'container-plain', 'pod'),
    tty: container(web, 'container-tty', 'pod'),
    agent,
    privileged: container(agent, 'container-privileged', 'pod-host'),
  };
}

function crictlAnswers(crictl: Crictl, ids: Ids): Record<string, unknown> {
  const json = (...args: string[]) => JSON.parse(crictl(...args)) as unknown;
  return {
    info: json('info'),
    'inspectp-web': json('inspectp', ids.web),
    'inspectp-agent': json('inspectp', ids.agent),
    'inspect-app': json('inspect', ids.app),
    'inspect-plain': json('inspect', ids.plain),
    'inspect-tty': json('inspect', ids.tty),
    'inspect-privileged': json('inspect', ids.privileged),
    'inspecti-busybox': json('inspecti', 'registry.k8s.io/e2e-test-images/busybox:1.29-2'),
    'inspecti-nginx': json('inspecti', 'registry.k8s.io/e2e-test-images/nginx:1.14-2'),
    images: json('images', '--output', 'json'),
    imagefsinfo: json('imagefsinfo', '--output', 'json'),
    pods: json('pods', '--output', 'json'),
    ps: json('ps', '--all', '--output', 'json'),
    stats: json('stats', '--output', 'json'),
    statsp: json('statsp', '--output', 'json'),
  };
}

/** The daemon ran in a scratch folder: its paths are written as the defaults of a real node. */
function scrub(text: string, dir: string): string {
  return text
    .replaceAll(join(dir, 'containerd/root'), '/var/lib/containerd')
    .replaceAll(join(dir, 'containerd/state'), '/run/containerd')
    .replaceAll(join(dir, 'containerd/c.sock'), '/run/containerd/containerd.sock')
    .replaceAll(join(dir, 'certs.d'), '/etc/containerd/certs.d')
    .replaceAll(join(dir, 'cni/net.d'), '/etc/cni/net.d')
    .replaceAll(join(dir, 'cni/leases'), '/var/lib/cni/networks')
    .replaceAll(dir, '/tmp/scratch')
    .replaceAll(/[^"\\ ]*\/bin\/cni-plugins-[0-9a-f]+/g, '/opt/cni/bin')
    .replaceAll(/[^"\\ ]*\/bin\/(containerd|runc)-[0-9a-f]{16}/g, '/usr/local/bin');
}
