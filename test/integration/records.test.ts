import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { UpdateContainerResourcesRequest } from '../../generated/cri/v1/api';
import { silentLogger } from '../../src/base/logger';
import { ContainerdClient } from '../../src/containerd/client';
import { isAtHand } from '../support/daemon/containerd';
import { BUSYBOX, startNode, type TestNode } from '../support/node/node';
import {
  createContainer,
  nothingLeft,
  removePod,
  runContainer,
  runPod,
  serving,
  shell,
  statusOf,
} from '../support/node/pods';
import { nodeMasks, removeRecordedPlaces, runRecordedPods, writtenFor } from '../support/node/recorded-pods';
import { sample } from '../support/record/compare';
import { keepSharedDevices, likeTheRecorder, type Meant, unmeant, viewOf, type Written } from '../support/record/view';

const SECOND = 1000;
/** Every kernel with terminals has more. */
const USUAL_DEVICES = 70;
const PARTS = ['ids', 'containers', 'tasks', 'sandboxes', 'leases', 'snapshots', 'disk', 'cni-cache'];

/** Ours differs from every release of the plugin in these, on purpose. */
const MEANT: readonly Meant[] = [
  [/Metadata\.(ImageDigest|ImageName): - ->/, 'newer plugins keep the name and the digest a container was made of'],
  [/Metadata\.Config\.image\.user_specified_image:/, 'crictl fills it or not; crisp stores what it was given'],
  [
    /Config\.linux\.sysctls\.net\.ipv4\.ping_group_range:/,
    'a default goes into the spec, not into what the caller said',
  ],
  [/CNIResult\.(DNS\[1\]|Interfaces\.lo): .* -> -$/, 'crisp brings lo up itself, with no CNI network for it'],
  [/^cni-cache\.cni-loopback-web-lo: /, 'the same'],
  [/^cni-cache\..*\.(dns|portMappings\[\d\])\.\w+:/, "in CNI's own spelling (hostPort), which Go reads in either case"],
  [/^tasks\.\w+\.std\w+: ".*\/io\/RANDOM\/(.*)" -> ".*\/io\/\1"$/, 'FIFO paths derive from the id alone'],
  [/^state\.containers\/\w+\/io\/(RANDOM|\w+-std)/, 'the same; and they stay until the container is removed'],
  [
    /^(root|state)\..*: "directory 0755 0:0" -> "directory 0700 0:0"$/,
    'CVE-2024-25621: nobody else has business there',
  ],
  [/^state\.sandboxes\/agent: .* -> -$/, "a pod with the host's IPC has no shm to put there"],
  [/^status\.tty\.Reason: "" -> "Error"$/, 'the reason is stored, not made up when it is asked for'],
];

const MEANT_ON_1_6: readonly Meant[] = [
  ...MEANT,
  [/^leases\.(web|agent): -/, 'the pod holds a lease on its resources, as in 2.x'],
  [/^cni-cache\.NETWORK-web-eth0\.(netns|capabilityArgs\.cgroupPath): - ->/, 'newer libraries write them'],
];

const MEANT_ON_2: readonly Meant[] = [
  ...MEANT,
  [/CNIResult\.Interfaces\.\w+\.(PciID|SocketPath): "" -> -$/, 'empty'],
  [/^status\.\w+\.Restore: false -> -$/, 'nothing is restored from checkpoints'],
  [/^leases\.(web|agent)\.labels\.crisp\.io\/pod-lease: - ->/, 'says to the sweep that the lease is ours'],
];

/** The specs of 1.6 are older than ours; those of 2.x are the same but for these. */
const MEANT_IN_SPECS: readonly Meant[] = [
  [/\.ociVersion: "1\.3\.0" -> "1\.0\.2"$/, 'nothing newer is in the spec, and older runtimes take no newer one'],
  [/\.seccomp\.syscalls\[\d+\]/, 'another order, and sockets of listed families only, as newer plugins have it'],
  [/\.maskedPaths\[\d+\]/, "the pause container's list has /proc/interrupts, as Docker's has"],
  [/\.web\..*additionalGids\[\d\]: -/, "the pod's supplementary groups are its pause container's too"],
];

interface Stage {
  readonly version: '1.6' | '2';
  readonly samples: '1.6' | '2.x';
  readonly pause: string;
  readonly meant: readonly Meant[];
  readonly specs: boolean;
}

const STAGES: readonly Stage[] = [
  { version: '1.6', samples: '1.6', pause: '3.6', meant: MEANT_ON_1_6, specs: false },
  { version: '2', samples: '2.x', pause: '3.10.2', meant: [...MEANT_ON_2, ...MEANT_IN_SPECS], specs: true },
];

let node: TestNode;
afterEach(() => node.stop(), 60 * SECOND);

