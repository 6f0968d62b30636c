import { cgroupsPath } from '../../../../src/oci/resources/cgroups-path';
import { thrownBy } from '../fixtures';

describe('cgroupsPath', () => {
  it.each([
    ['/kubepods.slice/kubepods-pod1.slice', true, 'kubepods-pod1.slice:cri-containerd:id'],
    ['kubepods-pod1.slice', false, 'kubepods-pod1.slice:cri-containerd:id'],
    ['/kubepods/pod1', false, '/kubepods/pod1/id'],
    ['/kubepods/pod1/', false, '/kubepods/pod1/id'],
    ['/a.slice/b', false, '/a.slice/b/id'],
    ['', false, '/k8s.io/id'],
    ['', true, 'system.slice:cri-containerd:id'],
  ])('below %j, with systemd %s, is %j', (parent, systemdCgroup, expected) => {
    expect(cgroupsPath(parent, 'id', { systemdCgroup })).toBe(expected);
  });

  it.each(['/kubepods/../..', '../x', '/a\0b'])('refuses %j', (parent) => {
    expect(thrownBy(() => cgroupsPath(parent, 'id', { systemdCgroup: false }))).toMatchObject({
      field: 'config.linux.cgroup_parent',
    });
  });
});
