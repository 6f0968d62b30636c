import { capabilityArgs, cniArgs, runtimeConfig } from '../../../src/cni/capability-args';
import { BadInputError } from '../../../src/host/bad-input';
import { pod } from './scripted-plugins';

describe('cniArgs', () => {
  it('names the pod', () => {
    expect(cniArgs(pod())).toEqual([
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAMESPACE', 'shop'],
      ['K8S_POD_NAME', 'web'],
      ['K8S_POD_INFRA_CONTAINER_ID', 'a'.repeat(64)],
      ['K8S_POD_UID', '1-2-3'],
    ]);
  });

  it.each([
    ['config.metadata.namespace', { namespace: 'shop;IgnoreUnknown=0' }, ';'],
    ['config.metadata.name', { name: 'a\nb' }, '\n'],
    ['config.metadata.uid', { uid: 'a=b' }, '='],
    ['id', { sandboxId: 'a\0' }, '\0'],
  ])('refuses what would become another argument, in %s', (field, change, character) => {
    const value = Object.values(change)[0];
    expect(() => cniArgs(pod(change))).toThrow(
      new BadInputError(
        `${field}: ${JSON.stringify(value)} has the character ${JSON.stringify(character)}, which CNI cannot carry`,
      ),
    );
  });
});

describe('capabilityArgs', () => {
  it('has the annotations of any pod', () => {
    expect(capabilityArgs(pod({ annotations: { a: 'b' } }))).toEqual({
      'io.kubernetes.cri.pod-annotations': { a: 'b' },
    });
  });

  it('has all that a pod asks for', () => {
    const args = capabilityArgs(
      pod({
        annotations: { 'kubernetes.io/egress-bandwidth': '1M' },
        portMappings: [
          { protocol: 'tcp', hostPort: 8080, containerPort: 80, hostIp: '' },
          { protocol: 'sctp', hostPort: 0, containerPort: 81, hostIp: '' },
          { protocol: 'udp', hostPort: -1, containerPort: 82, hostIp: '' },
          { protocol: 'udp', hostPort: 53, containerPort: 53, hostIp: '127.0.0.1' },
        ],
        dns: { servers: ['1.1.1.1'], searches: ['svc'], options: ['ndots:5'] },
        cgroupPath: '/kubepods/pod1',
      }),
    );
    expect(args).toEqual({
      'io.kubernetes.cri.pod-annotations': { 'kubernetes.io/egress-bandwidth': '1M' },
      portMappings: [
        { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' },
        { hostPort: 53, containerPort: 53, protocol: 'udp', hostIP: '127.0.0.1' },
      ],
      bandwidth: { egressRate: 1_000_000, egressBurst: 4294967295 },
      dns: { servers: ['1.1.1.1'], searches: ['svc'], options: ['ndots:5'] },
      cgroupPath: '/kubepods/pod1',
    });
  });
});

describe('runtimeConfig', () => {
  const args = { portMappings: [1], bandwidth: { ingressRate: 1 } };
  it.each<[string, Record<string, unknown>, unknown]>([
    ['what the plugin declares', { capabilities: { portMappings: true } }, { portMappings: [1] }],
    ['nothing that it declares as false', { capabilities: { portMappings: false } }, undefined],
    ['nothing that the pod does not ask for', { capabilities: { ipRanges: true } }, undefined],
    ['nothing without capabilities', {}, undefined],
    ['nothing for names of every object', { capabilities: { constructor: true } }, undefined],
  ])('has %s', (_name, conf, expected) => {
    expect(runtimeConfig(conf, args)).toEqual(expected);
  });
});
