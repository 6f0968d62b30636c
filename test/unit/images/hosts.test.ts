import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { registryHosts } from '../../../src/images/registry/hosts-dir';
import { isMirrorOf, type RegistryHost, upstreamHost } from '../../../src/images/registry/registry-host';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'crisp-hosts-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(dir: string, name: string, text: string): string {
  mkdirSync(join(root, dir), { recursive: true });
  const path = join(root, dir, name);
  writeFileSync(path, text);
  return path;
}

const short = (hosts: RegistryHost[]): string[] => hosts.map(({ scheme, host, path }) => `${scheme}://${host}${path}`);

describe('registryHosts without configuration', () => {
  it.each([
    ['docker.io', 'https', 'registry-1.docker.io', false, false],
    ['registry.k8s.io', 'https', 'registry.k8s.io', false, false],
    ['example.com:5000', 'https', 'example.com:5000', false, false],
    ['localhost', 'https', 'localhost', true, false],
    ['localhost:5000', 'https', 'localhost:5000', true, true],
    ['127.0.0.1:5000', 'https', '127.0.0.1:5000', true, true],
    ['[::1]:5000', 'https', '[::1]:5000', true, true],
    ['localhost:443', 'https', 'localhost:443', true, false],
    ['localhost:80', 'http', 'localhost:80', true, false],
    ['127.evil.com:5000', 'https', '127.evil.com:5000', false, false],
  ])('asks %s at %s://%s', async (domain, scheme, host, skipVerify, plainFallback) => {
    const [only, ...more] = await registryHosts(root, domain);
    expect(more).toEqual([]);
    expect(only).toMatchObject({ scheme, host, path: '/v2', plainFallback, trust: { skipVerify } });
  });
});

describe('registryHosts with a hosts.toml', () => {
  it('lists the hosts in the order of the file and the server last', async () => {
    const name = write(
      'docker.io',
      'hosts.toml',
      `server = "https://registry-1.docker.io"
       [host."https://b.example:5000"]
       capabilities = ["pull"]
       [host."http://a.example/mirror"]
       skip_verify = true
       [host."https://c.example/v2/hub"]
       override_path = true
       dial_timeout = "1m30s"
       header = { "X-One" = "1", "X-Two" = ["2", "3"] }`,
    );
    const hosts = await registryHosts(root, 'docker.io');
    expect(short(hosts)).toEqual([
      'https://b.example:5000/v2',
      'http://a.example/mirror/v2',
      'https://c.example/v2/hub',
      'https://registry-1.docker.io/v2',
    ]);
    expect(hosts[0]).toMatchObject({ capabilities: new Set(['pull']), source: name, trust: { skipVerify: false } });
    expect(hosts[1]).toMatchObject({ trust: { skipVerify: true } });
    expect(hosts[2]).toMatchObject({
      headers: { 'X-One': ['1'], 'X-Two': ['2', '3'] },
      trust: { dialTimeoutMs: 90_000 },
    });
  });

  it('tries the registry itself last where no server is named, with what the top level says', async () => {
    write('example.com', 'hosts.toml', 'skip_verify = true\n[host."http://mirror:5000"]\n');
    const hosts = await registryHosts(root, 'example.com');
    expect(short(hosts)).toEqual(['http://mirror:5000/v2', 'https://example.com/v2']);
    expect(hosts[1]?.trust.skipVerify).toBe(true);
  });

  it('takes a server without a scheme as https', async () => {
    write('example.com', 'hosts.toml', 'server = "other.example"');
    expect(short(await registryHosts(root, 'example.com'))).toEqual(['https://other.example/v2']);
  });

  it('reads certificates relative to the directory', async () => {
    write('example.com', 'ca.pem', 'CA');
    write('example.com', 'c.pem', 'CERT');
    write('example.com', 'k.pem', 'KEY');
    const absolute = write('elsewhere', 'both.pem', 'BOTH');
    write('example.com', 'hosts.toml', `ca = "ca.pem"\nclient = [["c.pem", "k.pem"], "${absolute}"]`);
    const [host] = await registryHosts(root, 'example.com');
    expect(host?.trust).toMatchObject({
      ca: ['CA'],
      client: [
        { cert: 'CERT', key: 'KEY' },
        { cert: 'BOTH', key: 'BOTH' },
      ],
    });
  });

  it.each([
    ['localhost:5001', 'localhost:5001'],
    ['localhost:5001', 'localhost_5001_'],
    ['localhost:5001', '_default'],
    ['[::1]:5001', '[1]_5001_'],
    ['example.com', 'example.com'],
    ['example.com', '_default'],
  ])('finds %s in the directory %s', async (domain, dir) => {
    write(dir, 'hosts.toml', 'server = "https://found"');
    expect(short(await registryHosts(root, domain))).toEqual(['https://found/v2']);
  });

  it('prefers a directory of the registry to the default, and an earlier path to a later', async () => {
    write('one/_default', 'hosts.toml', 'server = "https://default"');
    write('two/example.com', 'hosts.toml', 'server = "https://second"');
    const paths = `${join(root, 'none')}:${join(root, 'two')}:${join(root, 'one')}`;
    expect(short(await registryHosts(paths, 'example.com'))).toEqual(['https://second/v2']);
    write('two/example.com_443_', 'hosts.toml', 'server = "https://escaped"');
    expect(short(await registryHosts(paths, 'example.com:443'))).toEqual(['https://escaped/v2']);
    expect(short(await registryHosts(paths, 'other.com'))).toEqual(['https://default/v2']);
  });

  it('does not take the file of one port for another', async () => {
    write('example.com', 'hosts.toml', 'server = "https://standard"');
    expect(short(await registryHosts(root, 'example.com:5000'))).toEqual(['https://example.com:5000/v2']);
  });

  it('sees an edit at once', async () => {
    write('example.com', 'hosts.toml', 'server = "https://before"');
    expect(short(await registryHosts(root, 'example.com'))).toEqual(['https://before/v2']);
    write('example.com', 'hosts.toml', 'server = "https://after"');
    expect(short(await registryHosts(root, 'example.com'))).toEqual(['https://after/v2']);
  });

  it.each([
    ['server = 1', 'server is not a string'],
    ['server = "ftp://x"', '"ftp://x" is not the address of a registry'],
    ['server = "https://u:p@x"', 'an address holds credentials'],
    ['[host."https://a"]\ncapabilities = ["fly"]', 'capabilities of host."https://a" knows no "fly"'],
    ['[host."https://a"]\nskip_verify = "yes"', 'skip_verify of host."https://a" is not true or false'],
    ['[host."https://a"]\nca = 1', 'ca of host."https://a" is not a string or a list of strings'],
    ['[host."https://a"]\nca = "none.pem"', 'none.pem cannot be read'],
    ['[host."https://a"]\nclient = [["a", "b", "c"]]', 'is not a pair of certificate and key'],
    ['[host."https://a"]\nheader = { "a b" = "x" }', '"a b" is not a name'],
    ['[host."https://a"]\nheader = { "a" = "x\\r\\ny" }', 'has a value that cannot be sent'],
    ['[host."https://a"]\ndial_timeout = "soon"', 'is not a duration such as "10s"'],
    ['host = 3', 'host is not a table'],
    ['= broken', 'line 1'],
  ])('refuses %j: %s', async (text, why) => {
    const name = write('example.com', 'hosts.toml', text);
    const failure = registryHosts(root, 'example.com');
    await expect(failure).rejects.toThrow(why);
    await expect(failure).rejects.toMatchObject({ kind: 'other', message: expect.stringContaining(name) });
  });

  it('does not repeat the lines around a mistake, which may hold credentials', async () => {
    write('example.com', 'hosts.toml', 'header = { Authorization = "Bearer s3cret" }\nbroken');
    await expect(registryHosts(root, 'example.com')).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
    );
  });
});

