import { componentOf } from '../../bench/memory';

describe('a process', () => {
  it.each([
    ['containerd', ['/x/bin/containerd', '--config', '/x/config.toml'], 'containerd'],
    ['a shim', ['/x/bin/containerd-shim-runc-v2', '-namespace', 'k8s.io', '-id', 'abc'], 'shims'],
    ['crisp', ['/x/bin/node', '/checkout/bin/crisp', 'serve'], 'crisp'],
    ['another bundle of it', ['/x/bin/node', '/checkout/dist/crisp.js', 'serve'], 'crisp'],
    [
      'the stdio process',
      ['/x/bin/node', '--v8-pool-size=0', '/checkout/dist/crisp-stdio.js', '/x/state'],
      'crisp-stdio',
    ],
    ['anything else', ['/x/bin/bridge'], 'other'],
    ['one without a command line', [''], 'other'],
  ] as const)('of the daemons is known by its command line: %s', (_, argv, component) =>
    expect(componentOf(argv, 'daemons')).toBe(component),
  );

  it('of a pod counts when it is its pause', () => expect(componentOf(['/pause'], 'pods')).toBe('pauses'));

  it('of a pod’s workload does not', () => expect(componentOf(['sh', '-c', 'sleep 1'], 'pods')).toBeUndefined());
});
