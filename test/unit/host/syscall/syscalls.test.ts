import { readlinkSync } from 'node:fs';
import { openInRoot, resolveInRoot } from '../../../../src/host/mount/in-root';
import { inNetns } from '../../../../src/host/namespace/in-netns';
import { hostMeans, SyscallError, type Syscalls } from '../../../../src/host/syscall/syscalls';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();
const fake = (calls: Partial<Syscalls>): Syscalls => {
  const missing = (): never => {
    throw new Error('not expected');
  };
  return new Proxy(calls, { get: (target, name) => Reflect.get(target, name) ?? missing }) as Syscalls;
};

it('a SyscallError names the call, the thing and the errno', () => {
  const error = new SyscallError('mount', 16, '"/a"');
  expect(error).toMatchObject({ code: 'EBUSY', errno: 16, message: 'mount "/a": EBUSY (resource busy or locked)' });
  expect(new SyscallError('setns', 9999).code).toBe('E9999');
});

it('hostMeans says why there are no system calls, and goes on without', () => {
  jest.isolateModules(() => {
    jest.doMock('koffi', () => {
      throw new Error('no binary for this machine');
    });
    const { hostMeans: means } =
      require('../../../../src/host/syscall/syscalls') as typeof import('../../../../src/host/syscall/syscalls');
    expect(means()).toEqual({ reason: 'no binary for this machine' });
    jest.dontMock('koffi');
  });
});

describe('inNetns', () => {
  it('aborts the process when it cannot go back, since everything else would run inside the pod', () => {
    const abort = jest.spyOn(process, 'abort').mockImplementation(() => {
      throw new Error('aborted');
    });
    const stuck = fake({
      unshare: () => undefined,
      setns: () => {
        throw new SyscallError('setns', 1);
      },
    });
    expect(() => inNetns(stuck, 'new', () => 'done')).toThrow('aborted');
    abort.mockRestore();
  });

  it('does not run anything, nor go back, when it could not leave', () => {
    const refused = fake({
      unshare: () => {
        throw new SyscallError('unshare', 1);
      },
    });
    const act = jest.fn();
    expect(() => inNetns(refused, 'new', act)).toThrow('unshare: EPERM');
    expect(() => inNetns(refused, { path: '/no/such/netns' }, act)).toThrow('ENOENT');
    expect(act).not.toHaveBeenCalled();
  });

  it('goes back also when what it ran threw', () => {
    let left = 0;
    const syscalls = fake({ unshare: () => void left++, setns: () => void left-- });
    expect(() =>
      inNetns(syscalls, 'new', () => {
        throw new Error('in there');
      }),
    ).toThrow('in there');
    expect(left).toBe(0);
  });
});

describe('openInRoot', () => {
  it.each([
    ['ENOSYS', 38],
    ['EPERM', 1],
  ])('goes by hand where the kernel answers %s to openat2', async (_, errno) => {
    root.add({ 'a/b': 'x' });
    const old = fake({
      openat2: () => {
        throw new SyscallError('openat2', errno);
      },
    });
    expect(await resolveInRoot(root.path, '/a/../../a/b', { syscalls: old })).toEqual({
      path: `${root.path}/a/b`,
      kind: 'file',
    });
  });

  it('holds the very place open until it is closed', async () => {
    root.add({ 'a/b': 'xyz' });
    const place = await openInRoot(root.path, '/a/b', hostMeans());
    expect(place).toMatchObject({ kind: 'file', size: 3, path: `${root.path}/a/b` });
    expect(readlinkSync(place?.handle ?? '')).toBe(`${root.path}/a/b`);
    place?.close();
    expect(() => readlinkSync(place?.handle ?? '')).toThrow('ENOENT');
  });

  it('rejects when the root itself is not there in the same way as a missing path', async () => {
    expect(await openInRoot(`${root.path}/none`, '/a', hostMeans())).toBeUndefined();
  });
});
