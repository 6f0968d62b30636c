import { execFile } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

import { BadInputError } from '../../../src/host/bad-input';
import { readCgroup, readCgroupLayout } from '../../../src/host/cgroup/cgroup-files';
import { readRootfsFile } from '../../../src/host/files/user-lookup';
import { removeTree } from '../../../src/host/mount/dirs';
import { filesystemAt } from '../../../src/host/mount/filesystem';
import { copyImageVolume } from '../../../src/host/mount/image-volume';
import { resolveInRoot } from '../../../src/host/mount/in-root';
import { mountAll, mountTmpfs, unmount } from '../../../src/host/mount/mounts';
import { resolveHostPaths } from '../../../src/host/mount/safe-path';
import { readNetDevInNetns } from '../../../src/host/namespace/net-dev';
import { createNetns, removeNetns } from '../../../src/host/namespace/netns';
import { pinNamespaces, setInNamespaces, unpinNamespaces } from '../../../src/host/namespace/pod-namespaces';
import { kernelCall } from '../../../src/host/syscall/kernel-call';
import { SyscallError } from '../../../src/host/syscall/syscalls';
import { until } from '../../support/daemon/process';
import { type FuseMount, mountFuse } from '../../support/fuse/fuse-mount';
import { bundle, type ThreadedMeans, threadedMeans } from '../../support/host-threads';
import { useTempDir } from './temp';

const SECOND = 1000;
const HOLD_UP_MS = 5 * SECOND;
/** Of the event loop, on a slow machine; a call on it would delay it by the whole hold-up. */
const DELAY_MS = 3 * SECOND;

const held: { fuse?: FuseMount; overlay: string[] } = { overlay: [] };
const dir = useTempDir(async () => {
  await held.fuse?.go();
  for (const path of held.overlay.splice(0)) await unmount(path, { lazy: true });
  await held.fuse?.end();
  held.fuse = undefined;
});

