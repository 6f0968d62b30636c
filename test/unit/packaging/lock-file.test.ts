import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../../..');

interface Package {
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly hasInstallScript?: boolean;
}

const json = (name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
const packages = Object.entries(json('package-lock.json').packages as Record<string, Package>).filter(([path]) => path);

/** Whether `npm ci` may put it on a machine that crisp is built on: Linux with glibc. */
const fits = ({ os, cpu }: Package): boolean =>
  (os?.includes('linux') ?? true) && (cpu?.some((each) => each === 'x64' || each === 'arm64') ?? true);

describe('package-lock.json', () => {
  it('pins what runs in crisp by a SHA-512 of its content', () => {
    const running = packages.filter(([, { dev }]) => !dev);
    expect(running.length).toBeGreaterThan(30);
    expect(running.filter(([, { integrity = '' }]) => !integrity.startsWith('sha512-')).map(([path]) => path)).toEqual(
      [],
    );
  });

  it('pins by it whatever else is installed where crisp is built; what lacks one is a tool of another platform', () => {
    const bare = packages.filter(([, { integrity }]) => integrity === undefined);
    const loose = bare.filter(([path, each]) => !(each.dev && each.optional && (!fits(each) || /-musl$/.test(path))));
    expect(loose.map(([path]) => path)).toEqual([]);
  });

  // protobufjs comes with the gRPC library's loader of .proto files, which the bundle leaves out.
  it('has one package that runs a script when it is installed and that crisp is made of: koffi', () => {
    const scripted = packages.filter(([, { dev, hasInstallScript }]) => hasInstallScript && !dev);
    expect(scripted.map(([path]) => path)).toEqual(['node_modules/koffi', 'node_modules/protobufjs']);
    expect(readFileSync(join(ROOT, 'scripts/build.mjs'), 'utf8')).toMatch(/external: .*'@grpc\/proto-loader'/);
  });
});

it('package.json names exact versions only', () => {
  const { dependencies, devDependencies } = json('package.json');
  const loose = Object.entries<string>({ ...dependencies, ...devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  expect(loose).toEqual([]);
});
