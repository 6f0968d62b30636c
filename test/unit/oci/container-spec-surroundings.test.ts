import { NamespaceMode, SecurityProfile_ProfileType } from '../../../generated/cri/v1/api';
import type { Spec } from '../../../src/model/spec';
import { OciError } from '../../../src/oci/oci-error';
import { checkContainer, containerSpec } from './at-once';
import { bind } from './expected-parts';
import { container, containerInput, handler, imageConfig, pod, settings, thrownBy, withRequest } from './fixtures';

describe('containerSpec in its surroundings', () => {
  it('joins the user namespace of the pod and shifts the ids of its own files', () => {
    const ids = { containerId: 0, hostId: 65536, length: 65536 };
    const namespaceOptions = { usernsOptions: { mode: NamespaceMode.POD, uids: [ids], gids: [ids] } };
    const spec = containerSpec(
      withRequest(
        { linux: { securityContext: { namespaceOptions } } },
        { sandboxConfig: pod({ linux: { securityContext: { namespaceOptions } } }) },
      ),
    );
    const mapping = [{ containerID: 0, hostID: 65536, size: 65536 }];
    expect(spec.linux?.namespaces).toContainEqual({ type: 'user', path: '/proc/42/ns/user' });
    expect(spec.linux).toMatchObject({ uidMappings: mapping, gidMappings: mapping });
    expect(spec.mounts?.slice(-4)).toEqual([
      { ...bind('/etc/hostname', '/s1/hostname', 'rw'), uidMappings: mapping, gidMappings: mapping },
      { ...bind('/etc/hosts', '/s1/hosts', 'rw'), uidMappings: mapping, gidMappings: mapping },
      { ...bind('/etc/resolv.conf', '/s1/resolv.conf', 'rw'), uidMappings: mapping, gidMappings: mapping },
      bind('/dev/shm', '/s1/shm', 'rw'),
    ]);
  });

  it.each([
    [true, true, 'rw'],
    [true, false, 'ro'], // on cgroup v1 there is no cgroup namespace: it would be the host's
    [false, true, 'ro'],
  ])('mounts cgroups as cgroup_writable %s says on a host with cgroup v2 %s: %s', (cgroupWritable, cgroup2, mode) => {
    const input = withRequest({});
    const spec = containerSpec({
      ...input,
      handler: { ...handler, cgroupWritable },
      facts: { ...input.facts, cgroup2 },
    });
    const mount = spec.mounts?.find(({ destination }) => destination === '/sys/fs/cgroup');
    expect(mount?.options?.filter((option) => option === 'ro' || option === 'rw')).toEqual([mode]);
  });

  it('binds the host sysfs in a user namespace on the host network, where none can be mounted', () => {
    const ids = { containerId: 0, hostId: 65536, length: 65536 };
    const namespaceOptions = {
      network: NamespaceMode.NODE,
      usernsOptions: { mode: NamespaceMode.POD, uids: [ids], gids: [ids] },
    };
    const spec = containerSpec(
      withRequest(
        { linux: { securityContext: { namespaceOptions } } },
        { sandboxConfig: pod({ linux: { securityContext: { namespaceOptions } } }) },
      ),
    );
    expect(spec.mounts?.find(({ destination }) => destination === '/sys')).toEqual({
      destination: '/sys',
      type: 'bind',
      source: '/sys',
      options: ['rbind', 'rro', 'nosuid', 'nodev', 'noexec'],
    });
  });

  it('lays the request over a base spec and keeps the rest of it', () => {
    const base: Spec = {
      ociVersion: '1.3.0',
      process: {
        user: { uid: 7, gid: 7, umask: 0o27 },
        cwd: '/base',
        env: ['FROM_BASE=1', 'PATH=/base'],
        rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024n, hard: 2n ** 60n }],
        capabilities: { bounding: ['CAP_KILL'] },
      },
      hooks: { createContainer: [{ path: '/hook' }] },
      mounts: [
        { destination: '/run', type: 'tmpfs', source: 'tmpfs' },
        { destination: '/extra', type: 'bind', source: '/extra' },
      ],
      linux: { seccomp: { defaultAction: 'SCMP_ACT_LOG' }, maskedPaths: ['/x'] },
    };
    const before = structuredClone(base);
    const spec = containerSpec(
      withRequest({ linux: { securityContext: { capabilities: { addCapabilities: ['BPF'] } } } }, { base }),
    );
    expect(base).toEqual(before);
    expect(spec.ociVersion).toBe('1.0.2'); // nothing in it is newer
    expect(spec.hooks).toEqual(base.hooks);
    expect(spec.mounts?.map(({ destination }) => destination)).toEqual([
      '/extra',
      '/sys/fs/cgroup',
      '/etc/hostname',
      '/etc/hosts',
      '/etc/resolv.conf',
      '/dev/shm',
    ]);
    expect(spec.linux?.seccomp).toEqual({ defaultAction: 'SCMP_ACT_LOG' });
    expect(spec.process).toMatchObject({
      user: { uid: 0, gid: 0, additionalGids: [0], umask: 0o27 },
      cwd: '/base',
      env: ['FROM_BASE=1', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOSTNAME=pod-host'],
      rlimits: base.process?.rlimits,
      capabilities: { bounding: ['CAP_KILL', 'CAP_BPF'] },
    });
  });

  it('keeps the default masked paths when the configuration says so', () => {
    const spec = containerSpec(withRequest({ linux: {} }, { settings: { ...settings, disable_proc_mount: true } }));
    expect(spec.linux?.maskedPaths).toContain('/sys/devices/virtual/powercap');
    expect(spec.linux?.readonlyPaths).toEqual([
      '/proc/bus',
      '/proc/fs',
      '/proc/irq',
      '/proc/sys',
      '/proc/sysrq-trigger',
    ]);
  });

  it('does not share anything between two specs made from one image', () => {
    const image = { config: imageConfig({ env: ['A=1'] }) };
    const first = containerSpec(containerInput({ image }));
    const before = structuredClone(containerSpec(containerInput({ image })));
    first.process?.env?.push('LEAK=1');
    first.process?.capabilities?.bounding?.push('CAP_LEAK');
    first.mounts?.[0]?.options?.push('leak');
    first.linux?.resources?.devices?.push({ allow: true });
    expect(containerSpec(containerInput({ image }))).toEqual(before);
  });

  it('takes the name of the node on the host network', () => {
    const spec = containerSpec(containerInput({ sandboxConfig: pod({ hostname: '' }) }));
    expect(spec.process?.env).toContain('HOSTNAME=node-1');
  });

  it('reads a localhost profile from what the story read', () => {
    const config = container({
      linux: {
        securityContext: { seccomp: { profileType: SecurityProfile_ProfileType.Localhost, localhostRef: '/p.json' } },
      },
    });
    const seccompProfile = { defaultAction: 'SCMP_ACT_ALLOW' };
    expect(containerSpec(containerInput({ config, seccompProfile })).linux?.seccomp).toEqual(seccompProfile);
    expect(thrownBy(() => containerSpec(containerInput({ config })))).toBeInstanceOf(OciError);
  });
});

describe('checkContainer', () => {
  it.each([
    [{ securityContext: { privileged: true } }, 'config.linux.security_context.privileged'],
    [
      { securityContext: { namespaceOptions: { usernsOptions: { mode: NamespaceMode.CONTAINER } } } },
      'config.linux.security_context.namespace_options.userns_options.mode',
    ],
  ])('refuses %j', (linux, field) => {
    const error = thrownBy(() => checkContainer(containerInput({ config: container({ linux }) })));
    expect(error).toBeInstanceOf(OciError);
    expect(error).toMatchObject({ field, code: 'INVALID_ARGUMENT' });
  });

  it('lets a privileged container into a privileged sandbox', () => {
    const linux = { securityContext: { privileged: true } };
    const input = containerInput({ config: container({ linux }), sandboxConfig: pod({ linux }), handler });
    expect(() => checkContainer(input)).not.toThrow();
  });
});