/** A filesystem whose server answers, and an overlay that has it for a layer; answers where they are. */
async function served(): Promise<{ fuse: FuseMount; at: string; overlay: string }> {
  const [at, overlay, layer] = ['fuse', 'overlay', 'layer'].map((name) => join(dir.path, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [at, overlay, layer]) mkdirSync(path);
  const fuse = await mountFuse(at);
  held.fuse = fuse;
  const options = [`lowerdir=${at}:${layer}`];
  await mountAll([{ type: 'overlay', source: 'overlay', target: '', options }], overlay, { readonly: true });
  held.overlay.push(overlay);
  return { fuse, at, overlay };
}

type Look = (means: ThreadedMeans, place: { at: string; overlay: string }) => Promise<unknown>;

const LOOKS: [string, Look, unknown][] = [
  ['statfs', (means, { at }) => filesystemAt(at, undefined, means), expect.objectContaining({ device: 'crisp-test' })],
  ['a path in an image', (means, { overlay }) => resolveInRoot(overlay, '/file', means), expect.anything()],
  [
    'a file of an image',
    async (means, { overlay }) => (await readRootfsFile(overlay, '/file', undefined, means))?.toString(),
    'hello\n',
  ],
  [
    'a volume of an image',
    (means, { overlay }) => copyImageVolume({ rootfs: overlay, path: '/no' }, '/', {}, means),
    false,
  ],
  [
    'the source of a mount',
    (means, { overlay }) => resolveHostPaths([{ path: join(overlay, 'file') }], { means, timeoutMs: 60 * SECOND }),
    [expect.objectContaining({ kind: 'file' })],
  ],
];

describe('While a filesystem does not answer for five seconds', () => {
  const means = threadedMeans();

  it.each(LOOKS)(
    '%s keeps neither the event loop nor files waiting, and is answered afterwards',
    async (_, look, answer) => {
      const place = await served();
      await place.fuse.stop();
      const delay = monitorEventLoopDelay({ resolution: 10 });
      delay.enable();
      // As many as Node has threads for files.
      const looks = [1, 2, 3, 4, 5].map(() => look(means, place));
      const ended = jest.fn();
      void Promise.race(looks).then(ended, ended);
      await pause(HOLD_UP_MS);
      expect(await readFile('/proc/self/comm', 'utf8')).not.toBe('');
      expect(ended).not.toHaveBeenCalled();
      delay.disable();
      expect(delay.max / 1e6).toBeLessThan(DELAY_MS);
      await place.fuse.go();
      expect(await Promise.all(looks)).toEqual(looks.map(() => answer));
    },
  );

  it('a directory that it is mounted below is removed', async () => {
    const pod = join(dir.path, 'pod');
    for (const name of ['fuse', 'deep/fuse', 'deep/other']) mkdirSync(join(pod, name), { recursive: true });
    const mounts: FuseMount[] = [];
    try {
      // The last one covers the others.
      for (const name of ['fuse', 'deep/fuse', '']) mounts.push(await mountFuse(join(pod, name)));
      for (const fuse of mounts) await fuse.stop();
      await removeTree(pod, dir.path, means);
      expect(existsSync(pod)).toBe(false);
    } finally {
      for (const fuse of mounts) await fuse.end();
    }
  });
});

describe('A call that the kernel holds up', () => {
  it('is replaced by another thread, which is said once, and its own returns to work', async () => {
    const means = threadedMeans({ heldUpMs: 200, idleMs: 100 });
    const said: string[] = [];
    // On a slow machine other calls may be late as well.
    const say = (message: string, fields: Record<string, unknown> = {}): void => {
      if (['statfs of', 'looking inside of "x"'].some((call) => String(fields.call).startsWith(call)))
        said.push(message);
    };
    const log = { debugEnabled: false, debug: say, info: say, warn: say, error: say, child: () => log };
    means.threads.reportTo(log);
    const { fuse, at, overlay } = await served();
    await fuse.stop();
    const stuck = filesystemAt(at, undefined, means);
    const same = filesystemAt(at, undefined, means);
    await until('it is held up', 20 * SECOND, async () => means.threads.size.heldUp === 1);
    await expect(resolveInRoot('/', '/proc', means)).resolves.toMatchObject({ kind: 'directory' });
    const again = filesystemAt(at, undefined, means);
    await expect(
      kernelCall(means, 'openInRoot', { root: overlay, path: '/file' }, { subject: 'x', timeoutMs: 300 }),
    ).rejects.toMatchObject({ name: 'DeadlineError', message: expect.stringContaining('looking inside of "x"') });
    // Three who ask the same wait for one call: two threads are held up, not four.
    await until('both are held up', 20 * SECOND, async () => means.threads.size.heldUp >= 2);
    expect(means.threads.size.heldUp).toBe(2);
    await fuse.go();
    expect(await again).toEqual(await stuck);
    expect(await same).toEqual(await stuck);
    await until('only one thread is left', 20 * SECOND, async () => means.threads.size.threads === 1);
    expect(said.filter((message) => message.startsWith('the kernel holds up a call'))).toHaveLength(2);
    expect(said.filter((message) => message.endsWith('has returned'))).toHaveLength(2);
  });

  it('is undone when it succeeds after all: no descriptor stays open', async () => {
    const means = threadedMeans();
    const { fuse, overlay } = await served();
    await fuse.stop();
    const late = jest.fn();
    const options = { subject: 'x', timeoutMs: 200, late };
    await expect(kernelCall(means, 'openInRoot', { root: overlay, path: '/file' }, options)).rejects.toThrow('x');
    await fuse.go();
    await until('it has returned', 20 * SECOND, async () => late.mock.calls.length === 1);
    const [[place]] = late.mock.calls as [[{ fd: number }]];
    expect(readlinkSync(`/proc/self/fd/${place.fd}`)).toBe(join(overlay, 'file'));
    closeSync(place.fd);
  });

  it('is refused when too many hang already, which keeps namespaces free of dead mounts', async () => {
    const means = threadedMeans({ heldUpMs: 50, heldUp: 2, active: 2 });
    const { fuse, overlay } = await served();
    await fuse.stop();
    const look = (path: string): Promise<unknown> => resolveInRoot(overlay, path, means);
    const stuck = [look('/file'), look('/other')];
    await until('two are held up', 20 * SECOND, async () => means.threads.size.heldUp === 2);
    await expect(look('/third')).rejects.toThrow('not tried, since 2 such calls hang, looking inside');
    const netns = join(dir.path, 'netns');
    await createNetns(netns, means);
    await removeNetns(netns).catch(() => undefined);
    await fuse.go();
    expect(await Promise.all(stuck)).toEqual([expect.objectContaining({ kind: 'file' }), undefined]);
  });

  it('does not hold up the end of the process', async () => {
    const { fuse, at } = await served();
    const built = join(dir.path, 'dist');
    mkdirSync(built);
    bundle(built, 'src/host/syscall/kernel-worker.ts', 'crisp-host.js');
    const asks = bundle(built, 'src/host/mount/filesystem.ts', 'filesystem.js');
    fuse.freeze();
    const script = `require(${JSON.stringify(asks)}).filesystemAt(${JSON.stringify(at)});
      setTimeout(() => process.exit(7), 500);`;
    // At its end it says so; a process that waits for its thread is killed after twenty seconds.
    const options = { timeout: 20 * SECOND, killSignal: 'SIGKILL' } as const;
    const code = await new Promise((resolve) => {
      execFile(process.execPath, ['-e', script], options, (error) => resolve(error?.code));
    });
    expect(code).toBe(7);
    await fuse.end();
    held.fuse = undefined;
  });
});

describe('A thread', () => {
  const means = threadedMeans();

  it('throws what the call threw: errno, class and message', async () => {
    const none = join(dir.path, 'none');
    const mount = mountTmpfs(none, { sizeBytes: 4096, mode: 0o755 }, means);
    await expect(mount).rejects.toBeInstanceOf(SyscallError);
    await expect(mount).rejects.toMatchObject({
      code: 'ENOENT',
      errno: 2,
      syscall: 'mount',
      message: `mount ${JSON.stringify(none)}: ENOENT (no such file or directory)`,
    });
    const ofNode = readNetDevInNetns(none, means);
    await expect(ofNode).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open', path: none });
    writeFileSync(join(dir.path, 'file'), 'x');
    await expect(readRootfsFile(dir.path, '/', undefined, means)).rejects.toBeInstanceOf(BadInputError);
  });

  it('is in one pod’s namespaces at a time, and home in between', async () => {
    const several = threadedMeans({ growMs: 0 });
    const pods = Array.from({ length: 8 }, (_, at) => ({
      dir: join(dir.path, `pod${at}`),
      name: `host-${at}`,
      pins: { network: join(dir.path, `pod${at}`, 'net'), uts: join(dir.path, `pod${at}`, 'uts') },
    }));
    const hostname = await readFile('/proc/sys/kernel/hostname', 'utf8');
    await Promise.all(
      pods.map(async ({ pins, name }) => {
        await pinNamespaces(pins, several);
        await setInNamespaces(pins, { hostname: name, sysctls: [] }, several);
        expect((await readNetDevInNetns(pins.network, several)).map((each) => each.name)).toEqual(['lo']);
      }),
    );
    const inodes = await Promise.all(pods.flatMap(({ pins }) => [stat(pins.network), stat(pins.uts)]));
    expect(new Set(inodes.map(({ ino }) => ino)).size).toBe(16);
    expect(await readFile('/proc/sys/kernel/hostname', 'utf8')).toBe(hostname);
    for (const pod of pods) await unpinNamespaces(pod.dir, pod.pins, several);
  });

  it('makes a call in well below a millisecond', async () => {
    const layout = await readCgroupLayout();
    const times: number[] = [];
    for (let round = 0; round < 200; round++) {
      const from = performance.now();
      await readCgroup('/none/such', layout, '/', means);
      times.push(performance.now() - from);
    }
    // The quickest tells what it costs; the rest, what else the machine does.
    expect(Math.min(...times)).toBeLessThan(1);
  });
});
