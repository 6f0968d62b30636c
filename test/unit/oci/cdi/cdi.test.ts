import {
  type CdiFile,
  CdiRegistry,
  cdiDeviceNames,
  cdiHostPaths,
  fillDeviceNodes,
  MAX_CDI_NAMES,
} from '../../../../src/oci/cdi/cdi';
import type { CdiEdits, HostDevice } from '../../../../src/oci/inputs';
import { thrownBy } from '../fixtures';

const NONE: CdiEdits = { env: [], deviceNodes: [], mounts: [], hooks: {}, additionalGids: [], netDevices: {} };

interface Document {
  cdiVersion?: string;
  kind?: string;
  devices?: unknown;
  containerEdits?: unknown;
}

function file(document: Document | string, { path = '/etc/cdi/a.json', priority = 0 } = {}): CdiFile {
  const content =
    typeof document === 'string'
      ? document
      : JSON.stringify({ cdiVersion: '1.0.0', kind: 'vendor.com/gpu', ...document });
  return { path, priority, content };
}

const device = (name: string, env: string) => ({ name, containerEdits: { env: [env] } });

describe('cdiDeviceNames', () => {
  it('are those of the request, then those of annotations, each once', () => {
    expect(
      cdiDeviceNames([{ name: 'vendor.com/gpu=1' }, { name: 'vendor.com/gpu=0' }], {
        'cdi.k8s.io/plugin': 'vendor.com/gpu=0,other.org/nic=eth1',
        unrelated: 'x',
      }),
    ).toEqual(['vendor.com/gpu=1', 'vendor.com/gpu=0', 'other.org/nic=eth1']);
  });

  it.each([
    '',
    'gpu=0',
    'vendor.com/gpu',
    'vendor.com/gpu=',
    'vendor.com/gpu/x=0',
    '/gpu=0',
    'vendor.com/gpu=../0',
    'v/g=a b',
  ])('refuses %j', (name) => {
    expect(thrownBy(() => cdiDeviceNames([{ name: 'v/g=0' }, { name }], {}))).toMatchObject({
      field: 'config.CDI_devices[1].name',
    });
    expect(thrownBy(() => cdiDeviceNames([], { 'cdi.k8s.io/p': `v/g=0,${name}` }))).toMatchObject({
      field: 'config.annotations["cdi.k8s.io/p"]',
    });
  });
});

describe('cdiDeviceNames, at its limit,', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `v/g=${at}`);
  const listed = (count: number) => cdiDeviceNames([{ name: 'v/g=0' }], { 'cdi.k8s.io/p': names(count).join() });

  it('counts names of the request and of annotations together', () => {
    expect(listed(MAX_CDI_NAMES - 1)).toHaveLength(MAX_CDI_NAMES - 1);
    expect(thrownBy(() => listed(MAX_CDI_NAMES))).toMatchObject({
      field: 'config.annotations["cdi.k8s.io/p"]',
      message: expect.stringContaining(`over ${MAX_CDI_NAMES}`),
    });
    expect(
      thrownBy(() =>
        cdiDeviceNames(
          names(MAX_CDI_NAMES + 1).map((name) => ({ name })),
          {},
        ),
      ),
    ).toMatchObject({
      field: `config.CDI_devices[${MAX_CDI_NAMES}].name`,
    });
  });
});

