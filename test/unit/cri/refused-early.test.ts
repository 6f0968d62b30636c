import {
  type DeepPartial,
  type PodSandboxConfig,
  UpdateContainerResourcesRequest,
} from '../../../generated/cri/v1/api';
import { createContainer } from '../../../src/cri/container/create-container';
import { exec } from '../../../src/cri/container/exec';
import { execSync } from '../../../src/cri/container/exec-sync';
import { updateContainerResources } from '../../../src/cri/container/update-container-resources';
import { toStatus } from '../../../src/cri/errors';
import { runPodSandbox } from '../../../src/cri/sandbox/run-pod-sandbox';
import { Code } from '../../../src/rpc/code';
import { callsOf } from '../../support/each-call';
import { containerRequest, podRequest, runContainer, runPod } from '../../support/story-pods';
import { useRig } from '../../support/use-rig';

const rig = useRig();

/** Expects that a call is refused for this field, before containerd, CNI or the host heard of it. */
async function expectRefused(act: () => Promise<unknown>, field: string): Promise<void> {
  let status: unknown;
  const made = await callsOf(rig.now, async () => {
    await act().catch((error: unknown) => {
      status = toStatus(error, rig.now.call());
    });
  });
  expect(status).toEqual({ code: Code.INVALID_ARGUMENT, message: expect.stringContaining(`${field}: `) });
  expect(made).toEqual([]);
}

function port(changes: object): DeepPartial<PodSandboxConfig> {
  return { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 0, hostIp: '', ...changes }] };
}

describe('Refused before anything is made is', () => {
  it.each<[string, DeepPartial<PodSandboxConfig>, string]>([
    ['a long host name', { hostname: 'h'.repeat(65) }, 'config.hostname'],
    ['a DNS server of two lines', { dnsConfig: { servers: ['1\n2'] } }, 'config.dns_config.servers[0]'],
    ['a name that CNI cannot carry', { metadata: { name: 'a;X=1', namespace: 'b', uid: 'c' } }, 'config.metadata.name'],
    [
      'a bandwidth that is none',
      { annotations: { 'kubernetes.io/ingress-bandwidth': 'fast' } },
      'config.annotations["kubernetes.io/ingress-bandwidth"]',
    ],
    ['a host port', port({ hostPort: 65_536 }), 'config.port_mappings[0].host_port'],
    ['a container port', port({ containerPort: 0 }), 'config.port_mappings[0].container_port'],
    ['a protocol', port({ protocol: 7 }), 'config.port_mappings[0].protocol'],
    ['a host address', port({ hostIp: 'localhost' }), 'config.port_mappings[0].host_ip'],
  ])('a pod with %s', async (_what, config, field) => {
    await expectRefused(() => runPodSandbox(rig.now.deps, podRequest(config), rig.now.call()), field);
  });

  it.each([
    ['no host port', { hostPort: 0, containerPort: 70_000 }],
    ['an address with leading zeros', { hostIp: '010.0.0.01' }],
    ['an address of IPv6', { hostIp: '::1' }],
  ])('no mapping with %s', async (_what, changes) => {
    expect(await runPod(rig.now, port(changes))).not.toBe('');
  });

  it('a container of which any field is wrong', async () => {
    const pod = await runPod(rig.now);
    const request = containerRequest(pod, { devices: [{ hostPath: '/dev/null', permissions: 'x' }] });
    await expectRefused(() => createContainer(rig.now.deps, request, rig.now.call()), 'config.devices[0].permissions');
  });

  it('an update below a limit of the kernel', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const asked = { containerId: container.metadata.id, linux: { cpuQuota: 10n } };
    const request = UpdateContainerResourcesRequest.fromPartial(asked);
    let status: unknown;
    await updateContainerResources(rig.now.deps, request, rig.now.call()).catch((error: unknown) => {
      status = toStatus(error, rig.now.call());
    });
    expect(status).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining('linux.cpu_quota: '),
    });
  });

  it('a command with a NUL byte', async () => {
    const { metadata } = await runContainer(rig.now, await runPod(rig.now));
    const asked = { containerId: metadata.id, cmd: ['sh', 'a\0b'] };
    await expectRefused(() => execSync(rig.now.deps, { ...asked, timeout: 1n }, rig.now.call()), 'cmd[1]');
    const streams = { tty: false, stdin: false, stdout: true, stderr: false };
    await expectRefused(() => exec(rig.now.deps, { ...asked, ...streams }), 'cmd[1]');
  });
});
