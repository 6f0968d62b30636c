import { formatLabel, parseLabel, readSelinuxContexts, relabel } from '../../../src/host/selinux';
import { SelinuxLabelAllocator } from '../../../src/host/selinux-labels';
import { useFakeRoot } from './fake-root';

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

  it.each(['s0', 's0:c1', 's0:c1,c2', 's0-s1:c0.c1023', 's15:c0.c5,c7'])('accepts the level %s', (level) => {
    expect(new SelinuxLabelAllocator({ contexts, categoryRange: 8 }).allocate(asked({ level })).process).toContain(
      `:${level}`,
    );
  });

  it.each(['c1,c2', 's0:', 's0:c1,', 's0:x', 's0:c1 c2', 's0:c1\n', 's0:c12345'])('refuses the level %j', (level) => {
    expect(() => new SelinuxLabelAllocator({ contexts, categoryRange: 8 }).allocate(asked({ level }))).toThrow(
      'malformed',
    );
  });
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
