import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pinNamed, readPins } from '../../../../scripts/pins/pins';

const ROOT = resolve(__dirname, '../../../..');
const pins = readPins(ROOT);
const modules = pins.filter(({ source }) => source === 'go');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

describe('the lock of each Go module', () => {
  it('is there, and of nothing else', () => {
    const folders = readdirSync(join(ROOT, 'test/tools')).filter((name) =>
      existsSync(join(ROOT, 'test/tools', name, 'go.mod')),
    );
    expect(folders.sort()).toEqual(modules.map(({ name }) => name).sort());
  });

  it.each(modules)('of $name has the pinned version', ({ name, package: module, version }) => {
    const required = new RegExp(`^\\s*(?:require )?${module.replaceAll('.', '\\.')} (\\S+)`, 'm');
    expect(required.exec(read(`test/tools/${name}/go.mod`))?.[1]).toBe(version);
    expect(read(`test/tools/${name}/go.sum`)).toContain(`\n${module} ${version} h1:`);
  });

  it('takes the modules that Kubernetes publishes apart in the version of Kubernetes', () => {
    const { version } = pinNamed(pins, 'kubernetes');
    const replaced = [...read('test/tools/kubernetes/go.mod').matchAll(/ => \S+ (\S+)$/gm)].map(([, to]) => to);
    expect(replaced.length).toBeGreaterThan(20);
    expect([...new Set(replaced)]).toEqual([version.replace(/^v1\./, 'v0.')]);
  });
});

describe('scripts/pin.sh', () => {
  const pin = (...args: string[]): string =>
    execFileSync(join(ROOT, 'scripts/pin.sh'), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

  it.each(pins)('reads $name as TypeScript does', ({ name, source, package: what, version, line = '-' }) => {
    expect([pin(name), ...['source', 'package', 'version', 'line'].map((field) => pin(name, field))]).toEqual([
      version,
      ...[source, what, version, line],
    ]);
  });

  it('fails on a pin or a field that there is not', () => {
    expect(() => pin('nothing')).toThrow('has no pin "nothing"');
    expect(() => pin('runc', 'colour')).toThrow('has no field colour');
  });
});

describe('what names a version besides', () => {
  it.each([
    ['src/config/schema.ts', 'pause'],
    ['src/cli/program.ts', 'busybox'],
  ])('%s has the image of the pin %s as its default', (file, name) => {
    const { package: image, version } = pinNamed(pins, name);
    expect(read(file)).toContain(`'${image}:${version}'`);
  });

  /** Words that docs put before a release, and the pins of which one must have it. */
  const PRODUCTS: Readonly<Record<string, RegExp>> = {
    containerd: /^containerd/,
    runc: /^runc/,
    critest: /^cri-tools$/,
    crictl: /^cri-tools$/,
    kubelet: /^kubernetes$/,
    Kubernetes: /^kubernetes$/,
    Node: /^node$/,
  };

  it.each(['README.md', 'CONTRIBUTING.md', 'docs/tests.md'])('%s names whole releases as the pins do', (file) => {
    const named = [
      ...read(file).matchAll(/\b(containerd|runc|critest|crictl|kubelet|Kubernetes|Node) v?(\d+\.\d+\.\d+)/g),
    ];
    const wrong = named.filter(([, product = '', release = '']) => {
      const versions = pins.filter(({ name }) => PRODUCTS[product]?.test(name)).map(({ version }) => version);
      return !versions.some((version) => version.replace(/^v/, '') === release);
    });
    expect(wrong.map(([text]) => text)).toEqual([]);
  });

  it('README.md names the kubelet that is pinned', () => {
    const [minor] = /^\d+\.\d+/.exec(pinNamed(pins, 'kubernetes').version.slice(1)) ?? [];
    expect(read('README.md')).toContain(`A real kubelet (${minor})`);
  });
});
