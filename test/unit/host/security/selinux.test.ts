import {
  formatLabel,
  labelledMounts,
  mayRelabel,
  parseLabel,
  readSelinuxContexts,
  relabel,
} from '../../../../src/host/security/selinux';
import { SelinuxLabelAllocator } from '../../../../src/host/security/selinux-labels';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();
const contexts = {
  process: 'system_u:system_r:container_t:s0',
  file: 'system_u:object_r:container_file_t:s0',
  kvmProcess: 'system_u:system_r:container_kvm_t:s0',
};
const asked = (change: object) => ({ user: '', role: '', type: '', level: '', ...change });

it('parseLabel keeps the colons of a level, and formatLabel gives the label back', () => {
  const text = 'system_u:system_r:container_t:s0:c1,c2';
  expect(parseLabel(text)).toEqual({ user: 'system_u', role: 'system_r', type: 'container_t', level: 's0:c1,c2' });
  for (const label of [text, 'a:b:c'])
    expect(formatLabel(parseLabel(label) ?? { user: '', role: '', type: '', level: '' })).toBe(label);
  expect(parseLabel('unconfined')).toBeUndefined();
});

it('readSelinuxContexts reads the contexts of the policy in use', async () => {
  expect(await readSelinuxContexts(root.path)).toBeUndefined();
  root.add({
    'etc/selinux/config': '# x\nSELINUX=enforcing\nSELINUXTYPE=mls\n',
    'etc/selinux/mls/contexts/lxc_contexts': `process = "${contexts.process}"\nfile = "${contexts.file}"\nro_file="x"\nkvm_process = "${contexts.kvmProcess}"\n`,
  });
  expect(await readSelinuxContexts(root.path)).toEqual(contexts);
});

it('readSelinuxContexts prefers what the distribution ships for containers', async () => {
  root.add({
    'etc/selinux/targeted/contexts/lxc_contexts': 'process = "a:b:old:s0"\nfile = "a:b:c:s0"\n',
    'usr/share/containers/selinux/contexts': 'process = "a:b:new:s0"\nfile = "a:b:c:s0"\n',
  });
  expect(await readSelinuxContexts(root.path)).toEqual({ process: 'a:b:new:s0', file: 'a:b:c:s0', kvmProcess: '' });
});

