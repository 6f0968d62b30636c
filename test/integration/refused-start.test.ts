import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'smol-toml';

import { CriClient } from '../../src/client/cri-client';
import { Code } from '../../src/rpc/code';
import { createPodNetwork } from '../support/daemon/cni';
import { containerdPrograms, startContainerd } from '../support/daemon/containerd';
import { serves } from '../support/daemon/crisp';
import { checkout } from '../support/daemon/places';
import { answers, type Daemon, startDaemon, until } from '../support/daemon/process';
import { createScratch, removeScratch } from '../support/daemon/scratch';
import { startNode } from '../support/node/node';

const SECOND = 1000;
const program = () => join(checkout(), 'dist/crisp.js');

/** Starts a server whose socket is named by its namespace; resolves when it has looked at containerd. */
function serve(namespace: string, dir: string, configFile: string): Promise<Daemon> {
  const argv = [process.execPath, program(), 'serve', '--config', configFile];
  return startDaemon({ name: namespace, argv, dir, ready: () => serves(join(dir, `${namespace}.sock`)) });
}

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

describe('a configuration that cannot be used', () => {
  it('ends crisp with an exit code after which the unit does not start it again', () => {
    const dir = createScratch();
    try {
      const file = join(dir, 'config.toml');
      writeFileSync(file, '[cni]\nplugin_dir = "/x"\n');
      const { status, told } = refusal(file);
      expect({ status, told }).toEqual({ status: 78, told: `crisp: ${file}: cni.plugin_dir: unknown key` });
      const unit = readFileSync(join(checkout(), 'packaging/systemd/crisp.service'), 'utf8');
      const codes = /^RestartPreventExitStatus=(.*)$/m.exec(unit)?.[1]?.split(' ');
      expect(codes).toContain(String(status));
    } finally {
      removeScratch(dir);
    }
  });
});

describe('a containerd whose own CRI plugin is on', () => {
  it(
    'is waited for, with the reason in each answer, and served in another namespace',
    async () => {
      const dir = createScratch();
      const network = createPodNetwork({ dir, binDirs: [containerdPrograms('1.6').cniBinDir], cniVersion: '1.0.0' });
      const containerd = await startContainerd({ version: '1.6', dir, plugin: { network } });
      const stop: (() => Promise<void>)[] = [];
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
        const waiting = await serve('k8s.io', dir, configOf('k8s.io'));
        stop.push(() => waiting.stop());
        const cri = new CriClient(join(dir, 'k8s.io.sock'));
        const list = () => cri.runtime.listPodSandbox({ filter: undefined });
        const refused = { code: Code.UNAVAILABLE, message: expect.stringContaining('disabled_plugins') };
        await expect(list()).rejects.toMatchObject(refused);
        expect(readFileSync(waiting.logFile, 'utf8')).toContain(containerd.address);

        const apart = await serve('apart', dir, configOf('apart'));
        stop.push(() => apart.stop());
        const other = new CriClient(join(dir, 'apart.sock'));
        expect(await other.runtime.listPodSandbox({ filter: undefined })).toEqual({ items: [] });
        other.close();
        await apart.stop();

        // Tried many times by now; said once.
        await expect(list()).rejects.toMatchObject(refused);
        expect(readFileSync(waiting.logFile, 'utf8').match(/cannot serve yet/g)).toHaveLength(1);
        expect(existsSync(join(dir, 'k8s.io.state/stdio/lock'))).toBe(false); // nothing reads output beside the plugin
        await containerd.restart({ plugin: false });
        await until('it serves', 20 * SECOND, () =>
          list().then(
            () => true,
            () => false,
          ),
        );
        cri.close();
        await waiting.stop();
        expect(await waiting.ended).toBe(0); // the same process all the while
      } finally {
        for (const each of stop) await each();
        await containerd.stop();
        network.remove();
        removeScratch(dir, containerd.address);
      }
    },
    60 * SECOND,
  );
});