describe('registryHosts with certificates as Docker has them', () => {
  it('believes each .crt and offers each .cert with its .key', async () => {
    write('example.com:5000', 'a.crt', 'CA');
    write('example.com:5000', 'me.cert', 'CERT');
    write('example.com:5000', 'me.key', 'KEY');
    const [host] = await registryHosts(root, 'example.com:5000');
    expect(host).toMatchObject({
      host: 'example.com:5000',
      trust: { ca: ['CA'], client: [{ cert: 'CERT', key: 'KEY' }] },
    });
  });

  it('refuses a certificate without its key', async () => {
    write('example.com', 'me.cert', 'CERT');
    await expect(registryHosts(root, 'example.com')).rejects.toThrow('there is no me.key beside it');
  });
});

describe('registryHosts with odd entries', () => {
  const passedOver: string[] = [];
  const hostsNow = (): Promise<RegistryHost[]> =>
    registryHosts(root, 'example.com', (file, problem) =>
      passedOver.push(`${basename(file)}: ${problem.slice(0, 25)}`),
    );
  const link = (name: string, to: string): void => {
    mkdirSync(join(root, 'example.com'), { recursive: true });
    symlinkSync(to, join(root, 'example.com', name));
  };
  beforeEach(() => {
    passedOver.length = 0;
  });

  it.each([
    ['/nowhere', 'ENOENT: no such file or d'],
    ['/dev', 'it is not a regular file'],
    ['/dev/null', 'it is not a regular file'],
  ])('passes over a certificate that is a link to %s', async (to, problem) => {
    write('example.com', 'good.crt', 'CA');
    link('odd.crt', to);
    link('odd.cert', to);
    write('example.com', 'odd.key', 'KEY');
    expect((await hostsNow())[0]?.trust).toMatchObject({ ca: ['CA'], client: [] });
    expect(passedOver.sort()).toEqual([`odd.cert: ${problem}`, `odd.crt: ${problem}`]);
  });

  it.each(['/nowhere', '/dev'])('passes over a hosts.toml that is a link to %s', async (to) => {
    link('hosts.toml', to);
    write('example.com', 'good.crt', 'CA');
    expect((await hostsNow())[0]).toMatchObject({ host: 'example.com', trust: { ca: ['CA'] } });
    expect(passedOver).toHaveLength(1);
  });

  it('passes over a directory of a registry that is a link in a circle', async () => {
    symlinkSync('example.com', join(root, 'example.com'));
    write('_default', 'hosts.toml', '[host."https://default"]');
    expect(short(await hostsNow())).toContain('https://default/v2');
  });

  it('refuses a certificate that a hosts.toml names and that is none', async () => {
    write('example.com', 'hosts.toml', '[host."https://a"]\nca = "odd.pem"');
    link('odd.pem', '/nowhere');
    await expect(hostsNow()).rejects.toThrow('odd.pem cannot be read');
  });
});

describe('isMirrorOf', () => {
  it.each([
    ['docker.io', 'docker.io', false],
    ['example.com', 'docker.io', true],
    ['example.com', 'example.com', false],
  ])('for the host of %s and %s is %s', (host, domain, is) => {
    expect(isMirrorOf(upstreamHost(host), domain)).toBe(is);
  });
});