describe('SelinuxLabelAllocator', () => {
  it('gives no labels where SELinux is off', () => {
    const labels = new SelinuxLabelAllocator({ categoryRange: 1024 });
    expect(labels.enabled).toBe(false);
    expect(labels.allocate(asked({ level: 's0:c1,c2' }))).toEqual({ process: '', mount: '' });
    labels.release('');
    expect(labels.forVirtualMachine('')).toBe('');
  });

  it('gives each pod two categories of its own until all are taken, and frees them with their last holder', () => {
    const labels = new SelinuxLabelAllocator({ contexts, categoryRange: 4 });
    const given = Array.from({ length: 6 }, () => labels.allocate());
    expect(new Set(given.map(({ process }) => process)).size).toBe(6);
    for (const { process, mount } of given) {
      expect(process).toMatch(/^system_u:system_r:container_t:s0:c[0-2],c[1-3]$/);
      expect(parseLabel(mount)).toEqual({ ...parseLabel(contexts.file), level: parseLabel(process)?.level });
    }
    const [first = { process: '', mount: '' }] = given;
    labels.reserve(first.process);
    labels.release(first.process);
    expect(() => labels.allocate()).toThrow('all SELinux levels of 4 categories are taken');
    labels.release(first.process);
    labels.release(first.process);
    expect(labels.allocate()).toEqual(first);
  });

  it('does not give away a level that was asked for or found after a restart', () => {
    const labels = new SelinuxLabelAllocator({ contexts, categoryRange: 2 });
    labels.reserve('a:b:c:s0:c0,c1');
    expect(() => labels.allocate()).toThrow('taken');
  });

  it('takes the parts that are asked for', () => {
    const labels = new SelinuxLabelAllocator({ contexts, categoryRange: 1024 });
    expect(labels.allocate(asked({ user: 'u', role: 'r', type: 't', level: 's0:c5,c6' }))).toEqual({
      process: 'u:r:t:s0:c5,c6',
      mount: 'u:object_r:container_file_t:s0:c5,c6',
    });
    expect(labels.forVirtualMachine('u:r:t:s0:c5,c6')).toBe('u:r:container_kvm_t:s0:c5,c6');
  });

  it('gives a container the labels of its pod, and the level of its pod with whatever else it asks for', () => {
    const labels = new SelinuxLabelAllocator({ contexts, categoryRange: 1024 });
    const pod = labels.allocate();
    const level = parseLabel(pod.process)?.level;
    expect(labels.allocate(undefined, pod.process)).toEqual(pod);
    expect(labels.allocate(asked({}), pod.process)).toEqual(pod);
    expect(labels.allocate(asked({ type: 'spc_t' }), pod.process)).toEqual({
      process: `system_u:system_r:spc_t:${level}`,
      mount: pod.mount,
    });
    expect(labels.allocate(asked({ level: 's0:c1' }), pod.process).process).toBe('system_u:system_r:container_t:s0:c1');
    for (let holders = 0; holders < 4; holders++) labels.release(pod.process);
    labels.release('a:b:c:s0:c1');
    expect(labels.size).toBe(0);
  });

  it('gives no level where the policy has none', () => {
    const flat = {
      process: 'system_u:system_r:container_t',
      file: 'system_u:object_r:container_file_t',
      kvmProcess: '',
    };
    const labels = new SelinuxLabelAllocator({ contexts: flat, categoryRange: 1024 });
    expect(labels.allocate()).toEqual({ process: flat.process, mount: flat.file });
    expect(labels.size).toBe(0);
  });

  it('tells the label of files from that of a process, and the one for files that all may use', () => {
    const labels = new SelinuxLabelAllocator({ contexts, categoryRange: 1024 });
    expect(labels.mountLabel('u:r:t:s0:c5,c6')).toBe('u:object_r:container_file_t:s0:c5,c6');
    expect(labels.mountLabel('')).toBe('');
    expect(labels.sharedLabel('u:object_r:container_file_t:s0:c5,c6')).toBe('u:object_r:container_file_t:s0');
    expect(labels.sharedLabel('u:object_r:container_file_t')).toBe('u:object_r:container_file_t');
  });
});

it('labelledMounts puts a root filesystem under a label', () => {
  const overlay = { type: 'overlay', source: 'overlay', target: '', options: ['lowerdir=/a'] };
  expect(labelledMounts([overlay], '')).toEqual([overlay]);
  expect(labelledMounts([overlay], 'a:b:c:s0:c1,c2')).toEqual([
    { ...overlay, options: ['lowerdir=/a', 'context="a:b:c:s0:c1,c2"'] },
  ]);
});

it.each([
  ['/var/lib/kubelet/pods/uid/volumes/kubernetes.io~empty-dir/data', true],
  ['/var/lib/kubelet/pods/uid/etc-hosts', true],
  ['/srv/data', true],
  ['/usr/local/data', true],
  ['/etcetera', true],
  ['/', false],
  ['/usr', false],
  ['/usr/', false],
  ['/etc/kubernetes/pki', false],
  ['/usr/share/zoneinfo', false],
  ['/srv/../proc/1', false],
  ['/var/lib/kubelet', false],
  ['/var/log', false],
])('mayRelabel answers for %s: %s', (path, answer) => {
  expect(mayRelabel(path)).toBe(answer);
});

describe('relabel', () => {
  it.each(['/', '/etc', '/etc/', '/usr/lib/../bin', '/etc/hosts'])('refuses the system path %s', async (path) => {
    await expect(relabel(path, 'a:b:c:s0')).rejects.toThrow('refusing to relabel');
  });

  it('does nothing without a label', async () => {
    await relabel('/', '');
  });

  it('leaves a filesystem without labels as it is, and says when there is nothing to relabel', async () => {
    root.add({ 'dir/file': '' });
    await relabel(root.path, 'system_u:object_r:container_file_t:s0', { recursive: true });
    await expect(relabel(`${root.path}/none`, 'a:b:c:s0')).rejects.toThrow('No such file');
  });
});
