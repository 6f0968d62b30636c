import {
  type DeepPartial,
  type LinuxContainerSecurityContext,
  type Mount,
  NamespaceMode,
  type PodSandboxConfig,
} from '../../../generated/cri/v1/api';
import { removeContainer } from '../../../src/cri/container/remove-container';
import { runPodSandbox } from '../../../src/cri/sandbox/run-pod-sandbox';
import { parseLabel } from '../../../src/host/security/selinux';
import type { Container } from '../../../src/model/container';
import type { Spec } from '../../../src/model/spec';
import { Code } from '../../../src/rpc/code';
import { askAndRecover } from '../../support/ask-and-recover';
import { makeContainer, podRequest, runContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { removeAll, useRig } from '../../support/use-rig';

const KATA = `
[containerd.runtimes.kata]
runtime_type = "io.containerd.kata.v2"
[containerd.runtimes.cloud]
runtime_type = "io.containerd.cloud.v1"
selinux_kvm_label = "yes"
`;
const selinux = {
  process: 'system_u:system_r:container_t:s0',
  file: 'system_u:object_r:container_file_t:s0',
  kvmProcess: 'system_u:system_r:container_kvm_t:s0',
};
const OPTIONS = { selinux, config: KATA, sandboxStore: true };
const rig = useRig(OPTIONS);

const secured = (securityContext: DeepPartial<LinuxContainerSecurityContext>) => ({ linux: { securityContext } });
const asking = (options: object) =>
  secured({ selinuxOptions: { user: '', role: '', type: '', level: '', ...options } });

function specOf(one: StoryRig, id: string): Spec {
  return JSON.parse(one.fake.state.containers.get(id)?.spec?.value.toString() ?? '{}') as Spec;
}

/** Labels in the spec, in the record and on the root filesystem of the task, if there is one. */
function labelsOf(id: string) {
  const one = rig.now;
  const { process, linux } = specOf(one, id);
  const extensions = Object.values(one.fake.state.containers.get(id)?.extensions ?? {});
  const [record] = extensions.map(
    ({ value }) => JSON.parse(value.toString()) as { Metadata: { ProcessLabel: string } },
  );
  return {
    process: process?.selinuxLabel,
    mount: linux?.mountLabel,
    recorded: record?.Metadata.ProcessLabel,
    rootfs: one.fake.state.tasks.get(id)?.rootfs.map(({ options }) => options.filter((each) => /^context=/.test(each))),
  };
}

const podLabel = (id: string): string => rig.now.deps.sandboxes.get(id)?.metadata.processLabel ?? '';
const fileLabel = (process: string): string => `system_u:object_r:container_file_t:${parseLabel(process)?.level}`;

describe('the SELinux labels of a pod', () => {
  it('are the policy’s, with categories of the pod alone, on pause, its root filesystem and the files of the pod', async () => {
    const id = await runPod(rig.now);
    const process = podLabel(id);
    expect(process).toMatch(/^system_u:system_r:container_t:s0:c\d+,c\d+$/);
    const mount = fileLabel(process);
    expect(labelsOf(id)).toEqual({ process, mount, recorded: process, rootfs: [[`context="${mount}"`]] });
    const files = ['hostname', 'hosts', 'resolv.conf'].map((name) => `cri-root/sandboxes/${id}/${name}`);
    const labelled = [...files, `cri-state/sandboxes/${id}/shm`].map((path) => [`${rig.now.dir}/${path}`, mount]);
    expect([...rig.now.host.selinuxLabels]).toEqual(labelled);
    expect(podLabel(await runPod(rig.now, { metadata: { name: 'b', namespace: 'b', uid: 'b' } }))).not.toBe(process);
  });

  it('are what it asks for', async () => {
    const options = { user: 'u', role: 'r', type: 't', level: 's0:c5,c6' };
    const id = await runPod(rig.now, asking(options));
    const mount = 'u:object_r:container_file_t:s0:c5,c6';
    const process = 'u:r:t:s0:c5,c6';
    expect(labelsOf(id)).toEqual({ process, mount, recorded: process, rootfs: [[`context="${mount}"`]] });
  });

  it('are not on the process of a privileged one, which has them in its record', async () => {
    const id = await runPod(rig.now, secured({ privileged: true }));
    expect(labelsOf(id)).toMatchObject({ process: undefined, recorded: podLabel(id), mount: fileLabel(podLabel(id)) });
    expect(podLabel(id)).not.toBe('');
  });

  it('stay on a pod that shares the namespaces of the host, as in containerd', async () => {
    const { NODE } = NamespaceMode;
    const id = await runPod(rig.now, secured({ namespaceOptions: { network: NODE, pid: NODE, ipc: NODE } }));
    expect(labelsOf(id).process).toBe(podLabel(id));
    const shm = [...rig.now.host.selinuxLabels.keys()].filter((path) => path.endsWith('/shm'));
    expect(shm).toEqual([]); // the host's own is not relabelled
  });

  it.each(['kata', 'cloud'])('have the type of virtual machine monitors under the handler %s', async (handler) => {
    const { podSandboxId } = await runPodSandbox(rig.now.deps, podRequest({}, handler), rig.now.call());
    const level = parseLabel(podLabel(podSandboxId))?.level;
    expect(labelsOf(podSandboxId)).toMatchObject({
      process: `system_u:system_r:container_kvm_t:${level}`,
      recorded: `system_u:system_r:container_t:${level}`,
    });
  });

  it.each([
    [{ level: 'secret' }, 'level'],
    [{ type: 'x",upperdir=/etc' }, 'type'],
  ])('are refused when they are malformed: %j', async (options, part) => {
    const field = `config.linux.security_context.selinux_options.${part}`;
    const failing = runPod(rig.now, asking(options) as DeepPartial<PodSandboxConfig>);
    await expect(failing).rejects.toMatchObject({ field, code: 'INVALID_ARGUMENT' });
  });

  it('stay taken over a restart, until the pod is removed', async () => {
    const before = await StoryRig.start(OPTIONS);
    const { metadata } = await runContainer(before, await runPod(before));
    const after = before.restarted(OPTIONS);
    await askAndRecover(after.deps);
    expect(after.deps.containers.get(metadata.id)?.metadata.processLabel).toBe(metadata.processLabel);
    expect(after.deps.selinux.size).toBe(1);
    await removeAll(after);
    expect(after.deps.selinux.size).toBe(0);
    await after.close();
  });
});

describe('the SELinux labels of a container', () => {
  const made = async (config: object = {}, pod: object = {}): Promise<{ pod: string; container: Container }> => {
    const id = await runPod(rig.now, pod);
    return { pod: id, container: await runContainer(rig.now, id, config) };
  };

  it('are those of its pod', async () => {
    const { pod, container } = await made();
    const process = podLabel(pod);
    const mount = fileLabel(process);
    const { id } = container.metadata;
    expect(labelsOf(id)).toEqual({ process, mount, recorded: process, rootfs: [[`context="${mount}"`]] });
  });

  it('are what it asks for, with the level of its pod unless it names one', async () => {
    const { pod, container } = await made(asking({ type: 'spc_t' }));
    const level = parseLabel(podLabel(pod))?.level;
    expect(labelsOf(container.metadata.id).process).toBe(`system_u:system_r:spc_t:${level}`);
    const own = await runContainer(rig.now, pod, { metadata: { name: 'b' }, ...asking({ level: 's0:c1,c2' }) });
    expect(labelsOf(own.metadata.id)).toMatchObject({
      process: 'system_u:system_r:container_t:s0:c1,c2',
      mount: 'system_u:object_r:container_file_t:s0:c1,c2',
    });
  });

  it('are not on the process of a privileged one', async () => {
    const { pod, container } = await made(secured({ privileged: true }), secured({ privileged: true }));
    expect(labelsOf(container.metadata.id)).toMatchObject({ process: undefined, recorded: podLabel(pod) });
  });

  it('open the files of the pod to all its containers when one has a level of its own', async () => {
    const { pod } = await made(asking({ level: 's0:c1,c2' }));
    const hosts = `${rig.now.dir}/cri-root/sandboxes/${pod}/hosts`;
    expect(rig.now.host.selinuxLabels.get(hosts)).toBe('system_u:object_r:container_file_t:s0');
  });

  it('are free again once it is removed', async () => {
    const { container } = await made(asking({ level: 's0:c1,c2' }));
    expect(rig.now.deps.selinux.size).toBe(2);
    await removeContainer(rig.now.deps, { containerId: container.metadata.id }, rig.now.call());
    expect(rig.now.deps.selinux.size).toBe(1);
  });

  it('are refused when they are malformed', async () => {
    const pod = await runPod(rig.now);
    const failing = makeContainer(rig.now, pod, asking({ level: 's0:' }));
    await expect(failing).rejects.toMatchObject({ field: expect.stringMatching(/selinux_options\.level$/) });
  });
});

describe('selinux_relabel', () => {
  const mount = (change: DeepPartial<Mount>): { mounts: DeepPartial<Mount>[] } => ({
    mounts: [{ containerPath: '/data', hostPath: '/srv/data', ...change }],
  });

  it('gives a mount the label of the container, where its links lead to', async () => {
    rig.now.host.hostPaths.set('/srv/data', { path: '/mnt/disk/data', kind: 'directory' });
    const pod = await runPod(rig.now);
    await makeContainer(rig.now, pod, mount({ selinuxRelabel: true }));
    expect(rig.now.host.selinuxLabels.get('/mnt/disk/data')).toBe(fileLabel(podLabel(pod)));
  });

  it('leaves a mount alone that does not ask for it', async () => {
    await makeContainer(rig.now, await runPod(rig.now), mount({}));
    expect(rig.now.host.selinuxLabels.has('/srv/data')).toBe(false);
  });

  it.each(['/etc', '/etc/hosts', '/usr/lib', '/proc/1', '/', '/var/lib/kubelet'])(
    'is refused for %s, which is the host’s, also behind a link (CVE-2021-43816)',
    async (path) => {
      rig.now.host.hostPaths.set('/srv/data', { path, kind: 'directory' });
      const pod = await runPod(rig.now);
      await expect(makeContainer(rig.now, pod, mount({ selinuxRelabel: true }))).rejects.toMatchObject({
        code: Code.INVALID_ARGUMENT,
        message: `config.mounts[0].selinux_relabel: ${path} belongs to the host, its label is not changed`,
      });
      expect(rig.now.host.selinuxLabels.has(path)).toBe(false);
    },
  );

  it('fails the container when it fails, saying what could not be labelled', async () => {
    const pod = await runPod(rig.now);
    rig.now.faults.fail('relabel', { error: new Error('chcon: no') });
    await expect(makeContainer(rig.now, pod, mount({ selinuxRelabel: true }))).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      message: 'relabel "/srv/data": chcon: no',
    });
  });
});
