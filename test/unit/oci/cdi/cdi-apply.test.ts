import type { Spec } from '../../../../src/model/spec';
import type { CdiEdits } from '../../../../src/oci/inputs';
import { withCdiEdits } from '../at-once';

const NONE: CdiEdits = { env: [], deviceNodes: [], mounts: [], hooks: {}, additionalGids: [], netDevices: {} };

const spec: Spec = {
  ociVersion: '1.2.0',
  process: { user: { uid: 1000, gid: 0, additionalGids: [0, 5] }, cwd: '/', env: ['A=1', 'B=2'] },
  hooks: { prestart: [{ path: '/first' }] },
  mounts: [
    { destination: '/proc', type: 'proc' },
    { destination: '/gpu/deep/er', type: 'bind', source: '/x' },
    { destination: '/gpu', type: 'bind', source: '/old' },
  ],
  linux: {
    devices: [{ path: '/dev/gpu', type: 'c', major: 1, minor: 1 }],
    resources: { devices: [{ allow: false }], memory: { limit: 5n } },
  },
};

describe('withCdiEdits', () => {
  it('changes nothing when nothing is asked for', () => {
    expect(withCdiEdits(spec, NONE)).toEqual({
      ...spec,
      process: { user: { uid: 1000, gid: 0, additionalGids: [0, 5] }, cwd: '/', env: ['A=1', 'B=2'] },
    });
  });

  it('lays every edit over the spec, and leaves the given one as it was', () => {
    const before = structuredClone(spec);
    const node = { path: '/dev/gpu', hostPath: '/dev/gpu', type: 'c', major: 226, minor: 0, permissions: 'rw' };
    const changed = withCdiEdits(spec, {
      env: ['B=cdi', 'C=3'],
      deviceNodes: [
        node,
        { path: '/run/pipe', hostPath: '/run/pipe', type: 'p', permissions: 'rwm', uid: 7, fileMode: 0o600 },
      ],
      mounts: [{ destination: '/gpu/', source: '/new', options: ['ro'] }],
      hooks: { prestart: [{ path: '/second' }], poststop: [{ path: '/stop' }] },
      additionalGids: [44, 5],
      intelRdt: { closID: 'gold' },
      netDevices: { eth5: { name: 'net1' } },
    });
    expect(spec).toEqual(before);
    expect(changed).toEqual({
      ociVersion: '1.2.0',
      process: { user: { uid: 1000, gid: 0, additionalGids: [0, 5, 44] }, cwd: '/', env: ['A=1', 'B=cdi', 'C=3'] },
      hooks: { prestart: [{ path: '/first' }, { path: '/second' }], poststop: [{ path: '/stop' }] },
      mounts: [
        { destination: '/proc', type: 'proc' },
        { destination: '/gpu/', source: '/new', options: ['ro'] },
        { destination: '/gpu/deep/er', type: 'bind', source: '/x' },
      ],
      linux: {
        devices: [
          { path: '/dev/gpu', type: 'c', major: 226, minor: 0, uid: 1000 },
          { path: '/run/pipe', type: 'p', major: 0, minor: 0, uid: 7, fileMode: 0o600 },
        ],
        resources: {
          devices: [{ allow: false }, { allow: true, type: 'c', major: 226, minor: 0, access: 'rw' }],
          memory: { limit: 5n },
        },
        intelRdt: { closID: 'gold' },
        netDevices: { eth5: { name: 'net1' } },
      },
    });
  });
});
