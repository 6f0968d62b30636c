import { omitEmpty } from '../../../src/oci/omit-empty';

describe('omitEmpty', () => {
  it("leaves out what Go's runtime-spec does", () => {
    const spec = {
      ociVersion: '1.0.2',
      process: {
        terminal: false,
        user: { uid: 0, gid: 0, umask: 0, additionalGids: [], username: '' },
        args: ['', 'x'],
        env: [],
        cwd: '',
        capabilities: { bounding: [], ambient: [] },
        rlimits: [],
        noNewPrivileges: false,
        apparmorProfile: '',
        oomScoreAdj: 0,
        selinuxLabel: undefined,
      },
      root: { path: 'rootfs', readonly: false },
      hostname: '',
      mounts: [{ destination: '/proc', type: '', source: '', options: [], uidMappings: [] }],
      hooks: { prestart: [{ path: '/hook', args: [], timeout: 0 }], poststop: [] },
      annotations: { empty: '' },
      linux: {
        sysctl: {},
        resources: {
          devices: [{ allow: false, type: '', major: 0, minor: -1, access: 'rwm' }],
          memory: { limit: 0n, swap: undefined },
          cpu: { cpus: '', mems: '0' },
          hugepageLimits: [{ pageSize: '2MB', limit: 0n }],
          unified: { 'memory.high': '' },
        },
        namespaces: [{ type: 'pid', path: '' }],
        devices: [{ path: '/dev/x', type: 'c', major: 0, minor: 0, fileMode: 0, uid: 0 }],
        seccomp: {
          defaultAction: '',
          flags: [],
          syscalls: [
            { names: [], action: '', args: [{ index: 0, value: 0n, valueTwo: 0n, op: '' }] },
            { names: ['a'], action: 'x', errnoRet: 0, args: [] },
          ],
        },
        maskedPaths: [],
        mountLabel: '',
        netDevices: { eth1: { name: '' } },
        intelRdt: { closID: '', enableCMT: false },
      },
    };
    expect(omitEmpty(spec)).toStrictEqual({
      ociVersion: '1.0.2',
      process: {
        user: { uid: 0, gid: 0, umask: 0 },
        args: ['', 'x'],
        cwd: '',
        capabilities: {},
        oomScoreAdj: 0,
      },
      root: { path: 'rootfs' },
      mounts: [{ destination: '/proc' }],
      hooks: { prestart: [{ path: '/hook', timeout: 0 }] },
      annotations: { empty: '' },
      linux: {
        resources: {
          devices: [{ allow: false, major: 0, minor: -1, access: 'rwm' }],
          memory: { limit: 0n },
          cpu: { mems: '0' },
          hugepageLimits: [{ pageSize: '2MB', limit: 0n }],
          unified: { 'memory.high': '' },
        },
        namespaces: [{ type: 'pid' }],
        devices: [{ path: '/dev/x', type: 'c', major: 0, minor: 0, fileMode: 0, uid: 0 }],
        seccomp: {
          defaultAction: '',
          syscalls: [
            { names: [], action: '', args: [{ index: 0, value: 0n, op: '' }] },
            { names: ['a'], action: 'x', errnoRet: 0 },
          ],
        },
        netDevices: { eth1: { name: '' } },
        intelRdt: {},
      },
    });
  });

  it('leaves out null, which a base spec may hold', () => {
    expect(omitEmpty({ mounts: null, process: { user: { uid: 1 }, rlimits: null } })).toStrictEqual({
      process: { user: { uid: 1 } },
    });
  });
});
