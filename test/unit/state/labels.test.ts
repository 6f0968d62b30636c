import { KIND_CONTAINER, KIND_SANDBOX, MAX_RECORD_LABELS, recordLabels } from '../../../src/state/labels';

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

  it('keeps as many labels as a record may have, those of kubelet first and those of the image last', () => {
    const some = (prefix: string, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`${prefix}${at}`, 'v']));
    const { count } = MAX_RECORD_LABELS;
    const kept = (ofPod: number) =>
      recordLabels({
        image: some('image-', 2 * count),
        cri: { ...some('pod-', ofPod), 'io.kubernetes.pod.name': 'web' },
        kind: KIND_SANDBOX,
      });
    const from = (labels: object, prefix: string) => Object.keys(labels).filter((key) => key.startsWith(prefix)).length;
    const full = kept(count - 1);
    expect([from(full, 'io.kubernetes.'), from(full, 'pod-'), from(full, 'image-')]).toEqual([1, count - 1, 0]);
    const over = kept(count);
    expect([from(over, 'io.kubernetes.'), from(over, 'pod-'), from(over, 'image-')]).toEqual([1, count - 1, 0]);
    const room = kept(count - 11);
    expect([from(room, 'io.kubernetes.'), from(room, 'pod-'), from(room, 'image-')]).toEqual([1, count - 11, 10]);
    for (const labels of [full, over, room]) expect(labels['io.cri-containerd.kind']).toBe('sandbox');
  });

  it('keeps no more bytes than a record may have', () => {
    const cri = Object.fromEntries(
      Array.from({ length: 200 }, (_, at) => [`k-${at}`.padEnd(96, 'x'), 'v'.repeat(4000)]),
    );
    const { 'io.cri-containerd.kind': _kind, ...labels } = recordLabels({ image: {}, cri, kind: KIND_SANDBOX });
    expect(Object.keys(labels)).toHaveLength(Math.floor(MAX_RECORD_LABELS.bytes / 4096));
  });
});