describe.each(STAGES.filter(({ version }) => isAtHand(version)))(
  'on containerd $version',
  ({ version, samples, pause, meant, specs }) => {
    it(
      "writes what containerd's own plugin writes for the same pods",
      async () => {
        node = await startNode({ version, settings: { sandbox_image: `registry.k8s.io/pause:${pause}` } });
        const ids = await runRecordedPods(node);
        try {
          const theirs = Object.fromEntries(PARTS.map((part) => [part, sample(samples, part)])) as unknown as Written;
          const ours = await writtenFor(node, ids);
          const compared = specs && likeTheRecorder();
          const view = compared ? viewOf : withoutSpecs;
          const views = [view(theirs), view(ours, nodeMasks(node))] as const;
          if (compared) expect(keepSharedDevices(...views)).toBeGreaterThan(USUAL_DEVICES);
          expect(unmeant(...views, meant)).toEqual([]);
          if (version === '2') expect(labelNames(ours)).toEqual(labelNames(theirs));
          const listed = node.containerd.ctr('containers', 'list');
          for (const id of Object.values(ids)) expect(listed).toContain(id);
        } finally {
          for (const id of [ids.web, ids.agent]) await node.cri.runtime.removePodSandbox({ podSandboxId: id });
          removeRecordedPlaces(node);
        }
        await nothingLeft(node);
      },
      120 * SECOND,
    );
  },
);

describe('a record with members that a newer program has written', () => {
  it(
    'keeps them through everything that crisp does to it',
    async () => {
      node = await startNode();
      const pod = await runPod(node);
      const id = await runContainer(node, pod, shell('main', 'sleep 1000'));
      await node.crisp.stop();
      const path = join(node.containerd.root, 'io.containerd.grpc.v1.cri/containers', id, 'status');
      const stored = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
      const extra = { Newer: { Field: [1, '2'] }, Restore: false };
      writeFileSync(path, JSON.stringify({ ...stored, ...extra }));
      const { address } = node.containerd;
      const containerd = new ContainerdClient({ address, namespace: 'k8s.io', log: silentLogger });
      const key = 'io.cri-containerd.container.metadata';
      const before = (await containerd.containers.get(id))?.extensions[key];
      const metadata = JSON.parse(before?.value.toString() ?? '') as { Metadata: Record<string, unknown> };
      metadata.Metadata.Newer = { a: 1 };
      const value = Buffer.from(JSON.stringify(metadata));
      const extensions = { [key]: { typeUrl: before?.typeUrl ?? '', value } };
      await containerd.containers.update({ id, extensions }, [`extensions.${key}`]);

      await node.crisp.start();
      await serving(node);
      const linux = { cpuShares: 512n };
      const update = UpdateContainerResourcesRequest.fromPartial({ containerId: id, linux });
      await node.cri.runtime.updateContainerResources(update);
      await node.cri.runtime.stopContainer({ containerId: id, timeout: 0n });
      expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ ...extra, ExitCode: 137, Pid: 0 });
      const after = (await containerd.containers.get(id))?.extensions[key];
      expect(JSON.parse(after?.value.toString() ?? '')).toEqual(metadata);
      containerd.close();
      await removePod(node, pod);
      await nothingLeft(node);
    },
    60 * SECOND,
  );
});

describe('a container that no pod has', () => {
  it(
    'is none of our business',
    async () => {
      node = await startNode();
      const pod = await runPod(node);
      const ours = await createContainer(node, pod, shell('main', 'sleep 1000'));
      node.containerd.ctr('containers', 'create', BUSYBOX, 'theirs', 'sleep', '1000');
      node.containerd.ctr('tasks', 'start', '--detach', 'theirs');
      await node.crisp.kill();
      await node.crisp.start();
      await serving(node);
      const { containers } = await node.cri.runtime.listContainers({ filter: undefined });
      expect(containers.map(({ id }) => id)).toEqual([ours]);
      expect((await statusOf(node, ours)).exitCode).toBe(0);
      await removePod(node, pod);
      expect(node.containerd.ctr('tasks', 'list')).toMatch(/theirs .* RUNNING/);
      node.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', 'theirs');
      node.containerd.ctr('tasks', 'delete', '--force', 'theirs');
      node.containerd.ctr('containers', 'delete', 'theirs');
      await nothingLeft(node);
    },
    60 * SECOND,
  );
});

/** The names of each unpacked layer's labels; plugins before 2.3 set fewer. */
function labelNames({ snapshots }: Written): string[] {
  const committed = snapshots.filter(({ kind }) => kind === 3);
  return committed
    .map(({ labels }) =>
      Object.keys(labels as object)
        .sort()
        .join(' '),
    )
    .sort();
}

function withoutSpecs(written: Written, masks?: Parameters<typeof viewOf>[1]): Record<string, unknown> {
  return JSON.parse(JSON.stringify(viewOf(written, masks), (key, value) => (key === 'spec' ? undefined : value)));
}
