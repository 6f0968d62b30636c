import { KIND_CONTAINER, KIND_SANDBOX, recordLabels } from '../../../src/state/labels';

describe('recordLabels', () => {
  it('puts the CRI labels over those of the image, and says the kind', () => {
    const labels = recordLabels({
      image: { maintainer: 'me', app: 'from the image' },
      cri: { app: 'web', 'io.kubernetes.pod.name': 'web' },
      kind: KIND_CONTAINER,
    });
    expect(labels).toEqual({
      maintainer: 'me',
      app: 'web',
      'io.kubernetes.pod.name': 'web',
      'io.cri-containerd.kind': 'container',
    });
  });

  it.each([
    'containerd.io/restart.loguri',
    'containerd.io/gc.root',
    'new.containerd.io/x',
    'io.cri-containerd.kind',
    'io.cri-containerd.image',
    'io.cri-containerd',
  ])('leaves out %s, whoever says it', (key) => {
    const reserved = { [key]: 'binary:///bin/sh' };
    expect(recordLabels({ image: reserved, cri: reserved, kind: KIND_SANDBOX })).toEqual({
      'io.cri-containerd.kind': 'sandbox',
    });
  });

  it.each(['mycontainerd.io/x', 'containerd.iox/y', 'example.org/containerd.io', 'containerd.io'])(
    'keeps %s',
    (key) => {
      expect(recordLabels({ image: {}, cri: { [key]: 'v' }, kind: KIND_SANDBOX })).toHaveProperty([key], 'v');
    },
  );

  it('leaves out labels that containerd would refuse for their length, counted in bytes', () => {
    const labels = recordLabels({
      image: { fits: 'x'.repeat(4092), long: 'x'.repeat(4093), wide: 'ü'.repeat(2047) },
      cri: {},
      kind: KIND_SANDBOX,
    });
    expect(Object.keys(labels)).toEqual(['fits', 'io.cri-containerd.kind']);
  });

  it('keeps a label named __proto__', () => {
    const labels = recordLabels({ image: {}, cri: JSON.parse('{"__proto__":"x"}'), kind: KIND_SANDBOX });
    expect(Object.entries(labels)).toContainEqual(['__proto__', 'x']);
  });
});
