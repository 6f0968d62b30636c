import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { resolvConfText, writeSandboxFiles } from '../../../../src/host/namespace/sandbox-files';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();
const NAMES = ['hostname', 'hosts', 'resolv.conf'];
const written = (dir: string): string[] => NAMES.map((name) => readFileSync(join(dir, name), 'utf8'));

describe('writeSandboxFiles', () => {
  beforeEach(() => root.add({ 'etc/hosts': '127.0.0.1 localhost host\n', 'etc/resolv.conf': 'nameserver 9.9.9.9\n' }));

  it('writes the three files for every user to read, in a directory for root', async () => {
    const dir = join(root.path, 'sandboxes', 'id');
    const dns = {
      servers: ['10.0.0.10', '1.1.1.1'],
      searches: ['ns.svc.local', 'svc.local'],
      options: ['ndots:5', 'edns0'],
    };
    const before = process.umask(0o077);
    await writeSandboxFiles(dir, { hostname: 'web-1', dns, etc: join(root.path, 'etc') }).finally(() =>
      process.umask(before),
    );
    expect(written(dir)).toEqual([
      'web-1\n',
      '127.0.0.1 localhost host\n',
      'search ns.svc.local svc.local\nnameserver 10.0.0.10\nnameserver 1.1.1.1\noptions ndots:5 edns0\n',
    ]);
    expect(NAMES.map((name) => statSync(join(dir, name)).mode & 0o777)).toEqual([0o644, 0o644, 0o644]);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  it.each([[undefined], [{ servers: [], searches: [], options: [] }]])(
    'copies the resolv.conf of the host for %j',
    async (dns) => {
      const dir = join(root.path, 'id');
      await writeSandboxFiles(dir, { hostname: 'h', dns, etc: join(root.path, 'etc') });
      expect(written(dir)[2]).toBe('nameserver 9.9.9.9\n');
    },
  );

  it('can do without files of the host', async () => {
    const dir = join(root.path, 'id');
    await writeSandboxFiles(dir, { hostname: 'h', etc: join(root.path, 'none') });
    expect(written(dir)).toEqual(['h\n', '127.0.0.1\tlocalhost\n::1\tlocalhost\n', '']);
  });

  it('writes nothing when a value would break out of its line', async () => {
    const dir = join(root.path, 'id');
    await expect(writeSandboxFiles(dir, { hostname: 'a\nb', etc: root.path })).rejects.toThrow(
      'hostname "a\\nb" is not one word',
    );
    expect(existsSync(dir)).toBe(false);
  });
});

it.each([
  [{ servers: [], searches: ['a'], options: [] }, 'search a\n'],
  [{ servers: ['::1'], searches: [], options: [] }, 'nameserver ::1\n'],
  [{ servers: [], searches: [], options: ['rotate'] }, 'options rotate\n'],
])('resolvConfText(%j)', (dns, text) => {
  expect(resolvConfText(dns)).toBe(text);
});

it.each([
  [{ servers: ['1.1.1.1\nnameserver 6.6.6.6'], searches: [], options: [] }],
  [{ servers: [], searches: ['a b'], options: [] }],
  [{ servers: [], searches: [], options: ['x\u0000'] }],
])('resolvConfText refuses %j', (dns) => {
  expect(() => resolvConfText(dns)).toThrow('is not one word');
});
