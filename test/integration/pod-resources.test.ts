import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { UpdatePodSandboxResourcesRequest } from '../../generated/cri/v1/api';
import { silentLogger } from '../../src/base/logger';
import { ContainerdClient } from '../../src/containerd/client';
import { isAtHand } from '../support/daemon/containerd';
import { PAUSE, startNode, type TestNode } from '../support/node/node';
import { nothingLeft, type Pod, removePod, runContainer, runPod, serving, shell } from '../support/node/pods';

const SECOND = 1000;
const VERSIONS = (['1.6', '2'] as const).filter(isAtHand);

let node: TestNode;
afterEach(() => node.stop(), 60 * SECOND);

async function shownResources(pod: Pod): Promise<unknown> {
  const { info } = await node.cri.runtime.podSandboxStatus({ podSandboxId: pod.id, verbose: true });
  return (JSON.parse(info.info ?? '') as { resources?: unknown }).resources;
}

describe.each(VERSIONS)('the resources of a pod on containerd %s', (version) => {
  it(
    'are remembered over a crash of crisp',
    async () => {
      node = await startNode({ version, settings: { sandbox_image: PAUSE } });
      const pod = await runPod(node);
      const resources = { cpuQuota: 50_000n, cpuPeriod: 100_000n };
      const request = UpdatePodSandboxResourcesRequest.fromPartial({ podSandboxId: pod.id, resources });
      await node.cri.runtime.updatePodSandboxResources(request);
      const shown = { linux: { cpu_period: 100_000, cpu_quota: 50_000 } };
      expect(await shownResources(pod)).toEqual(shown);
      await node.crisp.kill();
      await node.crisp.start();
      await serving(node);
      expect(await shownResources(pod)).toEqual(shown);
      if (version === '2') expect(await storedExtension(pod)).toBe('io.containerd.cri.v1/UpdatedResources');
      await removePod(node, pod);
      await nothingLeft(node);
    },
    60 * SECOND,
  );
});

/** A disk of this machine, as its number; undefined where there is none (a container, say). */
function disk(): { path: string; number: string } | undefined {
  const name = readdirSync('/sys/block').find((each) => !/^(loop|ram|zram)/.test(each) && existsSync(`/dev/${each}`));
  return name ? { path: `/dev/${name}`, number: readFileSync(`/sys/block/${name}/dev`, 'utf8').trim() } : undefined;
}

const found = disk();

(found ? describe : describe.skip)('a block I/O class', () => {
  it(
    'limits what a container may read from a disk',
    async () => {
      const file = join(mkdtempSync(join(tmpdir(), 'classes-')), 'blockio.yaml');
      writeFileSync(file, `Classes: {Slow: [{Devices: ["${found?.path}"], ThrottleReadBps: 10M}]}`);
      node = await startNode({ settings: { sandbox_image: PAUSE, containerd: { blockio_config_file: file } } });
      const annotations = { 'blockio.resources.beta.kubernetes.io/pod': 'Slow' };
      const parent = `crisp-blockio-${node.dir.split('-').at(-1)}`;
      const pod = await runPod(node, { annotations, linux: { cgroupParent: `/${parent}` } });
      const id = await runContainer(node, pod, shell('main', 'sleep 1000'));
      const limits = ['blkio/%/blkio.throttle.read_bps_device', '%/io.max']
        .map((path) => join('/sys/fs/cgroup', path.replace('%', join(parent, id))))
        .filter((path) => existsSync(path))
        .map((path) => readFileSync(path, 'utf8'));
      expect(limits).toEqual([expect.stringMatching(new RegExp(`^${found?.number} (rbps=)?10000000\\b`))]);
      await removePod(node, pod);
      for (const top of ['', ...readdirSync('/sys/fs/cgroup')]) {
        const left = join('/sys/fs/cgroup', top, parent);
        if (existsSync(left)) rmdirSync(left);
      }
      rmSync(dirname(file), { recursive: true });
      await nothingLeft(node);
    },
    60 * SECOND,
  );
});

/** Type of the extension in the record of the daemon's sandbox store. */
async function storedExtension(pod: Pod): Promise<string | undefined> {
  const { address } = node.containerd;
  const containerd = new ContainerdClient({ address, namespace: 'k8s.io', log: silentLogger });
  try {
    return (await containerd.sandboxStore.get(pod.id))?.extensions['updated-resources']?.typeUrl;
  } finally {
    containerd.close();
  }
}
