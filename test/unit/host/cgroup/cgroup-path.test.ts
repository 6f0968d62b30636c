import { cgroupPathOf } from '../../../../src/host/cgroup/cgroup-path';

it.each([
  ['/kubepods/burstable/pod1', '/kubepods/burstable/pod1'],
  ['kubepods/pod1', '/kubepods/pod1'],
  ['', '/'],
  ['/', '/'],
  ['kubepods.slice', '/kubepods.slice'],
  ['kubepods-besteffort-podX_1.slice', '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podX_1.slice'],
  ['/kubepods.slice/kubepods-podX.slice', '/kubepods.slice/kubepods-podX.slice'],
  ['-.slice', '/'],
  ['kubepods-podX.slice:cri-containerd:abc', '/kubepods.slice/kubepods-podX.slice/cri-containerd-abc.scope'],
  [':cri-containerd:abc', '/system.slice/cri-containerd-abc.scope'],
  ['a.slice::abc', '/a.slice/abc.scope'],
  ['a.slice:x:b.slice', '/a.slice/b.slice'],
  ['/k8s/a:b:c', '/k8s/a:b:c'],
])('cgroupPathOf(%j) is %s', (name, path) => {
  expect(cgroupPathOf(name)).toBe(path);
});

it.each(['-a.slice', 'a--b.slice', 'a-.slice', '.slice', 'noslice:x:y', '../../etc', '/kubepods/../..'])(
  'cgroupPathOf refuses %j',
  (name) => {
    expect(() => cgroupPathOf(name)).toThrow(/no name of a systemd slice|leads upwards/);
  },
);
