import fc from 'fast-check';
import { parseYaml } from '../../../../src/oci/cdi/cdi-yaml';

const NVIDIA = `---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/nvidiactl
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  hooks:
  - args:
    - nvidia-cdi-hook
    - create-symlinks
    - --link
    - "../libnvidia-allocator.so.1::/usr/lib/gbm/nvidia-drm_gbm.so"
    hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
  mounts:
  - containerPath: /usr/bin/nvidia-smi
    hostPath: /usr/bin/nvidia-smi
    options:
    - ro
    - nosuid
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
      fileMode: 0666
  name: "0"
kind: nvidia.com/gpu
`;

describe('parseYaml', () => {
  it('reads a file as nvidia-ctk writes it', () => {
    expect(parseYaml(NVIDIA)).toEqual({
      cdiVersion: '0.5.0',
      containerEdits: {
        deviceNodes: [{ path: '/dev/nvidiactl' }],
        env: ['NVIDIA_VISIBLE_DEVICES=void'],
        hooks: [
          {
            args: [
              'nvidia-cdi-hook',
              'create-symlinks',
              '--link',
              '../libnvidia-allocator.so.1::/usr/lib/gbm/nvidia-drm_gbm.so',
            ],
            hookName: 'createContainer',
            path: '/usr/bin/nvidia-cdi-hook',
          },
        ],
        mounts: [{ containerPath: '/usr/bin/nvidia-smi', hostPath: '/usr/bin/nvidia-smi', options: ['ro', 'nosuid'] }],
      },
      devices: [{ containerEdits: { deviceNodes: [{ path: '/dev/nvidia0', fileMode: 0o666 }] }, name: '0' }],
      kind: 'nvidia.com/gpu',
    });
  });

  it.each<[string, unknown]>([
    ['', null],
    ['# only a comment', null],
    ['a: 1', { a: 1 }],
    ['a: -1\nb: 0x10\nc: 0o17\nd: 1.5\ne: 1.2.3', { a: -1, b: 16, c: 15, d: 1.5, e: '1.2.3' }],
    ['a: true\nb: null\nc: ~\nd:\ne: yes', { a: true, b: null, c: null, d: null, e: 'yes' }],
    ["a: 'it''s'\nb: \"x\\ty\"\n'c d': 1", { a: "it's", b: 'x\ty', 'c d': 1 }],
    ['a: b # comment\nc: "#no" # yes\nd: e#f', { a: 'b', c: '#no', d: 'e#f' }],
    ['a: http://x:1/y', { a: 'http://x:1/y' }],
    ['- a\n- - b\n  - c\n-\n  d: 1\n- e: 1\n  f: 2', ['a', ['b', 'c'], { d: 1 }, { e: 1, f: 2 }]],
    ['a:\n- 1\nb:\n  - 2\n', { a: [1], b: [2] }],
    ['a: [1, "b, c", [d], {e: f, "g": 2}, ]\nb: {}\nc: []', { a: [1, 'b, c', ['d'], { e: 'f', g: 2 }], b: {}, c: [] }],
    ['- --flag\n- -x: y', ['--flag', { '-x': 'y' }]],
    ['a:\r\n  b: 1\r\n', { a: { b: 1 } }],
  ])('reads %j', (document, expected) => {
    expect(parseYaml(document)).toEqual(expected);
  });

  it.each([
    ['a: |\n  text', /line 1: \|/],
    ['a: &x 1', /line 1: &/],
    ['a: !!str 1', /line 1: !/],
    ['a: *x', /line 1: \*/],
    ['a: "open', /line 1/],
    ['a: [1, 2', /line 1: has neither a comma nor \]/],
    ['a: ["1" 2]', /line 1/],
    ['a: "b" c', /line 1: has something after/],
    ['a: 1\n  b: 2', /line 2/],
    ['  a: 1\nb: 2', /line 2/],
    ['a: 1\na: 2', /line 2: has a key a second time/],
    ['a:\n\tb: 1', /line 2: is indented with a tab/],
    ['a: 1\n---\nb: 2', /line 2: is more than one document/],
    ['a: 1\nb', /line 2: is not a key/],
  ])('refuses %j', (document, message) => {
    expect(() => parseYaml(document)).toThrow(message);
  });

  it('keeps a key called __proto__ a key', () => {
    const read = parseYaml('__proto__: 1');
    expect(Object.entries(read as object)).toEqual([['__proto__', 1]]);
  });

  it.each([
    ['lists in brackets', (n: number) => `${'['.repeat(n)}${']'.repeat(n)}`],
    ['maps in brackets', (n: number) => `${'{a: '.repeat(n)}${'}'.repeat(n)}`],
    ['lists on one line', (n: number) => `${'- '.repeat(n)}a`],
    ['maps on lines of their own', (n: number) => Array.from({ length: n }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ])('reads %s a hundred deep, and refuses more before the stack ends', (_what, nested) => {
    expect(() => parseYaml(nested(100))).not.toThrow();
    for (const depth of [101, 20_000 / 10])
      expect(() => parseYaml(nested(depth))).toThrow(/^line \d+: nests deeper than 100/);
  });

  it('reads a line with a hundred thousand blanks', () => {
    expect(() => parseYaml(`a${' '.repeat(100_000)}b`)).not.toThrow();
  });

  it('either reads a document or throws an Error, and ends', () => {
    const text = fc.stringMatching(/^[-ab:,'"#[\]{} \n\\]{0,40}$/);
    fc.assert(
      fc.property(text, (document) => {
        try {
          parseYaml(document);
        } catch (error) {
          expect(error).toMatchObject({ message: expect.stringMatching(/^line /) });
        }
      }),
      { numRuns: 2000 },
    );
  });
});
