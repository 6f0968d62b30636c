import { NamespaceMode } from '../../../generated/cri/v1/api';
import { checkSandbox } from '../../../src/oci/check-sandbox';
import { OciError } from '../../../src/oci/oci-error';
import { facts, handler, type PartialPod, pod, settings, thrownBy } from './fixtures';

const HOST_NETWORK: PartialPod = { linux: { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } } };

function checkPod(config: PartialPod): void {
  checkSandbox({ config: pod(config), facts, settings, handler });
}

describe('checkSandbox', () => {
  it.each<[string, PartialPod, string]>([
    ['a host name of 65 bytes', { hostname: 'h'.repeat(65) }, 'config.hostname'],
    ['a host name of 33 letters of two bytes', { hostname: 'ü'.repeat(33) }, 'config.hostname'],
    ['a host name with a NUL byte', { hostname: 'a\0b' }, 'config.hostname'],
    ['a host name of two words', { ...HOST_NETWORK, hostname: 'a b' }, 'config.hostname'],
    ['a log directory with a NUL byte', { logDirectory: '/a\0' }, 'config.log_directory'],
    ['a DNS server of two lines', { dnsConfig: { servers: ['1.1.1.1', '1\n2'] } }, 'config.dns_config.servers[1]'],
    ['a search domain of two words', { dnsConfig: { searches: ['a b'] } }, 'config.dns_config.searches[0]'],
    ['a DNS option with a NUL byte', { dnsConfig: { options: ['a\0'] } }, 'config.dns_config.options[0]'],
    ['a cgroup above its parent', { linux: { cgroupParent: '/a/../..' } }, 'config.linux.cgroup_parent'],
    ['no name of a sysctl', { linux: { sysctls: { 'net..x': '1' } } }, 'config.linux.sysctls["net..x"]'],
    ['a sysctl of the node', { linux: { sysctls: { 'vm.swappiness': '1' } } }, 'config.linux.sysctls["vm.swappiness"]'],
    [
      'a namespace that a pod cannot have',
      { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.TARGET } } } },
      'config.linux.security_context.namespace_options.pid',
    ],
    [
      'a user namespace without mappings',
      { linux: { securityContext: { namespaceOptions: { usernsOptions: { mode: NamespaceMode.POD } } } } },
      'config.linux.security_context.namespace_options.userns_options.uids',
    ],
    [
      'a user that there cannot be',
      { linux: { securityContext: { runAsUser: { value: -1n } } } },
      'config.linux.security_context.run_as_user',
    ],
    [
      'a seccomp profile without a path',
      { linux: { securityContext: { seccomp: { profileType: 2 } } } },
      'config.linux.security_context.seccomp.localhost_ref',
    ],
  ])('refuses %s', (_what, config, field) => {
    const error = thrownBy(() => checkPod(config));
    expect(error).toBeInstanceOf(OciError);
    expect(error).toMatchObject({ field, code: 'INVALID_ARGUMENT' });
  });

  it('names the limit of a host name', () => {
    expect(thrownBy(() => checkPod({ hostname: 'h'.repeat(70) }))).toMatchObject({
      message: 'config.hostname: has 70 bytes, 64 are the limit',
    });
  });

  it.each<[string, PartialPod]>([
    ['a host name of 64 bytes', { hostname: 'h'.repeat(64) }],
    ['any length of it on the network of the node, which keeps its own', { ...HOST_NETWORK, hostname: 'h'.repeat(65) }],
    ['names that are none in DNS', { hostname: '_UPPER_.-', dnsConfig: { searches: ['.'], options: ['ndots:5'] } }],
  ])('takes %s', (_what, config) => {
    expect(() => checkPod(config)).not.toThrow();
  });
});
