import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'smol-toml';

import { CriClient } from '../../src/client/cri-client';
import { createPodNetwork } from '../support/daemon/cni';
import { containerdPrograms, startContainerd } from '../support/daemon/containerd';
import { serves } from '../support/daemon/crisp';
import { checkout } from '../support/daemon/places';
import { answers, startDaemon } from '../support/daemon/process';
import { createScratch, removeScratch } from '../support/daemon/scratch';
import { startNode } from '../support/node/node';

const SECOND = 1000;
const program = () => join(checkout(), 'dist/crisp.js');

/** Runs a server that is to refuse; answers its exit code and what it told the operator. */
function refusal(configFile: string): { status: number | null; told: string } {
  const argv = [program(), 'serve', '--config', configFile];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 20 * SECOND });
  return { status, told: stderr.trimEnd().split('\n').at(-1) ?? '' };
}

describe('a second server', () => {
  it(
    'is refused on a state directory that has one, which is named and goes on serving',
    async () => {
      const node = await startNode();
      try {
        const { status, told } = refusal(node.crisp.configFile);
        expect(status).toBe(1);
        expect(told).toContain(String(node.crisp.daemon.pid));
        expect(told).toContain(join(node.dir, 'crisp/state'));
        expect(await node.cri.runtime.version({ version: '' })).toMatchObject({ runtimeName: 'containerd' });
        expect(statSync(node.crisp.socket).mode & 0o777).toBe(0o600);
      } finally {
        await node.stop();
      }
    },
    60 * SECOND,
  );

  it(
    'is refused on a socket that has one, also with a state directory of its own',
    async () => {
      const node = await startNode();
      try {
        const other = join(node.dir, 'other.toml');
        const home = join(node.dir, 'crisp/');
        const text = readFileSync(node.crisp.configFile, 'utf8');
        writeFileSync(other, text.replace(`${home}root`, `${home}root2`).replace(`${home}state`, `${home}state2`));
        const { status, told } = refusal(other);
        expect({ status, told }).toEqual({ status: 1, told: expect.stringContaining(node.crisp.socket) });
        expect(await answers(node.crisp.socket)).toBe(true);
      } finally {
        await node.stop();
      }
    },
    60 * SECOND,
  );
});

describe('a containerd whose own CRI plugin is on', () => {
  it(
    'is refused for its namespace, and served in another',
    async () => {
      const dir = createScratch();
      const network = createPodNetwork({ dir, binDirs: [containerdPrograms('1.6').cniBinDir], cniVersion: '1.0.0' });
      const containerd = await startContainerd({ version: '1.6', dir, plugin: { network } });
      const configOf = (namespace: string): string => {
        const file = join(dir, `${namespace}.toml`);
        const [listen, root, state] = ['sock', 'root', 'state'].map((name) => join(dir, `${namespace}.${name}`));
        const cni = { conf_dir: network.confDir, bin_dirs: network.binDirs, cache_dir: network.cacheDir };
        const own = { cri_root: `${root}/cri`, cri_state: `${state}/cri`, netns_mounts_under_state_dir: true };
        writeFileSync(
          file,
          stringify({ listen, root, state, ...own, cni, containerd: { address: containerd.address, namespace } }),
        );
        return file;
      };
      try {
        const { status, told } = refusal(configOf('k8s.io'));
        expect(status).toBe(1);
        expect(told).toContain(containerd.address);
        expect(told).toContain('disabled_plugins');

        const socket = join(dir, 'apart.sock');
        const argv = [process.execPath, program(), 'serve', '--config', configOf('apart')];
        const daemon = await startDaemon({ name: 'apart', argv, dir, ready: () => serves(socket) });
        const cri = new CriClient(socket);
        expect(await cri.runtime.listPodSandbox({ filter: undefined })).toEqual({ items: [] });
        cri.close();
        await daemon.stop();
      } finally {
        await containerd.stop();
        network.remove();
        removeScratch(dir, containerd.address);
      }
    },
    60 * SECOND,
  );
});
