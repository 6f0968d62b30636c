import fc from 'fast-check';
import { containerAnnotations, passthroughAnnotations, sandboxAnnotations } from '../../../src/oci/annotations';
import { container, pod } from './fixtures';

const features = { recursiveReadOnlyMounts: false };

function passed(keys: string[], patterns: string[], unsafeAnnotations?: string[]): string[] {
  const annotations = Object.fromEntries(keys.map((key) => [key, 'v']));
  return passthroughAnnotations(annotations, patterns, { ...features, unsafeAnnotations }).map(([key]) => key);
}

describe('passthroughAnnotations', () => {
  it.each([
    [['a', 'b'], ['a'], ['a']],
    [['a/b', 'a'], ['*'], ['a']],
    [['io.katacontainers.x'], ['io.katacontainers.*'], ['io.katacontainers.x']],
    [['a'], [], []],
    [['a'], ['['], []],
  ])('of %j, %j lets through %j', (keys, patterns, expected) => {
    expect(passed(keys, patterns)).toEqual(expected);
  });

  const commands = [
    'org.systemd.property.ExecStopPost',
    'org.criu.config',
    'run.oci.handler',
    'bundle',
    'io.containerd.runc.v2.group',
  ];

  it.each([['*'], ['org.*'], ['io.*'], ['**'], ['?*'], ['[or]*'], ['*.*'], ['run*']])(
    'does not let what commands the runtime through %j',
    (pattern) => {
      expect(passed(commands, [pattern])).toEqual([]);
    },
  );

  it('lets it through when the administrator names it', () => {
    const patterns = [
      'org.systemd.property.*',
      'org.criu.config',
      'run.oci.*',
      'bundle',
      'io.containerd.runc.v2.group',
    ];
    expect(passed(commands, patterns)).toEqual(commands);
  });

  it('does not let through what the runtime itself says is unsafe', () => {
    expect(passed(['com.example.unsafe', 'com.example.fine', 'x.y'], ['*'], ['com.example.unsafe', 'x.'])).toEqual([
      'com.example.fine',
    ]);
  });

  it('never lets a pod set what we say about it', () => {
    expect(passed(['io.kubernetes.cri.sandbox-id'], ['io.kubernetes.cri.sandbox-id', '*'])).toEqual([]);
  });

  it('lets nothing through that no pattern matches whole', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ minLength: 1 }),
        (key, more) => passed([key + more], ['allowed']).length === 0 || key + more === 'allowed',
      ),
    );
  });
});

describe('containerAnnotations', () => {
  it('has those of pod and container that may pass, the container winning, and ours winning over all', () => {
    const annotations = containerAnnotations({
      base: { 'from.base': '1', 'io.kubernetes.cri.sandbox-id': 'wrong' },
      sandboxId: 's1',
      config: container({
        annotations: { both: 'container', own: '1', hidden: '1' },
        image: { image: 'sha256:1', userSpecifiedImage: 'web:latest' },
      }),
      sandboxConfig: pod({ annotations: { both: 'pod', theirs: '1', own: 'pod' } }),
      imageName: 'docker.io/library/web:latest',
      handler: { podAnnotations: ['both', 'theirs'], containerAnnotations: ['both', 'own'] },
      features,
    });
    expect(annotations).toEqual({
      'from.base': '1',
      both: 'container',
      theirs: '1',
      own: '1',
      'io.kubernetes.cri.container-type': 'container',
      'io.kubernetes.cri.sandbox-id': 's1',
      'io.kubernetes.cri.sandbox-namespace': 'ns',
      'io.kubernetes.cri.sandbox-uid': 'u-1',
      'io.kubernetes.cri.sandbox-name': 'pod',
      'io.kubernetes.cri.container-name': 'web',
      'io.kubernetes.cri.image-name': 'web:latest',
    });
  });
});

describe('sandboxAnnotations', () => {
  it('passes on an annotation called __proto__ like any other', () => {
    const config = pod({});
    config.annotations = Object.fromEntries([['__proto__', 'polluted']]);
    const handler = { podAnnotations: ['*'] };
    const annotations = sandboxAnnotations({ id: 's1', config, imageName: 'pause', handler, features });
    expect(Object.entries(annotations)).toContainEqual(['__proto__', 'polluted']);
    expect(Object.getPrototypeOf(annotations)).toBe(Object.prototype);
  });
});