describe('CdiRegistry', () => {
  it('answers what a device changes, after what its file says for all, once', () => {
    const registry = CdiRegistry.parse([
      file({ containerEdits: { env: ['ALL=1'] }, devices: [device('0', 'A=0'), device('1', 'A=1')] }),
    ]);
    expect(registry.errors).toEqual([]);
    expect(registry.names()).toEqual(['vendor.com/gpu=0', 'vendor.com/gpu=1']);
    expect(registry.resolve(['vendor.com/gpu=1', 'vendor.com/gpu=0'])).toEqual({
      ...NONE,
      env: ['ALL=1', 'A=1', 'A=0'],
    });
    expect(registry.resolve([])).toEqual(NONE);
  });

  it('reads every kind of edit', () => {
    const containerEdits = {
      env: ['A=1'],
      deviceNodes: [
        { path: '/dev/gpu0', hostPath: '/dev/dri/card0', permissions: 'rw', uid: 5 },
        { path: '/dev/gpu1', type: 'c', major: 226, minor: 1, fileMode: 438 },
      ],
      mounts: [{ hostPath: '/usr/lib/gpu', containerPath: '/gpu', options: ['ro', 'rbind'] }],
      hooks: [
        { hookName: 'createContainer', path: '/bin/hook', args: ['hook', 'x'], env: ['B=2'], timeout: 3 },
        { hookName: 'poststop', path: '/bin/stop' },
        { hookName: 'createContainer', path: '/bin/second' },
      ],
      additionalGids: [0, 44],
      intelRdt: { closID: 'gold', enableCMT: true },
      netDevices: [{ hostInterfaceName: 'eth5', name: 'net1' }],
    };
    const registry = CdiRegistry.parse([file({ cdiVersion: '1.1.0', devices: [{ name: 'x', containerEdits }] })]);
    expect(registry.errors).toEqual([]);
    expect(registry.resolve(['vendor.com/gpu=x'])).toEqual({
      env: ['A=1'],
      deviceNodes: [
        { path: '/dev/gpu0', hostPath: '/dev/dri/card0', permissions: 'rw', uid: 5 },
        {
          path: '/dev/gpu1',
          hostPath: '/dev/gpu1',
          type: 'c',
          major: 226,
          minor: 1,
          fileMode: 438,
          permissions: 'rwm',
        },
      ],
      mounts: [{ destination: '/gpu', source: '/usr/lib/gpu', options: ['ro', 'rbind'] }],
      hooks: {
        createContainer: [
          { path: '/bin/hook', args: ['hook', 'x'], env: ['B=2'], timeout: 3 },
          { path: '/bin/second' },
        ],
        poststop: [{ path: '/bin/stop' }],
      },
      additionalGids: [44],
      intelRdt: { closID: 'gold', enableCMT: true },
      netDevices: { eth5: { name: 'net1' } },
    });
  });

  it('reads YAML', () => {
    const yaml = [
      '---',
      'cdiVersion: 0.5.0',
      'kind: vendor.com/gpu',
      'devices:',
      '- name: "0"',
      '  containerEdits:',
      '    env: [A=1]',
    ];
    const registry = CdiRegistry.parse([file(yaml.join('\n'), { path: '/etc/cdi/a.yaml' })]);
    expect(registry.errors).toEqual([]);
    expect(registry.resolve(['vendor.com/gpu=0']).env).toEqual(['A=1']);
  });

  it('prefers a later directory', () => {
    const registry = CdiRegistry.parse([
      file({ devices: [device('0', 'FROM=run')] }, { path: '/var/run/cdi/a.json', priority: 1 }),
      file({ devices: [device('0', 'FROM=etc'), device('1', 'FROM=etc')] }),
    ]);
    expect(registry.resolve(['vendor.com/gpu=0']).env).toEqual(['FROM=run']);
    expect(registry.resolve(['vendor.com/gpu=1']).env).toEqual(['FROM=etc']);
  });

  it('makes a device unavailable that two files of one directory define', () => {
    const registry = CdiRegistry.parse([
      file({ devices: [device('0', 'A=1'), device('1', 'A=1')] }),
      file({ devices: [device('0', 'A=2')] }, { path: '/etc/cdi/b.json' }),
    ]);
    expect(registry.names()).toEqual(['vendor.com/gpu=1']);
    expect(thrownBy(() => registry.resolve(['vendor.com/gpu=0']))).toMatchObject({
      field: 'config.CDI_devices',
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('/etc/cdi/a.json and /etc/cdi/b.json both define it'),
    });
  });

  it('names every device that is not there, and the file that could not be read', () => {
    const registry = CdiRegistry.parse([file('{', { path: '/etc/cdi/bad.json' })]);
    expect(thrownBy(() => registry.resolve(['v/g=0', 'v/g=1']))).toMatchObject({
      message: expect.stringMatching(/no device v\/g=0 \(\/etc\/cdi\/bad.json could not be read: .*no device v\/g=1/),
    });
  });

  const one = [device('0', 'A=1')];
  const edits = (containerEdits: unknown, cdiVersion = '1.1.0') => ({
    cdiVersion,
    devices: [{ name: '0', containerEdits }],
  });

  it.each<[string, Document | string, RegExp]>([
    ['what is not JSON', '{nonsense', /JSON/],
    ['what is not YAML', 'a: &b c', /line 1: & is not read here/],
    ['a word', 'nonsense', /spec is not an object/],
    ['a list', '[]', /spec is not an object/],
    ['no version', { cdiVersion: '', devices: one }, /cdiVersion is missing/],
    ['an unknown version', { cdiVersion: '9.0.0', devices: one }, /cdiVersion is not known/],
    ['a kind without a class', { kind: 'vendor', devices: one }, /not vendor\/class/],
    ['no devices', { devices: [] }, /devices is empty/],
    ['devices that are no list', { devices: {} }, /devices is not a list/],
    ['a device twice', { devices: [...one, ...one] }, /there twice/],
    ['a device without edits', { devices: [{ name: '0' }] }, /containerEdits is missing/],
    ['a device name with a space', { devices: [device('a b', 'A=1')] }, /not the name of a device/],
    ['a variable without a value', edits({ env: ['A'] }), /env\[0\] is not NAME=value/],
    ['an unknown hook', edits({ hooks: [{ hookName: 'evil', path: '/x' }] }), /hookName is not a hook/],
    ['a relative hook', edits({ hooks: [{ hookName: 'poststop', path: 'x' }] }), /path is not an absolute path/],
    [
      'a relative mount',
      edits({ mounts: [{ hostPath: '/a', containerPath: 'b' }] }),
      /containerPath is not an absolute path/,
    ],
    ['an unknown device type', edits({ deviceNodes: [{ path: '/x', type: 'z' }] }), /type is not a device type/],
    ['odd permissions', edits({ deviceNodes: [{ path: '/x', permissions: 'z' }] }), /permissions are not/],
    ['a negative number', edits({ deviceNodes: [{ path: '/x', major: -1 }] }), /major is not a number/],
    ['a group that is no number', edits({ additionalGids: ['0'] }), /additionalGids\[0\] is not a group id/],
    [
      'a field newer than the version',
      edits({ deviceNodes: [{ path: '/x', hostPath: '/y' }] }, '0.3.0'),
      /needs 0.5.0/,
    ],
    ['groups before their version', edits({ additionalGids: [5] }, '0.6.0'), /needs 0.7.0/],
    ['network devices before their version', edits({ netDevices: [] }, '1.0.0'), /needs 1.1.0/],
  ])('leaves out a file with %s and goes on', (_, document, message) => {
    const good = file({ kind: 'good/kind', devices: one }, { path: '/etc/cdi/good.json' });
    const registry = CdiRegistry.parse([file(document), good]);
    expect(registry.names()).toEqual(['good/kind=0']);
    expect(registry.errors).toEqual([{ path: '/etc/cdi/a.json', message: expect.stringMatching(message) }]);
  });
});

describe('fillDeviceNodes', () => {
  const node = { path: '/dev/x', hostPath: '/dev/host', permissions: 'rwm' };
  const found: HostDevice = { path: '/dev/host', type: 'c', major: 10, minor: 5, fileMode: 0o600, uid: 0, gid: 0 };

  it('asks the host for what the file leaves open, and only for that', () => {
    const complete = { ...node, hostPath: '/dev/full', type: 'c', major: 1, minor: 7, fileMode: 0o600 };
    const fifo = { ...node, hostPath: '/run/fifo', type: 'p', fileMode: 0o600 };
    const edits = { ...NONE, deviceNodes: [node, { ...node, fileMode: 0o644 }, complete, fifo] };
    expect(cdiHostPaths(edits)).toEqual([{ path: '/dev/host', required: true }]);
    expect(fillDeviceNodes(edits, [found]).deviceNodes).toEqual([
      { ...node, type: 'c', major: 10, minor: 5, fileMode: 0o600 },
      { ...node, type: 'c', major: 10, minor: 5, fileMode: 0o644 },
      complete,
      fifo,
    ]);
  });

  it('takes the mode of a node that is otherwise complete from the host, if that has it', () => {
    const whole = { ...node, type: 'c', major: 1, minor: 7 };
    const edits = { ...NONE, deviceNodes: [whole] };
    expect(cdiHostPaths(edits)).toEqual([{ path: '/dev/host', required: false }]);
    expect(fillDeviceNodes(edits, [found]).deviceNodes).toEqual([{ ...whole, fileMode: 0o600 }]);
    expect(fillDeviceNodes(edits, []).deviceNodes).toEqual([whole]);
  });

  it('fails when the host has no such device, or one of another type', () => {
    const failed = { field: 'config.CDI_devices', code: 'FAILED_PRECONDITION' };
    expect(thrownBy(() => fillDeviceNodes({ ...NONE, deviceNodes: [node] }, []))).toMatchObject(failed);
    const block = { ...NONE, deviceNodes: [{ ...node, type: 'b' }] };
    expect(thrownBy(() => fillDeviceNodes(block, [found]))).toMatchObject(failed);
  });
});
