import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseSpecOf } from '../../../src/cri/base-spec-file';
import type { RuntimeHandler } from '../../../src/model/runtime-handler';
import { CdiRegistry } from '../../../src/oci/cdi/cdi';
import { parseBlockIoClasses } from '../../../src/oci/resources/block-io';
import { parseRdtClasses } from '../../../src/oci/resources/rdt';
import { parseSeccompProfile } from '../../../src/oci/security/seccomp';

const SECCOMP = {
  DefaultAction: 'SCMP_ACT_ERRNO',
  defaulterrnoret: 5,
  Architectures: ['SCMP_ARCH_X86_64'],
  Syscalls: [{ Names: ['clone'], ACTION: 'SCMP_ACT_ALLOW', Args: [{ Index: 0, Value: 7, Op: 'SCMP_CMP_EQ' }] }],
};
const READ_SECCOMP = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 5,
  architectures: ['SCMP_ARCH_X86_64'],
  syscalls: [{ names: ['clone'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 7n, op: 'SCMP_CMP_EQ' }] }],
};

describe('Files for containers with keys of another case', () => {
  it.each([
    [
      'JSON',
      JSON.stringify({
        CDIVersion: '1.1.0',
        Kind: 'vendor.com/gpu',
        Devices: [
          {
            Name: '0',
            containeredits: { Env: ['A=1'], DeviceNodes: [{ Path: '/dev/x', HostPath: '/dev/y', Type: 'c' }] },
          },
        ],
      }),
    ],
    [
      'YAML',
      'CDIVersion: 1.1.0\nKind: vendor.com/gpu\nDevices:\n- Name: "0"\n  containeredits:\n    Env: [A=1]\n' +
        '    DeviceNodes:\n    - {Path: /dev/x, HostPath: /dev/y, Type: c}\n',
    ],
  ])('are read as CDI devices: %s', (_format, content) => {
    const registry = CdiRegistry.parse([{ path: '/etc/cdi/a', content, priority: 0 }]);
    expect(registry.errors).toEqual([]);
    const edits = registry.resolve(['vendor.com/gpu=0']);
    expect(edits.env).toEqual(['A=1']);
    expect(edits.deviceNodes).toMatchObject([{ path: '/dev/x', hostPath: '/dev/y', type: 'c' }]);
  });

  it('are held to the version of CDI that their fields need', () => {
    const edits = { ADDITIONALGIDS: [5] };
    const content = JSON.stringify({
      cdiVersion: '0.6.0',
      kind: 'v.com/c',
      devices: [{ name: '0', containerEdits: edits }],
    });
    const [error] = CdiRegistry.parse([{ path: '/a', content, priority: 0 }]).errors;
    expect(error?.message).toContain('needs 0.7.0');
  });

  it('are read as a seccomp profile', () => {
    expect(parseSeccompProfile(SECCOMP)).toMatchObject(READ_SECCOMP);
  });

  it('are read as classes of block I/O and RDT, whose names are data', () => {
    const blockIo = parseBlockIoClasses('classes:\n  Low:\n    - weight: 80\n  low:\n    - WEIGHT: 90\n');
    expect([...blockIo].map(([name, [rule]]) => [name, rule?.weight])).toEqual([
      ['Low', 80],
      ['low', 90],
    ]);
    const rdt = parseRdtClasses(
      'Partitions:\n  P:\n    Classes:\n      Gold: {Kubernetes: {DenyPodAnnotation: true}}\n',
    );
    expect(rdt.get('Gold')).toEqual({ denyPodAnnotation: true, denyContainerAnnotation: false });
  });

  it('are read as a base spec, annotations and sysctls being data', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'crisp-spec-'));
    const baseRuntimeSpec = join(dir, 'base.json');
    const mounts = [{ Destination: '/proc', Type: 'proc', Source: 'proc', Options: ['ro'] }];
    const spec = {
      OCIVersion: '1.0.2',
      Process: { CWD: '/x', User: { UID: 7 }, RLimits: [{ Type: 'RLIMIT_NOFILE', Hard: 8, Soft: 4 }] },
      Mounts: mounts,
      Annotations: { Process: 'a', process: 'b' },
      Linux: {
        Sysctl: { 'Net.x': '1' },
        Resources: { Memory: { Limit: 2 ** 53 }, Unified: { 'Memory.High': '1' } },
        Namespaces: [{ Type: 'pid' }],
        Seccomp: SECCOMP,
      },
    };
    const text = JSON.stringify(spec).replace('9007199254740992', '9007199254740993');
    try {
      writeFileSync(baseRuntimeSpec, text);
      expect(await baseSpecOf({ name: 'r', baseRuntimeSpec } as RuntimeHandler)).toEqual({
        ociVersion: '1.0.2',
        process: { cwd: '/x', user: { uid: 7 }, rlimits: [{ type: 'RLIMIT_NOFILE', hard: 8, soft: 4 }] },
        mounts: [{ destination: '/proc', type: 'proc', source: 'proc', options: ['ro'] }],
        annotations: { Process: 'a', process: 'b' },
        linux: {
          sysctl: { 'Net.x': '1' },
          resources: { memory: { limit: 9007199254740993n }, unified: { 'Memory.High': '1' } },
          namespaces: [{ type: 'pid' }],
          seccomp: { ...READ_SECCOMP, syscalls: [expect.objectContaining({ names: ['clone'] })] },
        },
      });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
