import { type DeepPartial, NamespaceMode, NamespaceOption } from '../../../generated/cri/v1/api';
import type { NamespaceType } from '../../../src/model/spec';
import { containerNamespaces, sandboxNamespaces } from '../../../src/oci/namespaces';
import { thrownBy } from './fixtures';

const { POD, CONTAINER, NODE, TARGET } = NamespaceMode;
const base = (['pid', 'ipc', 'uts', 'mount', 'network'] as NamespaceType[]).map((type) => ({ type }));

function ofContainer(options: DeepPartial<NamespaceOption>, more: { sandboxPid?: number; targetPid?: number } = {}) {
  return containerNamespaces({
    base,
    options: NamespaceOption.fromPartial(options),
    sandboxPid: 42,
    userns: false,
    cgroup: false,
    ...more,
  });
}

describe('containerNamespaces', () => {
  it.each([
    ['POD', POD, undefined, { type: 'pid', path: '/proc/42/ns/pid' }],
    ['CONTAINER', CONTAINER, undefined, { type: 'pid' }],
    ['NODE, whose PID namespace the pause process is in', NODE, undefined, { type: 'pid', path: '/proc/42/ns/pid' }],
    ['TARGET', TARGET, 77, { type: 'pid', path: '/proc/77/ns/pid' }],
  ])('with PID mode %s', (_, pid, targetPid, expected) => {
    expect(ofContainer({ pid }, { targetPid })).toEqual([
      expected,
      { type: 'ipc', path: '/proc/42/ns/ipc' },
      { type: 'uts', path: '/proc/42/ns/uts' },
      { type: 'mount' },
      { type: 'network', path: '/proc/42/ns/net' },
    ]);
  });

  it('adds a user namespace and one for cgroups, and what a base spec lacks', () => {
    expect(containerNamespaces({ base: [{ type: 'mount' }], sandboxPid: 1, userns: true, cgroup: true })).toEqual([
      { type: 'mount' },
      { type: 'network', path: '/proc/1/ns/net' },
      { type: 'ipc', path: '/proc/1/ns/ipc' },
      { type: 'uts', path: '/proc/1/ns/uts' },
      { type: 'pid', path: '/proc/1/ns/pid' },
      { type: 'user', path: '/proc/1/ns/user' },
      { type: 'cgroup' },
    ]);
  });

  it('refuses a target that does not run', () => {
    const refused = { field: 'config.linux.security_context.namespace_options.target_id', code: 'FAILED_PRECONDITION' };
    expect(thrownBy(() => ofContainer({ pid: TARGET }))).toMatchObject(refused);
    expect(thrownBy(() => ofContainer({ pid: TARGET }, { targetPid: 0 }))).toMatchObject(refused);
  });

  it('refuses a sandbox without a process: pid 0 would be our own namespaces', () => {
    expect(thrownBy(() => ofContainer({}, { sandboxPid: 0 }))).toMatchObject({ code: 'FAILED_PRECONDITION' });
  });
});

describe('sandboxNamespaces', () => {
  const ofSandbox = (
    options: DeepPartial<NamespaceOption>,
    more: { userns?: boolean; userNamespacePath?: string } = {},
  ) =>
    sandboxNamespaces({
      base,
      options: NamespaceOption.fromPartial(options),
      netnsPath: '/n',
      userns: false,
      ...more,
    }).map(({ type, path }) => (path ? `${type}=${path}` : type));

  it.each([
    ['all of its own', {}, ['pid', 'ipc', 'uts', 'mount', 'network=/n']],
    ['the network and the name of the node', { network: NODE }, ['pid', 'ipc', 'mount']],
    ['the processes of the node', { pid: NODE }, ['ipc', 'uts', 'mount', 'network=/n']],
    ['the IPC of the node', { ipc: NODE }, ['pid', 'uts', 'mount', 'network=/n']],
    ['processes apart', { pid: CONTAINER }, ['pid', 'ipc', 'uts', 'mount', 'network=/n']],
  ])('are %s', (_, options, expected) => {
    expect(ofSandbox(options)).toEqual(expected);
  });

  it('have a new user namespace, or the one that owns the network', () => {
    expect(ofSandbox({}, { userns: true })).toContain('user');
    expect(ofSandbox({}, { userns: true, userNamespacePath: '/u' })).toContain('user=/u');
  });

  it.each([
    [{ network: CONTAINER }, 'network'],
    [{ network: TARGET }, 'network'],
    [{ ipc: CONTAINER }, 'ipc'],
    [{ pid: TARGET }, 'pid'],
  ])('refuses %j', (options, field) => {
    expect(thrownBy(() => ofSandbox(options))).toMatchObject({
      field: `config.linux.security_context.namespace_options.${field}`,
    });
  });
});
