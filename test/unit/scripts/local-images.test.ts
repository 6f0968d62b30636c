import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { imageArchive } from '../../../scripts/local-images/image-archive';
import { pauseElf } from '../../../scripts/local-images/pause-elf';
import { type TarEntry, tar } from '../../../scripts/local-images/tar';

const native = ({ x64: 'amd64', arm64: 'arm64' } as const)[process.arch as 'x64'];

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'local-images-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const untar = (archive: Buffer): void => {
  const { status, stderr } = spawnSync('tar', ['-x', '-C', dir], { input: archive });
  expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
};

describe('pauseElf', () => {
  it.each(['amd64', 'arm64'] as const)('is a small 64-bit executable (%s)', (architecture) => {
    const elf = pauseElf(architecture);
    expect(elf.subarray(0, 6)).toEqual(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]));
    expect(elf.length).toBeLessThan(512);
    expect(elf.readBigUInt64LE(64 + 32)).toBe(BigInt(elf.length));
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('runs, sleeps, ignores SIGCHLD and exits with 0 on %s', async (signal) => {
    const file = join(dir, 'pause');
    writeFileSync(file, pauseElf(native), { mode: 0o755 });
    const child = spawn(file);
    const exited = once(child, 'exit');
    const status = (): string => readFileSync(`/proc/${child.pid}/status`, 'utf8');
    while (!/^SigCgt:\t0000000000004002$/m.test(status())) await new Promise(setImmediate);
    expect(status()).toMatch(/^SigIgn:\t\d+[1-9a-f]\d{4}$/m);
    expect(status()).toMatch(/^State:\t[SR]/m);
    child.kill('SIGCHLD');
    child.kill(signal);
    expect(await exited).toEqual([0, null]);
  });
});

describe('tar', () => {
  const entries: TarEntry[] = [
    { name: 'd/', kind: 'directory', mode: 0o1777 },
    { name: 'd/f', kind: 'file', data: Buffer.from('hello'), mode: 0o755 },
    { name: 'empty', kind: 'file', data: Buffer.alloc(0) },
    { name: 'full', kind: 'file', data: Buffer.alloc(512, 'x') },
    { name: 'd/s', kind: 'symlink', target: 'f' },
  ];

  it('is read by tar as it was written', () => {
    untar(tar(entries));
    const listing = spawnSync('find', ['.', '-mindepth', '1', '-printf', '%P %y %m %s %l\n'], { cwd: dir }).stdout;
    expect(listing.toString().trim().split('\n').sort()).toEqual([
      expect.stringMatching(/^d d 1777 \d+ $/),
      'd/f f 755 5 ',
      'd/s l 777 1 f',
      'empty f 644 0 ',
      'full f 644 512 ',
    ]);
  });

  it('is the same for the same entries', () => {
    expect(tar(entries).equals(tar(entries))).toBe(true);
  });

  it('refuses names it cannot hold', () => {
    expect(() => tar([{ name: 'n'.repeat(101), kind: 'directory' }])).toThrow('names over 100 bytes');
  });
});

describe('imageArchive', () => {
  const digestOf = (data: Buffer): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;
  const blob = (digest: string): Buffer => readFileSync(join(dir, 'blobs', digest.replace(':', '/')));

  it('is an OCI layout whose digests, sizes and difference ids agree', () => {
    const files: TarEntry[] = [{ name: 'f', kind: 'file', data: Buffer.from('x') }];
    const config = { Cmd: ['/f'] };
    untar(imageArchive({ name: 'example.org/a/b:1.2', architecture: 'arm64', files, config }));
    expect(JSON.parse(readFileSync(join(dir, 'oci-layout'), 'utf8'))).toEqual({ imageLayoutVersion: '1.0.0' });
    const [entry] = JSON.parse(readFileSync(join(dir, 'index.json'), 'utf8')).manifests;
    expect(entry).toMatchObject({
      platform: { architecture: 'arm64', os: 'linux' },
      annotations: { 'io.containerd.image.name': 'example.org/a/b:1.2', 'org.opencontainers.image.ref.name': '1.2' },
    });
    const manifest = JSON.parse(blob(entry.digest).toString());
    for (const { digest, size } of [entry, manifest.config, ...manifest.layers]) {
      expect([digestOf(blob(digest)), blob(digest).length]).toEqual([digest, size]);
    }
    const imageConfig = JSON.parse(blob(manifest.config.digest).toString());
    expect(imageConfig).toMatchObject({ architecture: 'arm64', os: 'linux', config });
    const layer = gunzipSync(blob(manifest.layers[0].digest));
    expect(imageConfig.rootfs.diff_ids).toEqual([digestOf(layer)]);
    expect(layer.equals(tar(files))).toBe(true);
  });
});
