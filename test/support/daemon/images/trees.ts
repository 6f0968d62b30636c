import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import type { TarEntry } from '../../../../scripts/local-images/tar';
import { cacheDir, checkout } from '../places';

const PASSWD = [
  'root:x:0:0:root:/root:/bin/sh',
  'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
  'bin:x:2:2:bin:/bin:/bin/false',
  'www-data:x:33:33:www-data:/var/www:/bin/false',
  'nobody:x:65534:65534:nobody:/home:/bin/false',
];
const GROUP = ['root:x:0:', 'daemon:x:1:', 'bin:x:2:', 'www-data:x:33:', 'users:x:100:', 'nobody:x:65534:'];

export const file = (name: string, data: Buffer | string, mode = 0o644): TarEntry => ({
  kind: 'file',
  name,
  mode,
  data: Buffer.from(data),
});
const directory = (name: string, mode = 0o755): TarEntry => ({ kind: 'directory', name: `${name}/`, mode });

/**
 * A small Linux userland: Debian's busybox with a name per applet, and pgrep and ipcs, which that busybox lacks.
 *
 * It is the dynamically linked package on purpose: the shell of busybox-static runs applets inside itself and never looks
 * at the file in PATH, so that a masked /bin/ls still lists.
 */
export function userland(): TarEntry[] {
  const busybox = debianBusybox();
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  const extra = ['pgrep', 'ipcs'].filter((name) => !applets.includes(name)).map(findProgram);
  const links = applets
    .filter((applet) => applet !== 'busybox')
    .map((applet): TarEntry => ({ kind: 'link', name: `bin/${applet}`, target: 'bin/busybox', mode: 0o755 }));
  const folders = [
    'bin',
    'etc',
    'home',
    'root',
    'usr',
    'usr/bin',
    'usr/sbin',
    'var',
    'var/log',
    'var/spool',
    'dev',
    'proc',
    'sys',
  ];
  return withParents([
    ...folders.map((path) => directory(path)),
    directory('tmp', 0o1777),
    directory('var/tmp', 0o1777),
    { kind: 'symlink', name: 'sbin', target: 'bin' },
    file('bin/busybox', readFileSync(busybox), 0o755),
    ...links,
    ...extra.map((path) => file(`bin/${basename(path)}`, readFileSync(path), 0o755)),
    ...librariesOf([busybox, ...extra]),
    file('etc/passwd', `${PASSWD.join('\n')}\n`),
    file('etc/group', `${GROUP.join('\n')}\n`),
  ]);
}

/** Debian's nginx serving one page on a port, in the foreground when told so on its command line; pid in /run/nginx.pid. */
export function nginx(port: number): TarEntry[] {
  const program = findProgram('nginx');
  const config = `worker_processes 1;
pid /run/nginx.pid;
error_log stderr;
user www-data www-data;
events { worker_connections 64; }
http {
  access_log off;
  server { listen ${port}; location / { root /usr/share/nginx/html; index index.html; } }
}
`;
  const page = '<html><head><title>Welcome to nginx!</title></head><body><h1>Welcome to nginx!</h1></body></html>\n';
  const folders = ['var/log/nginx', 'var/lib/nginx', 'var/cache/nginx', 'run', 'usr/lib/nginx'];
  return withParents([
    ...folders.map((path) => directory(path)),
    { kind: 'symlink', name: 'var/run', target: '/run' },
    file('usr/sbin/nginx', readFileSync(program), 0o755),
    ...librariesOf([program]),
    file('etc/nginx/nginx.conf', config),
    file('usr/share/nginx/html/index.html', page),
  ]);
}

/** A program of `images/*.c` as a static binary, compiled once per source. */
export function compiled(name: string): Buffer {
  const source = join(checkout(), 'test/support/daemon/images', `${name}.c`);
  const out = mkdtempSync(join(cacheDir(), '.cc-'));
  try {
    execFileSync('gcc', ['-static', '-Os', '-s', '-Wl,--build-id=none', '-o', join(out, name), source]);
    return readFileSync(join(out, name));
  } finally {
    rmSync(out, { recursive: true });
  }
}

/** The installed package when it is the dynamic one, else its file unpacked from the archive into the cache. */
function debianBusybox(): string {
  if (dynamic('/bin/busybox')) return '/bin/busybox';
  const kept = join(cacheDir(), 'debian', 'busybox');
  const program = () =>
    ['bin/busybox', 'usr/bin/busybox'].map((path) => join(kept, path)).find((path) => existsSync(path));
  const before = program();
  if (before) return before;
  const partial = mkdtempSync(join(cacheDir(), '.deb-'));
  const options = ['-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=3'];
  execFileSync('apt-get', [...options, 'download', '-q', 'busybox'], {
    cwd: partial,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const archive = readdirSync(partial).find((name) => name.endsWith('.deb'));
  if (!archive) throw new Error('apt-get download busybox left no package');
  execFileSync('dpkg-deb', ['-x', join(partial, archive), join(partial, 'tree')]);
  mkdirSync(dirname(kept), { recursive: true });
  rmSync(kept, { recursive: true, force: true });
  renameSync(join(partial, 'tree'), kept);
  rmSync(partial, { recursive: true });
  const after = program();
  if (!after) throw new Error("Debian's busybox package has no bin/busybox");
  return after;
}

function dynamic(program: string): boolean {
  return existsSync(program) && libraryPaths(program).length > 0;
}

function findProgram(name: string): string {
  for (const folder of ['/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    if (existsSync(join(folder, name))) return join(folder, name);
  }
  throw new Error(`${name} is not installed (packages: nginx-light, procps, util-linux)`);
}

function librariesOf(programs: readonly string[]): TarEntry[] {
  const paths = new Set(programs.flatMap(libraryPaths));
  return [...paths].sort().map((path) => file(path.slice(1), readFileSync(path), 0o755));
}

/** What the dynamic loader would map; none for a static program (ldd exits non-zero then). */
function libraryPaths(program: string): string[] {
  try {
    const text = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return text.split(/\s+/).filter((word) => word.startsWith('/'));
  } catch {
    return [];
  }
}

/** Adds the directories that entries lie in but nobody named, each before its first child. */
function withParents(entries: readonly TarEntry[]): TarEntry[] {
  const seen = new Set(entries.map((entry) => entry.name.replace(/\/$/, '')));
  const missing = (name: string): TarEntry[] => {
    const parent = dirname(name);
    if (parent === '.' || seen.has(parent)) return [];
    seen.add(parent);
    return [...missing(parent), directory(parent)];
  };
  return entries.flatMap((entry) => [...missing(entry.name), entry]);
}
