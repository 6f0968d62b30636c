import type { Spec } from '../../../src/model/spec';
import { sandboxSpec } from '../../../src/oci/sandbox-spec';
import { specVersion } from '../../../src/oci/spec-version';
import { containerSpec } from './at-once';
import { containerInput, sandboxInput, withRequest } from './fixtures';

const MAPPING = { containerID: 0, hostID: 1, size: 2 };

function version(parts: object, min?: string): string {
  return specVersion({ ociVersion: '1.0.2', ...parts } as Spec, min);
}

describe('specVersion', () => {
  it.each<[string, object, string]>([
    ['nothing', {}, '1.0.2'],
    ['a user namespace', { linux: { uidMappings: [MAPPING], gidMappings: [MAPPING] } }, '1.0.2'],
    ['a mount with shifted ids', { mounts: [{ destination: '/a', uidMappings: [MAPPING] }] }, '1.1.0'],
    ['a mount with an option for it', { mounts: [{ destination: '/a', options: ['idmap'] }] }, '1.2.0'],
    ['a scheduler', { process: { scheduler: { policy: 'SCHED_IDLE' } } }, '1.1.0'],
    ['an I/O priority', { process: { ioPriority: { class: 'IOPRIO_CLASS_IDLE' } } }, '1.1.0'],
    ['a domain name', { domainname: 'example' }, '1.1.0'],
    ['a time namespace', { linux: { namespaces: [{ type: 'time' }] } }, '1.1.0'],
    ['CPU bursts', { linux: { resources: { cpu: { burst: 1n } } } }, '1.1.0'],
    ['an RDT class', { linux: { intelRdt: { closID: 'a' } } }, '1.0.2'],
    ['monitoring of RDT', { linux: { intelRdt: { enableMBM: true } } }, '1.1.0'],
    ['CPU affinity of execs', { process: { execCPUAffinity: { initial: '0' } } }, '1.2.1'],
    ['network devices', { linux: { netDevices: { eth1: {} } } }, '1.3.0'],
    ['a memory policy', { linux: { memoryPolicy: {} } }, '1.3.0'],
    ['network devices and a scheduler', { process: { scheduler: {} }, linux: { netDevices: { eth1: {} } } }, '1.3.0'],
  ])('for %s is the release that brought it', (_what, parts, expected) => {
    expect(version(parts)).toBe(expected);
  });

  it.each([
    ['1.0.0', '1.0.2'],
    ['1.0.2-dev', '1.0.2'],
    ['1.1.0', '1.1.0'],
    ['2.0.0', '2.0.0'],
    [undefined, '1.0.2'],
    ['unknown', '1.0.2'],
  ])('is not below %s, the least that the runtime takes', (min, expected) => {
    expect(version({}, min)).toBe(expected);
  });

  it('is what specs say', () => {
    const features = { recursiveReadOnlyMounts: true, ociVersionMin: '1.1.0' };
    expect(containerSpec(containerInput()).ociVersion).toBe('1.0.2');
    expect(containerSpec(containerInput({ features })).ociVersion).toBe('1.1.0');
    expect(sandboxSpec(sandboxInput({ features })).ociVersion).toBe('1.1.0');
    const shifted = withRequest({
      mounts: [{ containerPath: '/a', hostPath: '/b', uidMappings: [{ containerId: 0, hostId: 1, length: 2 }] }],
    });
    expect(containerSpec(shifted).ociVersion).toBe('1.1.0');
  });
});
