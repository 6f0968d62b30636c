import { partialContainerMetadata, partialSandboxMetadata, specOf } from '../../../src/state/partial-metadata';

const record = (spec: string) => ({
  ...{ id: 'a', labels: { 'io.kubernetes.pod.name': 'web' }, image: 'busybox', sandboxId: '' },
  spec: { typeUrl: '', value: Buffer.from(spec) },
});

describe('What is known of a record whose metadata cannot be read', () => {
  it('is what its labels and its spec say', () => {
    const spec = JSON.stringify({
      annotations: { 'io.kubernetes.cri.sandbox-id': 's', 'io.kubernetes.cri.container-name': 'c' },
      linux: { namespaces: [{ type: 'pid' }, { type: 'network', path: '/netns' }] },
    });
    expect(partialSandboxMetadata(record(spec))).toMatchObject({
      netnsPath: '/netns',
      config: { metadata: { name: 'web' } },
    });
    expect(partialContainerMetadata(record(spec), 'i')).toMatchObject({
      sandboxId: 's',
      config: { metadata: { name: 'c' } },
    });
  });

  it.each([
    ...[
      '',
      'null',
      '5',
      '[]',
      '{"linux":5,"annotations":5}',
      '{"linux":{"namespaces":5}}',
      '{"linux":{"namespaces":{}}}',
    ],
    ...[
      '{"linux":{"namespaces":[null,5,{"type":"network","path":7}]}}',
      '{"annotations":{"io.kubernetes.cri.sandbox-id":7}}',
    ],
  ])('is what its labels say when its spec is %s', (spec) => {
    expect(partialSandboxMetadata(record(spec))).toMatchObject({
      netnsPath: '',
      config: { metadata: { name: 'web' } },
    });
    expect(partialContainerMetadata(record(spec), 'i')).toMatchObject({
      sandboxId: '',
      config: { metadata: { name: '' } },
    });
  });

  it('has no spec where there is no object', () => {
    for (const spec of ['null', '5', '[]', '"a"']) expect(specOf(record(spec))).toBeUndefined();
  });
});
