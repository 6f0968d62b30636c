import { type DeepPartial, NamespaceMode, type NamespaceOption } from '../../../generated/cri/v1/api';
import { sandboxSysctls } from '../../../src/oci/sysctls';
import { pod, settings, thrownBy } from './fixtures';

const off = { ...settings, enable_unprivileged_ports: false, enable_unprivileged_icmp: false };
const ports = { 'net.ipv4.ip_unprivileged_port_start': '0' };
const ping = { 'net.ipv4.ping_group_range': '0 2147483647' };

function sysctlsOf(
  sysctls: Record<string, string>,
  options: DeepPartial<NamespaceOption> = {},
  userns = false,
  using = off,
) {
  return sandboxSysctls(pod({ linux: { sysctls, securityContext: { namespaceOptions: options } } }), userns, using);
}

describe('sandboxSysctls', () => {
  it.each([
    'net.core.somaxconn',
    'net/ipv4/conf/eth0.100/forwarding',
    'net.ipv4.conf.eth0/100.forwarding',
    'kernel.shmmax',
    'kernel.shm_rmid_forced',
    'kernel/msgmax',
    'fs.mqueue.msg_max',
    'kernel.domainname',
  ])('passes on %s', (name) => {
    expect(sysctlsOf({ [name]: '1 2' })).toEqual({ [name]: '1 2' });
  });

  it.each([
    'kernel.core_pattern',
    'kernel.hostname',
    'kernel.shm_next_id',
    'vm.overcommit_memory',
    'fs.file-max',
    'user.max_user_namespaces',
    'network.x',
    'net',
    '',
    'net..core',
    'net/../kernel/core_pattern',
    'net.ipv4/../../kernel/core_pattern',
    'net./../kernel',
    'net.core.somaxconn=1',
    'net.a\nkernel.core_pattern',
    'net.a b',
  ])('refuses %j', (name) => {
    expect(thrownBy(() => sysctlsOf({ [name]: '1' }))).toMatchObject({
      field: `config.linux.sysctls[${JSON.stringify(name)}]`,
      code: 'INVALID_ARGUMENT',
    });
  });

  it.each(['1\n2', '1\r', 'a\0b'])('refuses the value %j', (value) => {
    expect(thrownBy(() => sysctlsOf({ 'net.core.somaxconn': value }))).toMatchObject({
      field: 'config.linux.sysctls["net.core.somaxconn"]',
    });
  });

  it('takes a value for what it is, whatever another tool would split it at', () => {
    const hostile = { 'kernel.shm_rmid_forced': '1+kernel.core_pattern=|/evil' };
    expect(sysctlsOf(hostile)).toEqual(hostile);
  });

  it.each([
    ['net.core.somaxconn', { network: NamespaceMode.NODE }],
    ['kernel.domainname', { network: NamespaceMode.NODE }],
    ['kernel.shmmax', { ipc: NamespaceMode.NODE }],
    ['fs.mqueue.msg_max', { ipc: NamespaceMode.NODE }],
  ])('refuses %s where the namespace is the node (%j)', (name, options) => {
    expect(thrownBy(() => sysctlsOf({ [name]: '1' }, options))).toMatchObject({
      field: `config.linux.sysctls["${name}"]`,
    });
  });

  it('opens low ports and ping on a network of its own', () => {
    expect(sysctlsOf({}, {}, false, settings)).toEqual({ ...ports, ...ping });
    expect(sysctlsOf({}, {}, false, off)).toEqual({});
    expect(sysctlsOf({}, { network: NamespaceMode.NODE }, false, settings)).toEqual({});
  });

  it('does not open ping in a user namespace, where the range is not mapped', () => {
    expect(sysctlsOf({}, {}, true, settings)).toEqual(ports);
  });

  it('keeps what the pod says about them', () => {
    const own = { 'net/ipv4/ip_unprivileged_port_start': '1024', 'net.ipv4.ping_group_range': '1 0' };
    expect(sysctlsOf(own, {}, false, settings)).toEqual(own);
  });
});
